/* SPDX-License-Identifier: Apache-2.0 */
/* What the consumer reads, and from where: the assignment as librdkafka has it. */
#include <string.h>

#include "kafka_feed.h"

void kafka_assignment_check(struct kafka_feed *f, rd_kafka_error_t *error)
{
        struct error err;

        if (error == NULL)
                return;
        error_set(&err, ERR_KAFKA, "the consumer cannot change what it reads: %s",
                  rd_kafka_error_string(error));
        kafka_trouble_note(f->trouble, KAFKA_CONSUMER, rd_kafka_error_code(error),
                           rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        if (!f->closing)
                f->on_fatal(f->fatal_data, &err);
}

static void forward(struct kafka_feed *f, int partition, rd_kafka_queue_t *to)
{
        rd_kafka_queue_t *queue =
                rd_kafka_queue_get_partition(f->consumer, f->settings->failures_topic, partition);

        if (queue == NULL)
                return;
        rd_kafka_queue_forward(queue, to);
        rd_kafka_queue_destroy(queue);
}

void kafka_assignment_hold(struct kafka_feed *f, int partition)
{
        f->held[partition] = true;
        forward(f, partition, NULL);
}

/* librdkafka leaves a queue that was held once to us: a new assignment does not forward it. */
static void forward_held(struct kafka_feed *f, const rd_kafka_topic_partition_list_t *list)
{
        for (int i = 0; i < list->cnt; i++) {
                int p = list->elems[i].partition;

                if (p >= 0 && p < LIMIT_PARTITIONS && f->held[p])
                        forward(f, p, f->queue);
        }
}

void kafka_assignment_add(struct kafka_feed *f, const rd_kafka_topic_partition_list_t *list)
{
        kafka_assignment_check(f, rd_kafka_incremental_assign(f->consumer, list));
        forward_held(f, list);
}

/* Out of the assignment, and in again. */
static void move(struct kafka_feed *f, int partition, int64_t offset)
{
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
        rd_kafka_error_t *error;

        rd_kafka_topic_partition_list_add(list, f->settings->failures_topic, partition)->offset =
                offset > 0 ? offset : RD_KAFKA_OFFSET_BEGINNING;
        error = rd_kafka_incremental_unassign(f->consumer, list);
        if (error != NULL)
                kafka_assignment_check(f, error);
        else
                kafka_assignment_add(f, list);
        rd_kafka_topic_partition_list_destroy(list);
}

/* The group takes any change of the assignment for the answer to a revocation that we still owe it:
 * until that is given it waits. */
void kafka_assignment_read_from(struct kafka_feed *f, int partition, int64_t offset)
{
        f->position[partition] = offset;
        f->moved[partition] = f->leaving != NULL;
        if (f->leaving == NULL)
                move(f, partition, offset);
}

void kafka_assignment_let_go(struct kafka_feed *f, const rd_kafka_topic_partition_list_t *list)
{
        kafka_assignment_check(f, rd_kafka_incremental_unassign(f->consumer, list));
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (f->moved[p] && f->assigned[p])
                        move(f, p, f->position[p]);
        memset(f->moved, 0, sizeof f->moved);
}

bool kafka_assignment_is_awaited(const struct kafka_feed *f)
{
        char *member_id = f->consumer != NULL ? rd_kafka_memberid(f->consumer) : NULL;
        bool has_joined = member_id != NULL && member_id[0] != '\0';

        if (member_id != NULL)
                rd_kafka_mem_free(f->consumer, member_id);
        return has_joined && !f->assigned_once;
}
