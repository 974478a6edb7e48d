/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/log.h"
#include "entry_fetch.h"
#include "world.h"

static struct world w;
static struct world_retry retries[3];
static char keys[192][16];

static void start(enum retry_payload payload, int failures)
{
        char extra[128];

        world_init(&w, 2);
        w.config.payload = payload;
        world_start(&w);
        for (int i = 0; i < failures; i++) {
                snprintf(keys[i], sizeof keys[i], "k%d", i);
                snprintf(extra, sizeof extra, ",\"Entry\":\"entry of k%d\"", i);
                world_failure(&w, "b", keys[i], "v", "aws", extra);
        }
        world_run(&w);
        w.hold_reads = true;
}

static void submit(int request, int from, int to)
{
        world_retry_init(&w, &retries[request]);
        for (int i = from; i < to; i++)
                world_retry_add(&retries[request], "b", keys[i], "v", "aws", false);
        world_retry_submit(&w, &retries[request]);
}

static void end(int requests)
{
        w.hold_reads = false;
        world_run(&w);
        for (int i = 0; i < requests; i++)
                world_retry_deinit(&retries[i]);
        world_deinit(&w);
}

/* Answer the read that is held with one item changed by hand; the others as the log has them. */
static void answer_with(size_t i, void (*change)(struct log_read_item *item))
{
        struct log_read *read = w.read;

        w.read = NULL;
        for (size_t k = 0; k < read->n; k++) {
                struct log_read_item *item = &read->items[k];
                const struct world_record *r = &w.logs[item->partition].records[item->offset];

                item->found = true;
                item->timestamp_ms = r->timestamp_ms;
                item->key = (struct str){ r->key, r->key_len };
                item->value = (struct str){ r->value, r->value_len };
                if (k == i)
                        change(item);
        }
        read->done(read, NULL);
        world_run(&w);
}

static void many_entries_are_read_at_once_and_not_too_many(void)
{
        start(RETRY_PAYLOAD_ENTRY, 130);
        submit(0, 0, 64);
        submit(1, 64, 128);
        submit(2, 128, 130);
        CHECK_INT(w.read->n, 64);
        CHECK_INT(w.reads, 1);
        CHECK_INT(w.read->deadline_ms, w.now_ms + 10000);
        w.hold_reads = false;
        world_run(&w);
        CHECK_INT(w.reads, 2);
        CHECK_INT(w.n_entries, 130);
        for (size_t i = 0; i < w.n_entries; i++) {
                const char *key = strrchr(w.entries[i].key, 'k');
                char want[64];

                snprintf(want, sizeof want, "entry of %s", key);
                CHECK_STR(w.entries[i].value, want);
        }
        end(3);
}

static void what_comes_while_a_read_runs_waits_for_the_next(void)
{
        start(RETRY_PAYLOAD_ENTRY, 3);
        submit(0, 0, 1);
        CHECK_INT(w.read->n, 1);
        submit(1, 1, 3);
        CHECK_INT(w.reads, 1);
        w.hold_reads = false;
        world_run(&w);
        CHECK_INT(w.reads, 2);
        CHECK_INT(w.n_entries, 3);
        end(2);
}

static void is_gone(struct log_read_item *item)
{
        item->found = false;
        item->key = item->value = STR_ABSENT;
}

static void is_a_tombstone(struct log_read_item *item)
{
        item->value = STR_ABSENT;
}

static void is_of_another(struct log_read_item *item)
{
        item->key = STR("b/other?versionId=v&sitename=aws");
        item->value = STR("{\"Bucket\":\"b\",\"Key\":\"other\",\"VersionId\":\"v\","
                          "\"StorageClass\":\"aws\",\"Entry\":\"other\"}");
}

static void is_not_json(struct log_read_item *item)
{
        item->value = STR("{");
}

static void has_no_entry(struct log_read_item *item)
{
        item->value = STR("{\"Bucket\":\"b\",\"Key\":\"k1\",\"VersionId\":\"v\","
                          "\"StorageClass\":\"aws\"}");
}

/* Payload `entry`: without it there is nothing to publish. */
static void a_record_that_has_no_entry_any_more_is_left_out(void)
{
        static void (*const changes[])(struct log_read_item *) = {
                is_gone, is_a_tombstone, is_of_another, is_not_json, has_no_entry,
        };

        for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
                start(RETRY_PAYLOAD_ENTRY, 3);
                submit(0, 0, 3);
                answer_with(1, changes[i]);
                CHECK(retries[0].done && !retries[0].failed);
                CHECK_INT(retries[0].entries[0].result, RETRY_PUBLISHED);
                CHECK_INT(retries[0].entries[1].result, RETRY_SKIPPED);
                CHECK_INT(retries[0].entries[2].result, RETRY_PUBLISHED);
                CHECK(metrics_get(w.metrics, METRIC_RETRIES_SKIPPED_TOTAL, LABELS_1("no_entry")) ==
                      1);
                CHECK_INT(world_listed(&w), 1);
                end(1);
        }
}

static void a_log_that_cannot_be_read_fails_those_that_were_read_for(void)
{
        start(RETRY_PAYLOAD_ENTRY, 3);
        submit(0, 0, 1);
        submit(1, 1, 3);
        w.fault_read = 1;
        w.hold_reads = false;
        world_run(&w);
        CHECK(retries[0].done && retries[0].failed);
        CHECK_STR(retries[0].err.message, "scripted; 0 of 1 committed");
        CHECK(retries[1].done && !retries[1].failed);
        CHECK_INT(w.n_entries, 2);
        CHECK_INT(world_listed(&w), 1);
        end(2);
}

static void what_was_given_up_meanwhile_is_not_touched(void)
{
        start(RETRY_PAYLOAD_ENTRY, 70);
        submit(0, 0, 64);
        submit(1, 64, 70); /* these wait for the next read */
        world_advance(&w, 31000);
        CHECK(retries[0].done && retries[0].failed && retries[1].done && retries[1].failed);
        w.hold_reads = false;
        world_run(&w);
        CHECK_INT(w.reads, 1);
        CHECK_INT(w.n_entries, 0);
        CHECK_INT(world_listed(&w), 70);
        end(2);
}

/* A settlement keeps its Entry too: the merged record says what was said before. */
static void a_merged_record_repeats_the_entry_of_the_one_before(void)
{
        world_init(&w, 1);
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws",
                      ",\"ReplicationStatus\":\"PENDING\",\"Attempts\":1,\"Entry\":\"the entry\"");
        world_failure(&w, "b", "k", "v", "aws", ",\"Attempts\":1");
        world_advance(&w, 100);
        CHECK_INT(w.reads, 1);
        CHECK_INT(w.logs[0].records[2].settles, 1);
        CHECK(strstr(w.logs[0].records[2].value, "\"Entry\":\"the entry\"") != NULL);
        end(0);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(many_entries_are_read_at_once_and_not_too_many);
        RUN(what_comes_while_a_read_runs_waits_for_the_next);
        RUN(a_record_that_has_no_entry_any_more_is_left_out);
        RUN(a_log_that_cannot_be_read_fails_those_that_were_read_for);
        RUN(what_was_given_up_meanwhile_is_not_touched);
        RUN(a_merged_record_repeats_the_entry_of_the_one_before);
        return 0;
}
