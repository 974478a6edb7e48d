/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_LOG_H
#define TESTS_SIM_LOG_H

#include "crr/core/failure_codec.h"
#include "sim.h"

/*
 * The simulated topics. A partition of the failure log is an array by offset: records, commit and
 * abort markers. The last stable offset is where the first open transaction begins; what is below
 * it is folded into the model as it becomes so. Compaction takes records away (`is_removed`); the
 * model keeps what they said.
 */
enum sim_fate { FATE_OPEN, FATE_COMMITTED, FATE_ABORTED };

enum sim_word { WORD_NONE, WORD_FAILED, WORD_PENDING, WORD_GONE }; /* NONE: it says nothing */

/* What the log says of an identity, up to an offset. */
struct sim_state {
        enum sim_word word; /* WORD_NONE: it was never there */
        int64_t offset;     /* of the record that says so; -1 */
        int attempts;       /* -1 unknown */
        struct uuid retry_id;
        bool has_entry;
        bool unsettled;    /* it keeps what its record lacks */
        int64_t failed_ms; /* of a failure: what an intake tells of earlier is late */
};

struct sim_txn;

struct sim_record {
        struct str key, value, outcome; /* outcome: the header; absent: none */
        int64_t timestamp_ms, settles;
        int64_t written_ms;
        bool from_intake;    /* its timestamp is the foreign record's */
        struct sim_txn *txn; /* NULL: without a transaction */
        enum sim_fate fate;
        bool is_marker, is_removed;

        int identity; /* -1: of none that we know */
        enum sim_word word;
        int attempts;
        int64_t failed_ms;
        struct uuid retry_id;
        bool has_entry, is_misplaced;
        int64_t previous;       /* the identity's record before it in this partition; -1 */
        struct sim_state after; /* below the last stable offset */
};

struct sim_log_partition {
        struct sim_record *records;
        int64_t n, capacity;          /* n: the high watermark */
        int64_t stable;               /* the last stable offset */
        int64_t cleaned;              /* compaction was here; tombstones below go the next time */
        int64_t last[SIM_IDENTITIES]; /* offset of the identity's last record, decided or not; -1 */
};

struct sim_identity {
        struct identity id;
        struct str key;
        int home;      /* its partition, by the number of partitions that there are */
        bool is_stray; /* a record of it was misplaced, or its home has changed: see sim_check.c */
};

struct sim_log {
        int n_partitions;
        struct sim_log_partition partitions[SIM_PARTITIONS];
        int n_identities;
        struct sim_identity identities[SIM_IDENTITIES];
        struct failure_decoder *decoder;
        struct json_reader *json;
        int64_t last_write_ms;
};

void sim_log_init(struct sim *s);
void sim_log_deinit(struct sim *s);

/* Append a record; its offset. `txn` NULL: it is committed at once. The texts are copied. */
struct sim_record_text {
        struct str key, value, outcome;
        int64_t settles, timestamp_ms;
        bool from_intake;
};
int64_t sim_log_append(struct sim *s, int partition, const struct sim_record_text *text,
                       struct sim_txn *txn);
/* The end of a transaction in one partition. */
void sim_log_mark(struct sim *s, int partition, struct sim_txn *txn, bool commit);

void sim_log_compact(struct sim *s, int partition);
void sim_log_grow(struct sim *s, int n_partitions);

/* What the log says of an identity when everything below `end` was read; end <= stable. */
struct sim_state sim_log_state(const struct sim *s, int partition, int identity, int64_t end);
int sim_identity_find(const struct sim *s, const struct identity *id); /* -1 */
const char *sim_word_name(enum sim_word word);

#endif
