/* SPDX-License-Identifier: Apache-2.0 */
#include "deadlines.h"

#include <stdbool.h>
#include <stddef.h>

static void list_init(struct deadline *head)
{
        head->prev = head->next = head;
}

static bool list_is_empty(const struct deadline *head)
{
        return head->next == head;
}

static void list_append(struct deadline *head, struct deadline *one)
{
        one->prev = head->prev;
        one->next = head;
        head->prev->next = one;
        head->prev = one;
}

void deadlines_init(struct deadlines *d, int64_t now_ms)
{
        d->tick = now_ms / DEADLINES_TICK_MS;
        list_init(&d->due);
        for (int i = 0; i < DEADLINES_SLOTS; i++)
                list_init(&d->slots[i]);
}

void deadline_clear(struct deadline *one)
{
        if (one->next == NULL)
                return;
        one->prev->next = one->next;
        one->next->prev = one->prev;
        one->prev = one->next = NULL;
}

void deadline_set(struct deadlines *d, struct deadline *one, int64_t at_ms)
{
        int64_t tick = (at_ms + DEADLINES_TICK_MS - 1) / DEADLINES_TICK_MS;

        deadline_clear(one);
        one->tick = tick > d->tick ? tick : d->tick + 1;
        list_append(&d->slots[one->tick % DEADLINES_SLOTS], one);
}

/* What is in the slot for a later turn of the wheel stays there. */
static void collect_due(struct deadlines *d)
{
        struct deadline *slot = &d->slots[d->tick % DEADLINES_SLOTS], *next;

        for (struct deadline *one = slot->next; one != slot; one = next) {
                next = one->next;
                if (one->tick > d->tick)
                        continue;
                deadline_clear(one);
                list_append(&d->due, one);
        }
}

struct deadline *deadlines_next_due(struct deadlines *d, int64_t now_ms)
{
        struct deadline *one;

        while (list_is_empty(&d->due) && d->tick < now_ms / DEADLINES_TICK_MS) {
                d->tick++;
                collect_due(d);
        }
        if (list_is_empty(&d->due))
                return NULL;
        one = d->due.next;
        deadline_clear(one);
        return one;
}
