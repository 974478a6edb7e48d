/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <inttypes.h>

#include "check.h"
#include "child.h"
#include "crr/base/json_read.h"
#include "crr/base/log.h"
#include "crr/base/time.h"
#include "json_trace.h"

#define BYTES(text)                      \
        {                                \
                (text), sizeof(text) - 1 \
        }
#define TIME "2018-03-30T22:22:34.384Z"

static char line[1 << 20]; /* the last one */
static unsigned lines;

static void keep_line(void *data, struct str text)
{
        CHECK(data == &lines);
        CHECK(text.len > 0 && text.len < sizeof line);
        memcpy(line, text.base, text.len);
        line[text.len] = '\0';
        lines++;
}

static void configure(enum log_level level, enum log_format format)
{
        log_configure(level, format);
        lines = 0;
        line[0] = '\0';
}

/* What follows the time, which is checked for its shape. */
static const char *after_time(const char *prefix)
{
        int64_t ms;

        CHECK_INT(strncmp(line, prefix, strlen(prefix)), 0);
        CHECK(time_parse_rfc3339((struct str){ line + strlen(prefix), strlen(TIME) }, &ms));
        return line + strlen(prefix) + strlen(TIME);
}

static void logfmt_is_one_line_of_names_and_values(void)
{
        configure(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
        log_emit(LOG_RECORD_REJECTED,
                 LOG_FIELDS(log_i("partition", 3), log_i("offset", -1), log_c("cause", "not_json")),
                 "rejected: %s", "why");
        CHECK_STR(after_time("time="), " level=warn event=record_rejected partition=3 offset=-1 "
                                       "cause=not_json msg=\"rejected: why\"\n");
        log_emit(LOG_REVOKED, LOG_FIELDS(log_b("lost", true), log_i("n", INT64_MIN)), "gone");
        CHECK_STR(after_time("time="), " level=info event=revoked lost=true "
                                       "n=-9223372036854775808 msg=gone\n");
        log_emit(LOG_STOPPED, LOG_NO_FIELDS, "the end");
        CHECK_STR(after_time("time="), " level=info event=stopped msg=\"the end\"\n");
        CHECK_INT(lines, 3);
}

static void json_is_one_object_a_line(void)
{
        configure(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
        log_emit(LOG_TXN_ABORTED, LOG_FIELDS(log_i("entries", 3), log_c("code", "Kafka\"Error\"")),
                 "aborted: %s", "why");
        CHECK_STR(after_time("{\"time\":\""),
                  "\",\"level\":\"warn\",\"event\":\"txn_aborted\",\"entries\":3,"
                  "\"code\":\"Kafka\\\"Error\\\"\",\"msg\":\"aborted: why\"}\n");
        log_emit(LOG_REVOKED, LOG_FIELDS(log_b("lost", false)), "gone");
        CHECK_STR(after_time("{\"time\":\""), "\",\"level\":\"info\",\"event\":\"revoked\","
                                              "\"lost\":false,\"msg\":\"gone\"}\n");
}

static void logfmt_quotes_what_would_not_be_one_word(void)
{
        static const struct {
                struct str value;
                const char *want;
        } table[] = {
                { BYTES("word"), "word" },
                { BYTES("a/b?c&d:e,f{g}"), "a/b?c&d:e,f{g}" },
                { BYTES("\xc3\xa9"), "\xc3\xa9" },
                { BYTES(""), "\"\"" },
                { { NULL, 0 }, "\"\"" },
                { BYTES("two words"), "\"two words\"" },
                { BYTES("a=b"), "\"a=b\"" },
                { BYTES("say \"x\""), "\"say \\\"x\\\"\"" },
                { BYTES("back\\slash"), "\"back\\\\slash\"" },
                { BYTES("line\nline"), "\"line\\nline\"" },
                { BYTES("\ttab"), "\"\\ttab\"" },
                { BYTES("nul\0nul"), "\"nul\\u0000nul\"" },
                { BYTES("\x1b[31m"), "\"\\u001b[31m\"" },
                { BYTES("\x7f"), "\"\x7f\"" },
                { BYTES("\xff"), "\"(not UTF-8)\"" },
                { BYTES("a\xc0\x80"), "\"(not UTF-8)\"" },
        };
        char want[256];

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                configure(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
                log_emit(LOG_HTTP_REQUEST, LOG_FIELDS(log_s("path", table[i].value)), "%s", "m");
                snprintf(want, sizeof want, " level=debug event=http_request path=%s msg=m\n",
                         table[i].want);
                CHECK_STR(after_time("time="), want);
        }
        log_emit(LOG_HTTP_REQUEST, LOG_FIELDS(log_c("path", NULL)), "%s", "m=\xff");
        CHECK_STR(after_time("time="),
                  " level=debug event=http_request path=\"\" msg=\"(not UTF-8)\"\n");
}

static void what_is_below_the_level_is_not_written_and_not_counted(void)
{
        static const enum log_event of_level[LOG_LEVEL_COUNT] = { LOG_HTTP_REQUEST, LOG_STOPPED,
                                                                  LOG_NOT_READY,
                                                                  LOG_CONSUMER_LOST };

        for (int level = 0; level < LOG_LEVEL_COUNT; level++) {
                configure((enum log_level)level, LOG_FORMAT_LOGFMT);
                for (int event = 0; event < LOG_LEVEL_COUNT; event++) {
                        uint64_t before[LOG_LEVEL_COUNT];
                        unsigned written = lines;

                        CHECK_INT(log_event_row(of_level[event])->level, event);
                        for (int i = 0; i < LOG_LEVEL_COUNT; i++)
                                before[i] = log_count((enum log_level)i);
                        log_emit(of_level[event], LOG_NO_FIELDS, "%s", "m");
                        CHECK_INT(lines - written, event >= level);
                        for (int i = 0; i < LOG_LEVEL_COUNT; i++)
                                CHECK_INT(log_count((enum log_level)i) - before[i],
                                          i == event && event >= level);
                }
        }
}

static void levels_are_named(void)
{
        static const char *const names[LOG_LEVEL_COUNT] = { "debug", "info", "warn", "error" };

        for (int i = 0; i < LOG_LEVEL_COUNT; i++)
                CHECK_STR(log_level_name((enum log_level)i), names[i]);
}

static bool is_name(struct str s)
{
        for (size_t i = 0; i < s.len; i++)
                if (!islower(s.base[i]) && !isdigit(s.base[i]) && s.base[i] != '_')
                        return false;
        return s.len > 0 && islower(s.base[0]);
}

/* A field that has the name of one of the line's own would stand twice in its JSON. */
static void check_fields_of(const struct log_event_row *row)
{
        static const char *const own[] = { "time", "level", "event", "msg" };
        struct str rest = str_from(row->fields), names[6], head;
        size_t n = 0;

        while (rest.len > 0) {
                if (!str_split(rest, ',', &head, &rest)) {
                        head = rest;
                        rest = STR("");
                }
                CHECK(is_name(head));
                for (size_t i = 0; i < 4; i++)
                        CHECK(!str_eq_c(head, own[i]));
                for (size_t i = 0; i < n; i++)
                        CHECK(!str_eq(head, names[i]));
                CHECK(n < 6); /* the longest line has room for these */
                names[n++] = head;
        }
}

static void every_event_has_a_name_of_its_own_and_fields_with_names(void)
{
        for (int i = 0; i < LOG__COUNT; i++) {
                const struct log_event_row *row = log_event_row((enum log_event)i);

                CHECK(is_name(str_from(row->name)));
                CHECK(row->help[0] != '\0');
                CHECK(row->level < LOG_LEVEL_COUNT);
                check_fields_of(row);
                for (int k = 0; k < i; k++)
                        CHECK(strcmp(log_event_row((enum log_event)k)->name, row->name) != 0);
        }
}

static void emit_wrong(void *data)
{
        (void)data;
        log_emit(LOG_HTTP_REQUEST, LOG_FIELDS(log_c("path", "/"), log_c("color", "red")), "%s",
                 "m");
}

static void emit_cut_name(void *data)
{
        (void)data;
        log_emit(LOG_HTTP_REQUEST, LOG_FIELDS(log_c("pat", "/")), "%s", "m");
}

static void a_field_that_is_not_documented_aborts_in_tests_only(void)
{
        char said[4096];

        configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        setenv("CRR_LOG_STRICT", "1", 1);
        CHECK(child_aborts(emit_wrong, NULL, said, sizeof said));
        CHECK_STR(said, "event http_request has no field color\n");
        CHECK(child_aborts(emit_cut_name, NULL, said, sizeof said));
        unsetenv("CRR_LOG_STRICT");
        CHECK(!child_aborts(emit_wrong, NULL, said, sizeof said));
        setenv("CRR_LOG_STRICT", "1", 1);
}

static void check_is_json(void)
{
        struct json_reader *reader = json_reader_new(2);
        size_t n = strlen(line);
        struct buf trace;
        struct error err;

        CHECK(n > 0 && line[n - 1] == '\n');
        CHECK(memchr(line, '\n', n - 1) == NULL);
        buf_init(&trace, SIZE_MAX);
        if (json_trace_text(reader, (struct str){ line, n - 1 }, &trace, &err) != 0)
                check_fail(__FILE__, __LINE__, "JSON", err.message);
        buf_deinit(&trace);
        json_reader_free(reader);
}

/* Rows: a piece that is repeated to a long text. Cut at some byte it would not be UTF-8; escaped it
 * is six times as long. */
static void a_long_line_is_cut_and_stays_what_it_is(void)
{
        static const char *const pieces[] = {
                "x", "\xc3\xa9", "x\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x01", "\""
        };
        static char text[60001];

        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                size_t len = strlen(pieces[i]);

                for (size_t at = 0; at < sizeof text; at++)
                        text[at] = at + len < sizeof text ? pieces[i][at % len] : '\0';
                text[(sizeof text - 1) / len * len] = '\0';
                for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
                        configure(LOG_LEVEL_DEBUG, (enum log_format)format);
                        log_emit(LOG_SOURCE_REFUSED,
                                 LOG_FIELDS(log_c("source", text), log_c("bucket", text),
                                            log_c("outcome", text)),
                                 "%s", text);
                        CHECK_INT(lines, 1);
                        CHECK(strstr(line, "not UTF-8") == NULL);
                        CHECK(strlen(line) > 16000 && strlen(line) < 130000);
                        CHECK(strstr(line, "msg") != NULL);
                        if (format == LOG_FORMAT_JSON)
                                check_is_json();
                }
        }
}

static void emit_to_stderr(void *data)
{
        (void)data;
        log_sink(NULL, NULL);
        log_emit(LOG_STOPPED, LOG_NO_FIELDS, "%s", "first");
        log_emit(LOG_STOPPED, LOG_NO_FIELDS, "%s", "second");
}

static void without_a_sink_lines_go_to_standard_error(void)
{
        char said[4096];

        configure(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
        CHECK(!child_aborts(emit_to_stderr, NULL, said, sizeof said));
        CHECK(strstr(said, "event=stopped msg=first\ntime=") != NULL);
        CHECK(strstr(said, "event=stopped msg=second\n") != NULL);
}

int main(void)
{
        setenv("CRR_LOG_STRICT", "1", 1);
        log_sink(keep_line, &lines);
        RUN(logfmt_is_one_line_of_names_and_values);
        RUN(json_is_one_object_a_line);
        RUN(logfmt_quotes_what_would_not_be_one_word);
        RUN(what_is_below_the_level_is_not_written_and_not_counted);
        RUN(levels_are_named);
        RUN(every_event_has_a_name_of_its_own_and_fields_with_names);
        RUN(a_field_that_is_not_documented_aborts_in_tests_only);
        RUN(a_long_line_is_cut_and_stays_what_it_is);
        RUN(without_a_sink_lines_go_to_standard_error);
        return 0;
}
