/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/core/entry_fetch.h"
#include "check.h"
#include "world.h"

#define MANY       30 /* found and checked in one turn */
#define LARGE      1000000
#define LARGE_ONES 20

static struct world w;
static struct world_retry retry;
static char keys[MANY][16]; /* borrowed by the retry */

static void start(void)
{
        world_init(&w, 3);
        w.config.payload = RETRY_PAYLOAD_ENTRY;
        world_start(&w);
}

static void fail_with_entry(int i, const char *extra)
{
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        world_failure(&w, "b", keys[i], "v", "aws", extra);
}

static void add_to_retry(int i)
{
        world_retry_add(&retry, "b", keys[i], "v", "aws", false);
}

/* Asked for from the last one to the first, they are read from the first one to the last. */
static void entries_are_read_in_the_order_of_the_log(void)
{
        start();
        for (int i = 0; i < MANY; i++)
                fail_with_entry(i, ",\"Entry\":\"e\"");
        world_run(&w);
        w.hold_reads = true;
        world_retry_init(&w, &retry);
        for (int i = MANY; i-- > 0;)
                add_to_retry(i);
        world_retry_submit(&w, &retry);
        CHECK(w.read != NULL);
        CHECK_INT(w.read->n, MANY);
        for (size_t i = 1; i < w.read->n; i++) {
                const struct log_read_item *a = &w.read->items[i - 1], *b = &w.read->items[i];

                CHECK(marker_of(a->partition, a->offset) < marker_of(b->partition, b->offset));
        }
        w.hold_reads = false;
        world_run(&w);
        CHECK_INT(w.n_entries, MANY);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void what_is_too_much_for_one_read_is_read_after_it(void)
{
        char *extra = malloc(LARGE + 32);

        CHECK(extra != NULL);
        snprintf(extra, LARGE + 32, ",\"Entry\":\"%0*d\"", LARGE - 10, 0);
        start();
        for (int i = 0; i < LARGE_ONES; i++)
                fail_with_entry(i, extra);
        world_run(&w);
        world_retry_init(&w, &retry);
        for (int i = 0; i < LARGE_ONES; i++)
                add_to_retry(i);
        world_retry_submit(&w, &retry);
        CHECK_INT(w.n_entries, LARGE_ONES);
        CHECK_INT(w.reads, 2);
        world_retry_deinit(&retry);
        world_deinit(&w);
        free(extra);
}

int main(void)
{
        RUN(entries_are_read_in_the_order_of_the_log);
        RUN(what_is_too_much_for_one_read_is_read_after_it);
        return 0;
}
