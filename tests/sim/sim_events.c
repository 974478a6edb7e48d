/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual time: a heap of events, and the dice. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "sim_proc.h"

/* DICE */

uint64_t sim_random(struct sim *s)
{
        uint64_t z = (s->random += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64 */

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

unsigned sim_below(struct sim *s, unsigned n)
{
        return n == 0 ? 0 : (unsigned)(sim_random(s) % n);
}

int64_t sim_between(struct sim *s, int64_t low, int64_t high)
{
        return low + (int64_t)(sim_random(s) % (uint64_t)(high - low + 1));
}

bool sim_chance(struct sim *s, unsigned permille)
{
        return sim_below(s, 1000) < permille;
}

bool sim_is_with(const struct sim *s, enum sim_feature feature)
{
        return (s->without & (1u << feature)) == 0;
}

int64_t sim_latency(struct sim *s)
{
        if (s->is_healing || !sim_chance(s, s->profile.slow_permille))
                return sim_between(s, 0, 3);
        return sim_chance(s, 200) ? sim_between(s, 300, 4000) : sim_between(s, 10, 300);
}

/* MEMORY */

void *sim_alloc(struct sim *s, size_t n)
{
        void *piece = arena_alloc(&s->arena, n);

        if (piece == NULL)
                abort();
        return piece;
}

struct str sim_copy(struct sim *s, struct str text)
{
        char *copy;

        if (text.base == NULL)
                return STR_ABSENT;
        copy = sim_alloc(s, text.len + 1);
        if (text.len > 0)
                memcpy(copy, text.base, text.len);
        return (struct str){ copy, text.len };
}

struct str sim_text(struct sim *s, const char *format, ...)
{
        char text[1024];
        va_list args;
        int n;

        va_start(args, format);
        n = vsnprintf(text, sizeof text, format, args);
        va_end(args);
        assert(n >= 0 && (size_t)n < sizeof text);
        return sim_copy(s, (struct str){ text, (size_t)n });
}

/* EVENTS */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
        return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->seq < b->seq;
}

static void push(struct sim *s, struct sim_event *e)
{
        size_t i = s->n_heap++;

        if (s->n_heap > s->heap_capacity) {
                s->heap_capacity = s->heap_capacity == 0 ? 256 : 2 * s->heap_capacity;
                s->heap = realloc(s->heap, s->heap_capacity * sizeof(struct sim_event *));
                if (s->heap == NULL)
                        abort();
        }
        for (; i > 0 && is_before(e, s->heap[(i - 1) / 2]); i = (i - 1) / 2)
                s->heap[i] = s->heap[(i - 1) / 2];
        s->heap[i] = e;
}

static struct sim_event *pop(struct sim *s)
{
        struct sim_event *first = s->heap[0], *last = s->heap[--s->n_heap];
        size_t i = 0;

        for (;;) {
                size_t child = 2 * i + 1;

                if (child + 1 < s->n_heap && is_before(s->heap[child + 1], s->heap[child]))
                        child++;
                if (child >= s->n_heap || !is_before(s->heap[child], last))
                        break;
                s->heap[i] = s->heap[child];
                i = child;
        }
        s->heap[i] = last;
        return first;
}

struct sim_event *sim_at(struct sim *s, int64_t at_ms, enum sim_lane lane, struct sim_proc *proc,
                         sim_fire_fn *fire)
{
        struct sim_event *e = s->free_events;

        if (e != NULL)
                s->free_events = e->next;
        else
                e = sim_alloc(s, sizeof *e);
        *e = (struct sim_event){
                .at_ms = at_ms > s->now_ms ? at_ms : s->now_ms,
                .seq = s->seq++,
                .lane = lane,
                .proc = proc,
                .fire = fire,
        };
        push(s, e);
        return e;
}

struct sim_event *sim_in(struct sim *s, int64_t ms, enum sim_lane lane, struct sim_proc *proc,
                         sim_fire_fn *fire)
{
        return sim_at(s, s->now_ms + ms, lane, proc, fire);
}

static int64_t passes_at(struct sim *s, const struct sim_proc *proc, int64_t ms)
{
        int64_t at_ms = s->now_ms + ms;

        return at_ms < proc->cut_until_ms ? proc->cut_until_ms + sim_between(s, 0, 20) : at_ms;
}

struct sim_event *sim_request(struct sim *s, int64_t after_ms, struct sim_proc *proc,
                              sim_fire_fn *arrives)
{
        return sim_at(s, passes_at(s, proc, after_ms + sim_latency(s)), LANE_WORLD, proc, arrives);
}

/* Never slow: that heartbeats pass while transactions do is what proofs of ownership rest on. */
struct sim_event *sim_heartbeat(struct sim *s, struct sim_proc *proc, sim_fire_fn *arrives)
{
        return sim_at(s, passes_at(s, proc, sim_between(s, 0, 3)), LANE_WORLD, proc, arrives);
}

struct sim_event *sim_answer(struct sim *s, enum sim_lane lane, struct sim_proc *proc,
                             sim_fire_fn *fire)
{
        return sim_at(s, passes_at(s, proc, sim_latency(s)), lane, proc, fire);
}

void sim_list_append(struct sim_event_list *list, struct sim_event *e)
{
        e->next = NULL;
        if (list->head == NULL)
                list->end = &list->head;
        *list->end = e;
        list->end = &e->next;
}

void sim_event_put_off(struct sim *s, struct sim_event *e, int64_t at_ms)
{
        e->at_ms = at_ms;
        e->seq = s->seq++;
        push(s, e);
}

/* In the order in which they would have happened. */
void sim_events_again(struct sim *s, struct sim_event_list *list, int64_t at_ms, enum sim_lane lane)
{
        struct sim_event *e = list->head;

        list->head = NULL;
        while (e != NULL) {
                struct sim_event *next = e->next;

                if (e->lane == lane)
                        sim_event_put_off(s, e, at_ms);
                else
                        sim_list_append(list, e);
                e = next;
        }
}

static void recycle(struct sim *s, struct sim_event *e)
{
        e->next = s->free_events;
        s->free_events = e;
}

bool sim_step(struct sim *s)
{
        struct sim_event *e;

        if (s->n_heap == 0)
                return false;
        e = pop(s);
        s->now_ms = e->at_ms;
        s->steps++;
        if (e->lane != LANE_WORLD && sim_proc_defers(e->proc, e))
                return true;
        if (e->lane == LANE_WORLD || !e->proc->is_dead)
                e->fire(s, e);
        recycle(s, e);
        return true;
}

void sim_events_deinit(struct sim *s)
{
        free(s->heap);
        s->heap = NULL;
        s->n_heap = s->heap_capacity = 0;
}
