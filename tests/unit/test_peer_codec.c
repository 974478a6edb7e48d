/* SPDX-License-Identifier: Apache-2.0 */
/* What members ask and answer: written by one side, read by the other. */
#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/peer_answer.h"
#include "crr/core/peer_auth.h"
#include "crr/core/peer_query.h"

struct ends {
        struct arena arena;
        struct json_reader *json;
        struct buf text;
        struct peer_query query;
        struct error err;
};

static void ends_init(struct ends *e)
{
        memset(e, 0, sizeof *e);
        arena_init(&e->arena, 1 << 20);
        buf_init(&e->text, 1 << 20);
        e->json = json_reader_new(LIMIT_JSON_DEPTH);
}

static void ends_deinit(struct ends *e)
{
        arena_deinit(&e->arena);
        buf_deinit(&e->text);
        json_reader_free(e->json);
}

static int read_query(struct ends *e, struct str text, enum peer_question question)
{
        peer_query_begin(&e->query, &e->arena, 3);
        if (json_read(e->json, text, &peer_query_events, &e->query, &e->err) != 0)
                return e->err.code;
        return peer_query_check(&e->query, question, &e->err);
}

static void check_same_str(struct str a, struct str b)
{
        CHECK(str_eq(a, b));
        CHECK_INT(a.base == NULL, b.base == NULL);
}

static void a_page_is_asked_for(void)
{
        struct peer_call call = { .question = PEER_PAGE,
                                  .n_partitions = 6,
                                  .marker = LIMIT_MARKER,
                                  .max_rows = 1001,
                                  .site = STR("s \"1\"") };
        struct ends e;

        ends_init(&e);
        partition_set_add(&call.partitions, 0);
        partition_set_add(&call.partitions, 1023);
        peer_query_write(&call, &e.text);
        CHECK_INT(read_query(&e, buf_str(&e.text), PEER_PAGE), 0);
        CHECK_INT(e.query.n_partitions, 6);
        CHECK_INT(partition_set_count(&e.query.partitions), 2);
        CHECK(partition_set_has(&e.query.partitions, 1023));
        CHECK(e.query.marker == LIMIT_MARKER);
        CHECK_INT(e.query.max_rows, 1001);
        check_same_str(e.query.site, call.site);
        ends_deinit(&e);
}

static void an_object_is_asked_for(void)
{
        struct peer_call call = { .question = PEER_FIND,
                                  .n_partitions = 1,
                                  .bucket = STR("b"),
                                  .key = STR("k/\n"),
                                  .version_id = STR("") };
        struct ends e;

        ends_init(&e);
        partition_set_add(&call.partitions, 0);
        peer_query_write(&call, &e.text);
        CHECK_INT(read_query(&e, buf_str(&e.text), PEER_FIND), 0);
        check_same_str(e.query.bucket, call.bucket);
        check_same_str(e.query.key, call.key);
        check_same_str(e.query.version_id, call.version_id);
        check_same_str(e.query.site, STR_ABSENT);
        call.site = STR("s");
        buf_clear(&e.text);
        peer_query_write(&call, &e.text);
        CHECK_INT(read_query(&e, buf_str(&e.text), PEER_FIND), 0);
        check_same_str(e.query.site, STR("s"));
        ends_deinit(&e);
}

static void a_retry_is_asked_for(void)
{
        struct retry_entry first = { .id = { STR("b"), STR("k"), STR(""), STR("s") } };
        struct retry_entry second = { .id = { STR("b"), STR("\xc3\xa9"), STR("v"), STR("s") },
                                      .force = true };
        struct retry_entry *entries[] = { &first, &second };
        struct retry_request retry = { .retry_id = { { 1, 2, 3 } },
                                       .has_idempotency_key = true,
                                       .traceparent = STR("00-1") };
        struct peer_call call = { .question = PEER_RETRY,
                                  .n_partitions = 8,
                                  .retry = &retry,
                                  .entries = entries,
                                  .n_entries = 2,
                                  .timeout_ms = 1500,
                                  .again = true };
        struct ends e;

        ends_init(&e);
        peer_query_write(&call, &e.text);
        CHECK_INT(read_query(&e, buf_str(&e.text), PEER_RETRY), 0);
        CHECK(uuid_eq(&e.query.retry_id, &retry.retry_id));
        CHECK(e.query.has_idempotency_key && e.query.again);
        check_same_str(e.query.traceparent, retry.traceparent);
        CHECK_INT(e.query.timeout_ms, 1300);
        CHECK_INT(e.query.n_entries, 2);
        CHECK(identity_eq(&e.query.entries[0].id, &first.id) && !e.query.entries[0].force);
        CHECK(identity_eq(&e.query.entries[1].id, &second.id) && e.query.entries[1].force);
        ends_deinit(&e);
}

static void a_question_that_is_wrong_is_refused(void)
{
        static const struct {
                enum peer_question question;
                const char *text;
        } rows[] = {
                { PEER_PAGE, "[]" },
                { PEER_PAGE, "{\"maxRows\":1}" },
                { PEER_PAGE, "{\"of\":0,\"maxRows\":1}" },
                { PEER_PAGE, "{\"of\":1025,\"maxRows\":1}" },
                { PEER_PAGE, "{\"of\":1}" },
                { PEER_PAGE, "{\"of\":1,\"maxRows\":1002}" },
                { PEER_PAGE, "{\"of\":1,\"maxRows\":1,\"partitions\":[1024]}" },
                { PEER_PAGE, "{\"of\":1,\"maxRows\":1,\"partitions\":[-1]}" },
                { PEER_PAGE, "{\"of\":1,\"maxRows\":1,\"partitions\":[\"0\"]}" },
                { PEER_PAGE, "{\"of\":1,\"maxRows\":1,\"marker\":9007199254740992}" },
                { PEER_FIND, "{\"of\":1,\"bucket\":\"b\",\"key\":\"k\"}" },
                { PEER_FIND, "{\"of\":1,\"bucket\":\"\",\"key\":\"k\",\"versionId\":\"\"}" },
                { PEER_RETRY, "{\"of\":1,\"retryId\":\"x\"}" },
                { PEER_RETRY, "{\"of\":1,\"entries\":[1]}" },
                { PEER_RETRY, "{\"of\":1,\"entries\":[{\"Bucket\":\"b\"}]}" },
        };
        struct ends e;

        ends_init(&e);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                CHECK(read_query(&e, str_from(rows[i].text), rows[i].question) != 0);
        ends_deinit(&e);
}

static void too_many_entries_are_refused_as_such(void)
{
        static const char entry[] =
                "{\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"\",\"StorageClass\":\"s\"}";
        struct ends e;

        ends_init(&e);
        buf_printf(&e.text, "{\"of\":1,\"entries\":[%s,%s,%s,%s]}", entry, entry, entry, entry);
        CHECK_INT(read_query(&e, buf_str(&e.text), PEER_RETRY), ERR_TOO_LARGE);
        ends_deinit(&e);
}

static void what_a_later_version_adds_is_passed_over(void)
{
        struct ends e;

        ends_init(&e);
        CHECK_INT(read_query(&e,
                             STR("{\"of\":1,\"new\":[1,{\"a\":[2]}],\"maxRows\":5,\"also\":{}}"),
                             PEER_PAGE),
                  0);
        CHECK_INT(partition_set_count(&e.query.partitions), 0);
        ends_deinit(&e);
}

/* ANSWERS */

static struct failure sample(int partition, int64_t offset)
{
        return (struct failure){
                .id = { STR("b"), STR("k\"\\"), STR(""), STR("s") },
                .size = -1,
                .last_modified_ms = 5,
                .failed_at_ms = TIME_UNKNOWN,
                .attempts = -1,
                .error_code = STR("E"),
                .partition = partition,
                .offset = offset,
        };
}

static void rows_come_as_they_were(void)
{
        struct failure a = sample(0, 0), b = sample(1023, LIMIT_OFFSET - 1);
        struct partition_set missing = { { 0 } };
        struct peer_call call = { .question = PEER_PAGE };
        struct buf rows;
        struct ends e;

        ends_init(&e);
        call.arena = &e.arena;
        b.size = INT64_MAX;
        b.role = STR("r");
        b.superseded = true;
        b.attempts = 65535;
        buf_init(&rows, 1 << 20);
        peer_answer_write_row(&rows, &a);
        peer_answer_write_row(&rows, &b);
        partition_set_add(&missing, 7);
        peer_answer_write_page(&e.text, buf_str(&rows), 42, &missing);
        CHECK_INT(peer_answer_read(e.json, buf_str(&e.text), &call, &e.err), 0);
        CHECK_INT(call.n_rows, 2);
        CHECK(call.known_below == 42 && partition_set_has(&call.missing, 7));
        CHECK(identity_eq(&call.rows[0].id, &a.id));
        CHECK_INT(call.rows[0].size, -1);
        CHECK_INT(call.rows[0].attempts, -1);
        CHECK(call.rows[0].failed_at_ms == TIME_UNKNOWN && call.rows[0].last_modified_ms == 5);
        check_same_str(call.rows[0].role, STR_ABSENT);
        check_same_str(call.rows[0].error_code, STR("E"));
        CHECK(call.rows[1].size == INT64_MAX && call.rows[1].attempts == 65535);
        CHECK_INT(call.rows[1].partition, 1023);
        CHECK(call.rows[1].offset == LIMIT_OFFSET - 1);
        check_same_str(call.rows[1].role, STR("r"));
        CHECK(!call.rows[0].superseded && call.rows[1].superseded);
        buf_deinit(&rows);
        ends_deinit(&e);
}

static void an_answer_without_an_end_knows_all(void)
{
        struct partition_set missing = { { 0 } };
        struct peer_call call = { .question = PEER_PAGE };
        struct ends e;

        ends_init(&e);
        call.arena = &e.arena;
        peer_answer_write_page(&e.text, STR(""), UINT64_MAX, &missing);
        CHECK_INT(peer_answer_read(e.json, buf_str(&e.text), &call, &e.err), 0);
        CHECK(call.known_below == UINT64_MAX && call.n_rows == 0);
        ends_deinit(&e);
}

static void every_entry_gets_its_result(void)
{
        struct failure published = sample(-1, -1);
        struct retry_entry theirs[5] = {
                { .result = RETRY_SKIPPED },
                { .result = RETRY_PUBLISHED, .failure = &published },
                { .result = RETRY_FAILED },
                { .result = RETRY_UNKNOWN },
                { .result = RETRY_PUBLISHED, .failure = &published },
        };
        struct retry_entry ours[5] = { { .id = { STR("a"), STR("a"), STR("a"), STR("a") } } };
        struct retry_entry *entries[5];
        struct peer_call call = { .question = PEER_RETRY, .entries = entries, .n_entries = 5 };
        struct error why;
        struct ends e;

        ends_init(&e);
        call.arena = &e.arena;
        published.attempts = 3;
        error_set(&why, ERR_UNAVAILABLE, "Kafka said no");
        for (int i = 0; i < 5; i++)
                entries[i] = &ours[i];
        peer_answer_write_results(&e.text, theirs, 5, &why);
        CHECK_INT(peer_answer_read(e.json, buf_str(&e.text), &call, &e.err), 0);
        for (int i = 0; i < 5; i++)
                CHECK_INT(ours[i].result, theirs[i].result);
        CHECK_INT(ours[1].failure->attempts, 3);
        CHECK(identity_eq(&ours[4].failure->id, &ours[4].id));
        CHECK_INT(ours[4].failure->state, FAILURE_PENDING);
        CHECK_STR(call.err.message, "Kafka said no");
        ends_deinit(&e);
}

static void an_answer_that_is_not_understood_is_refused(void)
{
        static const char *const rows[] = {
                "",
                "[]",
                "{\"rows\":[1]}",
                "{\"rows\":[{\"Bucket\":\"b\"}]}",
                "{\"missing\":[1024]}",
                "{\"failed\":[5]}",
                "{\"unknown\":[-1]}",
                "{\"published\":[{\"Index\":5}]}",
                "{\"published\":[{}]}",
                "{\"knownBelow\":-1}",
        };
        struct retry_entry entry = { .result = RETRY_WAITING };
        struct retry_entry *entries[] = { &entry };
        struct ends e;

        ends_init(&e);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct peer_call call = { .entries = entries, .n_entries = 1, .arena = &e.arena };

                CHECK_INT(peer_answer_read(e.json, str_from(rows[i]), &call, &e.err),
                          ERR_UNAVAILABLE);
        }
        ends_deinit(&e);
}

/* PROOF */

static void a_signed_question_is_believed_while_it_is_fresh(void)
{
        struct str secret = STR("s"), path = STR(PEER_PATH "page"), body = STR("{}");
        char text[PEER_AUTH_SIZE];
        struct error err;

        peer_auth_write(secret, path, body, 1000000, text);
        CHECK_INT(peer_auth_check(secret, path, body, str_from(text), 1000000, &err), 0);
        CHECK_INT(peer_auth_check(secret, path, body, str_from(text), 1000000 + 30000, &err), 0);
        CHECK_INT(peer_auth_check(secret, path, body, str_from(text), 1000000 + 30001, &err),
                  ERR_ACCESS_DENIED);
        CHECK_INT(peer_auth_check(secret, path, body, str_from(text), 1000000 - 30001, &err),
                  ERR_ACCESS_DENIED);
}

static void a_question_that_was_changed_is_not_believed(void)
{
        struct str secret = STR("s"), path = STR(PEER_PATH "page"), body = STR("{}");
        char text[PEER_AUTH_SIZE];
        struct error err;

        peer_auth_write(secret, path, body, 5, text);
        CHECK(peer_auth_check(STR("t"), path, body, str_from(text), 5, &err) != 0);
        CHECK(peer_auth_check(secret, STR(PEER_PATH "find"), body, str_from(text), 5, &err) != 0);
        CHECK(peer_auth_check(secret, path, STR("{ }"), str_from(text), 5, &err) != 0);
        text[0] = '6';
        CHECK(peer_auth_check(secret, path, body, str_from(text), 5, &err) != 0);
        CHECK(peer_auth_check(secret, path, body, STR_ABSENT, 5, &err) != 0);
        CHECK(peer_auth_check(secret, path, body, STR("nonsense"), 5, &err) != 0);
}

int main(void)
{
        RUN(a_page_is_asked_for);
        RUN(an_object_is_asked_for);
        RUN(a_retry_is_asked_for);
        RUN(a_question_that_is_wrong_is_refused);
        RUN(too_many_entries_are_refused_as_such);
        RUN(what_a_later_version_adds_is_passed_over);
        RUN(rows_come_as_they_were);
        RUN(an_answer_without_an_end_knows_all);
        RUN(every_entry_gets_its_result);
        RUN(an_answer_that_is_not_understood_is_refused);
        RUN(a_signed_question_is_believed_while_it_is_fresh);
        RUN(a_question_that_was_changed_is_not_believed);
        return 0;
}
