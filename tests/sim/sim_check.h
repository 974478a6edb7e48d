/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "crr/core/retry_service.h"
#include "sim.h"
#include "sim_log.h"
#include "sim_txn.h"

/*
 * What must be so, whatever happens.
 *
 * The members against the log:
 *   - a member whose partition is ready has of each identity what the log says up to its position;
 *   - it becomes ready only when no other member's transaction can commit anything there that it
 *     has not applied, and not behind what a member has answered for before;
 *   - at most one member answers for a partition;
 *   - after a PENDING record no other comes without a FAILED one between them, but by ForceRetry;
 *     one request publishes an identity once.
 *
 * Answers against the log, as of what the group knew when the request began: an entry that was
 * FAILED and has not changed since is there exactly once, one that was not is absent; a retry that
 * is told as published is committed, one that is told as failed never is.
 *
 * Strays (identities of which a record stood in a wrong partition, or whose partition changed with
 * the topic's growth) have no order of offsets: they are checked at the end only.
 */
struct sim_note { /* of a retry request */
        struct uuid retry_id;
        bool has_key;
        uint32_t asked, forced, denied, published; /* identities */
        unsigned n_asked;                          /* by the client */
        bool was_overtaken; /* a member was asked for it, and served that after it was given up */
        int64_t asked_ms;   /* the last time */
        struct sim_note *next;
};

struct sim_check {
        int64_t shown[SIM_PARTITIONS];       /* a member has answered for what is below */
        int64_t told_offset[SIM_IDENTITIES]; /* PENDING record of the last retry that was told */
        uint64_t told_step[SIM_IDENTITIES];
        struct sim_note *notes;
};

void sim_check_init(struct sim *s);

/* What a record lacks and its identity keeps (attempts, entry, retry id) is not the same
 * everywhere. */
bool sim_may_differ(const struct sim *s);

/* The members. */
void sim_check_turn(struct sim *s, struct sim_proc *proc);
void sim_check_record(struct sim *s, struct sim_proc *proc, int partition, int64_t offset);
void sim_check_on_death(struct sim *s, struct sim_proc *proc);

/* The log. */
void sim_check_folded(struct sim *s, int partition, int64_t offset, const struct sim_state *before);
void sim_check_published(struct sim *s, const struct sim_entry *entry); /* it is committed */
void sim_check_batch(struct sim *s, struct sim_proc *proc, const struct publish_batch *batch);

/* Answers: sim_check_answers.c. */
struct sim_view { /* what the group knew when a request began */
        int64_t began_ms;
        uint64_t step;
        int64_t shown[SIM_PARTITIONS];
};
struct sim_row {
        int identity; /* -1: of none that was ever written */
        int partition;
        int64_t offset;
        int attempts;
};
struct sim_view sim_check_view(const struct sim *s);
void sim_check_page(struct sim *s, const struct sim_view *view, const struct list_request *req,
                    const struct sim_row *rows, size_t n);
void sim_check_get(struct sim *s, const struct sim_view *view, const struct get_request *req,
                   const struct sim_row *rows, size_t n);

struct sim_note *sim_check_note(struct sim *s, const struct retry_request *req); /* it begins */
struct sim_note *sim_check_note_of(const struct sim *s, const struct uuid *retry_id); /* or NULL */
void sim_check_retried(struct sim *s, const struct sim_proc *proc,
                       const struct retry_request *req); /* a peer's part */
void sim_check_retry_answer(struct sim *s, const struct sim_proc *proc, const struct sim_view *view,
                            const struct retry_request *req, const struct error *err);

/* The end: sim_check_end.c. */
bool sim_check_is_quiet(struct sim *s, const char **ret_why_not);
void sim_check_end(struct sim *s); /* the quiet group */
void sim_check_trace_members(struct sim *s);

#endif
