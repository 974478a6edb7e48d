/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_PIPELINE_H
#define CRR_SRC_DEMO_PIPELINE_H

#include <signal.h>
#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "crr/base/buf.h"
#include "crr/core/failure.h"
#include "options.h"

/*
 * The two players. One thread: run both by turns, each call does a little and does not block.
 *
 * Errors  Failures to begin are on stderr, with 1 as the result; later ones are counted and said.
 */
extern volatile sig_atomic_t pipeline_stop;

/* What both share: a producer into the failure log. */
struct writer {
        rd_kafka_t *producer;
        rd_kafka_topic_t *topic;
        struct buf key, value;
        uint64_t written, refused; /* by delivery reports */
};

rd_kafka_conf_t *pipeline_conf(const struct options *o); /* NULL: said on stderr */
bool writer_init(struct writer *w, const struct options *o);
void writer_put(struct writer *w, const struct failure *f,
                struct str entry); /* waits while the queue is full */
void writer_remove(struct writer *w, const struct identity *id, int partition);
void writer_deinit(struct writer *w); /* after what it has is delivered, or 10 s */

struct feeder {
        const struct options *options;
        struct writer *writer;
        struct buf entry;
        uint64_t next;
        double started;
};
bool feeder_turn(struct feeder *f); /* false: all failures are written */

struct mover {
        const struct options *options;
        struct writer *writer;
        rd_kafka_t *consumer;
        struct json_reader *json;
        uint64_t moved, failed_again, unreadable;
        double started;
};
bool mover_init(struct mover *m, const struct options *o, struct writer *w);
bool mover_turn(struct mover *m, int wait_ms); /* one retry entry; false: none came */
void mover_deinit(struct mover *m);

double pipeline_now(void); /* seconds */

/* Wait for a topic to exist; false: stopped. */
bool pipeline_wait_topic(rd_kafka_t *handle, const char *topic);

#endif
