/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/json_write.h"
#include "crr/base/limits.h"
#include "crr/core/intake_decoder.h"

#define STAMP  INT64_C(1790000000123)
#define LIMIT  ((size_t)5000020)
#define SITE   "bb:crr:failed:aws:1522447200000"
#define FAILED "{\"key\":\"" SITE "\",\"member\":"
#define ID     "\"Bucket\":\"b\",\"Key\":\"k\",\"VersionId\":\"v\",\"StorageClass\":\"s\""

/* A queue entry around metadata, whose quotes are written as apostrophes. */
#define QUEUE(rest) "{\"bucket\":\"b\",\"key\":\"k\"," rest "}"

static struct intake_decoder *plain, *with_roles;
static struct intake_decoded got;
static struct error err;

static enum reject_cause decode(struct intake_decoder *d, struct str value)
{
        struct log_record record = {
                .partition = 3, .offset = 42, .timestamp_ms = STAMP, .value = value, .settles = -1
        };

        err.message[0] = '\0';
        return intake_decode(d, &record, &got, &err);
}

static void append_time(struct buf *out, const char *name, int64_t ms)
{
        if (ms != TIME_UNKNOWN)
                buf_printf(out, " %s=%lld", name, (long long)ms);
}

/* "FAILED b k v s size=1 modified=2 failed=3 role=r; COMPLETED ..." and what was left out */
static void describe(struct buf *out)
{
        buf_clear(out);
        for (size_t i = 0; i < got.n; i++) {
                const struct intake_item *item = &got.items[i];
                const struct failure *f = &item->failure;

                buf_printf(out, "%s%s %.*s|%.*s|%.*s|%.*s", i > 0 ? "; " : "",
                           item->completed ? "COMPLETED" : "FAILED", STR_ARG(f->id.bucket),
                           STR_ARG(f->id.key), STR_ARG(f->id.version_id), STR_ARG(f->id.site));
                if (f->size >= 0)
                        buf_printf(out, " size=%lld", (long long)f->size);
                append_time(out, "modified", f->last_modified_ms);
                if (f->failed_at_ms != STAMP)
                        append_time(out, "failed", f->failed_at_ms);
                if (f->role.base != NULL)
                        buf_printf(out, " role=%.*s", STR_ARG(f->role));
        }
        for (unsigned bit = 0; failure_field_name(bit) != NULL; bit++)
                if (got.ignored_fields >> bit & 1)
                        buf_printf(out, " without %s", failure_field_name(bit));
        buf_append_char(out, '\0');
}

struct row {
        const char *value, *want; /* what it says, or the cause that it is rejected for */
};

static const char *say(enum reject_cause cause, struct buf *out)
{
        if (cause != REJECT_NONE) {
                CHECK(err.message[0] != '\0');
                return reject_cause_name(cause);
        }
        describe(out);
        return out->base;
}

static void check_rows(struct intake_decoder *d, const struct row *rows, size_t n)
{
        struct buf text;

        buf_init(&text, SIZE_MAX);
        for (size_t i = 0; i < n; i++) {
                const char *said = say(decode(d, str_from(rows[i].value)), &text);

                if (strcmp(said, rows[i].want) != 0) {
                        fprintf(stderr, "%s: %s\n", rows[i].value, err.message);
                        check_fail(__FILE__, (int)i, rows[i].want, said);
                }
        }
        buf_deinit(&text);
}
#define CHECK_ROWS(d, rows) check_rows(d, rows, sizeof(rows) / sizeof *(rows))

static void a_failed_entry_is_a_failure(void)
{
        static const struct row rows[] = {
                { FAILED "\"b:k:v\",\"score\":1522448554385}",
                  "FAILED b|k|v|aws failed=1522448554385" },
                { FAILED "\"b:k:v\",\"score\":\"1522448554385\"}",
                  "FAILED b|k|v|aws failed=1522448554385" },
                { FAILED "\"b:k:v\"}", "FAILED b|k|v|aws" },
                { FAILED "\"b:k:v\",\"score\":null}", "FAILED b|k|v|aws" },
                { FAILED "\"b:k:\"}", "FAILED b|k||aws" },
                { FAILED "\"b:k:null\"}", "FAILED b|k|null|aws" },
                { FAILED "\"b::k:v\"}", "FAILED b|:k|v|aws" },
                { FAILED "\"b:a:b::c:v\"}", "FAILED b|a:b::c|v|aws" },
                { FAILED "\"b:k:arn%3Aaws:v\"}", "FAILED b|k:arn%3Aaws|v|aws" },
                { FAILED "\"b:a/b c%2F\\\"\\\\:v\"}", "FAILED b|a/b c%2F\"\\|v|aws" },
                { FAILED "\"b:\xf0\x9f\x94\x91\\ud83d\\udd11:v\"}",
                  "FAILED b|\xf0\x9f\x94\x91\xf0\x9f\x94\x91|v|aws" },
                { FAILED "\"b:\xc3\xa9:v\"}", "FAILED b|\xc3\xa9|v|aws" },   /* composed */
                { FAILED "\"b:e\xcc\x81:v\"}", "FAILED b|e\xcc\x81|v|aws" }, /* and not */
                { "{\"member\":\"b:k:v\",\"more\":{\"key\":[1]},\"key\":\"" SITE "\"}",
                  "FAILED b|k|v|aws" },
                { "{\"key\":\"test:bb:crr:failed:aws:1\",\"member\":\"b:k:v\"}",
                  "FAILED b|k|v|aws" },
                { "{\"key\":\"bb:crr:failed:a:b:1\",\"member\":\"b:k:v\"}", "FAILED b|k|v|a:b" },
                { "{\"key\":\"bb:crr:failed:a:99999999999999999999999\",\"member\":\"b:k:v\"}",
                  "FAILED b|k|v|a" },
                { FAILED "\"b:k:v\",\"score\":-1}", "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":1.5}", "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":\"yesterday\"}",
                  "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":[]}", "FAILED b|k|v|aws without FailedAt" },
                { FAILED "\"b:k:v\",\"score\":99999999999999999}",
                  "FAILED b|k|v|aws without FailedAt" },
        };

        CHECK_ROWS(plain, rows);
        CHECK_INT(got.format, INTAKE_FAILED_ENTRY);
        CHECK_STR(intake_format_name(got.format), "failed_entry");
}

static void a_failed_entry_may_end_with_a_role(void)
{
        static const struct row rows[] = {
                { FAILED "\"b:k:v:arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr\"}",
                  "FAILED b|k|v|aws role=arn:aws:iam::1:role/r" },
                { FAILED "\"b:k:l:v:r%C3%A9\"}", "FAILED b|k:l|v|aws role=r\xc3\xa9" },
                { FAILED "\"b:k::r\"}", "FAILED b|k||aws role=r" },
                { FAILED "\"b:k:v:\"}", "FAILED b|k|v|aws" },
                { FAILED "\"b:k:v:r%\"}", "FAILED b|k|v|aws without Role" },
                { FAILED "\"b:k:v:%FF\"}", "FAILED b|k|v|aws without Role" },
                { FAILED "\"b:k:v\"}", "unknown_format" },
                { FAILED "\"b\"}", "unknown_format" },
        };

        CHECK_ROWS(with_roles, rows);
}

static void what_is_no_failed_entry_after_all_is_rejected(void)
{
        static const struct row rows[] = {
                { FAILED "\":k:v\"}", "unknown_format" },
                { FAILED "\"b::v\"}", "unknown_format" },
                { FAILED "\"b:k\"}", "unknown_format" },
                { FAILED "\"b\"}", "unknown_format" },
                { FAILED "\"\"}", "unknown_format" },
                { FAILED "5}", "bad_field" },
                { FAILED "null}", "bad_field" },
                { "{\"key\":5,\"member\":\"b:k:v\"}", "bad_field" },
                { "{\"key\":\"bb:crr:failed:aws\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed:aws:\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed:aws:1x\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed::1\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:failed:1\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"bb:crr:done:aws:1\",\"member\":\"b:k:v\"}", "unknown_format" },
                { "{\"key\":\"xbb:crr:failed:aws:1\",\"member\":\"b:k:v\"}", "unknown_format" },
        };

        CHECK_ROWS(plain, rows);
}

static enum reject_cause decode_member(const char *bucket, size_t key_bytes, const char *version)
{
        static char value[8000], key[4000];

        memset(key, 'k', key_bytes);
        key[key_bytes] = '\0';
        snprintf(value, sizeof value, FAILED "\"%s:%s:%s\"}", bucket, key, version);
        return decode(plain, str_from(value));
}

static void an_identity_has_its_bounds(void)
{
        char text[400];

        CHECK_INT(decode_member("b", LIMIT_KEY_BYTES, "v"), REJECT_NONE);
        CHECK_INT(got.items[0].failure.id.key.len, LIMIT_KEY_BYTES);
        CHECK_INT(decode_member("b", LIMIT_KEY_BYTES + 1, "v"), REJECT_BAD_FIELD);
        memset(text, 'x', sizeof text);
        text[LIMIT_BUCKET_BYTES] = '\0';
        CHECK_INT(decode_member(text, 1, "v"), REJECT_NONE);
        CHECK_INT(decode_member("b", 1, text), REJECT_BAD_FIELD);
        text[LIMIT_BUCKET_BYTES] = 'x';
        text[LIMIT_BUCKET_BYTES + 1] = '\0';
        CHECK_INT(decode_member(text, 1, "v"), REJECT_BAD_FIELD);
        text[LIMIT_VERSION_ID_BYTES] = '\0';
        CHECK_INT(decode_member("b", 1, text), REJECT_NONE);
}

/* `key`, U+0000 and what follows, and more members; metadata with apostrophes for quotes. */
static struct str queue_entry(const char *key, const char *more, const char *metadata)
{
        static struct buf value;
        struct json_writer w;
        char text[2000];
        size_t n = strlen(metadata);

        CHECK(n < sizeof text);
        memcpy(text, metadata, n);
        for (size_t i = 0; i < n; i++)
                if (text[i] == '\'')
                        text[i] = '"';
        if (value.base == NULL)
                buf_init(&value, SIZE_MAX);
        buf_clear(&value);
        buf_printf(&value, "{\"bucket\":\"b\",\"key\":\"%s\",%s\"value\":", key, more);
        json_writer_init(&w, &value);
        json_str(&w, (struct str){ text, n });
        buf_append_char(&value, '}');
        buf_reserve(&value, 1)[0] = '\0';
        return buf_str(&value);
}

struct queue_row {
        const char *key, *more, *metadata, *want;
};

static void check_queue_rows(const struct queue_row *rows, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                struct str value = queue_entry(rows[i].key, rows[i].more, rows[i].metadata);

                check_rows(plain, &(struct row){ value.base, rows[i].want }, 1);
        }
}

#define INFO(backends) "{'replicationInfo':{'status':'FAILED','backends':[" backends "]}}"
#define HEX                                                                                        \
        "393834373737323439393939393939393939393952473030312020312e3330" /* of the versionId below \
                                                                          */
#define FACTS                                                              \
        "'content-length':123,'last-modified':'2018-03-30T22:22:34.384Z'," \
        "'versionId':'98477724999999999999RG001  1.30'"

static void a_queue_entry_says_what_became_of_each_backend(void)
{
        static const struct queue_row rows[] = {
                { "k", "", INFO("{'site':'s','status':'FAILED'}"), "FAILED b|k||s" },
                { "k", "", INFO("{'site':'s','status':'COMPLETED'}"), "COMPLETED b|k||s" },
                { "k", "", INFO("{'status':'FAILED','x':[{'site':'y'}],'site':'s'}"),
                  "FAILED b|k||s" },
                { "k", "",
                  INFO("{'site':'s','status':'FAILED'},{'site':'t','status':'COMPLETED'},"
                       "{'site':'u','status':'PENDING'},{'site':'w','status':'FAILED'}"),
                  "FAILED b|k||s; COMPLETED b|k||t; FAILED b|k||w" },
                { "k", "\"site\":\"t\",",
                  INFO("{'site':'s','status':'FAILED'},{'site':'t','status':'COMPLETED'}"),
                  "COMPLETED b|k||t" },
                { "k", "\"site\":\"u\",", INFO("{'site':'s','status':'FAILED'}"), "" },
                { "k", "\"site\":null,", INFO("{'site':'s','status':'FAILED'}"), "FAILED b|k||s" },
                { "k", "\"site\":\"\",", INFO("{'site':'s','status':'FAILED'}"), "FAILED b|k||s" },
                { "k", "\"type\":\"put\",\"overheadFields\":{\"a\":[{}]},",
                  INFO("{'site':'s','status':'FAILED'}"), "FAILED b|k||s" },
                { "k\\u000098477724999999999999RG001  1.30", "",
                  "{" FACTS ",'replicationInfo':{'backends':[{'site':'s','status':'FAILED'}],"
                  "'role':'arn:1,arn:2'}}",
                  "FAILED b|k|" HEX "|s size=123 modified=1522448554384 role=arn:1" },
                { "k", "",
                  "{'versionId':'\xc3\xa9\\n','replicationInfo':{'backends':[{'site':'s\\n',"
                  "'status':'FAILED'}],'role':'r\\u00e9'},'content-length':'7',"
                  "'last-modified':1522448554384}",
                  "FAILED b|k|c3a90a|s\n size=7 modified=1522448554384 role=r\xc3\xa9" },
                { "k", "",
                  "{'replicationInfo':{'role':'','backends':[{'site':'s','status':'COMPLETED'}]}," FACTS
                  "}",
                  "COMPLETED b|k|" HEX "|s" },
        };

        check_queue_rows(rows, sizeof rows / sizeof *rows);
        CHECK_INT(got.format, INTAKE_QUEUE_ENTRY);
        CHECK_STR(intake_format_name(got.format), "queue_entry");
}

static void what_is_pending_or_a_mark_says_nothing(void)
{
        static const struct queue_row entries[] = {
                { "k", "", INFO("{'site':'s','status':'PENDING'}"), "" },
                { "k", "", INFO("{'site':'s','status':'PROCESSING'}"), "" },
                { "k", "", INFO("{'site':'s','status':'REPLICA'}"), "" },
                { "k", "", INFO("{'site':'s','status':''}"), "" },
                { "k", "", INFO("{'site':'s','status':null}"), "" },
                { "k", "", INFO("{'site':'s'}"), "" },
                { "k", "", INFO(""), "" },
                { "k", "", "{}", "" },
                { "k", "", "{'replicationInfo':null}", "" },
                { "k", "", "{'replicationInfo':{'backends':null}}", "" },
                { "k", "", "{'backends':[{'site':'s','status':'FAILED'}]}", "" },
                { "k", "", "{'x':{'backends':[{'site':'s','status':'FAILED'}]}}", "" },
                { "k", "",
                  "{'replicationInfo':{'x':[{'site':'s','status':'FAILED'}],'backends':[],"
                  "'y':[{'site':'s','status':'FAILED'}]}}",
                  "" },
                { "k", "\"canary\":true,", INFO("{'site':'s','status':'FAILED'}"), "" },
                { "k", "\"canary\":false,", INFO("{'site':'s','status':'FAILED'}"),
                  "FAILED b|k||s" },
                { "k", "\"bootstrapId\":\"\",", INFO("{'site':'s','status':'FAILED'}"),
                  "FAILED b|k||s" },
        };
        static const struct row marks[] = {
                { "{\"canary\":true}", "" },
                { "{\"canary\":{\"at\":[1]}}", "" },
                { "{\"bootstrapId\":\"8f3c\"}", "" },
                { "{\"canary\":null}", "unknown_format" },
        };

        check_queue_rows(entries, sizeof entries / sizeof *entries);
        CHECK_ROWS(plain, marks);
}

static void a_bad_fact_is_left_out_and_counted(void)
{
        static const struct queue_row rows[] = {
                { "k", "",
                  "{'content-length':-1,'last-modified':'yesterday','replicationInfo':{'role':5,"
                  "'backends':[{'site':'s','status':'FAILED'}]}}",
                  "FAILED b|k||s without Size without LastModified without Role" },
                { "k", "",
                  "{'content-length':1.0e5,'replicationInfo':{'backends':[{'site':'s',"
                  "'status':'FAILED'}]},'last-modified':{}}",
                  "FAILED b|k||s without Size without LastModified" },
                { "k", "",
                  "{'content-length':12345678901234567890,'replicationInfo':{'backends':[{"
                  "'site':'s','status':'FAILED'}]},'last-modified':null}",
                  "FAILED b|k||s without Size" },
        };

        check_queue_rows(rows, sizeof rows / sizeof *rows);
}

static void a_bad_queue_entry_is_rejected_with_its_cause(void)
{
        static const struct queue_row entries[] = {
                { "", "", INFO("{'site':'s','status':'FAILED'}"), "bad_field" },
                { "\\u0000v", "", INFO("{'site':'s','status':'FAILED'}"), "bad_field" },
                { "k", "", INFO("{'site':'','status':'FAILED'}"), "bad_field" },
                { "k", "", INFO("{'status':'FAILED'}"), "bad_field" },
                { "k", "", INFO("{'site':5,'status':'FAILED'}"), "bad_field" },
                { "k", "", INFO("{'site':'s','status':5}"), "bad_field" },
                { "k", "", INFO("'s'"), "bad_field" },
                { "k", "", "{'replicationInfo':[]}", "bad_field" },
                { "k", "", "{'replicationInfo':{'backends':{}}}", "bad_field" },
                { "k", "", "{'versionId':5}", "bad_field" },
                { "k", "\"site\":5,", INFO("{'site':'s','status':'FAILED'}"), "bad_field" },
                { "k", "", "[]", "bad_field" },
                { "k", "", "'text'", "bad_field" },
                { "k", "", "", "not_json" },
                { "k", "", "{", "not_json" },
                { "k", "", "{'a':1,'a':2}", "duplicate_key" },
                { "k", "", "{'a':'\\ud800'}", "bad_utf8" },
        };
        static const struct row rows[] = {
                { QUEUE("\"value\":5"), "bad_field" },
                { QUEUE("\"value\":null"), "bad_field" },
                { QUEUE("\"value\":{}"), "bad_field" },
                { "{\"bucket\":null,\"key\":\"k\",\"value\":\"{}\"}", "bad_field" },
                { "{\"bucket\":\"b\",\"key\":7,\"value\":\"{}\"}", "bad_field" },
                { "{\"bucket\":\"b\",\"key\":\"k\"}", "unknown_format" },
                { "{\"action\":\"copyLocation\",\"target\":{\"bucket\":\"b\"}}", "unknown_format" },
                { "{}", "unknown_format" },
                { "[]", "not_json" },
                { "5", "not_json" },
                { "", "not_json" },
                { "{\"bucket\":", "not_json" },
                { "{\"a\":1,\"a\":2}", "duplicate_key" },
                { "{\"a\":\"\xff\"}", "bad_utf8" },
                { NULL, "unknown_format" },
        };

        check_queue_rows(entries, sizeof entries / sizeof *entries);
        CHECK_ROWS(plain, rows);
        decode(plain, queue_entry("k", "", INFO("{'site':'s','status':5}")));
        CHECK_STR(err.message, "value: status must be a string or null");
}

static void a_version_id_of_64_bytes_is_the_longest(void)
{
        char metadata[300];

        snprintf(metadata, sizeof metadata,
                 "{'versionId':'%064d','replicationInfo':{'backends':[{'site':'s',"
                 "'status':'FAILED'}]}}",
                 1);
        CHECK_INT(decode(plain, queue_entry("k", "", metadata)), REJECT_NONE);
        CHECK_INT(got.items[0].failure.id.version_id.len, LIMIT_VERSION_ID_BYTES);
        snprintf(metadata, sizeof metadata, "{'versionId':'%065d'}", 1);
        CHECK_INT(decode(plain, queue_entry("k", "", metadata)), REJECT_BAD_FIELD);
}

/* A record with so many failed backends. */
static struct str many_backends(struct buf *value, int n)
{
        buf_clear(value);
        buf_append_c(value, "{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"{"
                            "\\\"replicationInfo\\\":{\\\"backends\\\":[");
        for (int i = 0; i < n; i++)
                buf_printf(value, "%s{\\\"site\\\":\\\"%d\\\",\\\"status\\\":\\\"FAILED\\\"}",
                           i > 0 ? "," : "", i);
        buf_append_c(value, "]}}\"}");
        return buf_str(value);
}

static void there_are_1024_backends_at_most(void)
{
        struct buf value;

        buf_init(&value, SIZE_MAX);
        CHECK_INT(decode(plain, many_backends(&value, LIMIT_BACKENDS)), REJECT_NONE);
        CHECK_INT(got.n, LIMIT_BACKENDS);
        for (int i = 0; i < LIMIT_BACKENDS; i++) {
                char site[16];

                snprintf(site, sizeof site, "%d", i);
                CHECK(str_eq_c(got.items[i].failure.id.site, site));
        }
        CHECK_INT(decode(plain, many_backends(&value, LIMIT_BACKENDS + 1)), REJECT_BAD_FIELD);
        buf_deinit(&value);
}

static void metadata_of_2_mib_is_taken(void)
{
        struct buf value;

        buf_init(&value, SIZE_MAX);
        buf_append_c(&value, "{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"{\\\"location\\\":[0");
        while (value.len < (size_t)2 << 20)
                buf_append_c(&value, ",{\\\"key\\\":\\\"d41d8cd98f00b204\\\",\\\"size\\\":1}");
        buf_append_c(&value, "],\\\"replicationInfo\\\":{\\\"backends\\\":[{\\\"site\\\":\\\"s\\\","
                             "\\\"status\\\":\\\"FAILED\\\"}]}}\"}");
        CHECK_INT(decode(plain, buf_str(&value)), REJECT_NONE);
        CHECK_INT(got.n, 1);
        while (value.len <= LIMIT)
                buf_append_char(&value, ' ');
        CHECK_INT(decode(plain, buf_str(&value)), REJECT_TOO_LARGE);
        buf_deinit(&value);
}

static void native_values_need_no_key(void)
{
        static const struct row rows[] = {
                { "{" ID "}", "FAILED b|k|v|s" },
                { "{" ID
                  ",\"ReplicationStatus\":\"FAILED\",\"Size\":7,\"FailedAt\":5,\"Role\":\"r\"}",
                  "FAILED b|k|v|s size=7 failed=5 role=r" },
                { "{" ID ",\"ReplicationStatus\":\"COMPLETED\"}", "COMPLETED b|k|v|s" },
                { "{" ID ",\"ReplicationStatus\":\"PENDING\"}", "" },
                { "{" ID ",\"Size\":-1}", "FAILED b|k|v|s without Size" },
                { "{" ID ",\"key\":\"" SITE "\",\"member\":\"x:y:z\",\"canary\":true}",
                  "FAILED b|k|v|s" },
                { "{" ID ",\"bucket\":5,\"key\":5,\"value\":5}", "FAILED b|k|v|s" },
                { "{\"Bucket\":\"b\",\"Key\":\"k\"}", "missing_field" },
                { "{\"StorageClass\":\"s\"}", "missing_field" },
                { "{\"Bucket\":5,\"Key\":\"k\",\"StorageClass\":\"s\"}", "bad_field" },
                { "{\"Bucket\":\"\",\"Key\":\"k\",\"StorageClass\":\"s\"}", "bad_field" },
                { "{" ID ",\"ReplicationStatus\":\"failed\"}", "bad_field" },
        };

        CHECK_ROWS(plain, rows);
        CHECK_INT(decode(plain, STR("{" ID "}")), REJECT_NONE);
        CHECK_INT(got.format, INTAKE_NATIVE);
        CHECK_STR(intake_format_name(got.format), "native");
}

/* Entry and ErrorMessage, and what a newer mover may add, are not lost. */
static void a_native_failure_is_passed_on_as_it_came(void)
{
        struct str value = STR("{ \"Entry\":\"{}\",\"New\":1.0e5," ID "}");

        CHECK_INT(decode(plain, value), REJECT_NONE);
        CHECK(got.items[0].value.base == value.base && got.items[0].value.len == value.len);
        CHECK_INT(decode(plain, STR("{" ID ",\"ReplicationStatus\":\"COMPLETED\"}")), REJECT_NONE);
        CHECK(got.items[0].value.base == NULL);
        CHECK_INT(decode(plain, STR(FAILED "\"b:k:v\"}")), REJECT_NONE);
        CHECK(got.items[0].value.base == NULL);
}

static void what_is_not_known_is_not_invented(void)
{
        struct log_record record = { .timestamp_ms = TIME_UNKNOWN, .settles = -1 };
        const struct failure *f;

        record.value = STR(FAILED "\"b:k:v\"}");
        CHECK_INT(intake_decode(plain, &record, &got, &err), REJECT_NONE);
        f = &got.items[0].failure;
        CHECK(f->state == FAILURE_FAILED && f->failed_at_ms == TIME_UNKNOWN);
        CHECK(f->size == -1 && f->last_modified_ms == TIME_UNKNOWN && f->attempts == -1);
        CHECK(f->role.base == NULL && f->error_code.base == NULL && f->entry_offset == -1);
        record.value = STR("{\"Entry\":\"{}\"," ID "}");
        CHECK_INT(intake_decode(plain, &record, &got, &err), REJECT_NONE);
        CHECK(got.items[0].failure.entry_offset == -1);
        CHECK(got.items[0].failure.failed_at_ms == TIME_UNKNOWN);
}

int main(void)
{
        plain = intake_decoder_new(LIMIT, false);
        with_roles = intake_decoder_new(LIMIT, true);
        RUN(a_failed_entry_is_a_failure);
        RUN(a_failed_entry_may_end_with_a_role);
        RUN(what_is_no_failed_entry_after_all_is_rejected);
        RUN(an_identity_has_its_bounds);
        RUN(a_queue_entry_says_what_became_of_each_backend);
        RUN(what_is_pending_or_a_mark_says_nothing);
        RUN(a_bad_fact_is_left_out_and_counted);
        RUN(a_bad_queue_entry_is_rejected_with_its_cause);
        RUN(a_version_id_of_64_bytes_is_the_longest);
        RUN(there_are_1024_backends_at_most);
        RUN(metadata_of_2_mib_is_taken);
        RUN(native_values_need_no_key);
        RUN(a_native_failure_is_passed_on_as_it_came);
        RUN(what_is_not_known_is_not_invented);
        intake_decoder_free(plain);
        intake_decoder_free(with_roles);
        intake_decoder_free(NULL);
        return 0;
}
