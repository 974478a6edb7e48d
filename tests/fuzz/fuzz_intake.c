/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a record's value. What is taken of it, with roles or without, is written to the failure
 * log such that its decoder takes it as the same. What is not taken says why.
 */
#include "crr/core/identity.h"
#include "crr/core/intake_decoder.h"
#include "fuzz.h"

#define MAX_VALUE ((size_t)1 << 20)

static bool same(const struct failure *a, const struct failure *b)
{
        return a->size == b->size && a->last_modified_ms == b->last_modified_ms &&
               a->failed_at_ms == b->failed_at_ms && a->attempts == b->attempts &&
               str_eq(a->role, b->role) && str_eq(a->error_code, b->error_code);
}

static void encode(const struct intake_item *item, struct buf *out)
{
        if (item->completed)
                completion_encode(&item->failure.id, out);
        else if (item->value.base != NULL)
                buf_append_str(out, item->value);
        else
                failure_encode(&item->failure, STR(""), STR_ABSENT, out);
}

static void goes_to_the_log(const struct intake_item *item, int64_t timestamp_ms)
{
        struct failure_decoder *decoder = failure_decoder_new(8 * MAX_VALUE);
        struct log_record record = { .timestamp_ms = timestamp_ms, .settles = -1 };
        struct decoded_record decoded;
        struct buf key, value;
        struct error err;

        buf_init(&key, SIZE_MAX);
        buf_init(&value, SIZE_MAX);
        identity_write_key(&item->failure.id, &key);
        encode(item, &value);
        record.key = buf_str(&key);
        record.value = buf_str(&value);
        HOLDS(failure_decode(decoder, &record, &decoded, &err) == REJECT_NONE);
        HOLDS(decoded.canonical_key && identity_eq(&decoded.failure.id, &item->failure.id));
        HOLDS(decoded.outcome == (item->completed ? RECORD_COMPLETED : RECORD_FAILED));
        HOLDS(item->completed || same(&decoded.failure, &item->failure));
        buf_deinit(&key);
        buf_deinit(&value);
        failure_decoder_free(decoder);
}

static void take(struct intake_decoder *decoder, struct str value)
{
        struct log_record record = { .timestamp_ms = 1000, .value = value, .settles = -1 };
        struct intake_decoded decoded;
        struct error err;

        if (intake_decode(decoder, &record, &decoded, &err) != REJECT_NONE) {
                HOLDS(err.message[0] != '\0');
                return;
        }
        for (size_t i = 0; i < decoded.n; i++)
                goes_to_the_log(&decoded.items[i], record.timestamp_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct intake_decoder *plain, *with_roles;
        struct str value = fuzz_input(data, size);

        if (plain == NULL) {
                plain = intake_decoder_new(MAX_VALUE, false);
                with_roles = intake_decoder_new(MAX_VALUE, true);
        }
        take(plain, value);
        take(with_roles, value);
        return 0;
}
