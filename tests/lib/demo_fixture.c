/* SPDX-License-Identifier: Apache-2.0 */
#include "demo_fixture.h"

#include "check.h"
#include "crr/core/identity.h"
#include "json_trace.h"

struct objects demo_objects(uint64_t failed, uint64_t completed)
{
        struct objects all = {
                .failed = failed,
                .completed = completed,
                .failed_entries = 0.5,
                .superseded = 0.25,
                .parts = 1,
        };

        generator_init(&all.generator, 1, 5, 8, 0);
        return all;
}

void demo_check_bytes(const struct buf *b, const char *want)
{
        struct buf text;

        buf_init(&text, SIZE_MAX);
        buf_append_str(&text, buf_str(b));
        buf_append_char(&text, '\0');
        CHECK_STR(text.base, want);
        buf_deinit(&text);
}

/* Do the events of a JSON text hold this row of events? (json_trace.h) */
void demo_check_tells(struct str json, const char *events)
{
        struct json_reader *r = json_reader_new(16);
        struct buf trace;
        struct error err;

        buf_init(&trace, SIZE_MAX);
        CHECK_INT(json_trace_text(r, json, &trace, &err), 0);
        if (memmem(trace.base, trace.len, events, strlen(events)) == NULL)
                check_fail(__FILE__, __LINE__, events, " is not told");
        buf_deinit(&trace);
        json_reader_free(r);
}

void demo_check_tells_str(struct str json, const char *before, struct str value)
{
        struct buf events;

        buf_init(&events, SIZE_MAX);
        buf_append_c(&events, before);
        buf_append_str(&events, value);
        buf_append_char(&events, '\0');
        demo_check_tells(json, events.base);
        buf_deinit(&events);
}

void demo_check_tells_int(struct str json, const char *before, int64_t value)
{
        char digits[32];

        snprintf(digits, sizeof digits, "%lld ", (long long)value);
        demo_check_tells_str(json, before, str_from(digits));
}

/* The one thing that a value says. */
struct intake_item demo_read_item(struct intake_decoder *d, struct str value,
                                  enum intake_format format)
{
        struct log_record record = { .timestamp_ms = DEMO_NOW_MS + 5,
                                     .value = value,
                                     .settles = -1 };
        struct intake_decoded decoded;
        struct error err;

        CHECK_INT(intake_decode(d, &record, &decoded, &err), REJECT_NONE);
        CHECK_INT(decoded.format, format);
        CHECK_INT(decoded.n, 1);
        CHECK_INT(decoded.ignored_fields, 0);
        return decoded.items[0];
}

void demo_check_identity(const struct identity *id, const struct object *o)
{
        struct buf wire;

        buf_init(&wire, SIZE_MAX);
        objects_wire_id(o->version.id, &wire);
        CHECK(identity_eq(id,
                          &(struct identity){ o->bucket, o->key, buf_str(&wire), o->sites[0] }));
        buf_deinit(&wire);
}
