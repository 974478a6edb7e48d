/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_CLIENTS_H
#define TESTS_SIM_CLIENTS_H

#include "crr/core/retry_service.h"
#include "sim.h"
#include "sim_check.h"

/*
 * The clients: each has one thing to do at a time - a whole listing, page by page, an object's
 * failures, a retry - and asks any member, again after 503, 504 and lost answers until it has what
 * it wants; then it rests and wants something else.
 *
 * A question (struct sim_ask) lives at the member's door; what comes of it is checked there, at the
 * moment it is done, and travels to the client, or is lost.
 */
#define SIM_CLIENTS       3
#define SIM_RETRY_ENTRIES 6
#define SIM_PAGE_ROWS     24

enum sim_want { WANT_LIST, WANT_GET, WANT_RETRY };

struct sim_client {
        int number;
        uint64_t question; /* the one that is out; counts */
        bool is_busy;
        enum sim_want want;
        bool partial;
        unsigned tries;

        int site; /* of the list or of the object; -1: every one */
        unsigned max_rows;
        uint64_t marker;
        int identity; /* the object's */

        struct uuid retry_id;
        bool has_key;
        int entries[SIM_RETRY_ENTRIES];
        bool force[SIM_RETRY_ENTRIES];
        int n_entries;
};

struct sim_ask {
        struct sim *s;
        const struct sim_client *client; /* as it was when it asked */
        struct sim_proc *proc;
        struct arena arena;
        struct sim_view view;
        struct sim_row rows[4 * SIM_IDENTITIES];
        size_t n_rows;
        struct retry_entry entries[SIM_RETRY_ENTRIES];
        union {
                struct list_request list;
                struct get_request get;
                struct retry_request retry;
        } door;
        struct sim_ask *next;
};

struct sim_clients {
        struct sim_client all[SIM_CLIENTS];
        struct sim_ask *asks; /* at some door */
        bool is_stopped;
};

enum sim_reply { REPLY_OK, REPLY_UNAVAILABLE, REPLY_LOST };

void sim_clients_init(struct sim *s);
void sim_clients_stop(struct sim *s); /* each ends what it does */
bool sim_clients_are_done(const struct sim *s);
void sim_clients_on_death(struct sim *s, struct sim_proc *proc);

/* sim_asks.c: the question at the door. */
void sim_ask_begin(struct sim *s, struct sim_proc *proc, const struct sim_client *client);
void sim_client_on_reply(struct sim *s, struct sim_client *c, uint64_t question,
                         enum sim_reply reply, bool truncated, uint64_t next_marker);

#endif
