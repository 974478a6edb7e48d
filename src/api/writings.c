/* SPDX-License-Identifier: Apache-2.0 */
#include "writings.h"

#include <stdlib.h>

struct writings {
        struct writing *head, **tail;
};

struct writings *writings_new(void)
{
        struct writings *s = calloc(1, sizeof *s);

        if (s == NULL)
                abort();
        s->tail = &s->head;
        return s;
}

void writings_free(struct writings *s)
{
        if (s == NULL)
                return;
        while (writings_work(s))
                ;
        free(s);
}

void writings_begin(struct writings *s, struct writing *w)
{
        w->next = NULL;
        if (w->write(w))
                return;
        *s->tail = w;
        s->tail = &w->next;
}

bool writings_work(struct writings *s)
{
        struct writing *w = s->head, *next;

        if (w == NULL)
                return false;
        next = w->next;
        if (!w->write(w))
                return true;
        s->head = next;
        if (next == NULL)
                s->tail = &s->head;
        return true;
}
