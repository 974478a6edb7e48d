/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "outgoing_encode.h"

#define RETRY_ID "01010101-0101-0101-0101-010101010101"
#define KEY      "b/k%2F1?versionId=v&sitename=s"
#define ID       "\"Bucket\":\"b\",\"Key\":\"k/1\",\"VersionId\":\"v\",\"StorageClass\":\"s\""
#define FACTS                                                                              \
        "\"Size\":7,\"LastModified\":\"1970-01-01T00:00:01.000Z\","                        \
        "\"FailedAt\":\"1970-01-01T00:00:02.000Z\",\"ErrorCode\":\"Code\",\"Attempts\":3," \
        "\"Role\":\"role\""

static struct arena arena;
static struct buf scratch, text;
static struct publish_record records[OUTGOING_MAX_RECORDS];
static size_t n_records, log_index;

static size_t most_bytes[PUBLISH_TOPICS] = { SIZE_MAX, SIZE_MAX, SIZE_MAX };

static struct encode_context context = {
        .instance = "test-0",
        .max_record_bytes = most_bytes,
        .max_value_bytes = SIZE_MAX,
        .arena = &arena,
        .scratch = &scratch,
};

static struct failure known(enum failure_state state)
{
        struct failure f = {
                .id = { STR("b"), STR("k/1"), STR("v"), STR("s") },
                .state = state,
                .size = 7,
                .last_modified_ms = 1000,
                .failed_at_ms = 2000,
                .attempts = 3,
                .error_code = STR("Code"),
                .role = STR("role"),
                .retried_at_ms = 3000,
                .partition = 5,
                .offset = 40,
                .timestamp_ms = 4000,
                .entry_offset = -1,
        };

        memset(f.retry_id.bytes, 1, sizeof f.retry_id.bytes);
        return f;
}

static struct outgoing *make(enum outgoing_kind kind, enum failure_state state)
{
        struct failure f = known(state);
        struct outgoing *o = outgoing_new(kind, &f, STR_ABSENT);

        o->settles = 40;
        return o;
}

static enum encode_result encode(const struct outgoing *o)
{
        arena_deinit(&arena);
        arena_init(&arena, 1 << 20);
        memset(records, 0, sizeof records);
        return outgoing_encode(o, &context, records, &n_records, &log_index);
}

/* Each record is a line: topic[partition] key value @timestamp, and its headers. */
static const char *render(void)
{
        buf_clear(&text);
        for (size_t i = 0; i < n_records; i++) {
                const struct publish_record *r = &records[i];

                buf_printf(&text, "%s[%d] %.*s ",
                           r->topic == PUBLISH_FAILURES ? "failures" : "replication", r->partition,
                           STR_ARG(r->key));
                if (r->value.base != NULL)
                        buf_append_str(&text, r->value);
                else
                        buf_append_c(&text, "(null)");
                if (r->timestamp_ms != TIME_UNKNOWN)
                        buf_printf(&text, " @%" PRId64, r->timestamp_ms);
                for (size_t h = 0; h < r->n_headers; h++)
                        buf_printf(&text, " %s=%.*s", r->headers[h].name,
                                   STR_ARG(r->headers[h].value));
                buf_append_char(&text, '\n');
        }
        buf_append_char(&text, '\0');
        return text.base;
}

/* RETRIES */

#define PENDING_RECORD                                                         \
        "failures[5] " KEY " {" ID ",\"ReplicationStatus\":\"PENDING\"," FACTS \
        ",\"RetryId\":\"" RETRY_ID "\",\"RetriedBy\":\"test-0\","              \
        "\"RetriedAt\":\"1970-01-01T00:00:03.000Z\"} crr-retry-id=" RETRY_ID "\n"

static void a_native_retry_is_the_failure_for_the_movers_and_a_pending_record(void)
{
        struct outgoing *o = make(OUTGOING_RETRY, FAILURE_PENDING);

        context.payload = RETRY_PAYLOAD_NATIVE;
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(), "replication[-1] b%2Fk%2F1 {" ID "," FACTS
                            ",\"ReplicationStatus\":\"PENDING\",\"RetryId\":\"" RETRY_ID "\"} "
                            "crr-retry-id=" RETRY_ID " crr-retry-attempt=3\n" PENDING_RECORD);
        CHECK_INT(log_index, 1);
        outgoing_free(o);
}

static void a_retry_of_what_is_not_known_invents_nothing(void)
{
        struct failure f = {
                .id = { STR("b"), STR("k!"), STR(""), STR("s") },
                .state = FAILURE_PENDING,
                .size = -1,
                .last_modified_ms = TIME_UNKNOWN,
                .failed_at_ms = TIME_UNKNOWN,
                .attempts = 1,
                .retried_at_ms = 3000,
                .entry_offset = -1,
        };
        struct outgoing *o;

        memset(f.retry_id.bytes, 1, sizeof f.retry_id.bytes);
        o = outgoing_new(OUTGOING_RETRY, &f, STR_ABSENT);
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(),
                  "replication[-1] b%2Fk! {\"Bucket\":\"b\",\"Key\":\"k!\",\"VersionId\":\"\","
                  "\"StorageClass\":\"s\",\"Attempts\":1,\"ReplicationStatus\":\"PENDING\","
                  "\"RetryId\":\"" RETRY_ID "\"} crr-retry-id=" RETRY_ID " crr-retry-attempt=1\n"
                  "failures[0] b/k%21?versionId=&sitename=s {\"Bucket\":\"b\",\"Key\":\"k!\","
                  "\"VersionId\":\"\",\"StorageClass\":\"s\",\"ReplicationStatus\":\"PENDING\","
                  "\"Attempts\":1,\"RetryId\":\"" RETRY_ID "\",\"RetriedBy\":\"test-0\","
                  "\"RetriedAt\":\"1970-01-01T00:00:03.000Z\"} crr-retry-id=" RETRY_ID "\n");
        outgoing_free(o);
}

static void an_entry_goes_out_byte_for_byte_and_is_kept_in_the_log(void)
{
        struct outgoing *o = make(OUTGOING_RETRY, FAILURE_PENDING);

        context.payload = RETRY_PAYLOAD_ENTRY;
        CHECK_INT(encode(o), ENCODE_NO_ENTRY);
        outgoing_keep_entry(o, STR("{ \"x\" :\n1}"));
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK(str_eq_c(records[0].value, "{ \"x\" :\n1}"));
        CHECK(strstr(render(), "\"Entry\":\"{ \\\"x\\\" :\\n1}\"} crr-retry-id=") != NULL);
        outgoing_keep_entry(o, STR(""));
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK(records[0].value.base != NULL && records[0].value.len == 0);
        context.payload = RETRY_PAYLOAD_NATIVE;
        outgoing_free(o);
}

static void the_clients_traceparent_goes_to_the_movers_only(void)
{
        struct failure f = known(FAILURE_PENDING);
        struct outgoing *o = outgoing_new(OUTGOING_RETRY, &f, STR("00-abc-def-01"));

        CHECK_INT(encode(o), ENCODE_OK);
        CHECK(strstr(render(), " crr-retry-attempt=3 traceparent=00-abc-def-01\nfailures") != NULL);
        CHECK(strstr(render(), RETRY_ID "\n") != NULL);
        outgoing_free(o);
}

/* SETTLEMENTS */

#define FAILED_VALUE \
        "{" ID ",\"ReplicationStatus\":\"FAILED\"," FACTS ",\"RetryId\":\"" RETRY_ID "\""

#define ID_AND_TIME "crr-retry-id=" RETRY_ID " crr-timestamp=4000\n"

/* Rows: the kind, whether it is a tombstone, and the one record that comes of it. */
static void a_settlement_names_what_it_settles(void)
{
        static const struct {
                enum outgoing_kind kind;
                bool tombstone;
                const char *want;
        } table[] = {
                { OUTGOING_MERGE, false,
                  "failures[5] " KEY " " FAILED_VALUE "} @4000 crr-settles=40 " ID_AND_TIME },
                { OUTGOING_RELIST, false,
                  "failures[5] " KEY " " FAILED_VALUE "} @4000 crr-settles=40 " ID_AND_TIME },
                { OUTGOING_CLOSE, true,
                  "failures[5] " KEY
                  " (null) @4000 crr-settles=40 crr-outcome=expired " ID_AND_TIME },
                { OUTGOING_COMPLETE, true,
                  "failures[5] " KEY
                  " (null) @4000 crr-settles=40 crr-outcome=completed " ID_AND_TIME },
                { OUTGOING_REWRITE, false,
                  "failures[5] " KEY " " FAILED_VALUE "} @4000 crr-settles=40 " ID_AND_TIME },
                { OUTGOING_REWRITE, true,
                  "failures[5] " KEY
                  " (null) @4000 crr-settles=40 crr-outcome=completed " ID_AND_TIME },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct outgoing *o = make(table[i].kind, FAILURE_FAILED);

                o->tombstone = table[i].tombstone;
                CHECK_INT(encode(o), ENCODE_OK);
                CHECK_STR(render(), table[i].want);
                CHECK_INT(log_index, 0);
                outgoing_free(o);
        }
}

static void a_settlement_keeps_the_entry_and_leaves_out_a_retry_that_never_was(void)
{
        struct outgoing *o = make(OUTGOING_MERGE, FAILURE_FAILED);

        outgoing_keep_entry(o, STR("e"));
        memset(&o->failure.retry_id, 0, sizeof o->failure.retry_id);
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(), "failures[5] " KEY " {" ID ",\"ReplicationStatus\":\"FAILED\"," FACTS
                            ",\"Entry\":\"e\"} @4000 crr-settles=40 crr-timestamp=4000\n");
        outgoing_free(o);
}

static void a_pending_record_is_written_again_as_pending(void)
{
        struct outgoing *o = make(OUTGOING_REWRITE, FAILURE_PENDING);

        CHECK_INT(encode(o), ENCODE_OK);
        CHECK(strstr(render(), "\"ReplicationStatus\":\"PENDING\"") != NULL);
        CHECK(strstr(render(), "\"RetriedAt\":\"1970-01-01T00:00:03.000Z\"} @4000 ") != NULL);
        outgoing_free(o);
}

/* A record that Kafka did not take may have been too old for the topic. */
static void the_own_time_is_in_a_header_too_and_there_alone_after_an_abort(void)
{
        struct outgoing *o = make(OUTGOING_MERGE, FAILURE_FAILED);

        o->attempts = 1;
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK(strchr(render(), '@') == NULL);
        CHECK(strstr(render(), "crr-timestamp=4000\n") != NULL);
        o->failure.timestamp_ms = TIME_UNKNOWN;
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK(strstr(render(), "crr-timestamp") == NULL);
        outgoing_free(o);
}

static struct outgoing *make_move(void)
{
        struct outgoing *o = make(OUTGOING_MOVE, FAILURE_FAILED);

        memset(&o->failure.retry_id, 0, sizeof o->failure.retry_id);
        o->settles_partition = 2;
        o->spelling = 1;
        outgoing_keep_record(o, STR("b/%6b%2F1?versionId=v&sitename=s"), STR("{as it was}"));
        return o;
}

#define AWAY "b/%6b%2F1?versionId=v&sitename=s (null) crr-settles=40 crr-outcome=moved\n"

static void a_moved_record_leaves_a_tombstone_where_it_was(void)
{
        struct outgoing *o = make_move();

        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(), "failures[5] " KEY " {as it was} @4000 crr-settles=40 "
                            "crr-outcome=moved crr-timestamp=4000\nfailures[2] " AWAY);
        CHECK_INT(log_index, 1); /* the tombstone is watched: it stands in our partition */
        o->settles_partition = 5;
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(), "failures[5] " KEY " {as it was} @4000 crr-settles=40 "
                            "crr-timestamp=4000\nfailures[5] " AWAY);
        outgoing_free(o);
}

static void a_record_that_is_merged_as_it_moves_is_written_anew(void)
{
        struct outgoing *o = make_move();

        o->from_facts = true;
        outgoing_keep_entry(o, STR("e"));
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(), "failures[5] " KEY " {" ID ",\"ReplicationStatus\":\"FAILED\"," FACTS
                            ",\"Entry\":\"e\"} @4000 crr-settles=40 crr-outcome=moved "
                            "crr-timestamp=4000\nfailures[2] " AWAY);
        outgoing_free(o);
}

static void a_completion_is_moved_as_a_value(void)
{
        struct outgoing *o = make_move();

        o->completes = true;
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(),
                  "failures[5] " KEY " {" ID ",\"ReplicationStatus\":\"COMPLETED\"} @4000 "
                  "crr-settles=40 crr-outcome=moved crr-timestamp=4000\n"
                  "failures[2] " AWAY);
        outgoing_free(o);
}

static void what_does_not_count_any_more_is_only_taken_away(void)
{
        struct outgoing *o = make_move();

        o->cleans = true;
        CHECK_INT(encode(o), ENCODE_OK);
        CHECK_STR(render(), "failures[2] " AWAY);
        CHECK_INT(log_index, 0);
        outgoing_free(o);
}

/* SIZES */

/* Of those for a topic; 0: there is none. */
static size_t largest_record(enum publish_topic topic)
{
        size_t largest = 0;

        for (size_t i = 0; i < n_records; i++) {
                size_t n = records[i].key.len + records[i].value.len;

                if (records[i].topic != topic)
                        continue;
                for (size_t h = 0; h < records[i].n_headers; h++)
                        n += strlen(records[i].headers[h].name) + records[i].headers[h].value.len;
                largest = n > largest ? n : largest;
        }
        return largest;
}

/* What a topic takes bounds its own records, and no other's. */
static void is_bounded_by(const struct outgoing *o, enum publish_topic topic)
{
        size_t limit = largest_record(topic);

        for (size_t less = 1; less <= limit; less += 7) {
                most_bytes[topic] = limit - less;
                CHECK_INT(encode(o), ENCODE_TOO_LARGE);
        }
        most_bytes[topic] = limit == 0 ? 0 : limit + (size_t)32 * PUBLISH_MAX_HEADERS;
        CHECK_INT(encode(o), ENCODE_OK);
        most_bytes[topic] = SIZE_MAX;
}

static void a_record_over_the_size_of_its_topic_s_messages_is_refused(void)
{
        context.payload = RETRY_PAYLOAD_ENTRY;
        for (int kind = 0; kind < OUTGOING_KINDS; kind++) {
                struct outgoing *o = make((enum outgoing_kind)kind, FAILURE_FAILED);

                if (kind == OUTGOING_RETRY)
                        outgoing_keep_entry(o, STR("entry"));
                else
                        outgoing_keep_record(o, STR("some key"), STR("{\"some\":\"value\"}"));
                o->tombstone = kind == OUTGOING_CLOSE || kind == OUTGOING_COMPLETE;
                CHECK_INT(encode(o), ENCODE_OK);
                CHECK(largest_record(PUBLISH_FAILURES) > 0);
                for (int topic = 0; topic < PUBLISH_TOPICS; topic++)
                        is_bounded_by(o, (enum publish_topic)topic);
                outgoing_free(o);
        }
        context.payload = RETRY_PAYLOAD_NATIVE;
}

/* It is twice what the batch's memory holds. */
static void an_entry_that_no_record_holds_is_refused_before_it_is_written(void)
{
        static char entry[2 << 20];
        struct outgoing *o = make(OUTGOING_RETRY, FAILURE_PENDING);

        memset(entry, 'e', sizeof entry);
        outgoing_keep_entry(o, (struct str){ entry, sizeof entry });
        most_bytes[PUBLISH_FAILURES] = sizeof entry - 1;
        CHECK_INT(encode(o), ENCODE_TOO_LARGE);
        CHECK_INT(arena.used, 0);
        most_bytes[PUBLISH_FAILURES] = SIZE_MAX;
        outgoing_free(o);
}

/* What a queue is measured by. */
static void the_estimate_is_as_large_as_the_records_by_a_factor_of_two(void)
{
        struct outgoing *o = make(OUTGOING_RETRY, FAILURE_PENDING);
        size_t n = 0;

        outgoing_keep_entry(o, STR("0123456789012345678901234567890123456789"));
        CHECK_INT(encode(o), ENCODE_OK);
        for (size_t i = 0; i < n_records; i++)
                n += records[i].key.len + records[i].value.len;
        CHECK(2 * outgoing_bytes(o) > n && outgoing_bytes(o) < 2 * n);
        outgoing_free(o);
}

int main(void)
{
        buf_init(&scratch, SIZE_MAX);
        buf_init(&text, SIZE_MAX);
        RUN(a_native_retry_is_the_failure_for_the_movers_and_a_pending_record);
        RUN(a_retry_of_what_is_not_known_invents_nothing);
        RUN(an_entry_goes_out_byte_for_byte_and_is_kept_in_the_log);
        RUN(the_clients_traceparent_goes_to_the_movers_only);
        RUN(a_settlement_names_what_it_settles);
        RUN(a_settlement_keeps_the_entry_and_leaves_out_a_retry_that_never_was);
        RUN(a_pending_record_is_written_again_as_pending);
        RUN(the_own_time_is_in_a_header_too_and_there_alone_after_an_abort);
        RUN(a_moved_record_leaves_a_tombstone_where_it_was);
        RUN(a_record_that_is_merged_as_it_moves_is_written_anew);
        RUN(a_completion_is_moved_as_a_value);
        RUN(what_does_not_count_any_more_is_only_taken_away);
        RUN(a_record_over_the_size_of_its_topic_s_messages_is_refused);
        RUN(an_entry_that_no_record_holds_is_refused_before_it_is_written);
        RUN(the_estimate_is_as_large_as_the_records_by_a_factor_of_two);
        buf_deinit(&scratch);
        buf_deinit(&text);
        arena_deinit(&arena);
        return 0;
}
