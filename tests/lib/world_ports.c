/* SPDX-License-Identifier: Apache-2.0 */
/* What the member calls: questions and batches are kept until the world runs. */
#include <assert.h>
#include <stdlib.h>

#include "world.h"

static struct world *world_of_publisher(struct publisher *p)
{
        return (struct world *)((char *)p - offsetof(struct world, publisher));
}

static struct world *world_of_group(struct group *g)
{
        return (struct world *)((char *)g - offsetof(struct world, group));
}

static void fake_submit(struct publisher *self, struct publish_batch *batch)
{
        struct world *w = world_of_publisher(self);

        assert(w->batch == NULL);
        w->batch = batch;
        for (size_t i = 0; i < batch->n_offsets; i++)
                w->open[batch->offsets[i].partition] = true;
        w->submits += batch->n_records > 0;
        w->offsets_alone += batch->n_records == 0;
        w->clearings += batch->n_records > 0 &&
                        str_eq_c(world_header(&batch->records[0], "crr-outcome"), "cleared");
}

static void fake_intake_submit(struct publisher *self, struct publish_batch *batch)
{
        struct world *w = (struct world *)((char *)self - offsetof(struct world, intake_publisher));

        assert(w->intake_batch == NULL);
        w->intake_batch = batch;
}

static void count_offset_ends(struct publisher *self)
{
        world_of_publisher(self)->offset_ends++;
}

static void fake_query_stable(struct group *self, int partition)
{
        world_of_group(self)->ask_stable[partition] = true;
}

static void fake_query_watermark(struct group *self, int partition)
{
        world_of_group(self)->ask_watermark[partition] = true;
}

static void fake_hold(struct group *self, int partition)
{
        struct world *w = world_of_group(self);

        w->holds++;
        w->feeds[partition] = false;
}

static void fake_resume(struct group *self, int partition, int64_t offset)
{
        struct world *w = world_of_group(self);

        w->resumes++;
        w->feeds[partition] = true;
        w->logs[partition].fed = offset;
}

static void fake_query_registry(struct group *self)
{
        world_of_group(self)->ask_registry = true;
}

static void fake_query_members(struct group *self)
{
        world_of_group(self)->ask_members = true;
}

static void fake_fence(struct group *self, const char *transactional_id)
{
        struct world *w = world_of_group(self);

        free(w->fenced);
        w->fenced = world_dup_str(str_from(transactional_id));
        w->fence_out = true;
}

static void fake_read(struct log_reader *self, struct log_read *read)
{
        struct world *w = (struct world *)((char *)self - offsetof(struct world, reader));

        assert(w->read == NULL);
        w->read = read;
        w->reads++;
}

void world_make_ports(struct world *w)
{
        w->publisher =
                (struct publisher){ fake_submit, { 5000020, 5000020, 5000020 }, count_offset_ends };
        w->intake_publisher = (struct publisher){ .submit = fake_intake_submit };
        w->group =
                (struct group){ fake_query_stable,   fake_query_watermark, fake_hold, fake_resume,
                                fake_query_registry, fake_query_members,   fake_fence };
        w->reader = (struct log_reader){ fake_read };
        w->source = fake_source_new();
}

struct member_ports world_ports(struct world *w)
{
        return (struct member_ports){
                .publisher = &w->publisher,
                .group = &w->group,
                .log_reader = &w->reader,
                .metrics = w->metrics,
                .helpers = w->helpers,
                .source = &w->source->port,
                .intake_publisher = w->has_intake ? &w->intake_publisher : NULL,
        };
}
