/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_PEERS_H
#define CRR_CORE_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/arena.h"
#include "crr/base/error.h"
#include "crr/core/retry_service.h"

/*
 * Peers: the port through which the door asks the other members of the group about the partitions
 * that they own.
 *
 * Implemented by client/peer_client.c (HTTP) and by the fakes of tests/lib.
 *
 * Contract of every implementation:
 *   - done is called exactly once per ask, on the loop, never from inside ask(); after cancel() not
 *     at all;
 *   - after cancel() of a call under way its result says whether it may have been heard:
 *     UNREACHED, nothing of it was sent, or LOST;
 *   - the call and all it points to are borrowed until then; what is answered lies in its arena.
 */
enum peer_question { PEER_PAGE, PEER_FIND, PEER_RETRY, PEER_STATUS, PEER_KNOW };

enum peer_result {
        PEER_ANSWERED,
        PEER_NOT_MINE,  /* a partition that was asked for is not its own: nothing was done */
        PEER_REFUSED,   /* it cannot now, or found the question wrong: nothing was done; err */
        PEER_UNREACHED, /* it was not asked: no connection; err */
        PEER_LOST,      /* no answer: whatever was asked may have been done; err */
};

/* Of one RETRY or KNOW: its answer is read in one turn of the loop. */
#define PEER_ENTRIES_MAX 1000

struct peer_call {
        void *data; /* the caller's */
        enum peer_question question;
        const char *url; /* of the member, as it advertises itself */
        unsigned timeout_ms;
        struct arena *arena;
        int n_partitions; /* of the failure log as the asker knows it: another count is refused */

        struct partition_set partitions; /* PAGE, FIND: all of them its own, or NOT_MINE */
        uint64_t marker;                 /* PAGE */
        unsigned max_rows;
        struct str site;                    /* PAGE, FIND: absent: every site */
        struct str bucket, key, version_id; /* FIND */

        const struct retry_request *retry; /* RETRY: its id, traceparent and what it is */
        struct retry_entry **entries;      /* RETRY: of it; out: result and failure of each */
        size_t n_entries;
        bool again; /* RETRY: asked before without an answer: what failed since then is published */

        struct know_entry **doubtful; /* KNOW; out: which are absent */
        size_t n_doubtful;

        enum peer_result result; /* out, as the rest */
        bool is_silent;          /* UNREACHED, LOST: not a word came, be it a refusal */
        struct error err;
        struct failure *rows; /* PAGE, FIND: in order of (partition, offset) */
        size_t n_rows;
        uint64_t known_below; /* PAGE: every row before this marker is there; UINT64_MAX: all */
        struct partition_set missing; /* PAGE, FIND: its own, but not restored */
        struct str status;            /* STATUS: a JSON object */
        void (*done)(struct peer_call *call);

        void *work; /* the implementation's */
};

struct peers {
        void (*ask)(struct peers *self, struct peer_call *call);
        void (*cancel)(struct peers *self, struct peer_call *call);
};

#endif
