/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_INTAKE_H
#define CRR_SRC_KAFKA_KAFKA_INTAKE_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "crr/core/intake.h"
#include "kafka_credentials.h"
#include "kafka_lanes.h"
#include "kafka_publisher.h"
#include "kafka_trouble.h"

/*
 * Kafka's side of the intake: a consumer on a thread of its own, which reads the foreign topics,
 * decodes and encodes; and a publisher that only the intake uses. The loop decides (core/intake.h).
 *
 * The thread is at most KAFKA_INTAKE_AHEAD batches ahead of what is committed.
 *
 * Threads  start, close, set_credentials on the loop. Between them and the thread: one mutex.
 */
#define KAFKA_INTAKE_AHEAD   2
#define KAFKA_INTAKE_TELL_MS 60000

struct kafka_intake {
        const struct kafka_settings *settings;
        const char *bootstrap; /* of the embedded broker, or NULL */
        struct kafka_trouble *trouble;
        struct kafka_publisher publisher;
        struct intake *intake; /* NULL: there is none, and nothing below is used */
        struct intake_config config;
        struct metrics *metrics;

        uv_thread_t thread;
        uv_async_t wake;
        bool started;
        int open_parts; /* of closing */
        void (*closed)(void *data);
        void *closed_data;
        int assigned_seen; /* what the thread told last; -1: nothing */
        int64_t lag_seen;  /* likewise */

        uv_mutex_t mutex; /* from here to the blank line: under it */
        uv_cond_t cond;
        struct intake_batch *filled, **filled_end; /* for the loop */
        struct intake_batch *over, **over_end;     /* for the thread */
        bool stop, ended, is_assigned_told;
        int n_assigned; /* -1: it has no assignment */
        bool has_lags;
        int64_t lags[LIMIT_INTAKE_TOPICS]; /* -1: of a partition it is not known */
        struct kafka_credentials credentials;

        rd_kafka_t *consumer; /* the thread's, as the rest */
        struct intake_writer *writer;
        unsigned credentials_version;
        unsigned epoch; /* of the assignment, or of the last time that it was read anew */
        bool must_rewind;
        bool is_lost;     /* the consumer is beyond repair */
        unsigned n_out;   /* batches that the loop has */
        char *generation; /* of the assignment */
        size_t generation_len;
        int64_t lag_due_ms;
        int64_t tell_every_ms; /* KAFKA_INTAKE_TELL_MS; tests have less */
        int64_t told_ms;       /* when offsets were committed last */
        int64_t look_ms;       /* when it is to be seen whether anything hangs */
        bool may_hang;         /* something was committed since it was ended */
        struct kafka_lanes lanes;
        size_t offsets_capacity; /* of the batch that is being filled */
};

void kafka_intake_init(struct kafka_intake *k, const struct kafka_settings *settings,
                       const char *bootstrap, struct kafka_trouble *trouble);
void kafka_intake_deinit(struct kafka_intake *k);

/* config is borrowed for good. */
void kafka_intake_set(struct kafka_intake *k, struct intake *intake,
                      const struct intake_config *config, struct metrics *metrics);
void kafka_intake_start(struct kafka_intake *k, uv_loop_t *loop); /* nothing without an intake */

void kafka_intake_set_credentials(struct kafka_intake *k, const struct kafka_credentials *c);

bool kafka_intake_tell(const struct kafka_intake *k, struct kafka_intake_status *ret);

/* The batches come back first: intake_stop() was called. */
void kafka_intake_close(struct kafka_intake *k, void (*closed)(void *data), void *data);

bool kafka_intake_is_stopping(struct kafka_intake *k); /* on the thread */

/* kafka_intake_consumer.c, on the thread. */
bool kafka_intake_make_consumer(struct kafka_intake *k);
void kafka_intake_end_consumer(struct kafka_intake *k);
/* Rebalances; what lies in the consumer's queue is put into the lanes, one record a call. */
void kafka_intake_serve(struct kafka_intake *k, int wait_ms);
/* kafka_intake_reader.c, on the thread. NULL: there was nothing. Not longer than some 200 ms. */
struct intake_batch *kafka_intake_read(struct kafka_intake *k);
void kafka_intake_rewind(struct kafka_intake *k); /* read again from the committed offsets */
void kafka_intake_tell_lags(struct kafka_intake *k);

/* Likewise, to fill one: begun; its partitions' offsets; behind the last of them. */
struct intake_batch *kafka_intake_begin_batch(struct kafka_intake *k);
void kafka_intake_move_offset(struct kafka_intake *k, struct intake_batch *batch,
                              const struct kafka_lane *lane, int64_t offset);
void kafka_intake_finish_batch(const struct kafka_intake *k, struct intake_batch *batch);

/* kafka_intake_offsets.c, on the thread. */
void kafka_intake_reach(struct kafka_intake *k, const struct intake_batch *batch); /* done with */
/* What to commit although nothing was read; NULL: nothing. */
struct intake_batch *kafka_intake_tell_again(struct kafka_intake *k);
/* When nothing can be read, this takes a second. */
void kafka_intake_free_offsets(struct kafka_intake *k);
void kafka_intake_look_later(struct kafka_intake *k); /* it begins anew: nothing hangs so far */

#endif
