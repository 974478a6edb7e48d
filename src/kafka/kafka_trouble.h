/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_TROUBLE_H
#define CRR_SRC_KAFKA_KAFKA_TROUBLE_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "crr/base/log.h"
#include "crr/base/metrics.h"
#include "kafka_conf.h"

/*
 * Trouble: what the handles say is wrong, gathered from their threads to the loop, counted there,
 * and said once, or once a minute while it lasts.
 *
 * Threads  kafka_trouble_note() any; the rest on the loop.
 */
#define TROUBLE_SLOTS 64

struct trouble_note {
        enum kafka_handle handle;
        rd_kafka_resp_err_t code;
        unsigned count;
        char text[200];
};

/* What was said of a handle and a code: for a while nothing more, then how often. */
struct trouble_said {
        enum kafka_handle handle;
        rd_kafka_resp_err_t code;
        struct log_seldom seldom;
};

struct kafka_trouble {
        uv_mutex_t mutex;
        struct trouble_note notes[TROUBLE_SLOTS]; /* not counted yet */
        unsigned n;

        struct metrics *metrics; /* from here on: the loop's */
        struct trouble_said saids[TROUBLE_SLOTS];
        unsigned n_saids;
        const char *bootstrap;
        bool broker_up, broker_said_down, auth_said;
        int64_t down_since_ms;
        rd_kafka_resp_err_t last_code; /* of the connection; NO_ERROR: none since it was up */
        char last_text[200];
        char last_of[KAFKA_HANDLES][200]; /* but of the connection: what each handle said last */
        struct trouble_note no_connection[KAFKA_HANDLES]; /* of the connection */
};

void kafka_trouble_init(struct kafka_trouble *t, struct metrics *metrics, const char *bootstrap);
void kafka_trouble_deinit(struct kafka_trouble *t);

void kafka_trouble_note(struct kafka_trouble *t, enum kafka_handle handle, rd_kafka_resp_err_t code,
                        const char *text);
void kafka_trouble_collect(struct kafka_trouble *t); /* count and say what was noted */

/* It works: what it said last is not the reason of anything that comes. */
void kafka_trouble_forget(struct kafka_trouble *t, enum kafka_handle handle);

/* A handle does not get on: what it said last, be it that it has no connection, although others
 * have one. NULL: nothing. And what it waits for, then: its credentials, or what the caller
 * knows. */
const char *kafka_trouble_of(const struct kafka_trouble *t, enum kafka_handle handle);
const char *kafka_trouble_wait(const struct kafka_trouble *t, enum kafka_handle handle,
                               const char *known);

/* The metadata request of the auxiliary handle is the judge of "up". */
void kafka_trouble_on_broker(struct kafka_trouble *t, bool up);
bool kafka_trouble_is_auth(const struct kafka_trouble *t);

#endif
