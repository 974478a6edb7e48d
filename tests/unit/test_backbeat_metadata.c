/* SPDX-License-Identifier: Apache-2.0 */
#include "backbeat_value.h"
#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/backbeat_metadata.h"

static struct backbeat_reader *reader;
static struct json_reader *json;
static struct error err;

/* JSON with apostrophes for quotes. */
static struct str quoted(struct buf *out, const char *text)
{
        buf_clear(out);
        buf_append_c(out, text);
        for (size_t i = 0; i < out->len; i++)
                if (out->base[i] == '\'')
                        out->base[i] = '"';
        return buf_str(out);
}

static struct failure failure_at(const char *site)
{
        return (struct failure){ .id = { STR("b"), STR("k/\xc3\xa9"), STR("v"), str_from(site) },
                                 .role = STR("arn:r") };
}

/* FACTS */

static void facts_are_read(void)
{
        static const struct {
                const char *metadata;
                int64_t size, last_modified_ms;
                const char *version_id;
                enum backend_status status; /* of site s */
        } table[] = {
                { "{}", -1, TIME_UNKNOWN, "", BACKEND_NONE },
                { "{'content-length':123,'last-modified':'2018-03-30T22:22:34.384Z',"
                  "'versionId':'9 \\u00e9'}",
                  123, INT64_C(1522448554384), "3920c3a9", BACKEND_NONE },
                { "{'last-modified':'2018-03-31T00:22:34.384+02:00','content-length':'0'}", 0,
                  INT64_C(1522448554384), "", BACKEND_NONE },
                { "{'content-length':1.0e5,'last-modified':'Fri, 30 Mar 2018 22:22:34 GMT'}", -1,
                  TIME_UNKNOWN, "", BACKEND_NONE },
                { "{'replicationInfo':{'backends':[{'site':'t','status':'FAILED'},"
                  "{'site':'s','status':'COMPLETED'},{'site':'s','status':'FAILED'}]}}",
                  -1, TIME_UNKNOWN, "", BACKEND_COMPLETED },
                { "{'replicationInfo':{'backends':[{'status':'FAILED','site':'s'}]}}", -1,
                  TIME_UNKNOWN, "", BACKEND_FAILED },
                { "{'replicationInfo':{'backends':[{'site':'s','status':'PENDING'}]}}", -1,
                  TIME_UNKNOWN, "", BACKEND_OTHER },
                { "{'replicationInfo':{'backends':[{'site':'s'}]}}", -1, TIME_UNKNOWN, "",
                  BACKEND_OTHER },
                { "{'replicationInfo':{'backends':[{'x':1}]}}", -1, TIME_UNKNOWN, "",
                  BACKEND_NONE },
        };
        struct buf text;

        buf_init(&text, SIZE_MAX);
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct backbeat_facts facts;

                CHECK(backbeat_text_facts(reader, quoted(&text, table[i].metadata), STR("s"),
                                          &facts, &err) == 0);
                CHECK_INT(facts.size, table[i].size);
                CHECK_INT(facts.last_modified_ms, table[i].last_modified_ms);
                CHECK(str_eq_c(facts.version_id, table[i].version_id));
                CHECK_INT(facts.status, table[i].status);
        }
        buf_deinit(&text);
}

static void bad_metadata_is_refused_with_the_rule(void)
{
        static const struct {
                const char *metadata, *message;
        } table[] = {
                { "[]", "the metadata is not an object" },
                { "{'replicationInfo':5}", "replicationInfo must be an object or null" },
                { "{'replicationInfo':{'backends':{}}}",
                  "replicationInfo: backends must be an array or null" },
                { "{'replicationInfo':{'backends':[[]]}}",
                  "replicationInfo.backends[0]: not an object" },
                { "{'replicationInfo':{'backends':[{'site':null}]}}",
                  "replicationInfo.backends[0]: site must be a string" },
                { "{'replicationInfo':{'backends':[{'status':1}]}}",
                  "replicationInfo.backends[0]: status must be a string or null" },
                { "{'versionId':1}", "versionId must be a string or null" },
                { "{'a':1,'a':2}", "byte 10: a name stands twice in an object" },
                { "", "byte 0: no value" },
        };
        struct failure f = failure_at("s");
        struct backbeat_facts facts;
        struct buf text, out;

        buf_init(&text, SIZE_MAX);
        buf_init(&out, SIZE_MAX);
        buf_append_c(&out, "kept");
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                struct str metadata = quoted(&text, table[i].metadata);

                CHECK_INT(backbeat_text_facts(reader, metadata, STR("s"), &facts, &err),
                          ERR_BAD_JSON);
                CHECK_STR(err.message, table[i].message);
                CHECK_INT(backbeat_text_entry(reader, metadata, &f, &out, &err), ERR_BAD_JSON);
                CHECK_STR(err.message, table[i].message);
                CHECK_INT(backbeat_text_status(reader, metadata, &f, &out, &err), ERR_BAD_JSON);
                CHECK(str_eq_c(buf_str(&out), "kept"));
        }
        buf_deinit(&text);
        buf_deinit(&out);
}

/* ENTRIES */

#define OTHERS "'acl':{'Canned':'private','READ':[]},'n':12345678901234567890,'e':1.0e5"

struct row {
        const char *metadata, *entry, *status;
};

static void check_rows(const struct row *rows, size_t n, const struct failure *f)
{
        struct buf text, want, got;

        buf_init(&text, SIZE_MAX);
        buf_init(&want, SIZE_MAX);
        buf_init(&got, SIZE_MAX);
        for (size_t i = 0; i < n; i++) {
                struct str metadata = quoted(&text, rows[i].metadata);

                backbeat_value(reader, json, backbeat_text_entry, metadata, f, &got);
                if (!str_eq(buf_str(&got), quoted(&want, rows[i].entry)))
                        check_fail(__FILE__, (int)i, rows[i].entry, got.base);
                backbeat_value(reader, json, backbeat_text_status, metadata, f, &got);
                if (!str_eq(buf_str(&got), quoted(&want, rows[i].status)))
                        check_fail(__FILE__, (int)i, rows[i].status, got.base);
        }
        buf_deinit(&text);
        buf_deinit(&want);
        buf_deinit(&got);
}

static void the_site_is_pending_and_the_rest_stays(void)
{
        static const struct row rows[] = {
                { "{" OTHERS ",'replicationInfo':{'status':'FAILED','backends':[{'site':'t',"
                  "'status':'COMPLETED','dataStoreVersionId':'1'},{'site':'s','status':'FAILED',"
                  "'dataStoreVersionId':'2'}],'content':['DATA'],'storageClass':'t,s','isNFS':null},"
                  "'z':-0}",
                  "{" OTHERS ",'replicationInfo':{'status':'PENDING','backends':[{'site':'s',"
                  "'status':'PENDING','dataStoreVersionId':'2'}],'content':['DATA'],"
                  "'storageClass':'s','isNFS':null},'z':-0}",
                  "{" OTHERS ",'replicationInfo':{'status':'PROCESSING','backends':[{'site':'t',"
                  "'status':'COMPLETED','dataStoreVersionId':'1'},{'site':'s','status':'PENDING',"
                  "'dataStoreVersionId':'2'}],'content':['DATA'],'storageClass':'t,s','isNFS':null},"
                  "'z':-0}" },
                { "{'replicationInfo':{'backends':[{'site':'s','status':'FAILED'},{'site':'t',"
                  "'status':'FAILED','x':{'status':'y'}}],'status':'FAILED','storageClass':'s'}}",
                  "{'replicationInfo':{'backends':[{'site':'s','status':'PENDING'}],"
                  "'status':'PENDING','storageClass':'s'}}",
                  "{'replicationInfo':{'backends':[{'site':'s','status':'PENDING'},{'site':'t',"
                  "'status':'FAILED','x':{'status':'y'}}],'status':'FAILED','storageClass':'s'}}" },
        };
        struct failure f = failure_at("s");

        check_rows(rows, sizeof rows / sizeof *rows, &f);
}

#define NEW    "{'site':'s','status':'PENDING','dataStoreVersionId':''}"
#define NO_ONE "{'site':'t','status':'COMPLETED'}"

static void around_the_replication_info_each_byte_stays(void)
{
        static const struct row rows[] = {
                { "\n{ 'a' :\t'\\u0041\\/' , 'replicationInfo' : { 'status' : '' , 'x' : '\\u0041' } , "
                  "'b' : [ 1 ] }\n ",
                  "\n{ 'a' :\t'\\u0041\\/' , 'replicationInfo' : {'status':'PENDING','x':'A',"
                  "'backends':[" NEW "],'storageClass':'s'} , 'b' : [ 1 ] }\n ",
                  "\n{ 'a' :\t'\\u0041\\/' , 'replicationInfo' : {'status':'PROCESSING','x':'A',"
                  "'backends':[" NEW "]} , 'b' : [ 1 ] }\n " },
        };
        struct failure f = failure_at("s");

        check_rows(rows, sizeof rows / sizeof *rows, &f);
}

static void what_is_missing_is_made(void)
{
        static const struct row rows[] = {
                { "{'replicationInfo':{'backends':[" NO_ONE "]}}",
                  "{'replicationInfo':{'backends':[" NEW
                  "],'status':'PENDING','storageClass':'s'}}",
                  "{'replicationInfo':{'backends':[" NO_ONE "," NEW "],'status':'PROCESSING'}}" },
                { "{'replicationInfo':{'backends':[{'x':[],'site':'s'}]}}",
                  "{'replicationInfo':{'backends':[{'x':[],'site':'s','status':'PENDING'}],"
                  "'status':'PENDING','storageClass':'s'}}",
                  "{'replicationInfo':{'backends':[{'x':[],'site':'s','status':'PENDING'}],"
                  "'status':'PROCESSING'}}" },
                { "{'replicationInfo':{'backends':[{'site':'s','status':''},{'site':'s'}]}}",
                  "{'replicationInfo':{'backends':[{'site':'s','status':'PENDING'},"
                  "{'site':'s','status':'PENDING'}],'status':'PENDING','storageClass':'s'}}",
                  "{'replicationInfo':{'backends':[{'site':'s','status':'PENDING'},"
                  "{'site':'s','status':'PENDING'}],'status':'PROCESSING'}}" },
                { "{'replicationInfo':{'backends':null,'status':[{'status':1}],'storageClass':{}}}",
                  "{'replicationInfo':{'status':'PENDING','storageClass':'s','backends':[" NEW
                  "]}}",
                  "{'replicationInfo':{'status':'PROCESSING','storageClass':{},'backends':[" NEW
                  "]}}" },
                { "{'replicationInfo':{}}",
                  "{'replicationInfo':{'backends':[" NEW
                  "],'status':'PENDING','storageClass':'s'}}",
                  "{'replicationInfo':{'backends':[" NEW "],'status':'PROCESSING'}}" },
        };
        struct failure f = failure_at("s");

        check_rows(rows, sizeof rows / sizeof *rows, &f);
}

#define INFO(status, content)                                                               \
        "'replicationInfo':{'status':'" status "','backends':[" NEW "],'content':[" content \
        "],'destination':'','storageClass':'s','role':'arn:r','storageType':'',"            \
        "'dataStoreVersionId':''}"

static void an_object_without_replication_info_gets_what_a_mover_reads(void)
{
        static const struct row rows[] = {
                { "{'content-length':1}",
                  "{'content-length':1," INFO("PENDING", "'DATA','METADATA'") "}",
                  "{'content-length':1," INFO("PROCESSING", "'DATA','METADATA'") "}" },
                { "{'replicationInfo':null,'content-length':0}",
                  "{" INFO("PENDING", "'METADATA'") ",'content-length':0}",
                  "{" INFO("PROCESSING", "'METADATA'") ",'content-length':0}" },
                { " { 'a' : 1 } ", " { 'a' : 1 ," INFO("PENDING", "'DATA','METADATA'") "} ",
                  " { 'a' : 1 ," INFO("PROCESSING", "'DATA','METADATA'") "} " },
                { "{}", "{" INFO("PENDING", "'DATA','METADATA'") "}",
                  "{" INFO("PROCESSING", "'DATA','METADATA'") "}" },
        };
        struct failure f = failure_at("s");

        check_rows(rows, sizeof rows / sizeof *rows, &f);
}

static void an_unknown_role_is_an_empty_one(void)
{
        struct failure f = failure_at("s");
        struct buf got;

        f.role = STR_ABSENT;
        buf_init(&got, SIZE_MAX);
        backbeat_value(reader, json, backbeat_text_entry, STR("{}"), &f, &got);
        buf_append_char(&got, '\0');
        CHECK(strstr(got.base, ",\"role\":\"\",") != NULL);
        buf_deinit(&got);
}

static void an_entry_names_the_object_and_the_site(void)
{
        struct failure f = failure_at("s\"");
        struct buf out;

        buf_init(&out, SIZE_MAX);
        CHECK(backbeat_text_status(reader,
                                   STR("{\"replicationInfo\":{\"backends\":[],\"status\":\"\"}}"),
                                   &f, &out, &err) == 0);
        buf_append_char(&out, '\0');
        CHECK_STR(
                out.base,
                "{\"bucket\":\"b\",\"key\":\"k/\xc3\xa9\",\"value\":\"{\\\"replicationInfo\\\":{"
                "\\\"backends\\\":[{\\\"site\\\":\\\"s\\\\\\\"\\\",\\\"status\\\":\\\"PENDING\\\","
                "\\\"dataStoreVersionId\\\":\\\"\\\"}],\\\"status\\\":\\\"PROCESSING\\\"}}\","
                "\"site\":\"s\\\"\"}");
        buf_deinit(&out);
}

static void metadata_of_2_mib_is_rewritten(void)
{
        struct failure f = failure_at("s");
        struct buf metadata, got;

        buf_init(&metadata, SIZE_MAX);
        buf_init(&got, SIZE_MAX);
        buf_append_c(&metadata, "{\"location\":[0");
        while (metadata.len < (size_t)2 << 20)
                buf_append_c(&metadata, ",{\"key\":\"\xc3\xa9\\\"\",\"size\":1e9}");
        buf_append_c(&metadata, "],\"replicationInfo\":{\"backends\":[{\"site\":\"s\","
                                "\"status\":\"PENDING\"}],\"status\":\"PENDING\","
                                "\"storageClass\":\"s\"}}");
        backbeat_value(reader, json, backbeat_text_entry, buf_str(&metadata), &f, &got);
        CHECK(str_eq(buf_str(&metadata), buf_str(&got)));
        buf_deinit(&metadata);
        buf_deinit(&got);
}

/* Each entry before it may have added one to the most that an object may have. */
static void status_entries_follow_each_other_beyond_the_most_backends(void)
{
        struct buf text, out, said, next;
        struct failure s = failure_at("s"), t = failure_at("t");
        struct backbeat_object *o;

        buf_init(&text, SIZE_MAX);
        buf_init(&out, SIZE_MAX);
        buf_init(&said, SIZE_MAX);
        buf_init(&next, SIZE_MAX);
        buf_append_c(&text, "{\"replicationInfo\":{\"backends\":[{}");
        for (int i = 1; i < LIMIT_BACKENDS; i++)
                buf_append_c(&text, ",{}");
        buf_append_c(&text, "]}}");
        o = backbeat_object_new(reader, buf_str(&text), &err);
        CHECK(o != NULL);
        backbeat_write_status(reader, o, STR_ABSENT, &s, &out, &said);
        backbeat_write_status(reader, o, buf_str(&said), &t, &out, &next);
        CHECK(next.len > said.len);
        backbeat_object_free(o);
        buf_deinit(&text);
        buf_deinit(&out);
        buf_deinit(&said);
        buf_deinit(&next);
}

int main(void)
{
        reader = backbeat_reader_new();
        json = json_reader_new(LIMIT_METADATA_DEPTH);
        RUN(status_entries_follow_each_other_beyond_the_most_backends);
        RUN(facts_are_read);
        RUN(bad_metadata_is_refused_with_the_rule);
        RUN(the_site_is_pending_and_the_rest_stays);
        RUN(around_the_replication_info_each_byte_stays);
        RUN(what_is_missing_is_made);
        RUN(an_object_without_replication_info_gets_what_a_mover_reads);
        RUN(an_unknown_role_is_an_empty_one);
        RUN(an_entry_names_the_object_and_the_site);
        RUN(metadata_of_2_mib_is_rewritten);
        json_reader_free(json);
        backbeat_reader_free(reader);
        backbeat_reader_free(NULL);
        return 0;
}
