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
 *    nobody waits for any more is canceled.
 */
#include "metadata_fetch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "member_private.h"
#include "object_queue.h"

#define SLICE_COST LIMIT_WORK_ENTRIES

static void on_get_done(void *data, struct object_queue *object);

void metadata_fetch_init(struct metadata_fetch *f, struct member *member)
{
        memset(f, 0, sizeof *f);
        f->member = member;
        source_gets_init(&f->gets, member->ports.source, &member->config.hash_key);
        f->gets.data = f;
        f->gets.on_done = on_get_done;
        f->reader = backbeat_reader_new();
        buf_init(&f->said, SIZE_MAX);
        node_map_init(&f->objects);
        f->touched_end = &f->touched;
}

/* OBJECTS */

static void free_if_empty(struct metadata_fetch *f, struct object_queue *object)
{
        if (object->head == NULL && !object->is_touched)
                object_queue_free(object, &f->objects);
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
        object->is_answered = true;
        touch(data, object);
}

static void join_object(struct metadata_fetch *f, struct outgoing *o)
{
        struct object_queue *object = object_queue_of(&f->objects, &f->gets.key, &o->failure.id);
        struct outgoing *head = object->head;

        object_queue_join(object, o);
        if (head == NULL || head == object->head)
                return;
        source_get_need(head->current, false);
        source_get_need(head->own, false);
}

/* What stood behind it may go on. */
static void leave_object(struct metadata_fetch *f, struct outgoing *o)
{
        struct object_queue *object = o->object;

        if (object == NULL)
                return;
        object_queue_leave(o);
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
        buf_deinit(&f->said);
}

/* ASKING */

static struct source_get *want(struct metadata_fetch *f, const struct outgoing *o,
                               struct str version_id)
{
        struct source_get *get = source_gets_want(&f->gets, o->object, &o->failure, version_id);

        o->object->is_answered |= get->state == GET_DONE;
        return get;
}

/* An unversioned bucket has the current version only. */
static void want_own(struct metadata_fetch *f, struct outgoing *o)
{
        struct str version_id = o->failure.id.version_id;

        o->own = want(f, o, version_id.len > 0 ? version_id : STR_ABSENT);
}

static bool is_guarded(const struct metadata_fetch *f, const struct outgoing *o)
{
        return f->member->config.version_guard && !o->force && o->failure.id.version_id.len > 0;
}

/* Of the versions of one object that wait together at most one is the current one. */
static bool may_be_current(const struct outgoing *o)
{
        const struct outgoing *prev = o->object_prev;

        if (o->current == NULL)
                return false;
        return o->current->users == 1 ||
               (prev != NULL && prev->current == o->current && prev->own == NULL &&
                str_eq(prev->failure.id.version_id, o->failure.id.version_id));
}

/* The first version, whatever its sites, waits for what is told of the current one; for the others
 * their own metadata is asked at once. */
void metadata_fetch_add(struct metadata_fetch *f, struct outgoing *o)
{
        join_object(f, o);
        if (is_guarded(f, o))
                o->current = want(f, o, STR_ABSENT);
        if (!may_be_current(o))
                want_own(f, o);
        touch(f, o->object);
}

void metadata_fetch_go_on(struct metadata_fetch *f, struct outgoing *o)
{
        touch(f, o->object);
}

void metadata_fetch_force(struct metadata_fetch *f, struct outgoing *o)
{
        o->force = true;
        if (o->object == NULL)
                return;
        source_get_drop(&o->current);
        o->newer_is_there = false;
        if (o->own == NULL)
                want_own(f, o);
        touch(f, o->object);
}

void metadata_fetch_unforce(struct metadata_fetch *f, struct outgoing *o)
{
        o->force = false;
        o->overtaken = true;
        if (outgoing_state(o) == OUTGOING_ENCODED)
                batcher_invalidate(&f->member->batcher);
        if (o->object != NULL)
                touch(f, o->object);
}

void metadata_fetch_leave(struct metadata_fetch *f, struct outgoing *o)
{
        leave_object(f, o);
        source_get_drop(&o->current);
        source_get_drop(&o->own);
        o->metadata = NULL;
}

/* DECIDING */

static enum outgoing_end fail(const struct source_get *get, struct error *err)
{
        *err = get->call.err;
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
static enum outgoing_end look_at_current(struct outgoing *o, struct error *err)
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
        facts = backbeat_object_facts(o->current->call.object, o->failure.id.site);
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
static enum outgoing_end compare_versions(const struct outgoing *o)
{
        return str_eq(o->own->call.object->version_id, o->current->call.object->version_id)
                       ? END_COMMITTED
                       : END_SUPERSEDED;
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
        return o->newer_is_there ? compare_versions(o) : END_COMMITTED;
}

static enum outgoing_end decide(struct metadata_fetch *f, struct outgoing *o, struct error *err)
{
        enum outgoing_end end = END_COMMITTED, checked;

        if (o->wants_entry)
                return END_WAIT;
        if (o->current != NULL && !o->newer_is_there)
                end = look_at_current(o, err);
        if (end == END_COMMITTED)
                end = look_at_own(f, o, err);
        if (end != END_GONE && end != END_SUPERSEDED)
                return end;
        checked = member_outgoing_check(f->member, o, err);
        return checked == END_COMMITTED ? end : checked;
}

/* WORK */

/* A failure that was taken in without its size or date has them from now on. */
static void complete(struct failure *known, const struct backbeat_object *object)
{
        if (known->size < 0)
                known->size = object->size;
        if (known->last_modified_ms == TIME_UNKNOWN)
                known->last_modified_ms = object->last_modified_ms;
}

static void go_to_batcher(struct metadata_fetch *f, struct outgoing *o)
{
        leave_object(f, o);
        source_get_drop(&o->current);
        o->metadata = o->own->call.object;
        complete(&o->failure, o->metadata);
        batcher_queue(&f->member->batcher, o);
}

/* What it waits for; where nothing of the object is kept, that has its turn in its request. */
static void need_next(struct outgoing *o)
{
        bool is_first = o->current != NULL && o->current->state != GET_DONE;

        if (o->object->is_answered)
                source_get_need(is_first ? o->current : o->own, true);
}

/* The first of the object; true: it went. */
static bool work_on_head(struct metadata_fetch *f, struct outgoing *o)
{
        struct error err;
        enum outgoing_end end = decide(f, o, &err);

        if (end == END_WAIT) {
                need_next(o);
                return false;
        }
        if (end == END_COMMITTED)
                go_to_batcher(f, o);
        else
                member_outgoing_end(f->member, o, end, &err);
        return true;
}

static void work_on_object(struct metadata_fetch *f, struct object_queue *object, unsigned *budget)
{
        while (object->head != NULL && *budget > 0) {
                --*budget;
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

struct str metadata_fetch_status_said(const struct outgoing *o, uint64_t batch)
{
        return o->own->status_batch == batch ? buf_str(&o->own->status_said) : STR_ABSENT;
}

void metadata_fetch_keep_status(struct metadata_fetch *f, struct outgoing *o, uint64_t batch)
{
        o->own->status_batch = batch;
        buf_clear(&o->own->status_said);
        buf_append_str(&o->own->status_said, buf_str(&f->said));
}
