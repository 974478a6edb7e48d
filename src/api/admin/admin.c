/* SPDX-License-Identifier: Apache-2.0 */
#include "admin.h"

#include "answer.h"
#include "crr/base/json_write.h"
#include "dialect.h"

#define STATUS_LIMIT  ((size_t)4 * 1024 * 1024)
#define METRICS_LIMIT ((size_t)64 * 1024 * 1024)

static void on_live(void *data, struct http_request *req, const struct route_args *args)
{
        struct buf out;

        buf_init(&out, STATUS_LIMIT);
        buf_append_c(&out, "{\"live\":true}");
        answer_ok(req, &out);
}

static void member_c(struct json_writer *w, const char *name, const char *value)
{
        if (value == NULL)
                return;
        json_key(w, name);
        json_c(w, value);
}

static void render_ready(struct buf *out, const struct api_ready *r)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "ready");
        json_bool(&w, r->ready);
        member_c(&w, "state", r->state);
        json_key(&w, "partitions");
        json_object_open(&w);
        json_key(&w, "assigned");
        json_int(&w, r->assigned);
        json_key(&w, "ready");
        json_int(&w, r->ready_partitions);
        json_object_close(&w);
        member_c(&w, "waiting_for", r->waiting_for);
        member_c(&w, "detail", r->detail);
        json_key(&w, "restored_records");
        json_u64(&w, r->restored_records);
        json_key(&w, "remaining_records");
        json_u64(&w, r->remaining_records);
        json_object_close(&w);
}

static void on_ready(void *data, struct http_request *req, const struct route_args *args)
{
        const struct api *api = data;
        struct api_ready ready = { 0 };
        struct buf out;

        api->health.ready(api->health.data, &ready);
        buf_init(&out, STATUS_LIMIT);
        render_ready(&out, &ready);
        if (ready.ready)
                answer_ok(req, &out);
        else
                answer_unavailable(api, req, &out);
}

static void on_metrics(void *data, struct http_request *req, const struct route_args *args)
{
        const struct api *api = data;
        struct buf out;

        api->health.collect(api->health.data);
        buf_init(&out, METRICS_LIMIT);
        metrics_render(api->metrics, &out);
        answer_text(req, &out, "text/plain; version=0.0.4; charset=utf-8");
}

static void member_ids(struct json_writer *w, const char *name, const int *ids, size_t n)
{
        json_key(w, name);
        json_array_open(w);
        for (size_t i = 0; i < n; i++)
                json_int(w, ids[i]);
        json_array_close(w);
}

static void render_topic(struct json_writer *w, const struct api_replication *r)
{
        json_key_str(w, str_from(r->topic));
        json_object_open(w);
        member_c(w, "name", r->topic);
        json_key(w, "partitions");
        json_array_open(w);
        for (size_t i = 0; i < r->n_partitions; i++) {
                const struct api_topic_partition *p = &r->partitions[i];

                json_object_open(w);
                json_key(w, "id");
                json_int(w, p->id);
                json_key(w, "leader");
                json_int(w, p->leader);
                member_ids(w, "replicas", p->replicas, p->n_replicas);
                member_ids(w, "isrs", p->isrs, p->n_isrs);
                json_object_close(w);
        }
        json_array_close(w);
        json_object_close(w);
}

/* Every partition is known and has all its replicas in sync. */
static bool isr_is_whole(const struct api_replication *r)
{
        for (size_t i = 0; i < r->n_partitions; i++)
                if (r->partitions[i].n_isrs != r->partitions[i].n_replicas)
                        return false;
        return r->n_partitions > 0;
}

static void member_status(struct json_writer *w, const char *name, const char *status)
{
        json_key(w, name);
        json_object_open(w);
        member_c(w, "status", status);
        json_object_close(w);
}

/* What is not known is left out. */
static void render_intake(struct json_writer *w, const struct api_replication *r)
{
        json_key(w, "intake");
        json_object_open(w);
        member_c(w, "status", r->intake);
        if (r->intake_partitions >= 0) {
                json_key(w, "partitions");
                json_int(w, r->intake_partitions);
        }
        if (r->intake_lag >= 0) {
                json_key(w, "lag");
                json_int(w, r->intake_lag);
        }
        if (r->intake_said != NULL)
                member_c(w, "error", r->intake_said);
        json_object_close(w);
}

static void render_healthcheck(struct buf *out, const struct api_replication *r)
{
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "topics");
        json_object_open(&w);
        render_topic(&w, r);
        json_object_close(&w);
        json_key(&w, "internalConnections");
        json_object_open(&w);
        member_c(&w, "isrHealth", isr_is_whole(r) ? "ok" : "error");
        /* There is none; clients of Backbeat look for it. */
        member_status(&w, "zookeeper", "ok");
        member_status(&w, "kafkaProducer", r->producer_ok ? "ok" : "error");
        if (r->source != NULL)
                member_status(&w, "source", r->source);
        if (r->intake != NULL)
                render_intake(&w, r);
        json_object_close(&w);
        json_object_close(&w);
}

static void on_healthcheck(void *data, struct http_request *req, const struct route_args *args)
{
        const struct api *api = data;
        struct api_replication replication = { 0 };
        struct buf out;

        api->health.replication(api->health.data, &replication);
        buf_init(&out, STATUS_LIMIT);
        render_healthcheck(&out, &replication);
        answer_ok(req, &out);
}

static const struct route routes[] = {
        { HTTP_GET, "/live", on_live, "live", "200 while the loop turns" },
        { HTTP_GET, "/_/live", on_live, "live", "the same" },
        { HTTP_GET, "/ready", on_ready, "ready", "200 when failures are known and can be retried" },
        { HTTP_GET, "/_/ready", on_ready, "ready", "the same" },
        { HTTP_GET, "/metrics", on_metrics, "metrics", "Prometheus text" },
        { HTTP_GET, "/_/cluster", admin_on_cluster, "cluster", "The group, member by member" },
        { HTTP_GET, "/_/healthcheck", on_healthcheck, "healthcheck", "Backbeat's health check" },
        { .pattern = NULL },
};

extern const struct dialect admin_dialect;

const struct dialect admin_dialect = { .name = "admin", .routes = routes, .is_apart = true };
