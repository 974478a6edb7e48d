/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_TABLE_PRIVATE_H
#define CRR_SRC_CORE_TABLE_PRIVATE_H

#include "crr/base/limits.h"
#include "crr/core/failure_table.h"
#include "intern.h"
#include "record_log.h"

/*
 * What the files of the table share: failure_table.c (the face), table_key.c, table_put.c,
 * table_find.c, table_view.c (records as failures), table_logs.c (sites, partitions and their
 * logs), table_park.c, table_page.c (order), table_tidy.c (reaping and giving back), table_check.c.
 *
 * An entry is a record in the log of its site, partition and state, and a slot of the index. Logs
 * of a parked or dropped partition keep their records and slots; who looks something up passes
 * them over.
 */
struct site {
        uint64_t n[FAILURE_STATES], failed_bytes; /* of the logs that are shown */
        uint32_t n_logs;                          /* dropped ones included */
        uint32_t n_places;
        uint32_t *logs; /* by partition and state; NO_LOG: none */
};

/* Memory of one walk: cursors, or what was found. */
struct walk_memory {
        struct region region;
        bool is_used;
};

struct failure_table {
        struct siphash_key key;
        size_t memory_limit;
        struct record_logs logs;
        struct intern buckets, sites, error_codes, roles;
        struct region site_facts; /* struct site by the number of its name */
        struct {
                uint32_t first_log;
                bool is_parked;
                bool is_shadowed; /* an identity of a parked entry was put elsewhere */
        } partitions[LIMIT_PARTITIONS];
        uint32_t dropped_log; /* the first to be reaped */
        uint32_t n_hidden;    /* logs that are not shown */
        size_t small_bytes;   /* of what is not in a region */
        struct walk_memory *walk;
};

static inline struct site *table_site(const struct failure_table *t, uint32_t site)
{
        return (struct site *)(void *)t->site_facts.base + site;
}

static inline enum log_standing table_standing(const struct failure_table *t, uint32_t handle)
{
        return (enum log_standing)record_log_at(&t->logs, record_log_of(&t->logs, handle))
                ->standing;
}

/* Fetch a record, most of which end within three lines, and what is known of its block. */
static ALWAYS_INLINE void table_fetch_record(const struct failure_table *t, uint32_t handle)
{
        const uint8_t *record = record_at(&t->logs.blocks, handle);

        FETCH_ONCE(record);
        FETCH_ONCE(record + 64);
        FETCH_ONCE(record + 128);
        FETCH_ONCE(block_meta(&t->logs.blocks, block_of(handle)));
}

/* table_logs.c: which logs there are. NO_LOG: it has none. */
uint32_t table_log(const struct failure_table *t, uint32_t site, int partition, int state);
uint32_t table_open_log(struct failure_table *t, uint32_t site, int partition, int state);
void table_close_log_if_empty(struct failure_table *t, uint32_t log);
void table_leave_partition(struct failure_table *t, uint32_t log); /* it cannot be found any more */
void table_free_log(struct failure_table *t, uint32_t log);        /* after that; empty */
size_t table_log_growth(const struct failure_table *t, uint32_t site, int partition); /* at most */

uint32_t table_open_site(struct failure_table *t, struct str name);
void table_close_site_if_unused(struct failure_table *t, uint32_t site);

/* The sums of a site: with (1) or without (-1) this record, or all of a log. */
void table_count(struct failure_table *t, uint32_t log, const uint8_t *record, int sign);
void table_count_log(struct failure_table *t, const struct record_log *l, int sign);

/* table_key.c: the numbers of a key's bucket and site as they are now; INTERN_NONE: no entry has
 * it. */
void table_renew_key(const struct failure_table *t, struct failure_key *key);

/* table_find.c: an identity that is looked for, and what was found. */
struct sought {
        const uint8_t *image;
        size_t image_len;
        uint32_t hash; /* as in the record */
        uint32_t site;
        unsigned tag;
};

struct found {
        struct slot_walk slot;
        uint32_t handle; /* 0: nothing that is shown or dropped */
        bool is_dropped; /* one to be reaped: its slot may be taken over */
        bool has_parked; /* there are parked ones besides */
};

/* Many sites of one identity are spread over several hashes. */
static inline uint64_t table_site_hash(uint64_t hash, uint32_t site)
{
        return hash + site / TABLE_SITE_CLASS * UINT64_C(0x9e3779b97f4a7c15);
}

/* Ten bits more of the hash. The low byte says too which of the sites that share a hash it may be;
 * it is never 0. */
static inline unsigned table_tag(uint64_t site_hash, uint32_t site)
{
        unsigned high = (unsigned)site_hash & 0x300;
        unsigned low = (uint8_t)(site_hash + site % TABLE_SITE_CLASS);

        return high | (low != 0 ? low : 1);
}

static inline bool table_is_sought(const uint8_t *record, const struct sought *s)
{
        return record_hash(record) == s->hash && record_site(record) == s->site &&
               record_has_identity(record, s->image, s->image_len);
}

void table_seek(struct sought *s, const struct failure_key *key, uint32_t site);
bool table_find(const struct failure_table *t, const struct sought *s, struct found *ret);
/* The whole way from a key; what is dropped is not found. */
bool table_find_key(const struct failure_table *t, struct failure_key *key, struct sought *s,
                    struct found *ret);

/* table_put.c: what an entry takes with it. */
void table_remove(struct failure_table *t, uint32_t hash, const struct slot_walk *slot);
void table_release_names(struct failure_table *t, const uint8_t *record);

/* table_park.c: this identity was put, and has parked entries elsewhere. */
void table_note_shadows(struct failure_table *t, const struct sought *s);

/* table_view.c: a record as a failure, all but its identity; and that. version: VERSION_TEXT_BYTES
 * for the text of a packed one. */
void table_view_facts(const struct failure_table *t, const uint8_t *record, uint64_t offset,
                      const struct record_log *l, struct failure *ret);
void table_view_identity(const struct failure_table *t, const uint8_t *record, char *version,
                         struct identity *ret);

/* Memory for one walk: LIMIT_SITES of the largest thing that is kept there. */
#define WALK_ITEM_BYTES 48
void *table_begin_walk(const struct failure_table *t);
void table_end_walk(const struct failure_table *t);

#endif
