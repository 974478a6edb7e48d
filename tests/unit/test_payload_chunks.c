/* SPDX-License-Identifier: Apache-2.0 */
/* The largest request of payload `backbeat`: what is ready is committed, in chunks. */
#include <stdlib.h>

#include "backbeat_world.h"
#include "check.h"
#include "crr/base/log.h"

#define ENTRIES    10000 /* as many as a request may have */
#define OBJECTS    1000
#define SITES      (ENTRIES / OBJECTS)
#define CHUNK      256
#define LATENCY_MS 100
#define TIME_MS    450

static struct world w;
static char keys[OBJECTS][8];
static const char *const sites[SITES] = {
        "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"
};

static void failures(void)
{
        for (int i = 0; i < OBJECTS; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                fake_source_found(w.source, "b", keys[i], V1, METADATA("v1", AT("s0", "FAILED")));
                for (int s = 0; s < SITES; s++)
                        world_failure(&w, "b", keys[i], V1, sites[s], NULL);
        }
        world_run(&w);
}

static void submit(struct world_retry *r, struct retry_entry *entries)
{
        world_retry_init(&w, r);
        memset(entries, 0, ENTRIES * sizeof *entries);
        r->req.entries = entries;
        r->req.n = ENTRIES;
        r->req.deadline_ms = w.now_ms + TIME_MS;
        for (int i = 0; i < ENTRIES; i++)
                entries[i].id = (struct identity){ STR("b"), str_from(keys[i / SITES]), STR(V1),
                                                   str_from(sites[i % SITES]) };
        world_retry_submit(&w, r);
}

static size_t count(const struct retry_entry *entries, enum retry_result result)
{
        size_t n = 0;

        for (int i = 0; i < ENTRIES; i++)
                n += entries[i].result == result;
        return n;
}

/* Four rounds of the source's answers are in time, of eight. */
static void ten_thousand_entries_make_progress_until_the_time_is_up(void)
{
        struct retry_entry *entries = calloc(ENTRIES, sizeof *entries);
        struct world_retry r;
        size_t committed;
        char says[64];

        backbeat_world(&w);
        failures();
        w.source->latency_ms = LATENCY_MS;
        submit(&r, entries);
        for (size_t before = 0; !r.done; before = w.n_entries) {
                world_advance(&w, LATENCY_MS);
                CHECK(r.done || w.n_entries > before);
        }
        committed = count(entries, RETRY_PUBLISHED);
        CHECK(r.failed && r.err.code == ERR_UNAVAILABLE);
        CHECK(committed > ENTRIES / 4 && committed < ENTRIES);
        CHECK_INT(committed, w.n_entries);
        CHECK_INT(count(entries, RETRY_FAILED), ENTRIES - committed);
        CHECK(w.submits >= committed / CHUNK);
        snprintf(says, sizeof says, "; %zu of %d committed", committed, ENTRIES);
        CHECK(strstr(r.err.message, says) != NULL);
        world_retry_deinit(&r);

        w.source->latency_ms = 0;
        submit(&r, entries);
        CHECK(r.done && !r.failed);
        CHECK_INT(count(entries, RETRY_PUBLISHED), ENTRIES - committed);
        CHECK_INT(w.n_entries, ENTRIES);
        for (int i = 0; i < ENTRIES; i++)
                CHECK_STR(w.entries[i].attempt, "1");
        world_retry_deinit(&r);
        world_deinit(&w);
        free(entries);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(ten_thousand_entries_make_progress_until_the_time_is_up);
        return 0;
}
