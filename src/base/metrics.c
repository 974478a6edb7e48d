/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/base/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX      "crr_retry_"
#define BUCKETS_MAX 16
#define TABLE_SLOTS 64 /* chains of a metric's cells */

struct metric_row {
        const char *name;
        enum metric_kind kind;
        const char *labels;
        const char *help;
};

#define COUNTER   METRIC_COUNTER
#define GAUGE     METRIC_GAUGE
#define HISTOGRAM METRIC_HISTOGRAM
static const struct metric_row rows[METRIC__COUNT] = {
#define X(id, name, kind, labels, help) [METRIC_##id] = { name, kind, labels, help },
#include "crr/base/metrics.def"
#undef X
};
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM

static const double seconds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                  0.25,  0.5,    1,     2.5,  5,     10,   30 };
static const double entries[] = { 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000 };

struct cell {
        struct metric_cell head; /* first: what metrics_cell() gives out */
        struct cell *chain;      /* of its slot */
        struct cell *next;       /* of the metric, in order of creation */
        struct str values[METRIC_MAX_LABELS];
        uint64_t count, buckets[BUCKETS_MAX];
        double sum;
};

struct metrics {
        size_t max_sites;
        struct cell *slots[METRIC__COUNT][TABLE_SLOTS];
        struct cell *first[METRIC__COUNT], *last[METRIC__COUNT];
        size_t n[METRIC__COUNT]; /* cells */
};

static const double *bounds_of(enum metric id, size_t *ret_n)
{
        bool is_entries = id == METRIC_RETRY_TRANSACTION_ENTRIES;

        *ret_n = is_entries ? sizeof entries / sizeof *entries : sizeof seconds / sizeof *seconds;
        return is_entries ? entries : seconds;
}

struct metric_labels metric_labels_c(const char *a, const char *b, const char *c, const char *d)
{
        return (struct metric_labels){ { str_from(a), str_from(b), str_from(c), str_from(d) } };
}

struct metrics *metrics_new(size_t max_sites)
{
        struct metrics *m = calloc(1, sizeof *m);

        if (m == NULL)
                abort();
        m->max_sites = max_sites;
        return m;
}

static void free_cells(struct metrics *m, enum metric id)
{
        struct cell *next;

        for (struct cell *cell = m->first[id]; cell != NULL; cell = next) {
                next = cell->next;
                free(cell);
        }
        m->first[id] = m->last[id] = NULL;
        m->n[id] = 0;
        memset(m->slots[id], 0, sizeof m->slots[id]);
}

void metrics_free(struct metrics *m)
{
        if (m == NULL)
                return;
        for (int id = 0; id < METRIC__COUNT; id++)
                free_cells(m, (enum metric)id);
        free(m);
}

static size_t slot_of(const struct metric_labels *labels)
{
        uint32_t hash = 2166136261u;

        for (size_t i = 0; i < METRIC_MAX_LABELS; i++)
                for (size_t k = 0; k < labels->values[i].len; k++)
                        hash = (hash ^ (unsigned char)labels->values[i].base[k]) * 16777619u;
        return hash % TABLE_SLOTS;
}

static bool same_labels(const struct cell *cell, const struct metric_labels *labels)
{
        for (size_t i = 0; i < METRIC_MAX_LABELS; i++)
                if (!str_eq(cell->values[i], labels->values[i]))
                        return false;
        return true;
}

static struct cell *find_cell(const struct metrics *m, enum metric id,
                              const struct metric_labels *labels)
{
        struct cell *cell = m->slots[id][slot_of(labels)];

        while (cell != NULL && !same_labels(cell, labels))
                cell = cell->chain;
        return cell;
}

static struct cell *add_cell(struct metrics *m, enum metric id, const struct metric_labels *labels)
{
        size_t bytes = 0, slot = slot_of(labels);
        struct cell *cell;
        char *space;

        for (size_t i = 0; i < METRIC_MAX_LABELS; i++)
                bytes += labels->values[i].len;
        cell = calloc(1, sizeof *cell + bytes);
        if (cell == NULL)
                abort();
        space = (char *)(cell + 1);
        for (size_t i = 0; i < METRIC_MAX_LABELS; i++) {
                struct str value = labels->values[i];

                cell->values[i] = (struct str){ space, value.len };
                if (value.len > 0)
                        memcpy(space, value.base, value.len);
                space += value.len;
        }
        cell->chain = m->slots[id][slot];
        m->slots[id][slot] = cell;
        if (m->last[id] != NULL)
                m->last[id]->next = cell;
        else
                m->first[id] = cell;
        m->last[id] = cell;
        m->n[id]++;
        return cell;
}

/* Metrics by site have at most max_sites of them, and "other" for the rest. */
static struct cell *cell_of(struct metrics *m, enum metric id, struct metric_labels labels)
{
        struct cell *cell = find_cell(m, id, &labels);

        if (cell != NULL)
                return cell;
        if (strcmp(rows[id].labels, "site") == 0 && m->n[id] >= m->max_sites) {
                labels = (struct metric_labels){ { STR("other") } };
                cell = find_cell(m, id, &labels);
        }
        return cell != NULL ? cell : add_cell(m, id, &labels);
}

struct metric_cell *metrics_cell(struct metrics *m, enum metric id, struct metric_labels labels)
{
        return &cell_of(m, id, labels)->head;
}

void metrics_add(struct metrics *m, enum metric id, struct metric_labels labels, double n)
{
        cell_of(m, id, labels)->head.value += n;
}

void metrics_set(struct metrics *m, enum metric id, struct metric_labels labels, double value)
{
        cell_of(m, id, labels)->head.value = value;
}

void metrics_observe(struct metrics *m, enum metric id, struct metric_labels labels, double value)
{
        struct cell *cell = cell_of(m, id, labels);
        size_t n, i = 0;
        const double *bounds = bounds_of(id, &n);

        assert(rows[id].kind == METRIC_HISTOGRAM);
        while (i < n && value > bounds[i])
                i++;
        cell->buckets[i]++;
        cell->count++;
        cell->sum += value;
}

void metrics_reset(struct metrics *m, enum metric id)
{
        assert(rows[id].kind == METRIC_GAUGE);
        free_cells(m, id);
}

double metrics_get(const struct metrics *m, enum metric id, struct metric_labels labels)
{
        const struct cell *cell = find_cell(m, id, &labels);

        if (cell == NULL)
                return 0;
        return rows[id].kind == METRIC_HISTOGRAM ? (double)cell->count : cell->head.value;
}

/* RENDERING */

static void append_name(struct buf *out, const struct metric_row *row)
{
        if (strncmp(row->name, "process_", 8) != 0)
                buf_append_c(out, PREFIX);
        buf_append_c(out, row->name);
}

static void append_label_value(struct buf *out, struct str value)
{
        for (size_t i = 0; i < value.len; i++) {
                char c = value.base[i];

                if (c == '\\' || c == '"')
                        buf_append_char(out, '\\');
                if (c == '\n')
                        buf_append_c(out, "\\n");
                else
                        buf_append_char(out, c);
        }
}

/* {a="1",b="2"}, with le for a bucket; nothing when there are none. */
static void append_labels(struct buf *out, const struct metric_row *row, const struct cell *cell,
                          const char *le)
{
        struct str rest = str_from(row->labels), name;
        const char *sep = "{";

        for (size_t i = 0; rest.len > 0; i++) {
                if (!str_split(rest, ',', &name, &rest)) {
                        name = rest;
                        rest = STR("");
                }
                buf_append_c(out, sep);
                buf_append_str(out, name);
                buf_append_c(out, "=\"");
                append_label_value(out, cell->values[i]);
                buf_append_char(out, '"');
                sep = ",";
        }
        if (le != NULL) {
                buf_printf(out, "%sle=\"%s\"", sep, le);
                sep = ",";
        }
        if (*sep == ',')
                buf_append_char(out, '}');
}

static void append_number(struct buf *out, double value)
{
        if (value == floor(value) && fabs(value) < 1e15)
                buf_printf(out, " %.0f\n", value);
        else
                buf_printf(out, " %.17g\n", value);
}

static void append_sample(struct buf *out, const struct metric_row *row, const char *suffix,
                          const struct cell *cell, const char *le, double value)
{
        append_name(out, row);
        buf_append_c(out, suffix);
        append_labels(out, row, cell, le);
        append_number(out, value);
}

static void append_histogram(struct buf *out, enum metric id, const struct cell *cell)
{
        uint64_t below = 0;
        size_t n;
        const double *bounds = bounds_of(id, &n);
        char le[32];

        for (size_t i = 0; i < n; i++) {
                below += cell->buckets[i];
                snprintf(le, sizeof le, "%g", bounds[i]);
                append_sample(out, &rows[id], "_bucket", cell, le, (double)below);
        }
        append_sample(out, &rows[id], "_bucket", cell, "+Inf", (double)cell->count);
        append_sample(out, &rows[id], "_sum", cell, NULL, cell->sum);
        append_sample(out, &rows[id], "_count", cell, NULL, (double)cell->count);
}

static void append_metric(const struct metrics *m, enum metric id, struct buf *out)
{
        static const char *const kinds[] = { "counter", "gauge", "histogram" };
        static const struct cell zero;
        const struct metric_row *row = &rows[id];
        const struct cell *cell = m->first[id];

        if (cell == NULL && row->labels[0] == '\0')
                cell = &zero;
        buf_append_c(out, "# HELP ");
        append_name(out, row);
        buf_printf(out, " %s\n# TYPE ", row->help);
        append_name(out, row);
        buf_printf(out, " %s\n", kinds[row->kind]);
        for (; cell != NULL; cell = cell->next) {
                if (row->kind == METRIC_HISTOGRAM)
                        append_histogram(out, id, cell);
                else
                        append_sample(out, row, "", cell, NULL, cell->head.value);
        }
}

void metrics_render(const struct metrics *m, struct buf *out)
{
        for (int id = 0; id < METRIC__COUNT; id++)
                append_metric(m, (enum metric)id, out);
}
