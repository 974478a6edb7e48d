/* SPDX-License-Identifier: Apache-2.0 */
/* What is encoded is plain ASCII and decodes to itself; a query of any bytes is refused, or parsed
 * into parameters that written again are parsed into the same. */
#include <string.h>

#include "crr/base/url.h"
#include "fuzz.h"

#define ARENA_BYTES ((size_t)1 << 20)
#define PLAIN       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"

static void has_only(struct str text, const char *allowed)
{
        for (size_t i = 0; i < text.len; i++)
                HOLDS(text.base[i] != '\0' && strchr(allowed, text.base[i]) != NULL);
}

static void encode_and_back(void (*encode)(struct buf *out, struct str s), struct str text,
                            const char *allowed)
{
        struct buf encoded, decoded;

        buf_init(&encoded, SIZE_MAX);
        buf_init(&decoded, SIZE_MAX);
        encode(&encoded, text);
        has_only(buf_str(&encoded), allowed);
        HOLDS(url_decode(&decoded, buf_str(&encoded), false));
        HOLDS(str_eq(buf_str(&decoded), text));
        buf_clear(&decoded);
        HOLDS(url_decode(&decoded, buf_str(&encoded), true));
        HOLDS(str_eq(buf_str(&decoded), text));
        buf_deinit(&encoded);
        buf_deinit(&decoded);
}

static void write_query(const struct url_query *q, struct buf *out)
{
        for (size_t i = 0; i < q->n; i++) {
                buf_append_c(out, i > 0 ? "&" : "");
                url_encode(out, q->params[i].name);
                buf_append_char(out, '=');
                url_encode(out, q->params[i].value);
        }
}

static void is_the_same_when_written(const struct url_query *first, struct arena *arena)
{
        struct url_query second;
        struct buf text;
        struct error err;

        buf_init(&text, SIZE_MAX);
        write_query(first, &text);
        HOLDS(url_query_parse(&second, buf_str(&text), arena, &err) == 0);
        HOLDS(second.n == first->n);
        for (size_t i = 0; i < first->n; i++) {
                HOLDS(str_eq(first->params[i].name, second.params[i].name));
                HOLDS(str_eq(first->params[i].value, second.params[i].value));
        }
        buf_deinit(&text);
}

static void is_sound(const struct url_query *q)
{
        HOLDS(q->n <= URL_MAX_PARAMS);
        for (size_t i = 0; i < q->n; i++) {
                HOLDS(str_is_utf8(q->params[i].name) && str_is_utf8(q->params[i].value));
                for (size_t j = 0; j < i; j++)
                        HOLDS(!str_eq(q->params[i].name, q->params[j].name));
        }
}

static void parse(struct str text)
{
        struct url_query query;
        struct arena arena;
        struct error err;

        arena_init(&arena, ARENA_BYTES);
        if (url_query_parse(&query, text, &arena, &err) == 0) {
                is_sound(&query);
                is_the_same_when_written(&query, &arena);
        } else {
                HOLDS(err.code == ERR_INVALID_QUERY && err.message[0] != '\0');
        }
        arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str text = fuzz_input(data, size);

        encode_and_back(url_encode, text, PLAIN);
        encode_and_back(url_encode_component, text, PLAIN "!*'()");
        parse(text);
        return 0;
}
