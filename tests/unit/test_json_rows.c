/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "check.h"
#include "crr/base/json_read.h"
#include "crr/base/json_write.h"
#include "crr/base/time.h"
#include "draw_text.h"

#define ROUNDS    3000
#define VALUES    16
#define TEXT_MOST 200

static struct draw d;

/* What was written, in order, and how much of it was read back. */
static struct written {
        enum json_type type;
        char name[TEXT_MOST], text[TEXT_MOST];
        size_t name_len, text_len;
        int64_t integer;
} written[VALUES];
static size_t n_written, n_read;

static struct written *next_written(enum json_type type)
{
        struct written *v = &written[n_written++];

        *v = (struct written){ .type = type };
        return v;
}

/* A name that no other member has; UTF-8 may be cut at its end. */
static struct str draw_name(struct written *v)
{
        v->name_len = draw_text(&d, v->name, TEXT_MOST - 8);
        while (!str_is_utf8((struct str){ v->name, v->name_len }))
                v->name_len--;
        v->name_len += (size_t)sprintf(v->name + v->name_len, "%zu", n_written);
        return (struct str){ v->name, v->name_len };
}

static struct str draw_value(struct written *v)
{
        v->text_len = draw_text(&d, v->text, TEXT_MOST);
        while (!str_is_utf8((struct str){ v->text, v->text_len }))
                v->text_len--;
        return (struct str){ v->text, v->text_len };
}

static int64_t draw_integer(void)
{
        int64_t value =
                (int64_t)(draw(&d, UINT64_C(1) << 53) << 10 | draw(&d, 1024)) >> draw(&d, 64);

        return draw(&d, 2) == 0 ? value : -value;
}

static void write_member(struct json_writer *w)
{
        struct written *v = next_written(draw(&d, 3) == 0 ? JSON_INTEGER : JSON_STRING);

        json_key_str(w, draw_name(v));
        if (v->type == JSON_STRING)
                json_str(w, draw_value(v));
        else
                json_int(w, v->integer = draw_integer());
}

/* {"a":..., ..., "row":{"S":..,"T":..,"N":..}} */
static void write_document(struct json_writer *w)
{
        size_t members = draw(&d, 8);
        char *begin, *at;
        struct written *s, *t, *n;

        json_object_open(w);
        for (size_t i = 0; i < members; i++)
                write_member(w);
        json_key(w, "row");
        s = next_written(JSON_STRING);
        t = next_written(JSON_STRING);
        n = next_written(JSON_INTEGER);
        at = begin = json_row_begin(w, JSON_ROW_ROOM(3, TEXT_MOST));
        CHECK(begin != NULL);
        at = json_row_str(json_row_name(at, "S"), draw_value(s));
        t->integer = (int64_t)draw(&d, UINT64_C(253402300800000));
        t->text_len = time_format_rfc3339(t->integer, t->text);
        at = json_row_time(json_row_name(at, "T"), t->integer);
        n->integer = (int64_t)((uint64_t)draw_integer() & INT64_MAX);
        at = json_row_u64(json_row_name(at, "N"), (uint64_t)n->integer);
        json_row_end(w, begin, at);
        json_object_close(w);
}

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        const struct written *w = &written[n_read];

        (void)data;
        (void)err;
        if (v->type == JSON_OBJECT)
                return 0;
        CHECK(n_read < n_written);
        CHECK_INT(v->type, w->type);
        if (depth == 1)
                CHECK(str_eq(name, (struct str){ w->name, w->name_len }));
        if (v->type == JSON_STRING)
                CHECK(str_eq(v->text, (struct str){ w->text, w->text_len }));
        else
                CHECK_INT(v->integer, w->integer);
        n_read++;
        return 0;
}

static void read_back(struct json_reader *reader, struct str text)
{
        static const struct json_events events = { .value = on_value };
        struct error err;

        n_read = 0;
        if (json_read(reader, text, &events, NULL, &err) != 0) {
                printf("%.*s\n", STR_ARG(text));
                CHECK_STR(err.message, "");
        }
        CHECK_INT(n_read, n_written);
}

static void yajl_reads_back_what_was_written_whatever_the_strings_are(void)
{
        struct json_reader *reader = json_reader_new(4);
        struct json_writer w;
        struct buf out;

        buf_init(&out, SIZE_MAX);
        for (int round = 0; round < ROUNDS; round++) {
                buf_clear(&out);
                json_writer_init(&w, &out);
                n_written = 0;
                write_document(&w);
                read_back(reader, buf_str(&out));
        }
        buf_deinit(&out);
        json_reader_free(reader);
}

static void past_the_limit_nothing_is_written_and_below_it_everything(void)
{
        static const char text[] = "{\"k\":[\"a\\\"b\",-12,true,\"1970-01-01T00:00:00.000Z\"]}";

        for (size_t limit = 0; limit < 100; limit++) {
                struct json_writer w;
                struct buf out;

                buf_init(&out, limit);
                json_writer_init(&w, &out);
                json_object_open(&w);
                json_key(&w, "k");
                json_array_open(&w);
                json_str(&w, STR("a\"b"));
                json_int(&w, -12);
                json_bool(&w, true);
                json_time(&w, 0);
                json_array_close(&w);
                json_object_close(&w);
                CHECK(out.len <= limit);
                CHECK(out.overflow || str_eq_c(buf_str(&out), text));
                CHECK(!out.overflow || limit < sizeof text + 16); /* a time wants that room */
                buf_deinit(&out);
        }
}

static void numbers_have_the_digits_that_printf_gives_them(void)
{
        char want[32];
        struct json_writer w;
        struct buf out;

        buf_init(&out, SIZE_MAX);
        for (unsigned i = 0; i < 64 * 3; i++) {
                uint64_t value = (UINT64_C(1) << i / 3) + i % 3 - 1, power = 1;

                if (i < 60) /* around the powers of ten */
                        for (unsigned n = 0; n < i / 3; n++)
                                power *= 10;
                value = i < 60 ? power + i % 3 - 1 : value;
                buf_clear(&out);
                json_writer_init(&w, &out);
                json_u64(&w, value);
                snprintf(want, sizeof want, "%" PRIu64, value);
                CHECK(str_eq_c(buf_str(&out), want));
        }
        buf_clear(&out);
        json_writer_init(&w, &out);
        json_int(&w, INT64_MIN);
        CHECK(str_eq_c(buf_str(&out), "-9223372036854775808"));
        buf_deinit(&out);
}

int main(void)
{
        d = draw_seed(20261125);
        RUN(yajl_reads_back_what_was_written_whatever_the_strings_are);
        RUN(past_the_limit_nothing_is_written_and_below_it_everything);
        RUN(numbers_have_the_digits_that_printf_gives_them);
        return 0;
}
