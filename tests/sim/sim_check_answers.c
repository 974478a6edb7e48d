/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sim_check.h"
#include "sim_proc.h"

#define WANTED_MS 60000 /* a request is not worked on for longer, wherever it is */

/* WHAT MUST BE THERE */

enum expectation { EXPECT_ANYTHING, EXPECT_LISTED, EXPECT_ABSENT };

struct sim_view sim_check_view(const struct sim *s)
{
        struct sim_view view = { .began_ms = s->now_ms, .step = s->steps };

        memcpy(view.shown, s->check->shown, sizeof view.shown);
        return view;
}

/* What the group knew of an identity: up to what was shown, and to the retry that somebody was
 * told. */
static int64_t known_end(const struct sim *s, const struct sim_view *view, int identity)
{
        int home = s->log->identities[identity].home;
        int64_t end = view->shown[home];

        if (s->check->told_step[identity] < view->step && s->check->told_offset[identity] >= end)
                end = s->check->told_offset[identity] + 1;
        return end;
}

/* The identity's newest record that was written and may be read: nothing came behind `end`. */
static bool is_unchanged(const struct sim *s, const struct sim_view *view, int identity,
                         int64_t end)
{
        const struct sim_log_partition *at = &s->log->partitions[s->log->identities[identity].home];

        for (int64_t offset = at->last[identity]; offset >= end;
             offset = at->records[offset].previous)
                if (at->records[offset].fate != FATE_ABORTED ||
                    at->records[offset].written_ms >= view->began_ms)
                        return false;
        return true;
}

/* The record that was told lies perhaps above the last stable offset still. */
static struct sim_state known_state(const struct sim *s, int identity, int64_t end)
{
        int home = s->log->identities[identity].home;

        if (end > s->log->partitions[home].stable)
                return (struct sim_state){ .word = WORD_PENDING, .offset = end - 1 };
        return sim_log_state(s, home, identity, end);
}

static enum expectation expect(const struct sim *s, const struct sim_view *view, int identity,
                               struct sim_state *ret)
{
        int64_t end = known_end(s, view, identity);

        if (s->log->identities[identity].is_stray || !is_unchanged(s, view, identity, end))
                return EXPECT_ANYTHING;
        *ret = known_state(s, identity, end);
        return ret->word == WORD_FAILED ? EXPECT_LISTED : EXPECT_ABSENT;
}

/* ROWS */

static unsigned count_rows(const struct sim_row *rows, size_t n, int identity)
{
        unsigned found = 0;

        for (size_t i = 0; i < n; i++)
                found += rows[i].identity == identity;
        return found;
}

static void check_identity(struct sim *s, const struct sim_view *view, const struct sim_row *rows,
                           size_t n, int identity)
{
        struct sim_state state;
        enum expectation wanted = expect(s, view, identity, &state);
        unsigned found = count_rows(rows, n, identity);

        if (wanted == EXPECT_LISTED && found != 1)
                sim_fail(s,
                         "identity %d is FAILED@%lld since before %lld, and stands %u times in "
                         "the answer",
                         identity, (long long)state.offset, (long long)view->began_ms, found);
        if (wanted == EXPECT_ABSENT && found != 0)
                sim_fail(s, "identity %d is %s@%lld since before %lld, and stands in the answer",
                         identity, sim_word_name(state.word), (long long)state.offset,
                         (long long)view->began_ms);
}

/* Itself, or by a void settlement behind it (sim_log.c). */
static bool had_attempts(const struct sim *s, const struct sim_row *row)
{
        const struct sim_log_partition *at = &s->log->partitions[row->partition];

        for (int64_t offset = at->last[row->identity]; offset >= row->offset;
             offset = at->records[offset].previous) {
                const struct sim_state *after = &at->records[offset].after;

                if (at->records[offset].fate == FATE_COMMITTED && after->offset == row->offset &&
                    after->attempts == row->attempts)
                        return true;
        }
        return false;
}

/* A row is a record that was committed, and what it said. */
static void check_row(struct sim *s, const struct sim_row *row)
{
        const struct sim_record *r;

        if (row->identity < 0 || row->offset < 0 ||
            row->offset >= s->log->partitions[row->partition].n)
                sim_fail(s, "an answer has a row of no record: partition %d offset %lld",
                         row->partition, (long long)row->offset);
        if (s->log->identities[row->identity].is_stray)
                return;
        r = &s->log->partitions[row->partition].records[row->offset];
        if (r->identity != row->identity || r->fate != FATE_COMMITTED ||
            r->after.word != WORD_FAILED || (!sim_may_differ(s) && !had_attempts(s, row)))
                sim_fail(s,
                         "an answer has identity %d @%lld attempts %d, and the log has %s of %d "
                         "attempts %d there",
                         row->identity, (long long)row->offset, row->attempts,
                         sim_word_name(r->after.word), r->identity, r->after.attempts);
}

static void check_order(struct sim *s, const struct sim_row *rows, size_t n)
{
        for (size_t i = 1; i < n; i++)
                if (marker_of(rows[i - 1].partition, rows[i - 1].offset) >=
                    marker_of(rows[i].partition, rows[i].offset))
                        sim_fail(s, "rows of an answer are not in order at identity %d",
                                 rows[i].identity);
}

void sim_check_page(struct sim *s, const struct sim_view *view, const struct list_request *req,
                    const struct sim_row *rows, size_t n)
{
        uint64_t end = req->truncated ? req->next_marker : UINT64_MAX;

        s->stats.pages++;
        check_order(s, rows, n);
        for (size_t i = 0; i < n; i++) {
                uint64_t marker = marker_of(rows[i].partition, rows[i].offset);

                check_row(s, &rows[i]);
                if (marker < req->marker || marker >= end)
                        sim_fail(s, "a row stands outside of its page");
        }
        for (int i = 0; i < s->log->n_identities; i++) {
                const struct sim_identity *identity = &s->log->identities[i];
                struct sim_state state;
                enum expectation wanted = expect(s, view, i, &state);

                if (partition_set_has(&req->coverage.missing, identity->home) ||
                    (req->site.base != NULL && !str_eq(req->site, identity->id.site)))
                        continue;
                if (wanted == EXPECT_LISTED) {
                        uint64_t marker = marker_of(identity->home, state.offset);

                        if (marker < req->marker || marker >= end)
                                continue;
                }
                check_identity(s, view, rows, n, i);
        }
}

void sim_check_get(struct sim *s, const struct sim_view *view, const struct get_request *req,
                   const struct sim_row *rows, size_t n)
{
        s->stats.gets++;
        check_order(s, rows, n);
        for (size_t i = 0; i < n; i++) {
                check_row(s, &rows[i]);
                if (req->site.base != NULL &&
                    !str_eq(req->site, s->log->identities[rows[i].identity].id.site))
                        sim_fail(s, "an answer has a row of another site");
        }
        for (int i = 0; i < s->log->n_identities; i++) {
                const struct sim_identity *identity = &s->log->identities[i];

                if (str_eq(identity->id.key, req->key) &&
                    (req->site.base == NULL || str_eq(req->site, identity->id.site)) &&
                    !partition_set_has(&req->coverage.missing, identity->home))
                        check_identity(s, view, rows, n, i);
        }
}

/* RETRIES */

/* The committed record of a retry that is told as published. */
static int64_t find_publication(const struct sim *s, int identity, int attempts)
{
        for (int p = 0; p < s->log->n_partitions; p++) {
                const struct sim_log_partition *at = &s->log->partitions[p];

                for (int64_t offset = at->last[identity]; offset >= 0;
                     offset = at->records[offset].previous) {
                        const struct sim_record *r = &at->records[offset];

                        if (r->word == WORD_PENDING && r->attempts == attempts &&
                            (r->fate == FATE_COMMITTED ||
                             (r->txn != NULL && r->txn->state != TXN_ONGOING && r->txn->commits)))
                                return offset;
                }
        }
        return -1;
}

static void check_told(struct sim *s, const struct retry_entry *e)
{
        int identity = sim_identity_find(s, &e->id);
        int64_t offset = find_publication(s, identity, e->failure->attempts);

        if (offset < 0)
                sim_fail(s, "identity %d is told as published, attempt %d, and is not committed",
                         identity, e->failure->attempts);
        if (offset > s->check->told_offset[identity]) {
                s->check->told_offset[identity] = offset;
                s->check->told_step[identity] = s->steps;
        }
}

static const char *result_name(enum retry_result result)
{
        static const char *const names[] = {
                [RETRY_WAITING] = "waiting",  [RETRY_PUBLISHED] = "published",
                [RETRY_SKIPPED] = "left out", [RETRY_FAILED] = "failed",
                [RETRY_UNKNOWN] = "unknown",
        };

        return names[result];
}

static void trace_results(struct sim *s, const struct sim_proc *proc,
                          const struct retry_request *req)
{
        for (size_t i = 0; s->traces && i < req->n; i++)
                sim_trace(s, "%s: retry %02x%02x of identity %d%s: %s", proc->name,
                          req->retry_id.bytes[0], req->retry_id.bytes[1],
                          sim_identity_find(s, &req->entries[i].id),
                          req->entries[i].force ? " (forced)" : "",
                          result_name(req->entries[i].result));
}

void sim_check_retried(struct sim *s, const struct sim_proc *proc, const struct retry_request *req)
{
        trace_results(s, proc, req);
        for (size_t i = 0; i < req->n; i++)
                if (req->entries[i].result == RETRY_PUBLISHED)
                        check_told(s, &req->entries[i]);
}

/* Left out: it was not FAILED, or not for the whole time; nor is it PENDING by this very request.
 */
static void check_skipped(struct sim *s, const struct sim_view *view,
                          const struct retry_request *req, int identity)
{
        struct sim_state state;
        enum expectation wanted = expect(s, view, identity, &state);

        if (partition_set_has(&req->coverage.missing, s->log->identities[identity].home) ||
            wanted == EXPECT_ANYTHING)
                return;
        if (wanted == EXPECT_LISTED &&
            (!s->profile.keeps_entries || (state.has_entry && !sim_may_differ(s))))
                sim_fail(s,
                         "identity %d is FAILED@%lld since before %lld, and its retry is left "
                         "out",
                         identity, (long long)state.offset, (long long)view->began_ms);
        if (state.word == WORD_PENDING && req->has_idempotency_key &&
            uuid_eq(&state.retry_id, &req->retry_id))
                sim_fail(s, "identity %d is PENDING@%lld by this request's key, and is left out",
                         identity, (long long)state.offset);
}

/* Somebody else wanted it too: a retry that both joined may go on without the one who gave up. */
static bool is_wanted_by_others(const struct sim *s, const struct sim_note *note, uint32_t bit)
{
        for (const struct sim_note *other = s->check->notes; other != NULL; other = other->next)
                if (other != note && (other->asked & bit) != 0 &&
                    other->asked_ms >= s->now_ms - WANTED_MS)
                        return true;
        return false;
}

/* Told that nothing was written for it. */
static void check_denied(struct sim *s, struct sim_note *note, int identity)
{
        uint32_t bit = UINT32_C(1) << identity;

        if (note->has_key || is_wanted_by_others(s, note, bit))
                return;
        note->denied |= bit;
        if ((note->published & bit) != 0)
                sim_fail(s, "identity %d: published by this request, and told as not published",
                         identity);
}

static bool is_first(const struct retry_request *req, size_t i)
{
        for (size_t k = 0; k < i; k++)
                if (identity_eq(&req->entries[k].id, &req->entries[i].id))
                        return false;
        return true;
}

void sim_check_retry_answer(struct sim *s, const struct sim_proc *proc, const struct sim_view *view,
                            const struct retry_request *req, const struct error *err)
{
        struct sim_note *note = sim_check_note_of(s, &req->retry_id);
        bool any_unknown = false;

        s->stats.retries++;
        trace_results(s, proc, req);
        for (size_t i = 0; i < req->n; i++) {
                const struct retry_entry *e = &req->entries[i];
                int identity = sim_identity_find(s, &e->id);

                any_unknown |= e->result == RETRY_UNKNOWN;
                if (e->result == RETRY_PUBLISHED)
                        check_told(s, e);
                else if (e->result == RETRY_FAILED && is_first(req, i))
                        check_denied(s, note, identity);
                else if (e->result == RETRY_SKIPPED && err == NULL && is_first(req, i))
                        check_skipped(s, view, req, identity);
                else if (e->result == RETRY_WAITING && err == NULL)
                        sim_fail(s, "a retry of identity %d has no result", identity);
        }
        if (err == NULL)
                return;
        if (err->code != ERR_UNAVAILABLE && err->code != ERR_GATEWAY_TIMEOUT)
                sim_fail(s, "a retry is answered with %s: %s", error_name(err->code), err->message);
        if (any_unknown != (err->code == ERR_GATEWAY_TIMEOUT))
                sim_fail(s, "a retry of %s outcome is answered with %s",
                         any_unknown ? "unknown" : "known", error_name(err->code));
}
