/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: a version is wanted; when it is its turn the port is called; the answer is
 * kept, and the object's queue hears of it; the last user drops it.
 *
 * Possible failures:
 *  - the source says that it is gone, or nothing: that is an answer too, kept for those who wait
 *    for it; who comes later asks again;
 *  - nobody wants it any more: it is canceled, or never begun;
 *  - too much metadata is kept: the next ones wait until some is dropped; where nothing else would
 *    drop any, what an object needs to go on begins, one at a time.
 */
#include "source_gets.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "outgoing.h"

#define DEADLINE_MS 30000 /* of a get; those who wait for it may give up earlier */
#define FRESH_MS    1000  /* so long an answer is good for who comes later */

void source_gets_init(struct source_gets *g, struct source *source, const struct siphash_key *key)
{
        *g = (struct source_gets){ .source = source, .key = *key };
        node_map_init(&g->map);
}

void source_gets_deinit(struct source_gets *g)
{
        assert(g->needed.n + g->others.n == 0 && g->out == 0 && g->bytes == 0);
        node_map_deinit(&g->map);
}

/* SHARING */

static bool is_same_str(struct str a, struct str b)
{
        return (a.base == NULL) == (b.base == NULL) && str_eq(a, b);
}

static bool is_for(const struct source_get *get, const struct source_call *call)
{
        return str_eq(get->call.key, call->key) && str_eq(get->call.bucket, call->bucket) &&
               is_same_str(get->call.version_id, call->version_id) &&
               is_same_str(get->call.role, call->role);
}

static void leave_map(struct source_get *get)
{
        if (get->is_in_map)
                node_map_remove(&get->all->map, &get->node);
        get->is_in_map = false;
}

static struct source_get *find(struct source_gets *g, const struct source_call *call, uint64_t hash)
{
        struct map_node *next;

        for (struct map_node *n = node_map_first(&g->map, hash); n != NULL; n = next) {
                struct source_get *get = (struct source_get *)n;

                next = node_map_next(n);
                if (!is_for(get, call))
                        continue;
                if (get->state != GET_DONE || g->now_ms < get->done_ms + FRESH_MS)
                        return get;
                leave_map(get);
        }
        return NULL;
}

static void get_on_done(struct source_call *call);

static struct source_get *make(struct source_gets *g, const struct source_call *call)
{
        size_t strings =
                call->bucket.len + call->key.len + call->version_id.len + call->role.len + 1;
        struct source_get *get = malloc(sizeof *get + strings);
        char *space;

        if (get == NULL)
                abort();
        *get = (struct source_get){ .all = g, .state = GET_WAITING, .is_in_map = true };
        space = (char *)(get + 1);
        get->call.bucket = str_copy_to(&space, call->bucket);
        get->call.key = str_copy_to(&space, call->key);
        get->call.version_id = str_copy_to(&space, call->version_id);
        get->call.role = str_copy_to(&space, call->role);
        get->call.data = get;
        get->call.done = get_on_done;
        buf_init(&get->status_said, SIZE_MAX);
        return get;
}

static void join_line(struct get_line *line, struct source_get *get)
{
        struct get_lane *lane = &line->lanes[get->lane];

        get->line = line;
        get->prev = lane->tail;
        if (lane->tail != NULL)
                lane->tail->next = get;
        else
                lane->head = get;
        lane->tail = get;
        line->n++;
}

static void leave_line(struct source_get *get)
{
        struct get_lane *lane = &get->line->lanes[get->lane];

        if (get->prev != NULL)
                get->prev->next = get->next;
        else
                lane->head = get->next;
        if (get->next != NULL)
                get->next->prev = get->prev;
        else
                lane->tail = get->prev;
        get->prev = get->next = NULL;
        get->line->n--;
        get->line = NULL;
}

void source_get_need(struct source_get *get, bool is_needed)
{
        struct get_line *line;

        if (get == NULL || get->state != GET_WAITING)
                return;
        line = is_needed ? &get->all->needed : &get->all->others;
        if (get->line == line)
                return;
        leave_line(get);
        join_line(line, get);
}

struct source_get *source_gets_want(struct source_gets *g, struct object_queue *object,
                                    const struct failure *failure, struct str version_id)
{
        const struct identity *id = &failure->id;
        struct source_call call = { .bucket = id->bucket,
                                    .key = id->key,
                                    .version_id = version_id,
                                    .role = failure->role };
        struct identity version = { id->bucket, id->key, version_id, STR("") };
        uint64_t hash = identity_hash(&g->key, &version);
        struct source_get *get = find(g, &call, hash);

        if (get == NULL) {
                get = make(g, &call);
                get->object = object;
                get->lane = failure->retry_id.bytes[sizeof failure->retry_id.bytes - 1];
                node_map_add(&g->map, &get->node, hash);
                join_line(&g->others, get);
        }
        get->users++;
        return get;
}

static void stop(struct source_get *get)
{
        struct source_gets *g = get->all;

        if (get->state == GET_WAITING)
                leave_line(get);
        if (get->state != GET_RUNNING)
                return;
        g->source->cancel(g->source, &get->call);
        g->out--;
}

void source_get_drop(struct source_get **use)
{
        struct source_get *get = *use;

        *use = NULL;
        if (get == NULL || --get->users > 0)
                return;
        stop(get);
        leave_map(get);
        if (get->call.object != NULL)
                get->all->bytes -= get->call.object->bytes;
        backbeat_object_free(get->call.object);
        buf_deinit(&get->status_said);
        free(get);
}

/* ASKING */

static void get_on_done(struct source_call *call)
{
        struct source_get *get = call->data;
        struct source_gets *g = get->all;

        g->out--;
        get->state = GET_DONE;
        get->done_ms = g->now_ms;
        if (call->result == SOURCE_FOUND)
                g->bytes += call->object->bytes;
        else
                leave_map(get);
        g->on_done(g->data, get->object);
        get->object = NULL;
}

static void begin(struct source_gets *g, struct source_get *get)
{
        leave_line(get);
        get->state = GET_RUNNING;
        get->call.deadline_ms = g->now_ms + DEADLINE_MS;
        g->out++;
        g->source->get(g->source, &get->call);
}

/* The line is not empty. */
static struct source_get *next_in(struct get_line *line)
{
        struct source_get *get;

        do {
                get = line->lanes[line->turn].head;
                line->turn = (line->turn + 1) % SOURCE_GETS_LANES;
        } while (get == NULL);
        return get;
}

static struct source_get *next_of(struct source_gets *g)
{
        bool is_needed = g->needed.n > 0 && (g->others.n == 0 || !g->is_turn_of_others);

        g->is_turn_of_others = is_needed;
        return next_in(is_needed ? &g->needed : &g->others);
}

/* Where all that is kept waits for what is not begun, one of those begins all the same: of the
 * rest, each would only be kept as well. */
void source_gets_begin(struct source_gets *g, int64_t now_ms, bool is_idle)
{
        g->now_ms = now_ms;
        while (g->needed.n + g->others.n > 0 && g->out < SOURCE_GETS_OUT &&
               g->bytes < SOURCE_GETS_BYTES)
                begin(g, next_of(g));
        if (g->bytes >= SOURCE_GETS_BYTES && is_idle && g->out == 0 && g->needed.n > 0)
                begin(g, next_in(&g->needed));
}
