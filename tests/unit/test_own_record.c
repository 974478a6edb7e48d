/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "member_private.h"
#include "own_record.h"
#include "world.h"

#define KEPT_BYTES (32u << 20) /* batch_outcome.c */

static struct world w;
static struct world_retry retry;

static void begin_retry(const char *facts)
{
        world_init(&w, 1);
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws", facts);
        world_run(&w);
        w.feeding = false;
        world_retry_init(&w, &retry);
        world_retry_add(&retry, "b", "k", "v", "aws", false);
}

/* A retry of it that is committed, and not read back. */
static void start_with(const char *facts)
{
        begin_retry(facts);
        world_retry_submit(&w, &retry);
        CHECK(retry.done && !retry.failed);
}

static void end(void)
{
        w.feeding = true;
        world_run(&w);
        CHECK_INT(w.member->retries.n, 0);
        CHECK_INT(w.member->batcher.kept_bytes, 0);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

/* As it stands in the log; commit markers have no key. */
static struct log_record written(void)
{
        int64_t offset = w.logs[0].n - 1;
        const struct world_record *r;

        while (w.logs[0].records[offset].key == NULL)
                offset--;
        r = &w.logs[0].records[offset];
        return (struct log_record){
                .partition = 0,
                .offset = offset,
                .timestamp_ms = r->timestamp_ms,
                .key = { r->key, r->key_len },
                .value = { r->value, r->value_len },
                .settles = -1,
                .outcome = STR_ABSENT,
        };
}

static struct outgoing *claim(const struct log_record *record)
{
        return own_record_claim(w.member, record);
}

static void what_a_retry_wrote_is_its_own_record_once(void)
{
        struct log_record record;
        struct outgoing *o;

        start_with(NULL);
        record = written();
        o = claim(&record);
        CHECK(o != NULL);
        CHECK(claim(&record) == NULL);
        own_record_let_go(o);
        end();
}

static void it_is_not_parsed_when_it_is_read_back(void)
{
        struct arrivals *arrivals;

        start_with(NULL);
        w.feeding = true;
        world_run(&w);
        arrivals = &w.member->arrivals;
        CHECK_INT(arrivals->batches[arrivals->last].unread, 0);
        world_failure(&w, "b", "k2", "v", "aws", NULL);
        world_run(&w);
        CHECK_INT(arrivals->batches[arrivals->last].unread, 1);
        end();
}

static void another_at_its_place_is_not(void)
{
        static const struct {
                const char *name;
                int64_t offset_more, settles;
                const char *key, *value;
                bool is_tombstone;
                struct str outcome;
        } rows[] = {
                { "a place before", -1, -1, .outcome = { 0 } },
                { "a place behind", 1, -1, .outcome = { 0 } },
                { "a settlement", 0, 0, .outcome = { 0 } },
                { "an outcome", 0, -1, .outcome = { "x", 1 } },
                { "another key", 0, -1, .key = "b/x?versionId=v&sitename=aws" },
                { "another value", 0, -1, .value = "{}" },
                { "a tombstone", 0, -1, .is_tombstone = true },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct log_record record;

                printf("  %s\n", rows[i].name);
                start_with(NULL);
                record = written();
                record.offset += rows[i].offset_more;
                record.settles = rows[i].settles;
                record.outcome = rows[i].outcome;
                if (rows[i].key != NULL)
                        record.key = str_from(rows[i].key);
                if (rows[i].value != NULL)
                        record.value = str_from(rows[i].value);
                if (rows[i].is_tombstone)
                        record.value = STR_ABSENT;
                CHECK(claim(&record) == NULL);
                end();
        }
}

static void one_byte_of_the_value_makes_it_another(void)
{
        struct log_record record;
        char value[1024];

        start_with(NULL);
        record = written();
        CHECK(record.value.len < sizeof value);
        memcpy(value, record.value.base, record.value.len);
        value[record.value.len - 3] ^= 1;
        record.value.base = value;
        CHECK(claim(&record) == NULL);
        end();
}

static void check_same(const struct decoded_record *a, const struct decoded_record *b)
{
        CHECK_INT(a->outcome, b->outcome);
        CHECK_INT(a->canonical_key, b->canonical_key);
        CHECK_INT(a->ignored_fields, b->ignored_fields);
        CHECK(a->entry.base == NULL && b->entry.base == NULL);
        CHECK(identity_eq(&a->failure.id, &b->failure.id));
        CHECK_INT(a->failure.state, b->failure.state);
        CHECK_INT(a->failure.size, b->failure.size);
        CHECK_INT(a->failure.last_modified_ms, b->failure.last_modified_ms);
        CHECK_INT(a->failure.failed_at_ms, b->failure.failed_at_ms);
        CHECK_INT(a->failure.attempts, b->failure.attempts);
        CHECK(str_eq(a->failure.error_code, b->failure.error_code));
        CHECK_INT(a->failure.error_code.base == NULL, b->failure.error_code.base == NULL);
        CHECK(str_eq(a->failure.role, b->failure.role));
        CHECK_INT(a->failure.role.base == NULL, b->failure.role.base == NULL);
        CHECK(uuid_eq(&a->failure.retry_id, &b->failure.retry_id));
        CHECK_INT(a->failure.retried_at_ms, b->failure.retried_at_ms);
        CHECK_INT(a->failure.partition, b->failure.partition);
        CHECK_INT(a->failure.offset, b->failure.offset);
        CHECK_INT(a->failure.timestamp_ms, b->failure.timestamp_ms);
        CHECK_INT(a->failure.entry_partition, b->failure.entry_partition);
        CHECK_INT(a->failure.entry_offset, b->failure.entry_offset);
        CHECK_INT(a->failure.covered_to, b->failure.covered_to);
        CHECK_INT(a->failure.spelling, b->failure.spelling);
        CHECK_INT(a->failure.unsettled, b->failure.unsettled);
        CHECK_INT(a->failure.foreign_key, b->failure.foreign_key);
        CHECK_INT(a->failure.repeated, b->failure.repeated);
        CHECK_INT(a->failure.superseded, b->failure.superseded);
        CHECK_INT(a->failure.json_plain, b->failure.json_plain);
}

static void it_says_what_its_bytes_say(void)
{
        static const char *const facts[] = {
                "",
                ",\"Size\":7,\"LastModified\":\"2026-01-02T03:04:05.678Z\"",
                ",\"FailedAt\":\"2026-02-03T04:05:06Z\",\"ErrorCode\":\"Slow \\\"Down\\\"\"",
                ",\"FailedAt\":12345,\"LastModified\":0,\"Size\":\"9007199254740993\"",
                ",\"Attempts\":65535,\"Role\":\"\",\"ErrorCode\":\"\"",
                ",\"Attempts\":1e99,\"Role\":\"arn:aws:iam::1:role/\\u00e9\"",
                ",\"RetryId\":\"5f64e1d4-5b0e-4f0e-9d6c-1f4f0a3b7c21\",\"Attempts\":3",
        };
        struct failure_decoder *decoder = failure_decoder_new(SIZE_MAX);

        for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
                struct decoded_record read, known;
                struct log_record record;
                struct outgoing *o;
                struct error err;

                printf("  %s\n", facts[i]);
                start_with(facts[i]);
                record = written();
                o = claim(&record);
                CHECK(o != NULL);
                CHECK_INT(failure_decode(decoder, &record, &read, &err), REJECT_NONE);
                own_record_read(o, &record, &known);
                check_same(&known, &read);
                own_record_let_go(o);
                end();
        }
        failure_decoder_free(decoder);
}

static void one_that_holds_its_entry_is_read_like_any_other(void)
{
        struct log_record record;

        start_with(",\"Entry\":\"{}\"");
        record = written();
        CHECK(claim(&record) == NULL);
        end();
}

static void what_is_claimed_lives_until_it_is_let_go_of(void)
{
        struct log_record record;
        struct outgoing *o;

        start_with(NULL);
        record = written();
        o = claim(&record);
        w.feeding = true;
        world_run(&w); /* read, and so over */
        CHECK_INT(outgoing_state(o), OUTGOING_OVER);
        CHECK(str_eq_c(o->failure.id.key, "k"));
        own_record_let_go(o);
        end();
}

static void far_behind_nothing_more_is_kept(void)
{
        struct log_record record;

        begin_retry(NULL);
        w.member->batcher.kept_bytes = KEPT_BYTES;
        world_retry_submit(&w, &retry);
        CHECK(retry.done && !retry.failed);
        CHECK_INT(w.member->batcher.kept_bytes, KEPT_BYTES);
        w.member->batcher.kept_bytes = 0;
        record = written();
        CHECK(claim(&record) == NULL);
        end();
}

int main(void)
{
        RUN(what_a_retry_wrote_is_its_own_record_once);
        RUN(it_is_not_parsed_when_it_is_read_back);
        RUN(another_at_its_place_is_not);
        RUN(one_byte_of_the_value_makes_it_another);
        RUN(it_says_what_its_bytes_say);
        RUN(one_that_holds_its_entry_is_read_like_any_other);
        RUN(what_is_claimed_lives_until_it_is_let_go_of);
        RUN(far_behind_nothing_more_is_kept);
        return 0;
}
