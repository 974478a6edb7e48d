/* SPDX-License-Identifier: Apache-2.0 */
#include "outgoing_encode.h"

#include <assert.h>
#include <stdlib.h>

#include "crr/core/failure_codec.h"
#include "crr/core/identity.h"

static struct str keep(const struct encode_context *c)
{
        struct str s = arena_str(c->arena, buf_str(c->scratch));

        if (s.base == NULL)
                abort(); /* the batch's own bound comes long before the arena's */
        return s;
}

static struct str decimal(const struct encode_context *c, int64_t value)
{
        buf_clear(c->scratch);
        if (value < 0)
                buf_append_char(c->scratch, '-');
        buf_append_u64(c->scratch, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
        return keep(c);
}

static void add_header(struct publish_record *r, const char *name, struct str value)
{
        assert(r->n_headers < PUBLISH_MAX_HEADERS);
        r->headers[r->n_headers++] = (struct publish_header){ name, value };
}

/* Absent: there is none. */
static struct str retry_id_text(const struct encode_context *c, const struct uuid *id)
{
        char text[UUID_TEXT_SIZE];

        if (uuid_is_nil(id))
                return STR_ABSENT;
        uuid_format(id, text);
        buf_clear(c->scratch);
        buf_append(c->scratch, text, UUID_TEXT_SIZE - 1);
        return keep(c);
}

static void add_retry_id(struct publish_record *r, struct str text)
{
        if (text.base != NULL)
                add_header(r, "crr-retry-id", text);
}

static struct str canonical_key(const struct encode_context *c, const struct identity *id)
{
        buf_clear(c->scratch);
        identity_write_key(id, c->scratch);
        return keep(c);
}

static struct publish_record log_record(const struct outgoing *o, const struct encode_context *c)
{
        return (struct publish_record){
                .topic = PUBLISH_FAILURES,
                .partition = o->failure.partition,
                .key = canonical_key(c, &o->failure.id),
                .timestamp_ms = TIME_UNKNOWN,
        };
}

static struct str failure_value(const struct outgoing *o, const struct encode_context *c)
{
        buf_clear(c->scratch);
        failure_encode(&o->failure, str_from(c->instance), o->entry, c->scratch);
        return keep(c);
}

/* A record of a topic that is keyed by object. */
static struct publish_record object_record(const struct outgoing *o, const struct encode_context *c,
                                           enum publish_topic topic)
{
        struct publish_record r = {
                .topic = topic,
                .partition = -1,
                .timestamp_ms = TIME_UNKNOWN,
        };

        buf_clear(c->scratch);
        identity_write_object_key(&o->failure.id, c->scratch);
        r.key = keep(c);
        return r;
}

static enum encode_result write_payload(const struct outgoing *o, const struct encode_context *c,
                                        struct str *ret)
{
        buf_clear(c->scratch);
        switch (c->payload) {
        case RETRY_PAYLOAD_ENTRY:
                if (o->entry.base == NULL)
                        return ENCODE_NO_ENTRY;
                *ret = o->entry; /* byte for byte; it lives as long as the outgoing, and so the
                                    batch */
                return ENCODE_OK;
        case RETRY_PAYLOAD_BACKBEAT:
                backbeat_write_entry(c->reader, o->metadata, &o->failure, c->scratch);
                break;
        case RETRY_PAYLOAD_NATIVE:
                retry_entry_encode_native(&o->failure, c->scratch);
                break;
        }
        *ret = keep(c);
        return ENCODE_OK;
}

static enum encode_result retry_entry(const struct outgoing *o, const struct encode_context *c,
                                      struct str retry_id, struct publish_record *r)
{
        *r = object_record(o, c, PUBLISH_REPLICATION);
        add_retry_id(r, retry_id);
        add_header(r, "crr-retry-attempt", decimal(c, o->failure.attempts));
        if (o->traceparent.base != NULL)
                add_header(r, "traceparent", o->traceparent);
        return write_payload(o, c, &r->value);
}

static void status_entry(const struct outgoing *o, const struct encode_context *c,
                         struct str retry_id, struct publish_record *r)
{
        *r = object_record(o, c, PUBLISH_STATUS);
        add_retry_id(r, retry_id);
        buf_clear(c->scratch);
        backbeat_write_status(c->reader, o->metadata, c->said, &o->failure, c->scratch,
                              c->ret_said);
        r->value = keep(c);
}

static enum encode_result encode_retry(const struct outgoing *o, const struct encode_context *c,
                                       struct publish_record records[], size_t *ret_n)
{
        struct str retry_id = retry_id_text(c, &o->failure.retry_id);
        enum encode_result result;
        size_t n = 0;

        if (c->payload == RETRY_PAYLOAD_BACKBEAT && c->has_status)
                status_entry(o, c, retry_id, &records[n++]);
        result = retry_entry(o, c, retry_id, &records[n++]);
        if (result != ENCODE_OK)
                return result;
        records[n] = log_record(o, c);
        records[n].value = failure_value(o, c);
        add_retry_id(&records[n], retry_id);
        *ret_n = n + 1;
        return ENCODE_OK;
}

static const char *outcome_of(const struct outgoing *o)
{
        if (o->completes)
                return "moved";
        if (!o->tombstone)
                return NULL;
        return o->kind == OUTGOING_CLOSE ? "expired" : "completed";
}

static void add_settlement_headers(const struct outgoing *o, const struct encode_context *c,
                                   const char *outcome, struct publish_record *r)
{
        add_header(r, "crr-settles", decimal(c, o->settles));
        if (outcome != NULL)
                add_header(r, "crr-outcome", str_from(outcome));
        add_retry_id(r, retry_id_text(c, &o->failure.retry_id));
}

/* Twice: a topic may have its own times, or refuse old ones. A record that Kafka did not take is
 * given the time of its writing. */
static void add_own_time(const struct outgoing *o, const struct encode_context *c,
                         struct publish_record *r)
{
        if (o->failure.timestamp_ms == TIME_UNKNOWN)
                return;
        add_header(r, "crr-timestamp", decimal(c, o->failure.timestamp_ms));
        if (o->attempts == 0)
                r->timestamp_ms = o->failure.timestamp_ms;
}

static struct str completion_value(const struct outgoing *o, const struct encode_context *c)
{
        buf_clear(c->scratch);
        completion_encode(&o->failure.id, c->scratch);
        return keep(c);
}

static void encode_settlement(const struct outgoing *o, const struct encode_context *c,
                              struct publish_record records[], size_t *ret_n)
{
        records[0] = log_record(o, c);
        if (o->completes)
                records[0].value = completion_value(o, c);
        else if (!o->tombstone)
                records[0].value = failure_value(o, c);
        add_settlement_headers(o, c, outcome_of(o), &records[0]);
        add_own_time(o, c, &records[0]);
        *ret_n = 1;
}

static struct str moved_value(const struct outgoing *o, const struct encode_context *c)
{
        if (o->completes)
                return completion_value(o, c);
        return o->from_facts ? failure_value(o, c) : o->moved_value;
}

/*
 * The record where it belongs, and a tombstone where it was. A completion is moved as a value, so
 * that a tombstone with the outcome "moved" says one thing only: what stood here stands elsewhere.
 * In the same partition offsets compare, and the record is an ordinary settlement there.
 */
static void encode_move(const struct outgoing *o, const struct encode_context *c,
                        struct publish_record records[], size_t *ret_n)
{
        bool is_same = o->failure.partition == o->settles_partition;
        struct publish_record *away = records;

        *ret_n = 0;
        if (!o->cleans) {
                records[0] = log_record(o, c);
                records[0].value = moved_value(o, c);
                add_settlement_headers(o, c, is_same ? NULL : "moved", &records[0]);
                add_own_time(o, c, &records[0]);
                away = &records[1];
                *ret_n = 1;
        }
        if (o->spelling != 0 && o->moved_key.base == NULL)
                return; /* settle_check_gone() */
        *away = (struct publish_record){
                .topic = PUBLISH_FAILURES,
                .partition = o->settles_partition,
                .key = o->spelling != 0 ? o->moved_key : canonical_key(c, &o->failure.id),
                .timestamp_ms = TIME_UNKNOWN,
        };
        add_settlement_headers(o, c, "moved", away);
        *ret_n += 1;
}

static size_t record_bytes(const struct publish_record *r)
{
        size_t n = r->key.len + r->value.len;

        for (size_t i = 0; i < r->n_headers; i++)
                n += r->headers[i].value.len + 32;
        return n;
}

static bool is_too_large(const struct publish_record *r, const struct encode_context *c)
{
        return record_bytes(r) > c->max_record_bytes[r->topic] ||
               (r->topic == PUBLISH_FAILURES && r->value.len > c->max_value_bytes);
}

/* Alone, it would be too large: told before its record is made, which the batch's memory need not
 * hold. */
static bool entry_is_too_large(const struct outgoing *o, const struct encode_context *c)
{
        return !o->tombstone && !o->completes &&
               o->entry.len > c->max_record_bytes[PUBLISH_FAILURES];
}

enum encode_result outgoing_encode(const struct outgoing *o, const struct encode_context *context,
                                   struct publish_record records[OUTGOING_MAX_RECORDS],
                                   size_t *ret_n, size_t *ret_log)
{
        enum encode_result result = ENCODE_OK;

        *ret_log = 0;
        if (entry_is_too_large(o, context))
                return ENCODE_TOO_LARGE;
        if (o->kind == OUTGOING_RETRY) {
                result = encode_retry(o, context, records, ret_n);
                *ret_log = result == ENCODE_OK ? *ret_n - 1 : 0;
        } else if (o->kind == OUTGOING_MOVE) {
                encode_move(o, context, records, ret_n);
                *ret_log = *ret_n - 1;
        } else {
                encode_settlement(o, context, records, ret_n);
        }
        for (size_t i = 0; result == ENCODE_OK && i < *ret_n; i++)
                if (is_too_large(&records[i], context))
                        result = ENCODE_TOO_LARGE;
        return result;
}
