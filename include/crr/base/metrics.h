/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_METRICS_H
#define CRR_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/str.h"

/*
 * Metrics: every one is a row of metrics.def (id, name without prefix, kind, labels, help),
 * rendered as Prometheus text with the prefix crr_retry_ (rows whose name begins with process_ have
 * none).
 *
 *   metrics_add(m, METRIC_RECORDS_TOTAL, LABELS_2("crr-retry-failures", "failed"), 1);
 *
 * Ownership  Label values are copied. A cell pointer stays good for the registry's life, but for
 *            metrics_reset(): keep it on hot paths.
 * Cost       One hash lookup per call; `cell->value += 1` through a kept cell. Rendering: O(cells).
 * Threads    Loop thread only.
 * Errors     A value of the label `site` beyond the cap counts under "other".
 */
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum metric {
#define X(id, name, kind, labels, help) METRIC_##id,
#include "crr/base/metrics.def"
#undef X
        METRIC__COUNT
};

#define METRIC_MAX_LABELS 4

struct metric_labels {
        struct str values[METRIC_MAX_LABELS]; /* in the row's order */
};
#define NO_LABELS ((struct metric_labels){ 0 })
struct metric_labels metric_labels_c(const char *a, const char *b, const char *c,
                                     const char *d); /* NULL: none */
#define LABELS_1(a)          metric_labels_c((a), NULL, NULL, NULL)
#define LABELS_2(a, b)       metric_labels_c((a), (b), NULL, NULL)
#define LABELS_3(a, b, c)    metric_labels_c((a), (b), (c), NULL)
#define LABELS_4(a, b, c, d) metric_labels_c((a), (b), (c), (d))

struct metric_cell {
        double value; /* counters and gauges */
};

struct metrics;

struct metrics *metrics_new(size_t max_sites); /* cap of different values of a label named "site" */
void metrics_free(struct metrics *m);

struct metric_cell *metrics_cell(struct metrics *m, enum metric id, struct metric_labels labels);
void metrics_add(struct metrics *m, enum metric id, struct metric_labels labels, double n);
void metrics_set(struct metrics *m, enum metric id, struct metric_labels labels, double value);
void metrics_observe(struct metrics *m, enum metric id, struct metric_labels labels, double value);

/* Forget every cell of a gauge, before it is filled anew at a scrape (a label value may be gone).
 */
void metrics_reset(struct metrics *m, enum metric id);

double metrics_get(const struct metrics *m, enum metric id,
                   struct metric_labels labels); /* 0 when there is none */

/* Append the whole exposition, HELP and TYPE on each. Histogram buckets are fixed per row in
 * metrics.c. */
void metrics_render(const struct metrics *m, struct buf *out);

#endif
