/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/arena.h"
#include "crr/base/limits.h"
#include "crr/base/metrics.h"
#include "crr/core/member.h"
#include "crr/core/retry_service.h"
#include "fake_source.h"

/*
 * A world for the core: a failure log in memory, virtual time, and a fake of every port. One
 * member, one door.
 *
 * The log's partitions hold records; a committed batch of the fake publisher appends to it, as
 * Kafka would, and a commit marker takes one offset behind its records. world_run() lets everything
 * happen that can without the clock moving: questions of the group are answered, records are fed,
 * work is done. The publisher answers by its script.
 */
#define WORLD_PARTITIONS 8

struct world_record {
        char *key, *value; /* value NULL: a tombstone; key NULL: a commit marker, or compacted */
        size_t key_len, value_len;
        int64_t timestamp_ms; /* the broker's */
        int64_t own_time_ms;  /* header crr-timestamp; TIME_UNKNOWN: none */
        int64_t settles;
        char *outcome;
};

struct world_log {
        struct world_record *records; /* by offset */
        int64_t n;
        int64_t fed; /* the member has seen what is below */
};

struct world_retry_entry { /* of the replication topic */
        char *key, *value, *retry_id, *attempt, *traceparent;
};

struct world_status { /* of the status topic */
        char *key, *value;
};

struct world {
        struct member_config config;
        struct metrics *metrics;
        struct member *member;
        struct retry_service *door;
        int64_t now_ms, wall_ms;
        int n_partitions;
        struct world_log logs[WORLD_PARTITIONS];
        bool assigned[WORLD_PARTITIONS];
        bool feeding;                 /* records reach the member; true at first */
        bool feeds[WORLD_PARTITIONS]; /* per partition; true at first */
        bool shuffles;                /* records of several partitions come in any order */
        uint64_t shuffle;             /* which one */
        bool stamps_appends;          /* the topic has LogAppendTime */
        bool open[WORLD_PARTITIONS];  /* a transaction of ours holds its offsets */

        struct publisher publisher;
        unsigned offset_ends; /* how often it was asked to end what hangs in the group's offsets */
        struct publisher intake_publisher;
        bool has_intake;                    /* false at first; set it before world_start() */
        struct publish_batch *intake_batch; /* submitted to that one, and not answered */
        struct publish_batch *batch;        /* submitted and not answered */
        bool hold_batches;                  /* batches wait for world_answer() */
        enum publish_outcome script;        /* what the others get; PUBLISH_COMMITTED at first */
        unsigned submits, offsets_alone;    /* batches with records, and without */
        unsigned clearings;                 /* of stuck partitions */
        unsigned fault_submit; /* the submit of this number, from 1, gets `fault`; 0: none */
        enum publish_outcome fault;
        bool fault_is_written; /* PUBLISH_UNKNOWN, and it was written all the same */
        size_t refused;        /* the record that PUBLISH_REFUSED is about */
        struct world_retry_entry *entries;
        size_t n_entries;
        struct world_status *statuses;
        size_t n_statuses;

        struct group group;
        enum member_stable stable; /* the answer to every question; MEMBER_STABLE at first */
        bool watermark_fails;
        bool ask_stable[WORLD_PARTITIONS], ask_watermark[WORLD_PARTITIONS];
        unsigned holds, resumes;
        char *claims[WORLD_PARTITIONS]; /* beside the committed offsets; NULL: none */
        bool ask_registry, ask_members, registry_fails;
        const char *members[4]; /* of the group; NULL ends them */
        unsigned registry_reads;
        char *fenced; /* the id that was fenced last; NULL: none */
        bool fence_out;

        struct helpers *helpers; /* NULL at first; set it before world_start() */

        struct log_reader reader;
        struct log_read *read;
        bool read_fails, hold_reads;
        unsigned reads, fault_read; /* the read of this number, from 1, fails; 0: none */

        struct fake_source *source;
};

void world_init(struct world *w,
                int n_partitions); /* config at defaults; change it before world_start() */
void world_start(struct world *w); /* member and door; every partition assigned, publisher ready */
void world_deinit(struct world *w);

/* LIFE of the process and of its partitions. */
void world_assign(struct world *w, int partition);
void world_revoke(struct world *w, int partition);
void world_grow(struct world *w, int n_partitions); /* the new ones are assigned */
/* A new process over the same log, with the same partitions. The batch that is held: written, or
 * not. */
void world_restart(struct world *w, bool written);
void world_compact_away(struct world *w, int partition, int64_t offset);

/* Append to the log. partition -1: where the key belongs. Returns the offset. value NULL: a
 * tombstone. */
int64_t world_append(struct world *w, int partition, struct str key, const char *value,
                     int64_t settles, const char *outcome);
/* A native failure value with the canonical key of these; extra is put into the object
 * (",\"Size\":1"). */
int64_t world_failure(struct world *w, const char *bucket, const char *key, const char *version,
                      const char *site, const char *extra);
int64_t world_tombstone(struct world *w, const char *bucket, const char *key, const char *version,
                        const char *site);
int world_home(struct world *w, const char *bucket, const char *key, const char *version,
               const char *site);

void world_run(struct world *w); /* until nothing moves */
void world_advance(struct world *w,
                   int64_t ms); /* the clock, in steps of 20 ms, with world_run() between */
void world_answer(struct world *w,
                  enum publish_outcome outcome); /* the batch that is held; then world_run() */
void world_answer_written(struct world *w);      /* PUBLISH_UNKNOWN, but it was written */
void world_publisher_ready(struct world *w);     /* after PUBLISH_UNKNOWN */

/*
 * What must hold when nothing is under way any more: an identity is listed exactly when its last
 * record says FAILED; every retry entry has its PENDING record, and no identity the same attempt
 * twice. Aborts when it does not. In world_check.c.
 */
void world_check(struct world *w);
/* For the files of the world. */
void world_make_ports(struct world *w);
struct member_ports world_ports(struct world *w);
char *world_dup_str(struct str s);
struct str world_header(const struct publish_record *r, const char *name);
void world_tell(struct world *w, enum publish_outcome outcome);
void world_write_batch(struct world *w, struct publish_batch *batch);

/* Requests, run to their end (or for as long as they take without time). */
struct world_list {
        struct list_request req;
        struct arena arena;
        struct failure rows[LIMIT_PAGE_ROWS];
        size_t n;
        bool done, failed;
        struct error err;
};
void world_list(struct world *w, struct world_list *list, const char *site, uint64_t marker,
                unsigned max_rows, bool partial);
void world_list_deinit(struct world_list *list);
size_t world_listed(struct world *w); /* rows of a whole listing; aborts when it is refused */

struct world_retry {
        struct retry_request req;
        struct arena arena;
        struct retry_entry entries[LIMIT_RETRY_ENTRIES];
        bool done, failed;
        struct error err;
};
void world_retry_init(struct world *w,
                      struct world_retry *r); /* a fresh random-free RetryId, deadline in 30 s */
void world_retry_add(struct world_retry *r, const char *bucket, const char *key,
                     const char *version, const char *site, bool force);
void world_retry_submit(struct world *w, struct world_retry *r); /* and world_run() */
void world_retry_deinit(struct world_retry *r);
size_t world_retry_published(const struct world_retry *r);

#endif
