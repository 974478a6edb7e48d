/* SPDX-License-Identifier: Apache-2.0 */
/* The core's intake for tests that stand in the core's place and have none. */
#include <stdlib.h>

#include "crr/core/intake.h"

struct intake_writer *intake_writer_new(const struct intake_config *config)
{
        (void)config;
        abort();
}

void intake_writer_free(struct intake_writer *w)
{
        (void)w;
}

struct intake_batch *intake_batch_new(void)
{
        abort();
}

void intake_batch_free(struct intake_batch *batch)
{
        (void)batch;
        abort();
}

void intake_batch_add(struct intake_writer *w, struct intake_batch *batch, size_t topic,
                      const struct log_record *record)
{
        (void)w;
        (void)batch;
        (void)topic;
        (void)record;
        abort();
}

bool intake_batch_is_full(const struct intake_writer *w, const struct intake_batch *batch)
{
        (void)w;
        (void)batch;
        abort();
}

void intake_submit(struct intake *in, struct intake_batch *batch)
{
        (void)in;
        (void)batch;
        abort();
}
