/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: the claims name the members; each is asked for its state, at once; what they
 * answer is handed out as it is.
 *
 * Possible failures: a member does not answer within the peers' time: the reason is told instead.
 */
#include "crr/base/json_write.h"
#include "door.h"

#define STATUS_LIMIT ((size_t)1 << 20)

struct asked_member {
        struct silence *silence;
        struct cluster_request *req;
        struct cluster_member *member;
        struct peer_call call;
};

/* OURS */

static void write_partition(struct json_writer *w, const struct member *m,
                            const struct partition *p)
{
        const char *waits_for = member_partition_waits_for(m, p->id);

        json_object_open(w);
        json_key(w, "partition");
        json_int(w, p->id);
        json_key(w, "state");
        json_c(w, partition_state_text(partition_state(p)));
        if (waits_for != NULL) {
                json_key(w, "waitingFor");
                json_c(w, waits_for);
        }
        json_key(w, "position");
        json_int(w, p->position);
        if (p->watermark >= 0) {
                json_key(w, "lag");
                json_int(w, p->watermark > p->position ? p->watermark - p->position : 0);
        }
        if (partition_state(p) == PARTITION_RESTORING && p->target >= 0) {
                json_key(w, "remaining");
                json_int(w, p->target > p->position ? p->target - p->position : 0);
        }
        json_key(w, "sinceMs");
        json_int(w, m->now_ms - p->since_ms);
        json_object_close(w);
}

void retry_service_write_status(const struct retry_service *s, struct buf *out)
{
        const struct member *m = s->local;
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "memberId");
        json_str(&w, buf_str(&m->member_id));
        json_key(&w, "transactionalId");
        json_c(&w, m->config.transactional_id);
        json_key(&w, "version");
        json_c(&w, CRR_VERSION);
        json_key(&w, "of");
        json_int(&w, m->n_partitions);
        json_key(&w, "partitions");
        json_array_open(&w);
        for (int i = 0; i < m->n_partitions; i++)
                if (partition_state(&m->partitions[i]) != PARTITION_ABSENT)
                        write_partition(&w, m, &m->partitions[i]);
        json_array_close(&w);
        json_object_close(&w);
}

/* THE OTHERS' */

static struct cluster_member *member_of(struct cluster_request *req, struct str url)
{
        for (size_t i = 0; i < req->n_members; i++)
                if (str_eq(req->members[i].url, url))
                        return &req->members[i];
        return NULL;
}

static void collect_members(struct retry_service *s, struct cluster_request *req)
{
        const struct member *m = s->local;
        struct buf status;

        req->members[0].url = str_from(m->config.advertise);
        req->n_members = 1;
        buf_init(&status, STATUS_LIMIT);
        retry_service_write_status(s, &status);
        req->members[0].status = arena_str(req->arena, buf_str(&status));
        buf_deinit(&status);
        for (int p = 0; p < m->n_partitions; p++) {
                const struct owner *o = cluster_owner(&m->cluster, p);
                struct cluster_member *member = o != NULL ? member_of(req, o->url) : NULL;

                if (o == NULL || (member == NULL && req->n_members == CLUSTER_MEMBERS_MAX))
                        continue;
                if (member == NULL) {
                        member = &req->members[req->n_members++];
                        member->url = arena_str(req->arena, o->url);
                }
                partition_set_add(&member->claimed, p);
        }
}

static void on_status(struct peer_call *call)
{
        struct asked_member *asked = call->data;

        asked->req->n_out--;
        silence_on_result(asked->silence, call);
        if (call->result == PEER_ANSWERED)
                asked->member->status = call->status;
        else
                asked->member->err = call->err;
}

static void ask(struct retry_service *s, struct cluster_request *req, struct cluster_member *member)
{
        struct asked_member *asked = arena_alloc(req->arena, sizeof *asked);
        char *url = arena_c(req->arena, member->url);

        if (asked == NULL || url == NULL || s->peers == NULL) {
                error_set(&member->err, ERR_UNAVAILABLE, "it cannot be asked");
                return;
        }
        asked->silence = &s->silence;
        asked->req = req;
        asked->member = member;
        asked->call = (struct peer_call){
                .data = asked,
                .question = PEER_STATUS,
                .url = url,
                .timeout_ms = s->peer_timeout_ms,
                .arena = req->arena,
                .n_partitions = s->local->n_partitions,
                .done = on_status,
        };
        req->n_out++;
        s->peers->ask(s->peers, &asked->call);
}

static void begin(struct retry_service *s, struct cluster_request *req)
{
        req->members = arena_array(req->arena, CLUSTER_MEMBERS_MAX, sizeof *req->members);
        req->n_partitions = s->local->n_partitions;
        if (req->members == NULL)
                return;
        collect_members(s, req);
        for (size_t i = 1; i < req->n_members; i++)
                ask(s, req, &req->members[i]);
}

/* A partition counts as there when we answer for it, or its owner answered us. */
static void finish(struct retry_service *s, struct cluster_request *req)
{
        const struct member *m = s->local;

        for (size_t i = 1; i < req->n_members; i++)
                req->members[i].silent_ms = silence_ms(&s->silence, req->members[i].url);
        for (int p = 0; p < req->n_partitions; p++) {
                bool is_there = member_answers_for(m, p);

                for (size_t i = 1; i < req->n_members; i++)
                        is_there |= partition_set_has(&req->members[i].claimed, p) &&
                                    req->members[i].status.base != NULL;
                if (!is_there)
                        partition_set_add(&req->missing, p);
        }
        req->done(req);
}

void door_cluster_work(struct retry_service *s)
{
        struct cluster_request **at = &s->clusters;

        while (*at != NULL) {
                struct cluster_request *req = *at;

                if (req->work == NULL) {
                        req->work = req; /* begun */
                        begin(s, req);
                }
                if (req->n_out > 0) {
                        at = &req->next;
                        continue;
                }
                *at = req->next;
                finish(s, req);
        }
}
