/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a retry stands behind the others of its object; the source is asked for the
 * current version, and for the retry's own if that is another one; both are there, and the retry is
 * the first of its object: it is queued for a transaction.
 *
 * Possible failures:
 *  - the source has no such version: it is left out;
 *  - a newer version is at the site already: likewise, unless it is forced;
 *  - the source does not answer, or nonsense: it fails;
 *  - it is given up meanwhile, or its record changes: the next of the object goes on, and what
 * nobody waits for any more is canceled.
 */
#include "metadata_fetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "member_private.h"

#define SLICE_COST LIMIT_WORK_ENTRIES
#define BYTES_COST 4096 /* of metadata that is read cost as much as one more retry */

/* The retries of one object, the first begun first. */
struct object_queue {
        struct map_node node; /* the first member */
        struct str bucket, key;
        struct outgoing *head, *tail;
        struct object_queue *next; /* touched */
        bool is_touched;           /* in that list, or being worked on */
};

static void on_get_done(void *data, struct object_queue *object);

void metadata_fetch_init(struct metadata_fetch *f, struct member *member)
{
        memset(f, 0, sizeof *f);
        f->member = member;
        source_gets_init(&f->gets, member->ports.source, &member->config.hash_key);
        f->gets.data = f;
        f->gets.on_done = on_get_done;
        f->reader = backbeat_reader_new();
        f->json = json_reader_new(LIMIT_JSON_DEPTH);
        buf_init(&f->status, SIZE_MAX);
        node_map_init(&f->objects);
        f->touched_end = &f->touched;
}

/* OBJECTS */

static uint64_t object_hash(const struct metadata_fetch *f, const struct identity *id)
{
        struct identity object = { id->bucket, id->key, STR(""), STR("") };

        return identity_hash(&f->gets.key, &object);
}

static struct object_queue *make_object(struct metadata_fetch *f, const struct identity *id,
                                        uint64_t hash)
{
        struct object_queue *object = calloc(1, sizeof *object + id->bucket.len + id->key.len);
        char *space;

        if (object == NULL)
                abort();
        space = (char *)(object + 1);
        memcpy(space, id->bucket.base, id->bucket.len);
        memcpy(space + id->bucket.len, id->key.base, id->key.len);
        object->bucket = (struct str){ space, id->bucket.len };
        object->key = (struct str){ space + id->bucket.len, id->key.len };
        node_map_add(&f->objects, &object->node, hash);
        return object;
}

static struct object_queue *object_of(struct metadata_fetch *f, const struct identity *id)
{
        uint64_t hash = object_hash(f, id);

        for (struct map_node *n = node_map_first(&f->objects, hash); n; n = node_map_next(n)) {
                struct object_queue *object = (struct object_queue *)n;

                if (str_eq(object->key, id->key) && str_eq(object->bucket, id->bucket))
                        return object;
        }
        return make_object(f, id, hash);
}

static void free_if_empty(struct metadata_fetch *f, struct object_queue *object)
{
        if (object->head != NULL || object->is_touched)
                return;
        node_map_remove(&f->objects, &object->node);
        free(object);
}

static void touch(struct metadata_fetch *f, struct object_queue *object)
{
        if (object->is_touched)
                return;
        object->is_touched = true;
        object->next = NULL;
        *f->touched_end = object;
        f->touched_end = &object->next;
}

static struct object_queue *next_touched(struct metadata_fetch *f)
{
        struct object_queue *object = f->touched;

        f->touched = object->next;
        if (f->touched == NULL)
                f->touched_end = &f->touched;
        return object;
}

static void on_get_done(void *data, struct object_queue *object)
{
        touch(data, object);
}

static void join_object(struct object_queue *object, struct outgoing *o)
{
        o->object = object;
        o->object_next = NULL;
        o->object_prev = object->tail;
        if (object->tail != NULL)
                object->tail->object_next = o;
        else
                object->head = o;
        object->tail = o;
}

/* What stood behind it may go on. */
static void leave_object(struct metadata_fetch *f, struct outgoing *o)
{
        struct object_queue *object = o->object;

        if (object == NULL)
                return;
        if (o->object_prev != NULL)
                o->object_prev->object_next = o->object_next;
        else
                object->head = o->object_next;
        if (o->object_next != NULL)
                o->object_next->object_prev = o->object_prev;
        else
                object->tail = o->object_prev;
        o->object = NULL;
        o->object_prev = o->object_next = NULL;
        touch(f, object);
}

void metadata_fetch_deinit(struct metadata_fetch *f)
{
        while (f->touched != NULL) {
                struct object_queue *object = next_touched(f);

                object->is_touched = false;
                free_if_empty(f, object);
        }
        node_map_deinit(&f->objects);
        source_gets_deinit(&f->gets);
        backbeat_reader_free(f->reader);
        json_reader_free(f->json);
        buf_deinit(&f->status);
}

/* ASKING */

/* An unversioned bucket has the current version only. */
static void want_own(struct metadata_fetch *f, struct outgoing *o)
{
        const struct identity *id = &o->failure.id;
        struct str version_id = id->version_id.len > 0 ? id->version_id : STR_ABSENT;

        o->own = source_gets_want(&f->gets, o->object, id, version_id, o->failure.role);
}

static bool is_guarded(const struct metadata_fetch *f, const struct outgoing *o)
{
        return f->member->config.version_guard && !o->force && o->failure.id.version_id.len > 0;
}

/* Of the versions of one object that wait together at most one is the current one: the first waits
 * for what is told of that, for the others their own metadata is asked at once. */
void metadata_fetch_add(struct metadata_fetch *f, struct outgoing *o)
{
        join_object(object_of(f, &o->failure.id), o);
        if (is_guarded(f, o))
                o->current = source_gets_want(&f->gets, o->object, &o->failure.id, STR_ABSENT,
                                              o->failure.role);
        if (o->current == NULL || o->current->users > 1)
                want_own(f, o);
        touch(f, o->object);
}

void metadata_fetch_go_on(struct metadata_fetch *f, struct outgoing *o)
{
        touch(f, o->object);
}

void metadata_fetch_leave(struct metadata_fetch *f, struct outgoing *o)
{
        leave_object(f, o);
        source_get_drop(&o->current);
        source_get_drop(&o->own);
        o->metadata = STR_ABSENT;
}

/* DECIDING */

static struct str text_of(const struct source_get *get)
{
        return buf_str(&get->metadata);
}

static enum outgoing_end fail(const struct source_get *get, struct error *err)
{
        *err = get->call.err;
        return END_FAILED;
}

static enum outgoing_end refuse(struct error *err)
{
        struct error why = *err;

        error_set(err, ERR_UNAVAILABLE, "the source's metadata is not understood: %.200s",
                  why.message);
        return END_FAILED;
}

/* A null version may have no id of its own. */
static bool is_this_version(const struct outgoing *o, const struct backbeat_facts *facts)
{
        if (facts->version_id.len == 0)
                return str_eq_c(o->failure.id.version_id, "null");
        return str_eq(o->failure.id.version_id, facts->version_id);
}

/* END_COMMITTED: its own version may be looked at. */
static enum outgoing_end look_at_current(struct metadata_fetch *f, struct outgoing *o,
                                         struct error *err)
{
        struct backbeat_facts facts;

        if (o->current->state != GET_DONE)
                return END_WAIT;
        if (o->current->call.result == SOURCE_UNAVAILABLE)
                return fail(o->current, err);
        if (o->current->call.result == SOURCE_GONE) {
                source_get_drop(&o->current);
                return END_COMMITTED;
        }
        if (backbeat_read_facts(f->reader, text_of(o->current), o->failure.id.site, &facts, err) !=
            0)
                return refuse(err);
        if (is_this_version(o, &facts)) {
                source_get_drop(&o->own);
                o->own = o->current;
                o->current = NULL;
                return END_COMMITTED;
        }
        o->newer_is_there = facts.status == BACKEND_COMPLETED;
        if (!o->newer_is_there)
                source_get_drop(&o->current);
        return END_COMMITTED;
}

/* Ids may be spelled in more than one way: what both say of themselves decides. */
static enum outgoing_end compare_versions(struct metadata_fetch *f, struct outgoing *o,
                                          struct error *err)
{
        struct buf *current = &f->member->scratch;
        struct backbeat_facts facts;
        struct str site = o->failure.id.site;

        if (backbeat_read_facts(f->reader, text_of(o->current), site, &facts, err) != 0)
                return refuse(err);
        buf_clear(current);
        buf_append_str(current, facts.version_id);
        if (backbeat_read_facts(f->reader, text_of(o->own), site, &facts, err) != 0)
                return refuse(err);
        return str_eq(facts.version_id, buf_str(current)) ? END_COMMITTED : END_SUPERSEDED;
}

static enum outgoing_end look_at_own(struct metadata_fetch *f, struct outgoing *o,
                                     struct error *err)
{
        if (o->own == NULL)
                want_own(f, o);
        if (o->own->state != GET_DONE)
                return END_WAIT;
        switch (o->own->call.result) {
        case SOURCE_GONE:
                return END_GONE;
        case SOURCE_UNAVAILABLE:
                return fail(o->own, err);
        case SOURCE_FOUND:
                break;
        }
        return o->newer_is_there ? compare_versions(f, o, err) : END_COMMITTED;
}

static enum outgoing_end decide(struct metadata_fetch *f, struct outgoing *o, struct error *err)
{
        enum outgoing_end end = END_COMMITTED, checked;

        if (o->wants_entry)
                return END_WAIT;
        if (o->current != NULL && !o->newer_is_there)
                end = look_at_current(f, o, err);
        if (end == END_COMMITTED)
                end = look_at_own(f, o, err);
        if (end != END_GONE && end != END_SUPERSEDED)
                return end;
        checked = member_outgoing_check(f->member, o, err);
        return checked == END_COMMITTED ? end : checked;
}

/* WORK */

/* A failure that was taken in without its size or date has them from now on. */
static void complete(struct metadata_fetch *f, struct outgoing *o)
{
        struct failure *known = &o->failure;
        struct backbeat_facts facts;
        struct error err;

        if ((known->size >= 0 && known->last_modified_ms != TIME_UNKNOWN) ||
            backbeat_read_facts(f->reader, o->metadata, known->id.site, &facts, &err) != 0)
                return;
        if (known->size < 0)
                known->size = facts.size;
        if (known->last_modified_ms == TIME_UNKNOWN)
                known->last_modified_ms = facts.last_modified_ms;
}

static void go_to_batcher(struct metadata_fetch *f, struct outgoing *o)
{
        leave_object(f, o);
        source_get_drop(&o->current);
        o->metadata = text_of(o->own);
        complete(f, o);
        batcher_queue(&f->member->batcher, o);
}

static unsigned cost_of(const struct outgoing *o)
{
        size_t bytes = 0;

        if (o->current != NULL)
                bytes += o->current->metadata.len;
        if (o->newer_is_there && o->own != NULL)
                bytes += o->own->metadata.len;
        return 1 + (unsigned)(bytes / BYTES_COST);
}

/* The first of the object; true: it went. */
static bool work_on_head(struct metadata_fetch *f, struct outgoing *o)
{
        struct error err;
        enum outgoing_end end = decide(f, o, &err);

        if (end == END_WAIT)
                return false;
        if (end == END_COMMITTED)
                go_to_batcher(f, o);
        else
                member_outgoing_end(f->member, o, end, &err);
        return true;
}

static void work_on_object(struct metadata_fetch *f, struct object_queue *object, unsigned *budget)
{
        while (object->head != NULL && *budget > 0) {
                unsigned cost = cost_of(object->head);

                *budget -= cost < *budget ? cost : *budget;
                if (!work_on_head(f, object->head))
                        break;
        }
        object->is_touched = false;
        if (object->head != NULL && *budget == 0)
                touch(f, object);
        free_if_empty(f, object);
}

bool metadata_fetch_work(struct metadata_fetch *f)
{
        struct member *m = f->member;
        unsigned budget = SLICE_COST;

        f->gets.now_ms = m->now_ms;
        while (f->touched != NULL && budget > 0)
                work_on_object(f, next_touched(f), &budget);
        if (!batcher_has_enough(&m->batcher))
                source_gets_begin(&f->gets, m->now_ms, batcher_is_idle(&m->batcher));
        return f->touched != NULL;
}

/* STATUS ENTRIES */

static int set_value(void *target, const struct json_value *v, struct error *err)
{
        (void)err;
        buf_append_str(target, v->text);
        return 0;
}

static const struct json_field status_rows[] = { { "value", JSON_STRING, true, true, set_value } };
static const struct json_fields status_fields = { status_rows, 1, true };

static int on_status_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                           struct error *err)
{
        return depth == 0 ? 0 : json_object_value(data, depth, name, v, err);
}

struct str metadata_fetch_status_text(struct metadata_fetch *f, const struct outgoing *o,
                                      uint64_t batch)
{
        static const struct json_events events = { .value = on_status_value };
        struct json_object object;
        struct error err;

        if (o->own->status_batch != batch)
                return o->metadata;
        buf_clear(&f->status);
        json_object_begin(&object, &status_fields, &f->status, 1);
        if (json_read(f->json, o->own->status_value, &events, &object, &err) != 0)
                abort(); /* we wrote it */
        return buf_str(&f->status);
}

void metadata_fetch_keep_status(struct outgoing *o, uint64_t batch, struct str status_value)
{
        o->own->status_batch = batch;
        o->own->status_value = status_value;
}
