/* SPDX-License-Identifier: Apache-2.0 */
#include "backbeat_value.h"
#include "check.h"
#include "crr/base/limits.h"
#include "crr/core/intake_decoder.h"
#include "draw.h"
#include "json_trace.h"

#define NEW "{'site':'s','status':'PENDING','dataStoreVersionId':''}"

static struct backbeat_reader *reader;
static struct json_reader *json;
static struct intake_decoder *intake;
static struct error err;

static struct failure the_failure(void)
{
        return (struct failure){ .id = { STR("b"), STR("k"), STR("v"), STR("s") } };
}

/* Metadata, drawn together with what is to become of it. */

struct texts {
        struct buf metadata, entry, status;
        struct draw d;
        bool has_failed; /* another site than s */
};

static void append_to(struct buf *out, const char *text)
{
        char last = out->len > 0 ? out->base[out->len - 1] : '{';

        if (last != '{' && last != '[' && text[0] != '}' && text[0] != ']')
                buf_append_char(out, ',');
        for (; *text != '\0'; text++)
                buf_append_char(out, *text == '\'' ? '"' : *text);
}

/* NULL: not there. */
static void add(struct texts *t, const char *metadata, const char *entry, const char *status)
{
        if (metadata != NULL)
                append_to(&t->metadata, metadata);
        if (entry != NULL)
                append_to(&t->entry, entry);
        if (status != NULL)
                append_to(&t->status, status);
}

static void draw_others(struct texts *t, const char *prefix)
{
        static const char *const values[] = { "1.0e5",
                                              "12345678901234567890",
                                              "-7",
                                              "null",
                                              "'\\u00e9\\n\\\\'",
                                              "{'status':'FAILED','backends':[{'site':'s'}]}",
                                              "[[],{},'replicationInfo']",
                                              "{'replicationInfo':{'status':'FAILED'}}" };
        uint64_t n = draw(&t->d, 3);

        for (uint64_t i = 0; i < n; i++) {
                char text[200];

                snprintf(text, sizeof text, "'%s%d':%s", prefix, (int)i,
                         values[draw(&t->d, sizeof values / sizeof *values)]);
                add(t, text, text, text);
        }
}

static void draw_backend(struct texts *t, bool is_site)
{
        static const char *const statuses[] = { "FAILED", "COMPLETED", "PENDING", "REPLICA" };
        const char *status = statuses[draw(&t->d, 4)];
        bool has_status = draw(&t->d, 4) > 0;
        char is[100], want[100], site[100];

        snprintf(is, sizeof is, has_status ? "'status':'%s','v':[1]" : "'v':[2]", status);
        snprintf(site, sizeof site, "{'site':'%s','w':{}", is_site ? "s" : "t");
        snprintf(want, sizeof want,
                 has_status ? "'status':'PENDING','v':[1]}" : "'v':[2],'status':'PENDING'}");
        add(t, site, is_site ? site : NULL, site);
        add(t, is, NULL, is_site ? NULL : is);
        if (is_site)
                add(t, NULL, want, want);
        add(t, "}", NULL, is_site ? NULL : "}");
        t->has_failed |= has_status && !is_site && strcmp(status, "FAILED") == 0;
}

static void draw_backends(struct texts *t)
{
        uint64_t others = draw(&t->d, 4), at = draw(&t->d, 5);
        bool has_site = at <= others;

        add(t, "'backends':[", "'backends':[", "'backends':[");
        for (uint64_t i = 0; i <= others; i++) {
                if (i == at)
                        draw_backend(t, true);
                if (i < others)
                        draw_backend(t, false);
        }
        add(t, "]", has_site ? "]" : NEW, has_site ? "]" : NEW);
        if (!has_site)
                add(t, NULL, "]", "]");
}

static void draw_info(struct texts *t)
{
        const char *status;
        bool has_class = draw(&t->d, 2) == 0;

        add(t, "'replicationInfo':{", "'replicationInfo':{", "'replicationInfo':{");
        draw_others(t, "p");
        if (has_class)
                add(t, "'storageClass':'t,s'", "'storageClass':'s'", "'storageClass':'t,s'");
        draw_backends(t);
        draw_others(t, "q");
        status = t->has_failed ? "'status':'FAILED'" : "'status':'PROCESSING'";
        add(t, draw(&t->d, 2) == 0 ? "'status':'COMPLETED'" : NULL, "'status':'PENDING'", status);
        add(t, "}", has_class ? NULL : "'storageClass':'s'", "}");
        add(t, NULL, "}", NULL);
}

static void draw_metadata(struct texts *t)
{
        add(t, "{", "{", "{");
        draw_others(t, "a");
        draw_info(t);
        draw_others(t, "z");
        add(t, "}", "}", "}");
}

static void check_drawn(uint64_t seed, backbeat_writer *write, struct str metadata, struct str want)
{
        struct failure f = the_failure();
        struct buf got, traces[2];

        buf_init(&got, SIZE_MAX);
        for (int i = 0; i < 2; i++)
                buf_init(&traces[i], SIZE_MAX);
        backbeat_value(reader, json, write, metadata, &f, &got);
        CHECK(json_trace_text(json, buf_str(&got), &traces[0], &err) == 0);
        CHECK(json_trace_text(json, want, &traces[1], &err) == 0);
        if (!str_eq(buf_str(&traces[0]), buf_str(&traces[1]))) {
                fprintf(stderr, "seed %llu\n%.*s\n%.*s\n%.*s\n", (unsigned long long)seed,
                        STR_ARG(metadata), STR_ARG(want), STR_ARG(buf_str(&got)));
                check_fail(__FILE__, __LINE__, "it is as it should be", "");
        }
        for (int i = 0; i < 2; i++)
                buf_deinit(&traces[i]);
        buf_deinit(&got);
}

/* What is published for a retry is no failure and no outcome to who reads it. */
static void check_intake(struct str metadata)
{
        struct log_record record = { .timestamp_ms = 1, .settles = -1 };
        struct failure f = the_failure();
        struct intake_decoded decoded;
        struct buf out;

        buf_init(&out, SIZE_MAX);
        CHECK(backbeat_text_entry(reader, metadata, &f, &out, &err) == 0);
        record.value = buf_str(&out);
        CHECK_INT(intake_decode(intake, &record, &decoded, &err), REJECT_NONE);
        CHECK_INT(decoded.format, INTAKE_QUEUE_ENTRY);
        CHECK_INT(decoded.n, 0);
        buf_clear(&out);
        CHECK(backbeat_text_status(reader, metadata, &f, &out, &err) == 0);
        record.value = buf_str(&out);
        CHECK_INT(intake_decode(intake, &record, &decoded, &err), REJECT_NONE);
        CHECK_INT(decoded.n, 0); /* the entry's site is pending, others do not count */
        buf_deinit(&out);
}

static void any_metadata_is_rewritten_as_specified(void)
{
        struct texts t;

        buf_init(&t.metadata, SIZE_MAX);
        buf_init(&t.entry, SIZE_MAX);
        buf_init(&t.status, SIZE_MAX);
        for (uint64_t seed = 0; seed < 3000; seed++) {
                t.d = draw_seed(seed);
                t.has_failed = false;
                buf_clear(&t.metadata);
                buf_clear(&t.entry);
                buf_clear(&t.status);
                draw_metadata(&t);
                check_drawn(seed, backbeat_text_entry, buf_str(&t.metadata), buf_str(&t.entry));
                check_drawn(seed, backbeat_text_status, buf_str(&t.metadata), buf_str(&t.status));
                check_intake(buf_str(&t.metadata));
        }
        buf_deinit(&t.metadata);
        buf_deinit(&t.entry);
        buf_deinit(&t.status);
}

int main(void)
{
        reader = backbeat_reader_new();
        json = json_reader_new(LIMIT_METADATA_DEPTH);
        intake = intake_decoder_new((size_t)1 << 20, false);
        RUN(any_metadata_is_rewritten_as_specified);
        intake_decoder_free(intake);
        json_reader_free(json);
        backbeat_reader_free(reader);
        return 0;
}
