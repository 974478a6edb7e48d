/* SPDX-License-Identifier: Apache-2.0 */
#include "source_fetch.h"

#include <stddef.h>

void fetch_take(struct fetch *f)
{
        if (f->in == NULL)
                return;
        *(f->prev != NULL ? &f->prev->next : &f->in->first) = f->next;
        *(f->next != NULL ? &f->next->prev : &f->in->last) = f->prev;
        f->in = NULL;
        f->prev = f->next = NULL;
}

struct fetch *fetch_pop(struct fetch_list *list)
{
        struct fetch *f = list->first;

        if (f != NULL)
                fetch_take(f);
        return f;
}

void fetch_move(struct fetch *f, struct fetch_list *to)
{
        fetch_take(f);
        f->in = to;
        f->prev = to->last;
        *(to->last != NULL ? &to->last->next : &to->first) = f;
        to->last = f;
}

void fetch_move_first(struct fetch *f, struct fetch_list *to)
{
        fetch_take(f);
        f->in = to;
        f->next = to->first;
        *(to->first != NULL ? &to->first->prev : &to->last) = f;
        to->first = f;
}
