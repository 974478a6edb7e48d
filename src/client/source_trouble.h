/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CLIENT_SOURCE_TROUBLE_H
#define CRR_SRC_CLIENT_SOURCE_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include "breaker.h"
#include "crr/base/log.h"
#include "crr/core/source.h"

/*
 * What the log is told of a source: that it is not asked for a while, that it is back, and that it
 * answers, but tells nothing of a version.
 *
 * Threads  Loop thread only.
 * Units    Monotonic ms.
 */
struct source_trouble {
        const char *url;   /* borrowed */
        struct error last; /* of the last failure */
        bool is_down;
        int64_t down_since_ms;
        struct log_seldom refused;
};

/* After everything that may have changed its state. */
void source_trouble_on_breaker(struct source_trouble *t, const struct breaker *breaker);

/* The call was answered so, and its err says why; said at once, then once in a while, with the
 * number of those since. */
void source_trouble_on_refusal(struct source_trouble *t, const struct source_call *call,
                               const char *outcome, int64_t now_ms);

#endif
