/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: an object's metadata. What has facts makes entries in which the site is pending and the
 * facts are the same, which say nothing to the intake, and which made again are the same bytes.
 */
#include "backbeat_value.h"
#include "crr/base/json_read.h"
#include "crr/base/limits.h"
#include "crr/core/backbeat_metadata.h"
#include "crr/core/intake_decoder.h"
#include "fuzz.h"

#define MAX_VALUE ((size_t)64 << 20)

typedef int writer(struct backbeat_reader *r, struct str metadata, const struct failure *f,
                   struct buf *out, struct error *err);

static const struct failure failure = { .id = { { "b", 1 }, { "k", 1 }, { "v", 1 }, { "s", 1 } } };

static int keep_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                      struct error *err)
{
        if (depth == 1 && str_eq_c(name, "value"))
                buf_append_str(data, v->text);
        return 0;
}

static void says_nothing(struct str value)
{
        struct intake_decoder *decoder = intake_decoder_new(MAX_VALUE, false);
        struct log_record record = { .timestamp_ms = 1000, .value = value, .settles = -1 };
        struct intake_decoded decoded;
        struct error err;

        HOLDS(intake_decode(decoder, &record, &decoded, &err) == REJECT_NONE);
        HOLDS(decoded.format == INTAKE_QUEUE_ENTRY && decoded.n == 0);
        intake_decoder_free(decoder);
}

/* The entry, and the metadata in it. */
static void make(struct backbeat_reader *r, writer *write, struct str metadata, struct buf *entry,
                 struct buf *inside)
{
        static const struct json_events events = { .value = keep_value };
        struct json_reader *json = json_reader_new(LIMIT_METADATA_DEPTH);
        struct error err;

        buf_init(entry, SIZE_MAX);
        buf_init(inside, SIZE_MAX);
        HOLDS(write(r, metadata, &failure, entry, &err) == 0);
        HOLDS(json_read(json, buf_str(entry), &events, inside, &err) == 0);
        json_reader_free(json);
}

static void write_twice(struct backbeat_reader *r, writer *write, struct str metadata,
                        const struct backbeat_facts *before)
{
        struct backbeat_facts after;
        struct buf entries[2], inside[2];
        struct error err;

        make(r, write, metadata, &entries[0], &inside[0]);
        says_nothing(buf_str(&entries[0]));
        HOLDS(backbeat_text_facts(r, buf_str(&inside[0]), failure.id.site, &after, &err) == 0);
        HOLDS(after.status == BACKEND_OTHER && after.size == before->size);
        HOLDS(after.last_modified_ms == before->last_modified_ms);
        HOLDS(after.version_id.len == before->version_id.len);
        make(r, write, buf_str(&inside[0]), &entries[1], &inside[1]);
        HOLDS(str_eq(buf_str(&entries[0]), buf_str(&entries[1])));
        for (int i = 0; i < 2; i++) {
                buf_deinit(&entries[i]);
                buf_deinit(&inside[i]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static struct backbeat_reader *reader;
        struct str metadata = fuzz_input(data, size);
        struct backbeat_facts facts;
        struct error err;
        struct buf out;

        if (reader == NULL)
                reader = backbeat_reader_new();
        if (backbeat_text_facts(reader, metadata, failure.id.site, &facts, &err) == 0) {
                write_twice(reader, backbeat_text_entry, metadata, &facts);
                write_twice(reader, backbeat_text_status, metadata, &facts);
                return 0;
        }
        HOLDS(err.code == ERR_BAD_JSON && err.message[0] != '\0');
        buf_init(&out, SIZE_MAX);
        HOLDS(backbeat_text_entry(reader, metadata, &failure, &out, &err) != 0 && out.len == 0);
        buf_deinit(&out);
        return 0;
}
