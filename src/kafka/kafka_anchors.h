/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_ANCHORS_H
#define CRR_SRC_KAFKA_KAFKA_ANCHORS_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "crr/base/limits.h"
#include "crr/core/failure_codec.h"
#include "crr/core/log_reader.h"

/*
 * Anchors: is the log of a partition still the one that was read? A topic that was deleted and made
 * anew at once looks like the old one: the consumer goes on at its position as soon as the new log
 * has grown that far, and librdkafka 2.0 shows neither the topic's id nor a leader epoch. So every
 * CHECK_EVERY_MS one record of each partition is read again, at the latest from before the last
 * check: of another time or size, or gone, the partition is to be read from its beginning.
 *
 * Limits   A new log is read as the old one for CHECK_EVERY_MS and the time of a read. It is never
 *          known where the old one had no record, or where the new one has a record of the same
 *          time and sizes at the same offset (the same records written again with their times,
 *          which are in the table already). A record that compaction took since the last check is
 *          gone too: then a partition is restored for nothing.
 * Cost     A note is four stores. A check is a read of the log reader: 6 partitions 1 to 3 ms, 960
 *          partitions 0.2 s, every 10 s (one broker, two cores shared with it).
 * Threads  Loop only.
 */
struct anchor {
        int64_t offset; /* -1: none */
        int64_t timestamp_ms;
        size_t key_bytes, value_bytes;
};

#define ANCHORS_AT_ONCE 64 /* partitions of one read */

struct kafka_anchors {
        struct log_reader *reader;
        void (*on_other_log)(void *data, int partition);
        void *data;

        uv_timer_t timer;
        bool started, closing;
        void (*on_closed)(void *data);
        void *closed_data;

        struct anchor last[LIMIT_PARTITIONS];  /* the record that was read last */
        struct anchor held[LIMIT_PARTITIONS];  /* what is checked; later ones count when it is so */
        struct anchor asked[LIMIT_PARTITIONS]; /* `held`, as it was asked for */
        struct anchor next[LIMIT_PARTITIONS];  /* `last` at that time */
        bool is_away[LIMIT_PARTITIONS];        /* somebody else's: what is held is kept */
        int cursor;                            /* partitions below it are asked for in this round */
        bool is_reading;
        struct log_read read;
        struct log_read_item items[ANCHORS_AT_ONCE];
};

void kafka_anchors_init(struct kafka_anchors *a, struct log_reader *reader,
                        void (*on_other_log)(void *data, int partition), void *data);
void kafka_anchors_start(struct kafka_anchors *a, uv_loop_t *loop); /* checks come by themselves */

void kafka_anchors_note(struct kafka_anchors *a, const struct log_record *record); /* was read */
void kafka_anchors_forget(struct kafka_anchors *a, int partition); /* it is read anew */
/* Meanwhile it is not checked. */
void kafka_anchors_leave(struct kafka_anchors *a, int partition);
void kafka_anchors_return(struct kafka_anchors *a, int partition); /* it goes on where it was */
void kafka_anchors_check(struct kafka_anchors *a);                 /* all, now */

/* on_closed on the loop, when no read is out; the reader outlives it. */
void kafka_anchors_close(struct kafka_anchors *a, void (*on_closed)(void *data), void *data);

#endif
