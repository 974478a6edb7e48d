/* SPDX-License-Identifier: Apache-2.0 */
/* The port `group`: each question goes to the part that answers it. */
#include <stddef.h>

#include "kafka_private.h"

static struct kafka *of_group(struct group *g)
{
        return (struct kafka *)((char *)g - offsetof(struct kafka, group));
}

static void query_stable(struct group *g, int partition)
{
        kafka_barrier_query(&of_group(g)->barrier, partition);
}

static void query_high_watermark(struct group *g, int partition)
{
        kafka_aux_query_watermark(&of_group(g)->aux, partition);
}

static void hold(struct group *g, int partition)
{
        kafka_feed_hold(&of_group(g)->feed, partition);
}

static void resume(struct group *g, int partition, int64_t offset)
{
        kafka_feed_resume(&of_group(g)->feed, partition, offset);
}

static void query_registry(struct group *g)
{
        kafka_registry_query(&of_group(g)->registry);
}

static void query_members(struct group *g)
{
        kafka_registry_query_members(&of_group(g)->registry);
}

static void fence(struct group *g, const char *transactional_id)
{
        kafka_registry_fence(&of_group(g)->registry, transactional_id);
}

void kafka_group_init(struct kafka *k)
{
        k->group = (struct group){ query_stable,   query_high_watermark, hold, resume,
                                   query_registry, query_members,        fence };
}

struct group *kafka_group(struct kafka *k)
{
        return &k->group;
}
