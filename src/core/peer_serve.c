/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the door gives rows, or the entries' results; they are the answer.
 *
 * Possible failures: what is asked for is not this member's (the door says so); some entries of a
 * retry fail or their outcome is not known: that is an answer all the same, because the asker has
 * to know each.
 */
#include "crr/core/peer_serve.h"

#include "crr/core/peer_answer.h"

/* A page of LIMIT_PAGE_ROWS + 1 whose every byte is escaped stays below it. */
#define ROWS_LIMIT ((size_t)32 * 1024 * 1024)
/* What is committed must be told: above any answer that PEER_ENTRIES_MAX entries can have. */
#define ANSWER_LIMIT ((size_t)64 * 1024 * 1024)

static void end(struct peer_serving *s, const struct error *err)
{
        struct buf answer = buf_move(&s->answer);

        answer.overflow |= s->rows.overflow;
        buf_deinit(&s->rows);
        s->done(s, err == NULL ? &answer : NULL, err);
        buf_deinit(&answer);
}

static void answer_rows(struct peer_serving *s, const struct error *err, uint64_t known_below,
                        const struct coverage *coverage)
{
        if (err == NULL)
                peer_answer_write_page(&s->answer, buf_str(&s->rows), known_below,
                                       &coverage->missing);
        end(s, err);
}

static struct local_scope scope_of(const struct peer_query *q)
{
        return (struct local_scope){
                .is_local = true,
                .only = q->partitions,
                .n_partitions = q->n_partitions,
        };
}

/* PAGES */

static void page_on_row(struct list_request *asked, const struct failure *f)
{
        struct peer_serving *s = asked->data;

        peer_answer_write_row(&s->rows, f);
}

static void page_on_done(struct list_request *asked, const struct error *err)
{
        answer_rows(asked->data, err, asked->truncated ? asked->next_marker : UINT64_MAX,
                    &asked->coverage);
}

static void ask_page(struct peer_serving *s)
{
        s->asked.list = (struct list_request){
                .data = s,
                .site = s->query.site,
                .marker = s->query.marker,
                .max_rows = s->query.max_rows,
                .partial = true,
                .arena = s->query.arena,
                .scope = scope_of(&s->query),
                .row = page_on_row,
                .done = page_on_done,
        };
        retry_service_list(s->door, &s->asked.list);
}

/* OBJECTS */

static void find_on_row(struct get_request *asked, const struct failure *f)
{
        struct peer_serving *s = asked->data;

        peer_answer_write_row(&s->rows, f);
}

static void find_on_done(struct get_request *asked, const struct error *err)
{
        answer_rows(asked->data, err, UINT64_MAX, &asked->coverage);
}

static void ask_find(struct peer_serving *s)
{
        s->asked.get = (struct get_request){
                .data = s,
                .bucket = s->query.bucket,
                .key = s->query.key,
                .version_id = s->query.version_id,
                .site = s->query.site,
                .partial = true,
                .arena = s->query.arena,
                .scope = scope_of(&s->query),
                .row = find_on_row,
                .done = find_on_done,
        };
        retry_service_get(s->door, &s->asked.get);
}

/* RETRIES */

static void retry_on_done(struct retry_request *asked, const struct error *err)
{
        struct peer_serving *s = asked->data;

        if (err != NULL && !peer_answer_has_results(asked->entries, asked->n)) {
                end(s, err);
                return;
        }
        peer_answer_write_results(&s->answer, asked->entries, asked->n,
                                  err != NULL ? &asked->cause : NULL);
        end(s, NULL);
}

static void ask_retry(struct peer_serving *s)
{
        const struct peer_query *q = &s->query;

        s->asked.retry = (struct retry_request){
                .data = s,
                .entries = q->entries,
                .n = q->n_entries,
                .retry_id = q->retry_id,
                .has_idempotency_key = q->has_idempotency_key,
                .traceparent = q->traceparent,
                .deadline_ms = s->deadline_ms,
                .arena = q->arena,
                .scope = { .is_local = true, .n_partitions = q->n_partitions },
                .again = q->again,
                .done = retry_on_done,
        };
        retry_service_retry(s->door, &s->asked.retry);
}

/* IDENTITIES */

static void know_on_done(struct know_request *asked)
{
        struct peer_serving *s = asked->data;

        peer_answer_write_absent(&s->answer, asked->entries, asked->n);
        end(s, NULL);
}

static void ask_know(struct peer_serving *s)
{
        const struct peer_query *q = &s->query;
        struct know_entry *entries = arena_array(q->arena, q->n_entries, sizeof *entries);
        struct error err;

        if (entries == NULL) {
                error_set(&err, ERR_TOO_LARGE, "the question needs too much memory");
                end(s, &err);
                return;
        }
        for (size_t i = 0; i < q->n_entries; i++)
                entries[i].id = q->entries[i].id;
        s->asked.know = (struct know_request){
                .data = s,
                .entries = entries,
                .n = q->n_entries,
                .deadline_ms = s->deadline_ms,
                .arena = q->arena,
                .scope = { .is_local = true, .n_partitions = q->n_partitions },
                .done = know_on_done,
        };
        retry_service_know(s->door, &s->asked.know);
}

void peer_serve(struct peer_serving *s, enum peer_question question)
{
        buf_init(&s->rows, ROWS_LIMIT);
        buf_init(&s->answer, ANSWER_LIMIT);
        switch (question) {
        case PEER_PAGE:
                ask_page(s);
                break;
        case PEER_FIND:
                ask_find(s);
                break;
        case PEER_RETRY:
                ask_retry(s);
                break;
        case PEER_STATUS:
                retry_service_write_status(s->door, &s->answer);
                end(s, NULL);
                break;
        case PEER_KNOW:
                ask_know(s);
                break;
        }
}
