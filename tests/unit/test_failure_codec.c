/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/failure_codec.h"

#define KEY   "b/k?versionId=v&sitename=s"
#define ID    "\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\""
#define STAMP INT64_C(1790000000123)

static struct failure_decoder *decoder;
static struct decoded_record got;
static struct error err;

static enum reject_cause decode(const char *key, const char *value)
{
        struct log_record record = {
                .partition = 3,
                .offset = 42,
                .timestamp_ms = STAMP,
                .key = str_from(key),
                .value = str_from(value),
                .settles = -1,
        };

        return failure_decode(decoder, &record, &got, &err);
}

static void a_whole_record_is_taken_whole(void)
{
        CHECK_INT(
                decode(KEY,
                       "{" ID ",\"ReplicationStatus\":\"PENDING\",\"Size\":7,"
                       "\"LastModified\":\"2018-03-30T22:22:34.384Z\",\"FailedAt\":1522448554385,"
                       "\"ErrorCode\":\"AccessDenied\",\"ErrorMessage\":\"no\",\"Attempts\":3,"
                       "\"Role\":\"r\",\"Entry\":\"{}\",\"RetryId\":\"8e9db50b-7b3a-4f4e-8f0e-5b6f1a1d9c11\","
                       "\"RetriedBy\":\"x\",\"RetriedAt\":1522448554386,\"Unknown\":{\"deep\":[1,{}]}}"),
                REJECT_NONE);
        CHECK_INT(got.outcome, RECORD_PENDING);
        CHECK_INT(got.failure.state, FAILURE_PENDING);
        CHECK_INT(got.failure.size, 7);
        CHECK_INT(got.failure.last_modified_ms, 1522448554384);
        CHECK_INT(got.failure.failed_at_ms, 1522448554385);
        CHECK_INT(got.failure.retried_at_ms, 1522448554386);
        CHECK_INT(got.failure.attempts, 3);
        CHECK(str_eq_c(got.failure.error_code, "AccessDenied"));
        CHECK(str_eq_c(got.failure.role, "r"));
        CHECK(str_eq_c(got.entry, "{}"));
        CHECK(!uuid_is_nil(&got.failure.retry_id));
        CHECK_INT(got.failure.partition, 3);
        CHECK_INT(got.failure.offset, 42);
        CHECK_INT(got.failure.entry_offset, 42);
        CHECK_INT(got.ignored_fields, 0);
        CHECK(got.canonical_key);
}

static void what_is_absent_has_its_default(void)
{
        CHECK_INT(decode("b/k?versionId=&sitename=s",
                         "{\"Bucket\":\"b\",\"Key\":\"k\",\"StorageClass\":\"s\"}"),
                  REJECT_NONE);
        CHECK_INT(got.outcome, RECORD_FAILED);
        CHECK_INT(got.failure.id.version_id.len, 0);
        CHECK_INT(got.failure.size, -1);
        CHECK_INT(got.failure.attempts, -1);
        CHECK_INT(got.failure.failed_at_ms, STAMP);
        CHECK(got.failure.last_modified_ms == TIME_UNKNOWN);
        CHECK(got.failure.error_code.base == NULL && got.failure.role.base == NULL);
        CHECK_INT(got.failure.entry_offset, -1);
}

static void tombstones_and_completed_values_have_an_identity_only(void)
{
        CHECK_INT(decode(KEY, NULL), REJECT_NONE);
        CHECK_INT(got.outcome, RECORD_TOMBSTONE);
        CHECK(str_eq_c(got.failure.id.key, "k"));
        CHECK_INT(decode(KEY, "{" ID ",\"ReplicationStatus\":\"COMPLETED\"}"), REJECT_NONE);
        CHECK_INT(got.outcome, RECORD_COMPLETED);
}

static void a_bad_record_is_rejected_with_its_cause(void)
{
        static const struct {
                const char *key, *value;
                enum reject_cause want;
        } table[] = {
                { NULL, "{" ID "}", REJECT_BAD_KEY },
                { "nonsense", "{" ID "}", REJECT_BAD_KEY },
                { KEY, "", REJECT_NOT_JSON },
                { KEY, "{", REJECT_NOT_JSON },
                { KEY, "{" ID "} x", REJECT_NOT_JSON },
                { KEY, "{" ID "}{}", REJECT_NOT_JSON },
                { KEY, "[]", REJECT_NOT_JSON },
                { KEY, "1", REJECT_NOT_JSON },
                { KEY, "null", REJECT_NOT_JSON },
                { KEY, "\xef\xbb\xbf{" ID "}", REJECT_NOT_JSON },
                { KEY, "{" ID ",\"x\":\"\xff\"}", REJECT_BAD_UTF8 },
                { KEY, "{" ID ",\"x\":\"\xc0\x80\"}", REJECT_BAD_UTF8 },
                { KEY, "{" ID ",\"x\":\"\xed\xa0\x80\"}", REJECT_BAD_UTF8 },
                { KEY, "{" ID ",\"x\":\"\\ud800\"}", REJECT_BAD_UTF8 },
                { KEY, "{" ID ",\"Bucket\":\"b\"}", REJECT_DUPLICATE_KEY },
                { KEY, "{" ID ",\"x\":1,\"x\":2}", REJECT_DUPLICATE_KEY },
                { KEY, "{" ID ",\"x\":{\"y\":1,\"y\":2}}", REJECT_DUPLICATE_KEY },
                { KEY, "{\"Bucket\":\"b\",\"Key\":\"k\"}", REJECT_MISSING_FIELD },
                { KEY, "{}", REJECT_MISSING_FIELD },
                { KEY, "{\"Bucket\":1,\"Key\":\"k\",\"StorageClass\":\"s\"}", REJECT_BAD_FIELD },
                { KEY, "{\"Bucket\":\"\",\"Key\":\"k\",\"StorageClass\":\"s\"}", REJECT_BAD_FIELD },
                { KEY, "{" ID ",\"ReplicationStatus\":\"failed\"}", REJECT_BAD_FIELD },
                { KEY, "{" ID ",\"ReplicationStatus\":1}", REJECT_BAD_FIELD },
                { "b/other?versionId=v&sitename=s", "{" ID "}", REJECT_KEY_MISMATCH },
                { "b/k?versionId=&sitename=s", "{" ID "}", REJECT_KEY_MISMATCH },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                enum reject_cause cause = decode(table[i].key, table[i].value);

                if (cause != table[i].want)
                        check_fail(__FILE__, (int)i, reject_cause_name(cause), table[i].value);
                CHECK(err.message[0] != '\0');
                CHECK_INT(decode(KEY, "{" ID "}"), REJECT_NONE); /* the next one is not harmed */
        }
}

static void a_value_above_the_limit_is_too_large(void)
{
        struct failure_decoder *small = failure_decoder_new(40);
        struct log_record record = { .key = STR(KEY), .value = STR("{" ID "}"), .settles = -1 };

        CHECK_INT(failure_decode(small, &record, &got, &err), REJECT_TOO_LARGE);
        failure_decoder_free(small);
}

static void a_bad_optional_field_is_left_out_and_counted(void)
{
        static const char *const fields[] = {
                "\"Size\":-1",
                "\"Size\":1.5",
                "\"Size\":\"-1\"",
                "\"Size\":\"9223372036854775808\"",
                "\"Size\":{\"a\":[1]}",
                "\"LastModified\":\"yesterday\"",
                "\"LastModified\":-1",
                "\"LastModified\":\"1969-12-31T23:59:59Z\"",
                "\"LastModified\":true",
                "\"FailedAt\":\"2018-02-30T00:00:00Z\"",
                "\"Attempts\":1.5",
                "\"Attempts\":-1",
                "\"Attempts\":\"3\"",
                "\"ErrorCode\":5",
                "\"Role\":[]",
                "\"Entry\":{}",
                "\"RetryId\":\"not a uuid\"",
                "\"RetriedAt\":\"x\"",
                "\"Superseded\":\"true\"",
                "\"Superseded\":1",
        };

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                char value[300], name[32];
                unsigned bit = 0;

                snprintf(value, sizeof value, "{" ID ",%s}", fields[i]);
                if (decode(KEY, value) != REJECT_NONE)
                        check_fail(__FILE__, __LINE__, fields[i], err.message);
                snprintf(name, sizeof name, "%.*s", (int)strcspn(fields[i] + 1, "\""),
                         fields[i] + 1);
                while (failure_field_name(bit) != NULL &&
                       strcmp(failure_field_name(bit), name) != 0)
                        bit++;
                CHECK_INT(got.ignored_fields, UINT64_C(1) << bit);
                CHECK(got.failure.size == -1 && got.failure.attempts == -1);
                CHECK(got.failure.last_modified_ms == TIME_UNKNOWN);
        }
}

static void null_is_absent(void)
{
        CHECK_INT(
                decode(KEY,
                       "{" ID
                       ",\"Size\":null,\"Role\":null,\"Entry\":null,\"Attempts\":null,\"FailedAt\":null}"),
                REJECT_NONE);
        CHECK_INT(got.ignored_fields, 0);
        CHECK_INT(got.failure.failed_at_ms, STAMP);
        CHECK(got.entry.base == NULL);
}

static void numbers_and_texts_have_their_bounds(void)
{
        static char value[10000];
        size_t at;

        CHECK_INT(decode(KEY, "{" ID ",\"Size\":\"9223372036854775807\",\"Attempts\":70000}"),
                  REJECT_NONE);
        CHECK_INT(got.failure.size, INT64_MAX);
        CHECK_INT(got.failure.attempts, LIMIT_ATTEMPTS);
        CHECK_INT(decode(KEY, "{" ID ",\"Attempts\":99999999999999999999}"), REJECT_NONE);
        CHECK_INT(got.failure.attempts, LIMIT_ATTEMPTS);
        at = (size_t)snprintf(value, sizeof value, "{" ID ",\"ErrorCode\":\"");
        memset(value + at, 'e', LIMIT_ERROR_CODE_BYTES - 1);
        snprintf(value + at + LIMIT_ERROR_CODE_BYTES - 1, 100, "\xc3\xa9tail\"}");
        CHECK_INT(decode(KEY, value), REJECT_NONE);
        CHECK_INT(got.failure.error_code.len,
                  LIMIT_ERROR_CODE_BYTES - 1); /* no half of a character */
        CHECK_INT(got.ignored_fields, 0);
}

static void what_is_written_reads_back(void)
{
        struct failure f = {
                .id = { STR("b"), STR("k"), STR("v"), STR("s") },
                .state = FAILURE_PENDING,
                .size = 12,
                .last_modified_ms = 1522448554384,
                .failed_at_ms = 1522448554385,
                .retried_at_ms = 1522448554386,
                .attempts = 4,
                .error_code = STR("Slow\"Down\n"),
                .role = STR("arn:aws:iam::1:role/r"),
        };
        struct buf value;

        f.retry_id.bytes[3] = 9;
        buf_init(&value, 1 << 20);
        failure_encode(&f, STR("me"), STR("entry \\ \"text\""), &value);
        buf_append_char(&value, '\0');
        CHECK_INT(decode(KEY, value.base), REJECT_NONE);
        CHECK_INT(got.outcome, RECORD_PENDING);
        CHECK_INT(got.failure.size, f.size);
        CHECK_INT(got.failure.last_modified_ms, f.last_modified_ms);
        CHECK_INT(got.failure.failed_at_ms, f.failed_at_ms);
        CHECK_INT(got.failure.retried_at_ms, f.retried_at_ms);
        CHECK_INT(got.failure.attempts, f.attempts);
        CHECK(str_eq(got.failure.error_code, f.error_code));
        CHECK(str_eq(got.failure.role, f.role));
        CHECK(uuid_eq(&got.failure.retry_id, &f.retry_id));
        CHECK(str_eq_c(got.entry, "entry \\ \"text\""));
        buf_clear(&value);
        retry_entry_encode_native(&f, &value);
        buf_append_char(&value, '\0');
        CHECK(strstr(value.base,
                     "\"Attempts\":4,\"Role\":\"arn:aws:iam::1:role/r\",\"ReplicationStatus\":\"PENDING\","
                     "\"RetryId\":\"") != NULL);
        buf_deinit(&value);
}

static void only_a_failed_record_is_superseded(void)
{
        static const struct {
                const char *fields;
                bool want;
        } table[] = {
                { ",\"Superseded\":true", true },
                { ",\"Superseded\":false", false },
                { ",\"Superseded\":null", false },
                { "", false },
                { ",\"Superseded\":true,\"ReplicationStatus\":\"FAILED\"", true },
                { ",\"Superseded\":true,\"ReplicationStatus\":\"PENDING\"", false },
                { ",\"ReplicationStatus\":\"PENDING\",\"Superseded\":true", false },
        };
        struct buf value;

        buf_init(&value, 1 << 20);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                buf_clear(&value);
                buf_printf(&value, "{" ID "%s}", table[i].fields);
                buf_append_char(&value, '\0');
                CHECK_INT(decode(KEY, value.base), REJECT_NONE);
                CHECK_INT(got.failure.superseded, table[i].want);
                CHECK_INT(got.ignored_fields, 0);
        }
        decode(KEY, "{" ID ",\"Superseded\":true}");
        buf_clear(&value);
        failure_encode(&got.failure, STR_ABSENT, STR_ABSENT, &value);
        buf_append_char(&value, '\0');
        CHECK(strstr(value.base, ",\"Superseded\":true}") != NULL);
        CHECK_INT(decode(KEY, value.base), REJECT_NONE);
        CHECK(got.failure.superseded);
        buf_deinit(&value);
}

/* What a mover says anew counts by itself. */
static void that_it_was_superseded_is_not_kept(void)
{
        struct failure earlier = { .size = 5, .attempts = 2, .entry_offset = -1 };
        struct failure failed = { .size = -1, .attempts = -1, .entry_offset = -1 };

        earlier.superseded = true;
        CHECK(failure_merge(&failed, &earlier));
        CHECK(!failed.superseded);
}

static void a_failed_record_keeps_what_it_lacks(void)
{
        struct failure pending = { .size = 5,
                                   .last_modified_ms = 6,
                                   .attempts = 2,
                                   .role = STR("r"),
                                   .partition = 1,
                                   .entry_offset = 9 };
        struct failure failed = { .size = -1,
                                  .last_modified_ms = TIME_UNKNOWN,
                                  .attempts = -1,
                                  .partition = 1,
                                  .entry_offset = -1 };
        struct failure whole = { .size = 1,
                                 .last_modified_ms = 1,
                                 .attempts = 1,
                                 .role = STR("x"),
                                 .partition = 1,
                                 .entry_offset = 1 };

        pending.retry_id.bytes[0] = whole.retry_id.bytes[0] = 1;
        CHECK(failure_merge(&failed, &pending));
        CHECK_INT(failed.size, 5);
        CHECK_INT(failed.last_modified_ms, 6);
        CHECK_INT(failed.attempts, 2);
        CHECK_INT(failed.entry_offset, 9);
        CHECK(str_eq_c(failed.role, "r"));
        CHECK(uuid_eq(&failed.retry_id, &pending.retry_id));
        CHECK(!failure_merge(&whole, &pending));
        CHECK_INT(whole.size, 1);
}

int main(void)
{
        decoder = failure_decoder_new(5000020);
        RUN(a_whole_record_is_taken_whole);
        RUN(what_is_absent_has_its_default);
        RUN(tombstones_and_completed_values_have_an_identity_only);
        RUN(a_bad_record_is_rejected_with_its_cause);
        RUN(a_value_above_the_limit_is_too_large);
        RUN(a_bad_optional_field_is_left_out_and_counted);
        RUN(null_is_absent);
        RUN(numbers_and_texts_have_their_bounds);
        RUN(what_is_written_reads_back);
        RUN(only_a_failed_record_is_superseded);
        RUN(that_it_was_superseded_is_not_kept);
        RUN(a_failed_record_keeps_what_it_lacks);
        failure_decoder_free(decoder);
        return 0;
}
