/* SPDX-License-Identifier: Apache-2.0 */
#include "body_reader.h"
#include "check.h"
#include "crr/api/api.h"
#include "fake_http.h"

struct test_read {
        struct body_read read;
        struct fake_exchange *x;
        unsigned values;    /* events so far */
        unsigned refuse_at; /* the event that is refused; 0: none */
        bool done, failed;
        struct error err;
};

static struct body_reader *reader;

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct test_read *r = data;

        (void)depth;
        (void)name;
        (void)v;
        CHECK(!r->done);
        if (++r->values == r->refuse_at)
                return error_set(err, ERR_TOO_LARGE, "value %u", r->values);
        return 0;
}

static void on_done(struct body_read *read, const struct error *err)
{
        struct test_read *r = read->data;

        CHECK(!r->done);
        r->done = true;
        r->failed = err != NULL;
        if (err != NULL)
                r->err = *err;
}

static void submit(struct test_read *r, const char *body)
{
        static const struct json_events events = { .value = on_value };

        *r = (struct test_read){ .x = fake_http_new("POST", "/", body) };
        r->read = (struct body_read){
                .req = r->x->req, .events = &events, .events_data = r, .data = r, .done = on_done
        };
        body_reader_submit(reader, &r->read);
        CHECK(!r->done);
}

static void end(struct test_read *r)
{
        fake_http_free(r->x);
}

/* "[1,1,1,1,1,1      ,1]" of exactly so many bytes. */
static char *array_of(size_t bytes)
{
        char *text = malloc(bytes + 1);

        CHECK(text != NULL);
        memset(text, ' ', bytes);
        for (size_t i = 0; i < 12; i += 2) {
                text[i] = i == 0 ? '[' : ',';
                text[i + 1] = '1';
        }
        snprintf(text + bytes - 3, 4, ",1]");
        return text;
}

static void a_body_is_read_to_its_end(void)
{
        static const struct {
                const char *body;
                unsigned values; /* 0: it is refused */
        } table[] = {
                { "[1,2,3]", 4 }, { "{\"a\":[true]}", 3 },
                { "1", 1 },       { " \"text\" ", 1 },
                { "", 0 },        { " ", 0 },
                { "[1,2", 0 },    { "[1,2]]", 0 },
                { "\"\xc3", 0 },  { "\xef\xbb\xbf[]", 0 },
                { "12", 1 },      { "34 ", 1 },
        };
        struct test_read r;

        reader = body_reader_new();
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                submit(&r, table[i].body);
                CHECK(!body_reader_work(reader));
                CHECK(r.done);
                if (r.failed != (table[i].values == 0))
                        check_fail(__FILE__, __LINE__, table[i].body, r.err.message);
                if (!r.failed)
                        CHECK_INT(r.values, table[i].values);
                else
                        CHECK_INT(r.err.code, ERR_BAD_JSON);
                end(&r);
        }
        body_reader_free(reader);
}

static void small_bodies_are_done_in_their_order_in_one_turn(void)
{
        struct test_read r[5];

        reader = body_reader_new();
        for (size_t i = 0; i < 5; i++)
                submit(&r[i], i == 2 ? "[1," : "[1]");
        CHECK(!body_reader_work(reader));
        for (size_t i = 0; i < 5; i++) {
                CHECK(r[i].done);
                CHECK_INT(r[i].failed, i == 2);
                end(&r[i]);
        }
        body_reader_free(reader);
}

/* Bytes of a body, and the turns that it takes. */
static void a_turn_reads_so_many_bytes_of_a_large_body(void)
{
        static const struct {
                size_t bytes;
                unsigned turns;
        } table[] = {
                { API_WORK_BYTES - 1, 1 },       { API_WORK_BYTES, 1 },
                { API_WORK_BYTES + 1, 3 },       { 4 * API_SLICE_BYTES - 1, 4 },
                { 4 * API_SLICE_BYTES + 99, 5 },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                char *body = array_of(table[i].bytes);
                struct test_read r;
                unsigned turns = 1;

                reader = body_reader_new();
                submit(&r, body);
                while (body_reader_work(reader)) {
                        CHECK(!r.done);
                        turns++;
                }
                CHECK(r.done && !r.failed);
                CHECK_INT(turns, table[i].turns);
                end(&r);
                free(body);
                body_reader_free(reader);
        }
}

static void a_small_body_does_not_wait_for_a_large_one(void)
{
        char *body = array_of((size_t)3 * API_WORK_BYTES);
        struct test_read large, other, small;

        reader = body_reader_new();
        submit(&large, body);
        submit(&other, body);
        submit(&small, "[1]");
        CHECK(body_reader_work(reader));
        CHECK(small.done && !large.done && !other.done);
        while (!large.done)
                body_reader_work(reader);
        CHECK(!other.done && other.values == 0); /* one large body after the other */
        while (body_reader_work(reader))
                ;
        CHECK(other.done && !other.failed);
        end(&large);
        end(&other);
        end(&small);
        free(body);
        body_reader_free(reader);
}

static void what_a_handler_refuses_ends_the_read_there(void)
{
        char *body = array_of((size_t)3 * API_WORK_BYTES);
        struct test_read r, next;

        reader = body_reader_new();
        submit(&r, body);
        r.refuse_at = 5;
        submit(&next, body);
        CHECK(body_reader_work(reader));
        CHECK(r.done && r.failed);
        CHECK_STR(r.err.message, "value 5");
        CHECK_INT(r.values, 5);
        while (body_reader_work(reader))
                ;
        CHECK(next.done && !next.failed);
        end(&r);
        end(&next);
        free(body);
        body_reader_free(reader);
}

static void a_client_that_leaves_in_the_middle_is_not_read_to_the_end(void)
{
        char *body = array_of((size_t)3 * API_WORK_BYTES);
        struct test_read r, next;

        reader = body_reader_new();
        submit(&r, body);
        submit(&next, body);
        CHECK(body_reader_work(reader));
        CHECK(r.values > 0 && !r.done);
        r.x->canceled = true;
        CHECK(body_reader_work(reader));
        CHECK(r.done && r.failed);
        CHECK_INT(r.err.code, ERR_UNAVAILABLE);
        while (body_reader_work(reader)) /* the next one begins at its beginning */
                ;
        CHECK(next.done && !next.failed);
        end(&r);
        end(&next);
        free(body);
        body_reader_free(reader);
}

static void at_the_end_what_waits_is_done(void)
{
        char *body = array_of((size_t)3 * API_WORK_BYTES);
        struct test_read r[3];

        reader = body_reader_new();
        submit(&r[0], body);
        submit(&r[1], body);
        body_reader_work(reader);
        submit(&r[2], "[1]");
        body_reader_free(reader);
        for (size_t i = 0; i < 3; i++) {
                CHECK(r[i].done && r[i].err.code == ERR_UNAVAILABLE);
                end(&r[i]);
        }
        free(body);
        body_reader_free(NULL);
}

int main(void)
{
        RUN(a_body_is_read_to_its_end);
        RUN(small_bodies_are_done_in_their_order_in_one_turn);
        RUN(a_turn_reads_so_many_bytes_of_a_large_body);
        RUN(a_small_body_does_not_wait_for_a_large_one);
        RUN(what_a_handler_refuses_ends_the_read_there);
        RUN(a_client_that_leaves_in_the_middle_is_not_read_to_the_end);
        RUN(at_the_end_what_waits_is_done);
        return 0;
}
