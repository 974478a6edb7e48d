/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_CORE_MEMBER_H
#define CRR_CORE_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/metrics.h"
#include "crr/base/siphash.h"
#include "crr/base/str.h"
#include "crr/core/failure_codec.h"
#include "crr/core/failure_table.h"
#include "crr/core/group.h"
#include "crr/core/identity.h"
#include "crr/core/log_reader.h"
#include "crr/core/publisher.h"

/*
 * Member: all that this process holds of the failure log. The world calls member_on_...() and
 * member_tick(); what must happen outside leaves through the ports. Requests do not come here but
 * through retry_service.h.
 *
 * Ownership  Arguments are borrowed for the call. Ports and metrics outlive the member.
 * Threads    Loop thread only. No call from inside a port's function.
 * Time       Given by member_tick(): the daemon calls it at the beginning of every turn of the
 *            loop.
 */
enum retry_payload { RETRY_PAYLOAD_NATIVE, RETRY_PAYLOAD_ENTRY, RETRY_PAYLOAD_BACKBEAT };
enum pending_expiry { PENDING_EXPIRY_RELIST, PENDING_EXPIRY_CLOSE };

struct member_config {
        struct siphash_key hash_key;
        const char *failures_topic, *replication_topic; /* for logs and metrics */
        const char *instance;                           /* RetriedBy */
        const char *advertise;                          /* URL at which other members reach us */
        const char *transactional_id;                   /* of our producer */
        int64_t session_timeout_ms;                     /* of the group's members */
        enum partitioner partitioner;                   /* of the failure log */
        enum retry_payload payload;
        bool has_status_topic; /* payload `backbeat`: status entries are written too */
        bool version_guard;    /* likewise: no old version over a newer one; metadata_fetch.h */
        enum pending_expiry pending_expiry;
        size_t memory_limit;
        unsigned max_sites; /* at most LIMIT_SITES */
        size_t max_value_bytes;
        size_t max_transaction_entries, max_transaction_bytes;
        int64_t pending_ttl_ms;
};

struct member_ports {
        struct publisher *publisher;
        struct group *group;
        struct log_reader *log_reader;
        struct metrics *metrics;
        struct helpers *helpers;            /* NULL: the loop does all itself */
        struct source *source;              /* NULL: none; payload `backbeat` needs one */
        struct publisher *intake_publisher; /* NULL: there is no intake */
};

struct member;

/* NULL: the system does not reserve the table's address space. */
struct member *member_new(const struct member_config *config, const struct member_ports *ports);
void member_free(struct member *m);
void member_set_config(struct member *m,
                       const struct member_config *config); /* limits and times; SIGHUP */

/* Partitions of the failure log: their number; 0 while the topic does not exist. A changed number
 * restores all. */
void member_on_topology(struct member *m, int n_partitions);

/* The consumer group's generation: an opaque token for the publisher, and our name in the group.
 * Called before the assignment it comes with, and at a revocation. An empty token: no group
 * (embedded broker), every partition is ours. */
void member_on_generation(struct member *m, struct str token, struct str member_id);

/* Returns the offset from which its records are wanted: where it was, if it is back soon
 * (parking.c), or 0. */
int64_t member_on_assigned(struct member *m, int partition);

/*
 * The group wants a partition back: no retry of it is begun any more. What is on its way may end
 * (with the generation that was told before): member_may_let_go() says when, or the group does not
 * wait any longer. Then it is revoked.
 */
void member_on_leaving(struct member *m, int partition);
bool member_may_let_go(const struct member *m);
void member_on_revoked(struct member *m, int partition);
void member_on_reset(struct member *m, int partition,
                     const char *cause); /* its log was recreated: records follow anew */

void member_on_record(struct member *m, const struct log_record *record);
/* Records in the order in which they were consumed. */
#define MEMBER_BATCH 256
void member_on_records(struct member *m, const struct log_record *records, size_t n);
/* The same, at most MEMBER_BATCH at once: they are being read by the helpers when it returns, and
 * are applied by the next call of either. They live until then, and nothing else is told meanwhile.
 */
void member_on_records_coming(struct member *m, const struct log_record *records, size_t n);
void member_on_records_came(struct member *m);
void member_on_position(struct member *m, int partition,
                        int64_t next_offset); /* end of partition, markers passed */

enum member_stable { MEMBER_STABLE, MEMBER_UNSTABLE, MEMBER_STABLE_UNKNOWN };
void member_on_stable(struct member *m, int partition, enum member_stable stable);
void member_on_high_watermark(struct member *m, int partition,
                              int64_t offset); /* -1: could not be asked */

/* What stands beside the committed offsets of the failure log's partitions. NULL: it cannot be
 * read. */
struct registry_row {
        int partition;
        struct str metadata;
};
void member_on_registry(struct member *m, const struct registry_row *rows, size_t n);

/* The names of the group's members. NULL: they cannot be told. */
void member_on_members(struct member *m, const struct str *ids, size_t n);
void member_on_fenced(struct member *m); /* done, or not possible: we look again */

/* The publisher can (again) be used, and the outcome of every batch that it reported as unknown is
 * decided in the log now (init_transactions returned). */
void member_on_publisher_ready(struct member *m);
void member_on_publisher_lost(struct member *m);

/* Sets the time; returns when it wants to be called at the latest (monotonic ms). */
int64_t member_tick(struct member *m, int64_t monotonic_ms, int64_t wall_ms);

/* One bounded piece of waiting work (limits.h); true while there is more. Call
 * once a turn. */
bool member_work(struct member *m);

/* Memory that the table will touch soon: see failure_table_wants_pages(). */
bool member_wants_pages(struct member *m, struct page_range *ret);
void member_got_pages(struct member *m, const struct page_range *range);

/* Stop taking retries; what was accepted goes on. */
void member_stop_retries(struct member *m);
void member_end_retries(struct member *m); /* from the next tick on all are past their deadline */
bool member_has_retries(const struct member *m); /* accepted and not answered */

struct member_status {
        int partitions; /* of the topic; 0 unknown or missing */
        int assigned, ready, restoring, full;
        bool assigned_once; /* a first assignment was seen, even an empty one: see
                               member_on_assignment() */
        bool publisher_ready;
        bool behind;             /* a ready partition is behind a watermark older than 30 s */
        const char *waiting_for; /* "replay", "open transaction", "memory", "too_many_sites",
                                    "topic", "assignment"; NULL */
        uint64_t restored_records, remaining_records, lag_records;
        uint64_t in_flight;   /* retries */
        uint64_t settlements; /* records that are owed to the log, or on their way */
};
void member_status(const struct member *m, struct member_status *ret);
void member_on_assignment(struct member *m);      /* an assignment is complete (possibly empty) */
void member_on_assignment_lost(struct member *m); /* the group gave up on us: until the next one */

/* Fill the gauges (entries per site, memory, partitions by state, ...) before a scrape. */
void member_collect(struct member *m);

#endif
