/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_PIPELINE_H
#define CRR_SRC_DEMO_PIPELINE_H

#include <signal.h>
#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#include "crr/base/buf.h"
#include "crr/base/str.h"
#include "options.h"

/*
 * The two players, feeder and mover. One thread: run both by turns, each call does a little and
 * does not block.
 *
 * Errors  Failures to begin are on stderr, with 1 as the result; later ones are counted and said.
 */
extern volatile sig_atomic_t pipeline_stop;

/* What both share: a producer. */
struct writer {
        rd_kafka_t *producer;
        struct buf key, value;     /* for what is about to be sent */
        uint64_t written, refused; /* by delivery reports */
};

rd_kafka_conf_t *pipeline_conf(const struct options *o); /* NULL: said on stderr */
bool writer_init(struct writer *w, const struct options *o);
rd_kafka_topic_t *writer_open_topic(struct writer *w,
                                    const char *name); /* once it exists; NULL: stopped */
/* Waits while the queue is full. An absent key or value is a null one. */
void writer_send(struct writer *w, rd_kafka_topic_t *topic, struct str key, struct str value);
void writer_flush(struct writer *w);  /* what it has is delivered, or 10 s are over */
void writer_deinit(struct writer *w); /* when its topics are destroyed */

/* How a pipeline speaks: what it writes, and what it makes of a retry entry. */
enum taken { TAKEN_UNREADABLE, TAKEN_COMPLETED, TAKEN_FAILED_AGAIN };

struct speech {
        void *(*open)(const struct options *o, struct writer *w); /* NULL: said, or stopped */
        void (*close)(void *data);
        void (*feed)(void *data, uint64_t n); /* write the n-th record */
        enum taken (*take)(void *data, struct str value, unsigned attempt);
};
extern const struct speech native_speech, backbeat_speech;

struct feeder {
        const struct options *options;
        struct writer *writer;
        const struct speech *speech;
        void *data;
        uint64_t next, total;
        double started;
};
bool feeder_turn(struct feeder *f); /* false: all is written */

struct mover {
        const struct options *options;
        struct writer *writer;
        const struct speech *speech;
        void *data;
        rd_kafka_t *consumer;
        uint64_t moved, failed_again, unreadable;
        double started;
};
bool mover_init(struct mover *m, const struct options *o, struct writer *w,
                const struct speech *speech, void *data);
bool mover_turn(struct mover *m, int wait_ms); /* one retry entry; false: none came */
void mover_deinit(struct mover *m);

double pipeline_now(void); /* seconds */

/* Wait for a topic to exist; false: stopped. */
bool pipeline_wait_topic(rd_kafka_t *handle, const char *topic);

#endif
