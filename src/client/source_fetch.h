/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CLIENT_SOURCE_FETCH_H
#define CRR_SRC_CLIENT_SOURCE_FETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/client/curl_loop.h"
#include "crr/core/source.h"

/* A call on its way through the client of the source; it is in one list at a time. */
struct fetch;

struct fetch_list {
        struct fetch *first, *last;
};

struct fetch {
        struct source_backbeat *owner;
        struct source_call *call; /* whose `work` points here */
        struct fetch_list *in;    /* NULL: none */
        struct fetch *prev, *next;
        struct curl_call http;
        unsigned attempts;
        bool is_cut;         /* this attempt has less than its time: the deadline is nearer */
        int64_t resume_ms;   /* the end of its pause */
        const char *outcome; /* once it has ended */
};

struct fetch *fetch_pop(struct fetch_list *list);        /* its first, out of it; NULL: none */
void fetch_take(struct fetch *f);                        /* out of its list */
void fetch_move(struct fetch *f, struct fetch_list *to); /* to the end of another */
void fetch_move_first(struct fetch *f, struct fetch_list *to); /* to its beginning */

#endif
