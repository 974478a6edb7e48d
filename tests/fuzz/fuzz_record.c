/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: key, NUL, value. A record that is taken is written by us such that it says the same, and
 * written again it is the same bytes; its retry entry is JSON that reads back as a record. One that
 * is not taken says why.
 */
#include <string.h>

#include "crr/base/limits.h"
#include "crr/core/failure_codec.h"
#include "crr/core/identity.h"
#include "fuzz.h"

#define MAX_VALUE ((size_t)1 << 20)

static bool same(const struct failure *a, const struct failure *b)
{
        return identity_eq(&a->id, &b->id) && a->state == b->state && a->size == b->size &&
               a->last_modified_ms == b->last_modified_ms && a->failed_at_ms == b->failed_at_ms &&
               a->attempts == b->attempts && a->superseded == b->superseded &&
               str_eq(a->error_code, b->error_code) && str_eq(a->role, b->role) &&
               uuid_eq(&a->retry_id, &b->retry_id) &&
               (a->state == FAILURE_FAILED || a->retried_at_ms == b->retried_at_ms);
}

static void is_sound(const struct decoded_record *r)
{
        const struct failure *f = &r->failure;
        struct error err;

        HOLDS(identity_check(&f->id, &err) == 0);
        if (r->outcome != RECORD_FAILED && r->outcome != RECORD_PENDING)
                return;
        HOLDS((f->state == FAILURE_PENDING) == (r->outcome == RECORD_PENDING));
        HOLDS(!f->superseded || f->state == FAILURE_FAILED);
        HOLDS(f->size >= -1 && f->attempts >= -1 && f->attempts <= LIMIT_ATTEMPTS);
        HOLDS(f->error_code.len <= LIMIT_ERROR_CODE_BYTES && f->role.len <= LIMIT_ROLE_BYTES);
        HOLDS(str_is_utf8(f->error_code) && str_is_utf8(f->role) && str_is_utf8(r->entry));
}

static void decode(struct failure_decoder *decoder, const struct buf *key, const struct buf *value,
                   int64_t timestamp_ms, struct decoded_record *ret)
{
        struct log_record record = { .timestamp_ms = timestamp_ms,
                                     .settles = -1,
                                     .key = buf_str(key),
                                     .value = buf_str(value) };
        struct error err;

        HOLDS(failure_decode(decoder, &record, ret, &err) == REJECT_NONE);
        HOLDS(ret->canonical_key && ret->ignored_fields == 0);
}

static void write_and_read_again(const struct decoded_record *first)
{
        struct failure_decoder *decoder = failure_decoder_new(8 * MAX_VALUE);
        int64_t timestamp_ms = first->failure.timestamp_ms;
        struct decoded_record second;
        struct buf key, value, again;

        buf_init(&key, SIZE_MAX);
        buf_init(&value, SIZE_MAX);
        buf_init(&again, SIZE_MAX);
        identity_write_key(&first->failure.id, &key);
        failure_encode(&first->failure, STR("fuzz"), first->entry, &value);
        decode(decoder, &key, &value, timestamp_ms, &second);
        HOLDS(second.outcome == first->outcome && same(&first->failure, &second.failure));
        HOLDS(str_eq(first->entry, second.entry));
        failure_encode(&second.failure, STR("fuzz"), second.entry, &again);
        HOLDS(str_eq(buf_str(&value), buf_str(&again)));
        buf_clear(&again);
        retry_entry_encode_native(&first->failure, &again);
        decode(decoder, &key, &again, timestamp_ms, &second);
        HOLDS(second.outcome == RECORD_PENDING && second.failure.size == first->failure.size);
        buf_deinit(&key);
        buf_deinit(&value);
        buf_deinit(&again);
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
        if (failure_decode(decoder, &record, &decoded, &err) != REJECT_NONE) {
                HOLDS(err.message[0] != '\0');
                return 0;
        }
        is_sound(&decoded);
        if (decoded.outcome == RECORD_FAILED || decoded.outcome == RECORD_PENDING)
                write_and_read_again(&decoded);
        return 0;
}
