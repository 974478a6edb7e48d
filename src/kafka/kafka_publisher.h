/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_PUBLISHER_H
#define CRR_SRC_KAFKA_KAFKA_PUBLISHER_H

#include <stdbool.h>

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "crr/core/member.h"
#include "crr/core/publisher.h"
#include "kafka_conf.h"
#include "kafka_credentials.h"
#include "kafka_trouble.h"

/*
 * How many records the producer sends to a partition at once, which the broker takes or refuses
 * together. Smaller ones are for topics that take less than we were told, or did not say.
 */
enum kafka_sets { KAFKA_SETS_FULL, KAFKA_SETS_SMALL, KAFKA_SETS_OF_ONE };

/*
 * Publisher: a transactional producer on a thread of its own; it takes a whole batch and gives back
 * a whole result.
 *
 * Threads  The port and start/close on the loop. Between them and the thread: one mutex.
 */
struct kafka_publisher {
        struct publisher port;
        const struct kafka_settings *settings;
        const char *bootstrap; /* of the embedded broker, or NULL */
        struct kafka_trouble *trouble;
        enum kafka_handle handle; /* KAFKA_PRODUCER, or another one with its own id */
        struct member *member;    /* is told when KAFKA_PRODUCER can be used, and when not */
        void (*on_fatal)(void *data, const struct error *err);
        void *fatal_data;

        uv_thread_t thread;
        uv_async_t wake; /* results for the loop */
        bool started;
        void (*closed)(void *data);
        void *closed_data;

        uv_mutex_t mutex; /* from here to the blank line: under it */
        uv_cond_t cond;
        struct publish_batch *waiting, **waiting_end;
        struct publish_batch *finished, **finished_end;
        bool stop, ended;
        bool must_end_offsets;
        unsigned readied; /* how often the producer became usable */
        bool usable, fatal;
        struct error fatal_error;
        int64_t fenced_wait_ms; /* to be said; 0: nothing */
        bool topics_known;      /* they exist: the producer may ask for them */
        int64_t max_set_bytes;  /* what each topic takes at once */
        struct kafka_credentials credentials;

        unsigned readied_seen; /* the loop's */
        bool usable_seen;

        rd_kafka_t *producer;                     /* the thread's, as the rest */
        unsigned credentials_version;             /* that it has */
        rd_kafka_topic_t *topics[PUBLISH_TOPICS]; /* by enum publish_topic; NULL: there is none */
        struct publish_batch *batch;
        bool clear_first;   /* a batch, or what is left of one, may hang in the partitions */
        bool may_come_late; /* of the batch under way: something was sent and not answered */
        bool asked_anew;    /* for that batch: what partitions there are */
        enum kafka_sets sets;
        size_t refused, n_refused; /* the record that was refused last, and how many were */
        rd_kafka_resp_err_t clear_err;
        struct {
                const rd_kafka_topic_t *topic; /* NULL: none */
                int32_t partition;
                int64_t next; /* what the next report would make up */
        } untold;             /* the set whose place was not told */
        unsigned fencings;    /* in a row, without an outage */
        int64_t ready_ms;     /* since when the producer could be used, or the last one */
        int64_t began_ms;     /* the transaction under way, or the last one */
        int64_t outage_ms;    /* the last time that the broker could not be reached */
        int64_t pause_ms;     /* before the next producer is made */
};

void kafka_publisher_init(struct kafka_publisher *p, const struct kafka_settings *settings,
                          const char *bootstrap, struct kafka_trouble *trouble);
void kafka_publisher_start(struct kafka_publisher *p, uv_loop_t *loop, struct member *member);
/* The topics exist. most_bytes: by topic, its max.message.bytes; 0: not known. */
void kafka_publisher_on_topics(struct kafka_publisher *p, const int64_t most_bytes[PUBLISH_TOPICS]);

void kafka_publisher_set_credentials(struct kafka_publisher *p, const struct kafka_credentials *c);

/* When the batch under way has ended: what the producer left hanging in its group's offsets is
 * aborted (kafka_hanging.h). From any thread. */
void kafka_publisher_end_offsets(struct kafka_publisher *p);

/* The batch under way ends, the others are PUBLISH_CLOSED; closed(data) on the loop when the thread
 * is gone. */
void kafka_publisher_close(struct kafka_publisher *p, void (*closed)(void *data), void *data);
void kafka_publisher_deinit(struct kafka_publisher *p);

/* kafka_producer.c, on the thread: a usable producer, or we are to stop; and its end. */
void kafka_producer_ensure(struct kafka_publisher *p);
bool kafka_producer_may_begin(struct kafka_publisher *p);
void kafka_producer_renew_credentials(struct kafka_publisher *p);
void kafka_producer_destroy(struct kafka_publisher *p);
void kafka_producer_end_offsets(struct kafka_publisher *p);       /* or it is made anew */
void kafka_producer_make_smaller_sets(struct kafka_publisher *p); /* it is made anew */

/* kafka_transaction.c, on the thread: one batch from begin to its outcome. */
rd_kafka_error_t *kafka_transaction_clear(
        struct kafka_publisher *p); /* core/publisher.h says when */
void kafka_transaction_run(struct kafka_publisher *p, struct publish_batch *batch);
void kafka_publisher_lose(struct kafka_publisher *p,
                          rd_kafka_resp_err_t code); /* fatal: make a new producer */
bool kafka_publisher_is_stopping(struct kafka_publisher *p);
void kafka_transaction_on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);

#endif
