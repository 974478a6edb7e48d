/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Invariants of the table:
 *
 *  1. Every live record has exactly one slot, which names it; so the slots are as many as the live
 *     records of all logs, hidden ones included.
 *  2. In a log the bases of the blocks do not decrease, in a block the deltas do not, and the live
 *     records of a block stand before those of the next one.
 *  3. A block's `live`, `n` and `used` are the sums of its records; a block of a log that is not
 *     dropped has live records.
 *  4. A block that is settled is in no window that could be merged (where that is tried after every
 *     removal, as with the small geometry of the model test).
 *  5. Counts and bytes of sites and logs are the sums of their records; hidden logs count nowhere.
 *  6. A bucket's overflow is the number of entries that passed it, a sub-table's directory entries
 *     are those of its prefix (slot_index_check()).
 *  7. No identity has two entries that are shown. If there is one besides a parked entry, the
 *     partition of that is shadowed.
 *  8. A version id has one form: packed if it can be.
 *  9. A string's references are the records that name it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "log_rewrite.h"
#include "table_private.h"
#include "version_pack.h"

struct check {
        const struct failure_table *t;
        uint64_t records;
        uint32_t *buckets, *error_codes, *roles; /* references by number */
        uint32_t hidden;                         /* logs */
};

/* What a log and its site should say. */
struct sums {
        uint64_t n, bytes;
};

static uint32_t *new_counters(const struct intern *names)
{
        uint32_t *counters = calloc((size_t)names->strings.n + 1, sizeof *counters);

        if (counters == NULL)
                abort();
        return counters;
}

/* RECORDS */

static void check_form(const uint8_t *record)
{
        const uint8_t *at = record + RECORD_KEY + record_key_len(record);
        uint8_t packed[VERSION_TEXT_BYTES];
        struct str version = { (const char *)at, record[34] };

        if (!record_version_is_packed(record))
                assert(!version_pack(packed, version));
}

static void seek_record(const struct failure_table *t, const uint8_t *record, struct sought *s)
{
        struct slot_walk slot;

        slot_index_find(&t->logs.index, record_hash(record), record_handle(&t->logs.blocks, record),
                        &slot);
        *s = (struct sought){
                .image = record + RECORD_IDENTITY,
                .image_len = record_identity_len(record),
                .hash = record_hash(record),
                .site = record_site(record),
                .tag = slot_tag(&slot.sub[slot.at], slot.slot),
        };
}

/* Of the slots that name its identity: itself, and none that is shown besides. */
static void check_slots(const struct check *c, const uint8_t *record, const struct record_log *l)
{
        const struct failure_table *t = c->t;
        uint32_t handle = record_handle(&t->logs.blocks, record);
        unsigned itself = 0, shown = 0;
        struct slot_walk slot;
        struct sought s;

        seek_record(t, record, &s);
        slot_walk_begin(&slot, &t->logs.index, s.hash, s.tag);
        while (slot_walk_next(&slot)) {
                uint32_t other = *slot_handle(&slot);

                if (other == handle)
                        itself++;
                else if (table_is_sought(record_at(&t->logs.blocks, other), &s))
                        shown += table_standing(t, other) == LOG_SHOWN;
        }
        assert(itself == 1);
        if (l->standing == LOG_SHOWN)
                assert(shown == 0);
        else if (l->standing == LOG_PARKED)
                assert(shown == 0 || (shown == 1 && t->partitions[l->partition].is_shadowed));
}

static void check_record(struct check *c, const uint8_t *record, const struct record_log *l)
{
        struct record_names names;

        check_form(record);
        check_slots(c, record, l);
        record_read_names(record, &names);
        assert(names.site == l->site);
        c->buckets[names.bucket]++;
        if (names.error_code != INTERN_NONE)
                c->error_codes[names.error_code]++;
        if (names.role != INTERN_NONE)
                c->roles[names.role]++;
        c->records++;
}

/* BLOCKS */

static struct sums check_block(struct check *c, uint32_t block, const struct record_log *l)
{
        const struct block *b = block_meta(&c->t->logs.blocks, block);
        const uint8_t *at = block_bytes(&c->t->logs.blocks, block);
        uint32_t used = 0, live = 0, delta = 0;
        struct sums sums = { 0 };

        while (used < b->used) {
                assert(record_delta(at) >= delta);
                delta = record_delta(at);
                if (!record_is_dead(at)) {
                        check_record(c, at, l);
                        live += record_units(at);
                        sums.n++;
                        if (l->state == FAILURE_FAILED && record_size(at) > 0)
                                sums.bytes += (uint64_t)record_size(at);
                }
                used += record_units(at);
                at += (size_t)record_units(at) * RECORD_UNIT;
        }
        assert(used == b->used && live == b->live && sums.n == b->n && delta == b->last_delta);
        assert(b->n > 0 || l->standing == LOG_DROPPED);
        return sums;
}

static uint64_t first_offset(const struct failure_table *t, uint32_t block)
{
        struct block_walk w = block_walk_begin(&t->logs, block);
        const uint8_t *record = block_walk_next(&w);

        return block_meta(&t->logs.blocks, block)->base + record_delta(record);
}

static uint64_t last_offset(const struct failure_table *t, uint32_t block)
{
        struct block_walk w = block_walk_begin(&t->logs, block);
        const uint8_t *record;
        uint64_t offset = 0;

        while ((record = block_walk_next(&w)) != NULL)
                offset = block_meta(&t->logs.blocks, block)->base + record_delta(record);
        return offset;
}

static void check_neighbours(const struct failure_table *t, uint32_t block)
{
        const struct block *b = block_meta(&t->logs.blocks, block);

        if (b->prev != NO_BLOCK)
                assert(last_offset(t, b->prev) < first_offset(t, block));
        if (TABLE_MERGE_STEP == 1 && b->is_settled)
                assert(!log_can_merge_around(&t->logs, block));
}

/* LOGS */

static void check_log(struct check *c, uint32_t log, struct sums *site)
{
        const struct record_log *l = record_log_at(&c->t->logs, log);
        struct sums sums = { 0 };
        uint32_t block = l->blocks.first;

        block_list_check(&l->blocks, &c->t->logs.blocks);
        for (; block != NO_BLOCK; block = block_meta(&c->t->logs.blocks, block)->next) {
                struct sums more = check_block(c, block, l);

                assert(block_meta(&c->t->logs.blocks, block)->log == log);
                if (l->standing != LOG_DROPPED)
                        check_neighbours(c->t, block);
                sums.n += more.n;
                sums.bytes += more.bytes;
        }
        assert(sums.n == l->n);
        assert(sums.bytes == l->bytes || l->standing == LOG_DROPPED);
        assert(sums.n > 0 || l->standing == LOG_DROPPED);
        c->hidden += l->standing != LOG_SHOWN;
        if (l->standing == LOG_SHOWN) {
                site->n += sums.n;
                site->bytes += sums.bytes;
        }
}

/* Every log is where it is looked for: by site, partition and state, or among the dropped. */
static void check_site(struct check *c, uint32_t site)
{
        const struct site *s = table_site(c->t, site);
        struct sums sums[FAILURE_STATES] = { { 0 } };
        uint32_t n_logs = 0;

        for (uint32_t place = 0; place < s->n_places; place++) {
                const struct record_log *l = record_log_at(&c->t->logs, s->logs[place]);

                if (s->logs[place] == NO_LOG)
                        continue;
                assert(l->site == site && l->partition == place / FAILURE_STATES &&
                       l->state == place % FAILURE_STATES && l->standing != LOG_DROPPED);
                assert((l->standing == LOG_PARKED) == c->t->partitions[l->partition].is_parked);
                check_log(c, s->logs[place], &sums[l->state]);
                n_logs++;
        }
        for (uint32_t log = c->t->dropped_log; log != NO_LOG;
             log = record_log_at(&c->t->logs, log)->next)
                n_logs += record_log_at(&c->t->logs, log)->site == site;
        assert(n_logs == s->n_logs && n_logs > 0);
        for (int state = 0; state < FAILURE_STATES; state++)
                assert(sums[state].n == s->n[state]);
        assert(sums[FAILURE_FAILED].bytes == s->failed_bytes);
}

static void check_partition(const struct failure_table *t, int partition, uint32_t *n_logs)
{
        uint32_t prev = NO_LOG, log = t->partitions[partition].first_log;

        for (; log != NO_LOG; prev = log, log = record_log_at(&t->logs, log)->next) {
                const struct record_log *l = record_log_at(&t->logs, log);

                assert(l->prev == prev && l->partition == partition);
                assert(table_log(t, l->site, partition, l->state) == log);
                (*n_logs)++;
        }
}

/* NAMES */

static void check_names(const struct intern *names, uint32_t *references)
{
        intern_check(names);
        for (uint32_t i = 0; i < names->strings.n; i++)
                if (!pool_is_free(&names->strings, i))
                        assert(intern_at(names, i)->refs == references[i]);
        free(references);
}

static void check_all_logs(struct check *c)
{
        const struct failure_table *t = c->t;
        uint32_t n_logs = 1;
        struct sums none = { 0 };

        for (uint32_t site = 0; site < t->sites.strings.n; site++)
                if (!pool_is_free(&t->sites.strings, site))
                        check_site(c, site);
        for (uint32_t log = t->dropped_log; log != NO_LOG;
             log = record_log_at(&t->logs, log)->next) {
                assert(record_log_at(&t->logs, log)->standing == LOG_DROPPED);
                check_log(c, log, &none);
                n_logs++;
        }
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                check_partition(t, p, &n_logs);
        assert(n_logs == pool_used(&t->logs.logs) && c->hidden == t->n_hidden);
}

void failure_table_check(const struct failure_table *t)
{
        struct check c = {
                .t = t,
                .buckets = new_counters(&t->buckets),
                .error_codes = new_counters(&t->error_codes),
                .roles = new_counters(&t->roles),
        };

        slot_index_check(&t->logs.index);
        check_all_logs(&c);
        assert(c.records == t->logs.index.n);
        check_names(&t->buckets, c.buckets);
        check_names(&t->error_codes, c.error_codes);
        check_names(&t->roles, c.roles);
        intern_check(&t->sites);
}
