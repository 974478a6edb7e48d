/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/buf.h"
#include "crr/base/json_read.h"
#include "draw.h"

#define ROUNDS     4000
#define NAMES_MOST 70

static struct draw d;
static struct buf text = { .limit = SIZE_MAX };

/* An object of n members with different names; those of the inner objects may be the same as those
 * outside. `twice`: one name stands twice in it, or in one inside. */
static void write_object(unsigned depth, unsigned n, bool twice)
{
        unsigned again =
                twice && n >= 2 ? 1 + (unsigned)draw(&d, n - 1) : 0; /* has an earlier name */
        unsigned inner = depth < 2 && n > 0 ? (unsigned)draw(&d, n) : n;

        buf_append_char(&text, '{');
        for (unsigned i = 0; i < n; i++) {
                unsigned name = i > 0 && i == again ? (unsigned)draw(&d, i) : i;

                buf_printf(&text, "%s\"%.*s%u\":", i > 0 ? "," : "", (int)(name % 5), "abcd", name);
                if (i == inner)
                        write_object(depth + 1, (unsigned)draw(&d, NAMES_MOST), false);
                else
                        buf_append_char(&text, '1');
        }
        buf_append_char(&text, '}');
}

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        (void)depth;
        (void)v;
        (void)err;
        *(size_t *)data += name.len;
        return 0;
}

static const struct json_events events = { .value = on_value };

static void a_name_that_stands_twice_is_found_however_large_the_object_is(void)
{
        struct json_reader *reader = json_reader_new(8);
        struct error err;
        size_t seen = 0;

        for (int round = 0; round < ROUNDS; round++) {
                unsigned n = 2 + (unsigned)draw(&d, NAMES_MOST);
                bool twice = draw(&d, 2) == 0, refused;

                buf_clear(&text);
                write_object(0, n, twice);
                refused = json_read(reader, buf_str(&text), &events, &seen, &err) != 0;
                if (refused != twice)
                        printf("%.*s\n", STR_ARG(buf_str(&text)));
                CHECK_INT(refused, twice);
                CHECK(!refused || json_reader_fault(reader) == JSON_FAULT_DUPLICATE);
        }
        json_reader_free(reader);
        buf_deinit(&text);
}

int main(void)
{
        d = draw_seed(20261125);
        RUN(a_name_that_stands_twice_is_found_however_large_the_object_is);
        return 0;
}
