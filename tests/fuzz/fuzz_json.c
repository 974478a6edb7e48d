/* SPDX-License-Identifier: Apache-2.0 */
/* A text gets the same verdict whole and in two pieces, and every string that is told is UTF-8. */
#include "crr/base/json_read.h"
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
        return 0;
}
