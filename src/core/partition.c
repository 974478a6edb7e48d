/* SPDX-License-Identifier: Apache-2.0 */
#include "partition.h"

#include <string.h>

#define ASK_AGAIN_MS       100
#define WATERMARK_EVERY_MS 10000
#define BEHIND_MS          30000
#define STUCK_MS           3000
#define CLEAR_EVERY_MS     10000 /* at first */
#define CLEAR_SELDOM_MS    600000

static const struct sm_state states[] = {
        [PARTITION_ABSENT] = { "absent", SM_TO(PARTITION_RESTORING) | SM_TO(PARTITION_ABSENT) },
        [PARTITION_RESTORING] = { "restoring", SM_TO(PARTITION_READY) | SM_TO(PARTITION_FULL) |
                                                       SM_TO(PARTITION_ABSENT) |
                                                       SM_TO(PARTITION_RESTORING) |
                                                       SM_TO(PARTITION_LEAVING) },
        [PARTITION_READY] = { "ready", SM_TO(PARTITION_RESTORING) | SM_TO(PARTITION_FULL) |
                                               SM_TO(PARTITION_ABSENT) | SM_TO(PARTITION_LEAVING) },
        [PARTITION_FULL] = { "full", SM_TO(PARTITION_RESTORING) | SM_TO(PARTITION_ABSENT) |
                                             SM_TO(PARTITION_LEAVING) },
        [PARTITION_LEAVING] = { "leaving", SM_TO(PARTITION_RESTORING) | SM_TO(PARTITION_ABSENT) },
};

void partition_init(struct partition *p, int id)
{
        memset(p, 0, sizeof *p);
        p->id = id;
        p->target = p->watermark = p->behind_watermark = p->still_position = -1;
        p->cleared_ms = INT64_MIN / 2;
        p->clear_every_ms = CLEAR_EVERY_MS;
        p->proof_ms = p->parked_until_ms = INT64_MIN;
        sm_init(&p->sm, "partition", states, (uint64_t)id, PARTITION_ABSENT);
}

/* Questions that are out belong to the life that ends: their answers must not be taken for the next
 * one's. */
static void end_life(struct partition *p)
{
        p->stable_stale = p->stable_asked;
        p->watermark_stale = p->watermark_out;
        p->target = -1;
        p->target_ticket = 0;
        p->open_transaction = false;
        p->ask_stable_at_ms = 0;
        p->watermark = p->behind_watermark = -1;
        p->still_position = -1;
        p->proof_ms = INT64_MIN;
        p->claimed = false;
}

static void walk_from_start(struct partition *p)
{
        for (int state = 0; state < FAILURE_STATES; state++)
                p->settle_cursor[state] = marker_of(p->id, 0);
}

void partition_restore(struct partition *p, int64_t position, int64_t now_ms)
{
        end_life(p);
        sm_move(&p->sm, PARTITION_RESTORING);
        p->position = position;
        p->records = 0;
        p->since_ms = now_ms;
        walk_from_start(p);
        p->expiry_cursor = UINT64_MAX;
        p->expiry_due_ms = now_ms;
        p->expired = 0;
}

void partition_begin_leaving(struct partition *p, int64_t now_ms)
{
        sm_move(&p->sm, PARTITION_LEAVING);
        p->since_ms = now_ms;
}

void partition_leave(struct partition *p)
{
        end_life(p);
        sm_move(&p->sm, PARTITION_ABSENT);
}

void partition_hold(struct partition *p, enum partition_shortage shortage, int64_t now_ms)
{
        int64_t end = p->target > p->watermark ? p->target : p->watermark;

        end_life(p);
        p->shortage = shortage;
        sm_move(&p->sm, PARTITION_FULL);
        p->target = end; /* to tell how much is missing; it is asked anew when it goes on */
        p->since_ms = now_ms;
}

void partition_resume(struct partition *p, int64_t now_ms)
{
        sm_move(&p->sm, PARTITION_RESTORING);
        p->target = -1;
        p->since_ms = now_ms;
        walk_from_start(p);
}

enum partition_state partition_state(const struct partition *p)
{
        return (enum partition_state)p->sm.state;
}

bool partition_is_ready(const struct partition *p)
{
        return p->sm.state == PARTITION_READY;
}

const char *partition_state_text(enum partition_state state)
{
        return states[state].name;
}

void partition_advance(struct partition *p, int64_t next_offset)
{
        if (next_offset > p->position) {
                p->position = next_offset;
                p->open_transaction = p->open_transaction && p->target < 0;
        }
        if (p->behind_watermark >= 0 && p->position >= p->behind_watermark)
                p->behind_watermark = -1;
}

uint64_t partition_want_watermark(struct partition *p)
{
        p->watermark_wanted = p->watermark_asked + 1;
        return p->watermark_wanted;
}

void partition_prove(struct partition *p, int64_t begun_ms)
{
        if (begun_ms > p->proof_ms)
                p->proof_ms = begun_ms;
}

bool partition_is_proven(const struct partition *p, int64_t now_ms, int64_t valid_ms)
{
        return p->proof_ms != INT64_MIN && now_ms < p->proof_ms + valid_ms;
}

/* By the barrier's word, for so long. */
static bool is_kept_for(const struct partition *p, int64_t now_ms, int64_t ms)
{
        return p->sm.state == PARTITION_RESTORING && p->target_ticket == 0 && p->open_transaction &&
               now_ms >= p->unstable_since_ms + ms;
}

/* By the barrier's word, or because nothing comes although there is more: a transaction of which
 * the barrier does not know, an intake's, is open below the end. */
bool partition_waits_for_transaction(const struct partition *p, int64_t now_ms, int64_t ms)
{
        if (p->sm.state != PARTITION_RESTORING)
                return false;
        if (p->target_ticket == 0)
                return is_kept_for(p, now_ms, ms);
        return p->target >= 0 && p->position < p->target && p->position == p->still_position &&
               now_ms >= p->still_since_ms + ms;
}

void partition_ask_stable_now(struct partition *p)
{
        p->ask_stable_at_ms = 0;
}

void partition_on_stable(struct partition *p, enum member_stable stable, int64_t now_ms)
{
        bool stale = p->stable_stale;

        p->stable_asked = p->stable_stale = false;
        if (stale || p->sm.state != PARTITION_RESTORING)
                return;
        if (stable == MEMBER_UNSTABLE && !p->open_transaction)
                p->unstable_since_ms = now_ms;
        p->open_transaction = stable == MEMBER_UNSTABLE;
        if (stable == MEMBER_STABLE)
                p->target_ticket = partition_want_watermark(p);
        else
                p->ask_stable_at_ms = now_ms + ASK_AGAIN_MS;
}

void partition_on_watermark(struct partition *p, int64_t offset, int64_t now_ms)
{
        bool stale = p->watermark_stale;

        p->watermark_out = p->watermark_stale = false;
        p->ask_watermark_at_ms = now_ms + ASK_AGAIN_MS;
        if (stale || offset < 0) {
                p->watermark_wanted = p->watermark_asked + 1; /* whoever waits still does */
                return;
        }
        p->watermark = offset;
        p->watermark_granted = p->watermark_asked;
        if (p->target_ticket != 0 && p->target < 0 && p->watermark_granted >= p->target_ticket)
                p->target = offset;
        if (p->behind_watermark < 0 && p->position < offset) {
                p->behind_watermark = offset;
                p->behind_since_ms = now_ms;
        }
        p->ask_watermark_at_ms = now_ms;
}

static void ask_watermark(struct partition *p, struct group *group, int64_t now_ms)
{
        bool wanted = p->watermark_wanted > p->watermark_asked;
        bool due = p->sm.state == PARTITION_READY &&
                   now_ms >= p->ask_watermark_at_ms + WATERMARK_EVERY_MS;

        if (p->watermark_out || (!wanted && !due) || (wanted && now_ms < p->ask_watermark_at_ms))
                return;
        p->watermark_out = true;
        p->watermark_asked++;
        group->query_high_watermark(group, p->id);
}

bool partition_tick(struct partition *p, struct group *group, int64_t now_ms)
{
        if (p->sm.state != PARTITION_RESTORING && p->sm.state != PARTITION_READY)
                return false;
        if (p->sm.state == PARTITION_RESTORING && p->target_ticket == 0 && !p->stable_asked &&
            now_ms >= p->ask_stable_at_ms) {
                p->stable_asked = true;
                group->query_stable(group, p->id);
        }
        ask_watermark(p, group, now_ms);
        if (p->sm.state != PARTITION_RESTORING || p->target < 0 || p->position < p->target)
                return false;
        sm_move(&p->sm, PARTITION_READY);
        p->restored = p->records;
        p->behind_watermark = -1;
        return true;
}

static bool expects_more(const struct partition *p)
{
        if (p->sm.state == PARTITION_RESTORING)
                return p->target >= 0 && p->position < p->target;
        return p->sm.state == PARTITION_READY && p->behind_watermark >= 0;
}

bool partition_is_stuck(struct partition *p, int64_t now_ms)
{
        if (!expects_more(p) || p->position != p->still_position) {
                p->still_position = p->position;
                p->still_since_ms = now_ms;
                p->clear_every_ms = CLEAR_EVERY_MS;
                return false;
        }
        if (now_ms < p->still_since_ms + STUCK_MS || now_ms < p->cleared_ms + p->clear_every_ms)
                return false;
        if (p->cleared_ms > p->still_since_ms && p->clear_every_ms < CLEAR_SELDOM_MS)
                p->clear_every_ms *= 2;
        p->cleared_ms = now_ms;
        p->open_transaction = true;
        return true;
}

bool partition_is_kept(const struct partition *p, int64_t now_ms)
{
        return is_kept_for(p, now_ms, STUCK_MS);
}

bool partition_is_behind(const struct partition *p, int64_t now_ms)
{
        return p->sm.state == PARTITION_READY && p->behind_watermark >= 0 &&
               now_ms >= p->behind_since_ms + BEHIND_MS;
}

const char *partition_waits_for(const struct partition *p)
{
        if (p->sm.state == PARTITION_FULL)
                return p->shortage == SHORT_OF_SITES ? "too_many_sites" : "memory";
        if (p->sm.state != PARTITION_RESTORING)
                return NULL;
        return p->open_transaction ? "open transaction" : "replay";
}
