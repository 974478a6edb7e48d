/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/json_write.h"
#include "crr/base/limits.h"
#include "intake_rows.h"

#define QUEUE(rest) "{\"bucket\":\"b\",\"key\":\"k\"," rest "}"

static struct intake_decoder *decoder;

/* `key`, U+0000 and what follows, and more members; metadata with apostrophes for quotes. */
static struct str queue_entry(const char *key, const char *more, const char *metadata)
{
        static struct buf value;
        struct json_writer w;
        char text[8000];
        size_t n = 0;

        for (; metadata[n] != '\0'; n++) {
                CHECK(n < sizeof text);
                text[n] = metadata[n];
                if (text[n] == '\'')
                        text[n] = '"';
        }
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

                check_rows(decoder, &(struct row){ value.base, rows[i].want }, 1);
        }
}

#define INFO(backends) "{'replicationInfo':{'status':'FAILED','backends':[" backends "]}}"
/* Of the versionId below. */
#define HEX "393834373737323439393939393939393939393952473030312020312e3330"
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
        CHECK_ROWS(decoder, marks);
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
        CHECK_ROWS(decoder, rows);
        decode(decoder, queue_entry("k", "", INFO("{'site':'s','status':5}")));
        CHECK_STR(err.message,
                  "the metadata in value: replicationInfo.backends[0]: status must be a string or "
                  "null");
        decode(decoder, queue_entry("k", "", "{'a':1,'a':2}"));
        CHECK_STR(err.message, "the metadata in value: byte 10: a name stands twice in an object");
}

static void a_version_id_of_64_bytes_is_the_longest(void)
{
        char metadata[300];

        snprintf(metadata, sizeof metadata,
                 "{'versionId':'%064d','replicationInfo':{'backends':[{'site':'s',"
                 "'status':'FAILED'}]}}",
                 1);
        CHECK_INT(decode(decoder, queue_entry("k", "", metadata)), REJECT_NONE);
        CHECK_INT(got.items[0].failure.id.version_id.len, LIMIT_VERSION_ID_BYTES);
        snprintf(metadata, sizeof metadata, "{'versionId':'%065d'}", 1);
        CHECK_INT(decode(decoder, queue_entry("k", "", metadata)), REJECT_BAD_FIELD);
}

static void the_role_of_the_source_has_its_bound(void)
{
        char metadata[3 * LIMIT_ROLE_BYTES], role[LIMIT_ROLE_BYTES + 2] = "";

        for (size_t more = 0; more < 2; more++) {
                memset(role, 'r', LIMIT_ROLE_BYTES + more);
                snprintf(metadata, sizeof metadata,
                         "{'replicationInfo':{'role':'%s,x','backends':[{'site':'s',"
                         "'status':'FAILED'}]}}",
                         role);
                CHECK_INT(decode(decoder, queue_entry("k", "", metadata)), REJECT_NONE);
                CHECK_INT(got.items[0].failure.role.len, more == 0 ? LIMIT_ROLE_BYTES : 0);
                CHECK_INT(got.ignored_fields, more == 0 ? 0 : failure_field_bit("Role"));
        }
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
        CHECK_INT(decode(decoder, many_backends(&value, LIMIT_BACKENDS)), REJECT_NONE);
        CHECK_INT(got.n, LIMIT_BACKENDS);
        for (int i = 0; i < LIMIT_BACKENDS; i++) {
                char site[16];

                snprintf(site, sizeof site, "%d", i);
                CHECK(str_eq_c(got.items[i].failure.id.site, site));
        }
        CHECK_INT(decode(decoder, many_backends(&value, LIMIT_BACKENDS + 1)), REJECT_BAD_FIELD);
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
        CHECK_INT(decode(decoder, buf_str(&value)), REJECT_NONE);
        CHECK_INT(got.n, 1);
        while (value.len <= LIMIT)
                buf_append_char(&value, ' ');
        CHECK_INT(decode(decoder, buf_str(&value)), REJECT_TOO_LARGE);
        buf_deinit(&value);
}

int main(void)
{
        decoder = intake_decoder_new(LIMIT, false);
        RUN(a_queue_entry_says_what_became_of_each_backend);
        RUN(what_is_pending_or_a_mark_says_nothing);
        RUN(a_bad_fact_is_left_out_and_counted);
        RUN(a_bad_queue_entry_is_rejected_with_its_cause);
        RUN(a_version_id_of_64_bytes_is_the_longest);
        RUN(the_role_of_the_source_has_its_bound);
        RUN(there_are_1024_backends_at_most);
        RUN(metadata_of_2_mib_is_taken);
        intake_decoder_free(decoder);
        return 0;
}
