/* SPDX-License-Identifier: Apache-2.0 */
/* Input: key, NUL, value. A record that is taken is written by us such that it says the same. */
#include <string.h>

#include "crr/core/failure_codec.h"
#include "crr/core/identity.h"
#include "fuzz.h"

#define MAX_VALUE ((size_t)1 << 20)

static bool same(const struct failure *a, const struct failure *b)
{
        return identity_eq(&a->id, &b->id) && a->state == b->state && a->size == b->size &&
               a->last_modified_ms == b->last_modified_ms && a->failed_at_ms == b->failed_at_ms &&
               a->attempts == b->attempts && str_eq(a->error_code, b->error_code) &&
               str_eq(a->role, b->role);
}

static void write_and_read_again(const struct decoded_record *first)
{
        struct failure_decoder *decoder = failure_decoder_new(8 * MAX_VALUE);
        struct log_record record = { .timestamp_ms = first->failure.timestamp_ms, .settles = -1 };
        struct decoded_record second;
        struct buf key, value;
        struct error err;

        buf_init(&key, SIZE_MAX);
        buf_init(&value, SIZE_MAX);
        identity_write_key(&first->failure.id, &key);
        failure_encode(&first->failure, STR("fuzz"), first->entry, &value);
        record.key = buf_str(&key);
        record.value = buf_str(&value);
        HOLDS(failure_decode(decoder, &record, &second, &err) == REJECT_NONE);
        HOLDS(second.outcome == first->outcome && second.ignored_fields == 0);
        HOLDS(second.canonical_key && same(&first->failure, &second.failure));
        HOLDS(str_eq(first->entry, second.entry));
        buf_deinit(&key);
        buf_deinit(&value);
        failure_decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct failure_decoder *decoder;
        struct str input = fuzz_input(data, size);
        const char *nul = memchr(input.base, 0, input.len);
        struct log_record record = { .timestamp_ms = 1000, .settles = -1 };
        struct decoded_record decoded;
        struct error err;

        if (nul == NULL)
                return 0;
        if (decoder == NULL)
                decoder = failure_decoder_new(MAX_VALUE);
        record.key = (struct str){ input.base, (size_t)(nul - input.base) };
        record.value = (struct str){ nul + 1, input.len - record.key.len - 1 };
        if (failure_decode(decoder, &record, &decoded, &err) != REJECT_NONE)
                return 0;
        if (decoded.outcome == RECORD_FAILED || decoded.outcome == RECORD_PENDING)
                write_and_read_again(&decoded);
        return 0;
}
