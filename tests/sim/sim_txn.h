/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_TXN_H
#define TESTS_SIM_TXN_H

#include "crr/core/publisher.h"
#include "sim.h"
#include "sim_log.h"

/*
 * The simulated transaction coordinator, and the committed offsets of the group.
 *
 * A producer is its transactional.id: an epoch, and at most one transaction that is not over. The
 * end of a transaction is decided when EndTxn arrives (or its timeout, or somebody's
 * init_transactions); its markers are written later, each partition's for itself, the offsets' too.
 * Until all are written the producer's next request is refused with CONCURRENT_TRANSACTIONS.
 */
enum sim_answer {
        ANSWER_OK,
        ANSWER_CONCURRENT, /* the same call again */
        ANSWER_FENCED,     /* the epoch is not the producer's any more */
        ANSWER_STALE,      /* the group does not know this member, or generation */
};

struct sim_commit {
        bool is_there;
        int64_t offset;
        struct str metadata;
};

/* A retry entry of the replication topic. */
struct sim_entry {
        int identity;
        int attempt;
        struct uuid retry_id;
        int partition; /* of its PENDING record */
        int64_t offset;
        struct sim_entry *next;
};

enum sim_txn_state { TXN_ONGOING, TXN_ENDING, TXN_OVER };

struct sim_txn {
        struct sim_producer *producer;
        enum sim_txn_state state;
        bool commits; /* from ENDING on */
        int64_t began_ms;
        bool touches[SIM_PARTITIONS];
        struct sim_commit offsets[SIM_OFFSETS]; /* pending */
        bool has_offsets;
        struct sim_entry *entries;
        unsigned markers_left;
};

struct sim_producer {
        struct str id;
        int epoch;
        struct sim_txn *txn; /* NULL: none that is not over */
        struct sim_producer *next;
};

struct sim_txns {
        struct sim_producer *producers;
        struct sim_commit committed[SIM_OFFSETS];
};

void sim_txns_init(struct sim *s);

struct sim_producer *sim_producer_of(struct sim *s, struct str id);
enum sim_answer sim_txn_init(struct sim *s, struct sim_producer *producer, int *ret_epoch);

/* AddOffsetsToTxn and TxnOffsetCommit; the group has accepted the generation. */
enum sim_answer sim_txn_add(struct sim *s, struct sim_producer *producer, int epoch,
                            struct sim_txn **ret);
void sim_txn_set_offset(struct sim *s, struct sim_txn *txn, int partition, int64_t offset,
                        struct str metadata);
/* Before its records of a partition are appended: false: the transaction is not its any more. */
bool sim_txn_may_write(const struct sim_txn *txn, const struct sim_producer *producer, int epoch);
enum sim_answer sim_txn_end(struct sim *s, struct sim_producer *producer, int epoch,
                            struct sim_txn *txn, bool commit);
void sim_txns_expire(struct sim *s); /* those that are past their timeout */

/* Nobody's transaction holds offsets of it. */
bool sim_offsets_are_stable(const struct sim *s, int partition);
/* Another producer's transaction that is not decided and holds offsets of the partition, or NULL.
 */
const struct sim_txn *sim_txn_open_on(const struct sim *s, int partition, struct str not_of);

#endif
