/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the door asks every member for its state; the answers are shown side by side.
 *
 * Possible failures: a member does not answer: it is shown with the reason and what it claims.
 */
#include <stdio.h>

#include "admin.h"
#include "answer.h"
#include "api_private.h"
#include "crr/base/json_write.h"
#include "crr/base/limits.h"

#define CLUSTER_LIMIT ((size_t)64 * 1024 * 1024)

struct asked_cluster {
        struct http_request *req;
        struct cluster_request door;
};

static void render_set(struct json_writer *w, const char *name, const struct partition_set *s)
{
        json_key(w, name);
        json_array_open(w);
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                if (partition_set_has(s, p))
                        json_int(w, p);
        json_array_close(w);
}

static void render_member(struct json_writer *w, const struct cluster_member *m)
{
        json_object_open(w);
        json_key(w, "url");
        json_str(w, m->url);
        json_key(w, "reachable");
        json_bool(w, m->status.base != NULL);
        render_set(w, "claims", &m->claimed);
        if (m->status.base != NULL) {
                json_key(w, "status");
                json_raw(w, m->status);
        } else {
                json_key(w, "error");
                json_c(w, m->err.message);
        }
        if (m->silent_ms > 0) {
                json_key(w, "silentMs");
                json_int(w, m->silent_ms);
        }
        json_object_close(w);
}

static void cluster_on_done(struct cluster_request *door)
{
        struct asked_cluster *asked = door->data;
        int missing = partition_set_count(&door->missing);
        struct json_writer w;
        struct buf out;
        char text[32];

        buf_init(&out, CLUSTER_LIMIT);
        json_writer_init(&w, &out);
        json_object_open(&w);
        json_key(&w, "coverage");
        json_object_open(&w);
        snprintf(text, sizeof text, "%d/%d", door->n_partitions - missing, door->n_partitions);
        json_key(&w, "partitions");
        json_c(&w, text);
        render_set(&w, "missing", &door->missing);
        json_object_close(&w);
        json_key(&w, "members");
        json_array_open(&w);
        for (size_t i = 0; i < door->n_members; i++)
                render_member(&w, &door->members[i]);
        json_array_close(&w);
        json_object_close(&w);
        answer_ok(asked->req, &out);
}

void admin_on_cluster(void *data, struct http_request *req, const struct route_args *args)
{
        const struct api *api = data;
        struct asked_cluster *asked = arena_alloc(&req->arena, sizeof *asked);
        struct error err;

        if (asked == NULL) {
                error_set(&err, ERR_TOO_LARGE, "the request is too large");
                answer_error(api, req, &err, 0);
                return;
        }
        asked->req = req;
        asked->door = (struct cluster_request){
                .data = asked,
                .arena = &req->arena,
                .done = cluster_on_done,
        };
        retry_service_cluster(api->door, &asked->door);
}
