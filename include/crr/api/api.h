/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_API_API_H
#define CRR_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/error.h"
#include "crr/base/metrics.h"
#include "crr/base/network.h"
#include "crr/core/retry_service.h"
#include "crr/http/http_request.h"

/*
 * The API: every dialect that is compiled in, between the HTTP server and the one door. It parses
 * requests, passes them on, and renders what comes back; it decides nothing about failures.
 *
 * Ownership  The door, the metrics and what api_health points to outlive the API. Strings of the
 *            configuration are literals or live as long.
 * Cost       api_on_request(): O(path + query). api_work(): at most API_WORK_BYTES of small
 *            bodies, API_SLICE_BYTES of a larger one, and API_WORK_ROWS of one answer to a retry.
 *            Other answers: O(their bytes), when the door completes.
 * Threads    Loop thread only.
 * Errors     All end in an answer to the client; none reaches the caller.
 */
#define API_WORK_BYTES  32768u
#define API_SLICE_BYTES 16384u
#define API_WORK_ROWS   256 /* entries of an answer to a retry, written in one turn */

struct api_config {
        size_t max_elements;         /* of one retry request; 413 above it */
        struct str peer_secret;      /* absent: members are known by their addresses */
        const struct network *allow; /* then, whose questions are answered as a member's */
        size_t n_allow;
};

/* What /ready says. Strings are literals or live until the next turn of the loop. */
struct api_ready {
        bool ready;
        const char *state; /* "ready", "restoring", ...: the daemon's name for it */
        int assigned, ready_partitions;
        const char *waiting_for; /* NULL: nothing */
        const char *detail;      /* one sentence more; NULL: none */
        uint64_t restored_records, remaining_records;
        unsigned retry_after_s; /* 0: the default */
};

/* One partition of the replication topic, as Backbeat's health check shows it: broker ids. */
struct api_topic_partition {
        int id, leader;
        const int *replicas, *isrs;
        size_t n_replicas, n_isrs;
};

/* What /_/healthcheck says. Everything lives until the next turn of the loop. */
struct api_replication {
        const char *topic;
        const struct api_topic_partition *partitions;
        size_t n_partitions; /* 0: not known or missing, which is an error in isrHealth */
        bool producer_ok;
        const char *source; /* "ok", or what keeps us from asking it; NULL: there is none */
        const char *intake; /* "ok", or what it waits for; NULL: there is none, and nothing below */
        int intake_partitions;   /* assigned to us; -1: nothing was yet */
        int64_t intake_lag;      /* records that are not taken in; -1: not known */
        const char *intake_said; /* the last error; NULL: none */
};

/* What the daemon tells about itself. No call may come back into the API. */
struct api_health {
        void *data;
        void (*ready)(void *data, struct api_ready *ret);
        void (*replication)(void *data, struct api_replication *ret);
        void (*collect)(void *data); /* fill the gauges: a scrape follows */
};

struct api;

struct api *api_new(const struct api_config *config, struct retry_service *door,
                    struct metrics *metrics, const struct api_health *health);

/* Requests whose bodies still wait are answered 503. The door must be quiet: no request of ours
 * may be with it. Before http_server_free(). NULL is legal. */
void api_free(struct api *api);

void api_set_config(struct api *api, const struct api_config *config); /* for SIGHUP */

/* These four are what struct http_app of crr/http/http_server.h asks for; `data` is a
 * struct api. */
void api_on_request(void *data, struct http_request *req);
void api_render_error(void *data, const struct error *err, struct buf *out);
bool api_is_apart(void *data, struct str path);
void api_on_answered(void *data, const struct http_request *req, int status);

/* One bounded piece of waiting work; true while there is more, be it at the door, which was given a
 * request: do not wait before the next turn then. Call once a turn of the loop. */
bool api_work(struct api *api);

#endif
