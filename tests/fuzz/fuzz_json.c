/* SPDX-License-Identifier: Apache-2.0 */
/* A text gets the same verdict whole and in two pieces, and every string that is told is UTF-8. A
 * string that is written, as a name and as a value, is read back as it was. */
#include "crr/base/json_read.h"
#include "crr/base/json_write.h"
#include "fuzz.h"

#define MAX_DEPTH 16

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        HOLDS(depth <= MAX_DEPTH);
        HOLDS(name.base == NULL || str_is_utf8(name));
        if (v->type == JSON_STRING)
                HOLDS(str_is_utf8(v->text));
        return 0;
}

static const struct json_events events = { .value = on_value };

static int read_pieces(struct json_reader *r, struct str text, size_t cut)
{
        struct str head = { text.base, cut }, tail = { text.base + cut, text.len - cut };
        struct error err;

        json_read_begin(r, &events, NULL);
        if (json_read_more(r, head, &err) != 0 || json_read_more(r, tail, &err) != 0)
                return -1;
        return json_read_end(r, &err);
}

static int is_the_text(void *data, unsigned depth, struct str name, const struct json_value *v,
                       struct error *err)
{
        const struct str *text = data;

        if (depth == 0)
                return 0;
        HOLDS(str_eq(name, *text) && v->type == JSON_STRING && str_eq(v->text, *text));
        return 0;
}

static void write_and_read_again(struct json_reader *r, struct str text)
{
        static const struct json_events compare = { .value = is_the_text };
        struct json_writer w;
        struct error err;
        struct buf out;

        if (!str_is_utf8(text))
                return;
        buf_init(&out, SIZE_MAX);
        json_writer_init(&w, &out);
        json_object_open(&w);
        json_key_str(&w, text);
        json_str(&w, text);
        json_object_close(&w);
        HOLDS(json_read(r, buf_str(&out), &compare, &text, &err) == 0);
        buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct json_reader *reader;
        struct str text = fuzz_input(data, size);
        struct error err;
        int whole;

        if (reader == NULL) /* one for all inputs: none may see what another left behind */
                reader = json_reader_new(MAX_DEPTH);
        whole = json_read(reader, text, &events, NULL, &err);
        HOLDS((whole == 0) == (json_reader_fault(reader) == JSON_FAULT_NONE));
        HOLDS((whole == 0) == (read_pieces(reader, text, size / 2) == 0));
        HOLDS((whole == 0) == (json_read(reader, text, &events, NULL, &err) == 0));
        write_and_read_again(reader, text);
        return 0;
}
