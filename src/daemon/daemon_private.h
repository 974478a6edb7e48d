/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DAEMON_DAEMON_PRIVATE_H
#define CRR_SRC_DAEMON_DAEMON_PRIVATE_H

#include <uv.h>

#include "crr/api/api.h"
#include "crr/base/metrics.h"
#include "crr/base/sm.h"
#include "crr/client/peer_client.h"
#include "crr/client/source_backbeat.h"
#include "crr/core/member.h"
#include "crr/core/retry_service.h"
#include "crr/http/http_server.h"
#include "crr/kafka/kafka.h"
#include "daemon.h"
#include "heap.h"
#include "helper.h"
#include "process.h"

/* The parts of the daemon; daemon.c gives them life. */
#define ADVERTISE_BYTES 1200
#define SIGNALS         3

struct daemon {
        struct settings *settings;
        const struct settings_sources *sources;
        struct siphash_key hash_key;
        char host_name[HOST_NAME_BYTES];
        char advertise[ADVERTISE_BYTES];
        char transactional_id[KAFKA_TRANSACTIONAL_ID_SIZE];

        struct metrics *metrics;
        struct http_server *http;
        struct kafka *kafka;
        struct member *member;
        struct helper *helper;  /* NULL: there is none */
        struct curl_loop *curl; /* NULL with an embedded broker, as the peers */
        struct peer_client *peers;
        struct source_backbeat *source; /* NULL: source.url is not set */
        struct network *allow;          /* peer.allow_from */
        struct retry_service *door;
        struct api *api;
        struct intake *intake; /* NULL: there is none */
        struct intake_config intake_config;

        uv_loop_t loop;
        uv_prepare_t turn;
        uv_timer_t timer; /* the one application timer */
        uv_idle_t busy;   /* active while a part has more work: the loop does not wait */
        uv_signal_t signals[SIGNALS];
        int64_t timer_due_us;
        int64_t turn_cpu_ns;     /* CPU time of the loop's thread when the turn began */
        int64_t longest_turn_ns; /* since the metrics were last read */

        struct sm life;
        enum exit_status exit_status;
        int64_t deadline_ms; /* of this state of life; INT64_MAX: none */
        int64_t hurry_ms; /* the process ends then, whatever is open; INT64_MAX: not in a hurry */
        bool kafka_closed, http_closed, curl_closed, source_closed;

        struct {
                uv_work_t work;
                struct page_range range;
                bool is_touching; /* the pool has them */
        } pages;
        struct heap_reserve heap;

        bool was_ready;
        int64_t not_ready_since_ms;
        struct kafka_status kafka_status; /* its strings are lent for a turn */
        struct api_topic_partition *partitions;
        size_t partitions_capacity;
};

/* daemon_parts.c: the parts from the settings, in order of their needs; on failure what was made
 * stays. */
int daemon_make_parts(struct daemon *d, const struct kafka_callbacks *callbacks,
                      const struct api_health *health);
void daemon_free_parts(struct daemon *d);
void daemon_member_config(const struct daemon *d, struct member_config *ret);
void daemon_http_limits(const struct settings *s, struct http_limits *ret);
void daemon_api_config(struct daemon *d, struct api_config *ret); /* `allow` lives until the next */
void daemon_check_open_files(const struct settings *s);

/* daemon_source.c: the store that is replicated from, if there is one. */
void daemon_make_source(struct daemon *d);
void daemon_reload_source(struct daemon *d);

/* daemon_pages.c: memory for the table, got ahead. */
void daemon_get_pages(struct daemon *d);

/* daemon_reload.c: SIGHUP. */
void daemon_reload(struct daemon *d);

/* daemon_health.c: /ready, /_/healthcheck, /metrics. */
void daemon_health_ready(void *daemon, struct api_ready *ret);
void daemon_health_replication(void *daemon, struct api_replication *ret);
void daemon_health_collect(void *daemon);
void daemon_watch_ready(struct daemon *d, int64_t now_ms); /* logs its changes */

bool daemon_is_running(const struct daemon *d); /* not stopping */

#endif
