/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_KAFKA_KAFKA_LOG_READER_H
#define CRR_SRC_KAFKA_KAFKA_LOG_READER_H

#include <librdkafka/rdkafka.h>
#include <uv.h>

#include "crr/core/log_reader.h"
#include "kafka_credentials.h"
#include "kafka_trouble.h"

/*
 * Log reader: records of the failure log again, by partition and offset, on a handle and a thread
 * of its own. The handle is made when the first read comes.
 *
 * Cost     Reading over a record of 300 bytes takes 1.5 us, to begin anew at one that is far away
 *          1.5 ms (six partitions of one broker, two cores shared with it): 10,000 records among
 *          210,000 in reads of 256 take 0.9 s. Nothing is fetched between two reads.
 * Threads  The port and close on the loop; one mutex between them and the thread.
 */
struct kafka_log_reader {
        struct log_reader port;
        const struct kafka_settings *settings;
        const char *bootstrap;
        struct kafka_trouble *trouble;

        uv_thread_t thread;
        uv_async_t wake;
        bool started;
        void (*closed)(void *data);
        void *closed_data;

        uv_mutex_t mutex; /* from here to the blank line: under it */
        uv_cond_t cond;
        struct log_read *waiting, **waiting_end;
        struct reader_result *finished, **finished_end;
        bool stop, ended;
        struct kafka_credentials credentials;

        rd_kafka_t *consumer;         /* the thread's, as the rest */
        unsigned credentials_version; /* that it has */
        rd_kafka_topic_t *topic;
        rd_kafka_queue_t *queue; /* of the read under way */
};

void kafka_log_reader_init(struct kafka_log_reader *r, const struct kafka_settings *settings,
                           const char *bootstrap, struct kafka_trouble *trouble);
void kafka_log_reader_start(struct kafka_log_reader *r, uv_loop_t *loop);
void kafka_log_reader_set_credentials(struct kafka_log_reader *r,
                                      const struct kafka_credentials *c);
void kafka_log_reader_close(struct kafka_log_reader *r, void (*closed)(void *data), void *data);
void kafka_log_reader_deinit(struct kafka_log_reader *r);

#endif
