/* SPDX-License-Identifier: Apache-2.0 */
/* What is encoded decodes to itself; a query of any bytes is parsed or refused. */
#include "crr/base/url.h"
#include "fuzz.h"

#define ARENA_BYTES ((size_t)1 << 20)

static void encode_and_back(void (*encode)(struct buf *out, struct str s), struct str text)
{
        struct buf encoded, decoded;

        buf_init(&encoded, SIZE_MAX);
        buf_init(&decoded, SIZE_MAX);
        encode(&encoded, text);
        HOLDS(url_decode(&decoded, buf_str(&encoded), false));
        HOLDS(str_eq(buf_str(&decoded), text));
        buf_deinit(&encoded);
        buf_deinit(&decoded);
}

static void parse(struct str text)
{
        struct url_query query;
        struct arena arena;
        struct error err;

        arena_init(&arena, ARENA_BYTES);
        if (url_query_parse(&query, text, &arena, &err) == 0)
                for (size_t i = 0; i < query.n; i++)
                        HOLDS(str_is_utf8(query.params[i].value));
        arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = fuzz_input(data, size);

        encode_and_back(url_encode, text);
        encode_and_back(url_encode_component, text);
        parse(text);
        return 0;
}
