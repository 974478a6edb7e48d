/* SPDX-License-Identifier: Apache-2.0 */
/* Pages, objects and the member's state: from the door into an answer. */
#include "answer.h"
#include "peer.h"

/* A page of LIMIT_PAGE_ROWS + 1 whose every byte is escaped stays below it. */
#define ROWS_LIMIT   ((size_t)32 * 1024 * 1024)
#define STATUS_LIMIT ((size_t)1024 * 1024)

static void answer_rows(struct peer_exchange *x, const struct error *err, uint64_t known_below,
                        const struct coverage *coverage)
{
        struct buf out;

        if (err != NULL) {
                peer_exchange_fail(x, err);
                return;
        }
        buf_init(&out, 2 * ROWS_LIMIT);
        peer_answer_write_page(&out, buf_str(&x->rows), known_below, &coverage->missing);
        out.overflow |= x->rows.overflow;
        buf_deinit(&x->rows);
        answer_ok(x->req, &out);
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

static void page_on_row(struct list_request *door, const struct failure *f)
{
        struct peer_exchange *x = door->data;

        peer_answer_write_row(&x->rows, f);
}

static void page_on_done(struct list_request *door, const struct error *err)
{
        answer_rows(door->data, err, door->truncated ? door->next_marker : UINT64_MAX,
                    &door->coverage);
}

void peer_ask_page(struct peer_exchange *x)
{
        buf_init(&x->rows, ROWS_LIMIT);
        x->door.list = (struct list_request){
                .data = x,
                .site = x->query.site,
                .marker = x->query.marker,
                .max_rows = x->query.max_rows,
                .partial = true,
                .arena = &x->req->arena,
                .scope = scope_of(&x->query),
                .row = page_on_row,
                .done = page_on_done,
        };
        retry_service_list(x->api->door, &x->door.list);
}

/* OBJECTS */

static void find_on_row(struct get_request *door, const struct failure *f)
{
        struct peer_exchange *x = door->data;

        peer_answer_write_row(&x->rows, f);
}

static void find_on_done(struct get_request *door, const struct error *err)
{
        answer_rows(door->data, err, UINT64_MAX, &door->coverage);
}

void peer_ask_find(struct peer_exchange *x)
{
        buf_init(&x->rows, ROWS_LIMIT);
        x->door.get = (struct get_request){
                .data = x,
                .bucket = x->query.bucket,
                .key = x->query.key,
                .version_id = x->query.version_id,
                .partial = true,
                .arena = &x->req->arena,
                .scope = scope_of(&x->query),
                .row = find_on_row,
                .done = find_on_done,
        };
        retry_service_get(x->api->door, &x->door.get);
}

/* THE MEMBER ITSELF */

void peer_ask_status(struct peer_exchange *x)
{
        struct buf out;

        buf_init(&out, STATUS_LIMIT);
        retry_service_write_status(x->api->door, &out);
        answer_ok(x->req, &out);
}
