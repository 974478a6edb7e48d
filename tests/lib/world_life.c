/* SPDX-License-Identifier: Apache-2.0 */
/* The world's beginning and end, and what happens to its process in between. */
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "world.h"

#define WALL_START INT64_C(1780000000000)

void world_init(struct world *w, int n_partitions)
{
        memset(w, 0, sizeof *w);
        w->config = (struct member_config){
                .hash_key = { { 1, 2 } },
                .failures_topic = "failures",
                .replication_topic = "replication",
                .instance = "test-0",
                .advertise = "http://test-0:8900",
                .transactional_id = "crr-retryd-test-0",
                .session_timeout_ms = 10000,
                .partitioner = PARTITIONER_MURMUR2,
                .payload = RETRY_PAYLOAD_NATIVE,
                .version_guard = true,
                .pending_expiry = PENDING_EXPIRY_RELIST,
                .memory_limit = 64u << 20,
                .max_sites = LIMIT_SITES,
                .max_value_bytes = 5000020,
                .max_transaction_entries = 10000,
                .max_transaction_bytes = 32u << 20,
                .pending_ttl_ms = 86400000,
        };
        w->n_partitions = n_partitions;
        w->now_ms = 1000;
        w->wall_ms = WALL_START;
        w->feeding = true;
        for (int p = 0; p < WORLD_PARTITIONS; p++)
                w->feeds[p] = true;
        w->script = PUBLISH_COMMITTED;
        w->stable = MEMBER_STABLE;
        world_make_ports(w);
        w->metrics = metrics_new(100);
}

void world_assign(struct world *w, int partition)
{
        w->assigned[partition] = true;
        w->logs[partition].fed = member_on_assigned(w->member, partition);
}

void world_revoke(struct world *w, int partition)
{
        w->assigned[partition] = false;
        member_on_revoked(w->member, partition);
}

static void start_process(struct world *w)
{
        struct member_ports ports = world_ports(w);

        w->member = member_new(&w->config, &ports);
        w->door = retry_service_new(w->member, NULL, 2000);
        member_tick(w->member, w->now_ms, w->wall_ms);
        member_on_topology(w->member, w->n_partitions);
        member_on_generation(w->member, STR("generation-1"), STR("member-1"));
        for (int p = 0; p < w->n_partitions; p++)
                if (w->assigned[p])
                        world_assign(w, p);
        member_on_assignment(w->member);
        member_on_publisher_ready(w->member);
        world_run(w);
}

void world_start(struct world *w)
{
        for (int p = 0; p < w->n_partitions; p++)
                w->assigned[p] = true;
        start_process(w);
}

static void end_process(struct world *w)
{
        if (w->batch != NULL)
                world_tell(w, PUBLISH_CLOSED);
        w->read = NULL;
        retry_service_free(w->door);
        member_free(w->member);
}

void world_restart(struct world *w, bool written)
{
        if (w->batch != NULL && written)
                world_write_batch(w, w->batch);
        w->feeding = false;
        member_end_retries(w->member); /* nobody waits for a process that is gone */
        retry_service_work(w->door);
        member_tick(w->member, w->now_ms, w->wall_ms);
        end_process(w);
        w->feeding = true;
        memset(w->open, 0, sizeof w->open);
        memset(w->ask_stable, 0, sizeof w->ask_stable);
        memset(w->ask_watermark, 0, sizeof w->ask_watermark);
        w->ask_registry = w->ask_members = w->fence_out = false;
        start_process(w);
}

void world_grow(struct world *w, int n_partitions)
{
        int before = w->n_partitions;

        w->n_partitions = n_partitions;
        member_on_topology(w->member, n_partitions);
        for (int p = before; p < n_partitions; p++)
                world_assign(w, p);
}

static void free_record(struct world_record *r)
{
        free(r->key);
        free(r->value);
        free(r->outcome);
        *r = (struct world_record){ .own_time_ms = TIME_UNKNOWN, .settles = -1 };
}

void world_compact_away(struct world *w, int partition, int64_t offset)
{
        free_record(&w->logs[partition].records[offset]);
}

static void free_log(struct world_log *log)
{
        for (int64_t i = 0; i < log->n; i++)
                free_record(&log->records[i]);
        free(log->records);
}

void world_deinit(struct world *w)
{
        end_process(w);
        fake_source_free(w->source);
        metrics_free(w->metrics);
        for (int p = 0; p < WORLD_PARTITIONS; p++) {
                free_log(&w->logs[p]);
                free(w->claims[p]);
        }
        free(w->fenced);
        for (size_t i = 0; i < w->n_entries; i++) {
                free(w->entries[i].key);
                free(w->entries[i].value);
                free(w->entries[i].retry_id);
                free(w->entries[i].attempt);
                free(w->entries[i].traceparent);
        }
        free(w->entries);
        for (size_t i = 0; i < w->n_statuses; i++) {
                free(w->statuses[i].key);
                free(w->statuses[i].value);
        }
        free(w->statuses);
}
