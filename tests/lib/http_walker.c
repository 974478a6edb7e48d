/* SPDX-License-Identifier: Apache-2.0 */
#include "http_walker.h"

#define STASH_BYTES 65536

#define MUST(condition)                    \
        do {                               \
                if (!(condition))          \
                        return #condition; \
        } while (0)

/* Memory that counts in the budget, as far as it can be seen: the answers' exactly. */
static size_t unsent_of(const struct http_conn *c)
{
        return c->answer != NULL ? c->answer->body.capacity : 0;
}

static const char *walk_conn(const struct http_conn *c)
{
        bool takes = c->state == CONN_IDLE || c->state == CONN_READING;

        MUST((c->request != NULL) == (c->state == CONN_HANDLING));
        MUST((c->answer != NULL) == (c->state == CONN_WRITING));
        MUST(c->parser == NULL || takes);
        MUST(c->parser != NULL || c->state != CONN_READING);
        MUST(c->request == NULL || c->request->conn == c);
        MUST((c->deadline.next != NULL) == (c->state != CONN_CLOSED));
        MUST(c->stash.len <= STASH_BYTES && !c->stash.overflow);
        MUST(c->stash.len == 0 || c->stash_at < c->stash.len || c->state == CONN_HANDLING);
        MUST(c->stash_at <= c->stash.len);
        MUST(c->state == CONN_CLOSED || uv_is_active((const uv_handle_t *)&c->poll));
        return NULL;
}

static const char *walk_requests(const struct http_server *s)
{
        unsigned n = 0;

        for (const struct server_request *r = s->requests; r != NULL; r = r->next) {
                MUST(r->next == NULL || r->next->prev == r);
                MUST(r->parser != NULL);
                MUST(r->conn == NULL || r->conn->request == r);
                MUST((r->conn == NULL) == (r->status_told != 0));
                n++;
        }
        MUST(n == s->n_requests);
        return NULL;
}

const char *http_walk(const struct http_server *s)
{
        unsigned n = 0, writing = 0;
        size_t stashed = 0, unsent = 0;

        for (const struct http_conn *c = s->conns; c != NULL; c = c->next) {
                const char *broken = walk_conn(c);

                if (broken != NULL)
                        return broken;
                MUST(c->next == NULL || c->next->prev == c);
                n++;
                writing += c->state == CONN_WRITING;
                stashed += c->stash.capacity;
                unsent += unsent_of(c);
        }
        MUST(n == s->n_conns && n == s->connections_gauge->value);
        MUST(writing == s->n_writing);
        MUST(s->budget.received >= stashed);
        MUST(s->budget.used == s->budget.received + unsent);
        return walk_requests(s);
}
