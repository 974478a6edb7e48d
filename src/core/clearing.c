/* SPDX-License-Identifier: Apache-2.0 */
#include "clearing.h"

#include <stdlib.h>

#include "crr/base/log.h"
#include "crr/base/time.h"
#include "member_private.h"

struct publish_record clearing_record(int partition)
{
        return (struct publish_record){
                .topic = PUBLISH_FAILURES,
                .partition = partition,
                .key = STR(CLEARED_KEY),
                .timestamp_ms = TIME_UNKNOWN,
                .headers = { { "crr-outcome", STR("cleared") } },
                .n_headers = 1,
        };
}

void clearing_say(const struct publish_batch *publish, const char *whose)
{
        bool is_done = publish->outcome == PUBLISH_COMMITTED;

        log_emit(LOG_TXN_CLEARED,
                 LOG_FIELDS(log_i("partitions", (int64_t)publish->n_records), log_c("whose", whose),
                            log_c("outcome", is_done ? "done" : "not done")),
                 "partitions have more than can be read: if the end of our last transaction was "
                 "lost there in an outage, it is written now");
}

static void on_done(struct publish_batch *publish)
{
        if (publish->outcome != PUBLISH_CLOSED)
                clearing_say(publish, "intake");
        free(publish->records);
        publish->records = NULL;
}

void clearing_by_the_intake(struct member *m, const struct partition_set *stuck)
{
        struct publish_batch *publish = &m->clearing.publish;

        if (m->ports.intake_publisher == NULL || publish->records != NULL)
                return;
        *publish = (struct publish_batch){ .done = on_done };
        publish->records = calloc((size_t)m->n_partitions + 1, sizeof *publish->records);
        if (publish->records == NULL)
                abort();
        for (int p = 0; p < m->n_partitions; p++)
                if (partition_set_has(stuck, p))
                        publish->records[publish->n_records++] = clearing_record(p);
        m->ports.intake_publisher->submit(m->ports.intake_publisher, publish);
}
