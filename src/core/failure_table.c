/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/failure_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "table_private.h"

#define MALLOC_OVERHEAD 16
#define FIRST_CHAINS    1024

static void *allocate(struct failure_table *t, size_t n)
{
        void *piece = calloc(1, n);

        if (piece == NULL)
                abort();
        t->memory += n + MALLOC_OVERHEAD;
        return piece;
}

static void release(struct failure_table *t, void *piece, size_t n)
{
        free(piece);
        t->memory -= n + MALLOC_OVERHEAD;
}

struct failure_table *failure_table_new(const struct siphash_key *key, size_t memory_limit)
{
        struct failure_table *t = calloc(1, sizeof *t);

        if (t == NULL)
                abort();
        t->key = *key;
        t->memory_limit = memory_limit;
        t->n_chains = FIRST_CHAINS;
        t->chains = allocate(t, t->n_chains * sizeof(struct entry *));
        intern_init(&t->strings, key);
        return t;
}

static uint64_t version_hash(const struct failure_table *t, struct str bucket, struct str key,
                             struct str version_id)
{
        uint64_t parts[3] = {
                siphash13(&t->key, bucket.base, bucket.len),
                siphash13(&t->key, key.base, key.len),
                siphash13(&t->key, version_id.base, version_id.len),
        };

        return siphash13(&t->key, parts, sizeof parts);
}

/* ENTRIES */

static struct str entry_key(const struct entry *e)
{
        return (struct str){ e->bytes, e->key_len };
}

static struct str entry_version(const struct entry *e)
{
        return (struct str){ e->bytes + e->key_len, e->version_len };
}

struct str site_name(const struct site *site)
{
        return interned_str(site->name);
}

void entry_view(const struct entry *e, struct failure *ret)
{
        *ret = (struct failure){
                .id = {
                        .bucket = interned_str(e->bucket),
                        .key = entry_key(e),
                        .version_id = entry_version(e),
                        .site = site_name(e->cell->site),
                },
                .state = (enum failure_state)e->state,
                .size = e->size,
                .last_modified_ms = e->last_modified_ms,
                .failed_at_ms = e->failed_at_ms,
                .attempts = e->attempts,
                .error_code = interned_str(e->error_code),
                .role = interned_str(e->role),
                .retry_id = e->retry_id,
                .retried_at_ms = e->retried_at_ms,
                .partition = e->cell->partition,
                .offset = e->offset,
                .timestamp_ms = e->timestamp_ms,
                .entry_partition = e->entry_partition,
                .entry_offset = e->entry_offset,
                .covered_to = e->covered_to,
                .spelling = e->spelling,
                .unsettled = e->unsettled,
                .foreign_key = e->foreign_key,
                .repeated = e->repeated,
        };
}

static size_t entry_bytes(const struct failure *f)
{
        return sizeof(struct entry) + f->id.key.len + f->id.version_id.len;
}

static struct entry *entry_new(struct failure_table *t, const struct failure *f, uint64_t hash)
{
        struct entry *e = allocate(t, entry_bytes(f));

        e->hash = hash;
        e->bucket = intern_acquire(&t->strings, f->id.bucket);
        e->error_code = intern_acquire(&t->strings, f->error_code);
        e->role = intern_acquire(&t->strings, f->role);
        e->size = f->size;
        e->last_modified_ms = f->last_modified_ms;
        e->failed_at_ms = f->failed_at_ms;
        e->retried_at_ms = f->retried_at_ms;
        e->offset = f->offset;
        e->timestamp_ms = f->timestamp_ms;
        e->entry_partition = f->entry_partition;
        e->entry_offset = f->entry_offset;
        e->covered_to = f->covered_to;
        e->retry_id = f->retry_id;
        e->attempts = f->attempts;
        e->key_len = (uint16_t)f->id.key.len;
        e->version_len = (uint8_t)f->id.version_id.len;
        e->state = (uint8_t)f->state;
        e->spelling = f->spelling;
        e->unsettled = f->unsettled;
        e->foreign_key = f->foreign_key;
        e->repeated = f->repeated;
        memcpy(e->bytes, f->id.key.base, f->id.key.len);
        memcpy(e->bytes + e->key_len, f->id.version_id.base, f->id.version_id.len);
        return e;
}

static void entry_free(struct failure_table *t, struct entry *e)
{
        intern_release(&t->strings, e->bucket);
        intern_release(&t->strings, e->error_code);
        intern_release(&t->strings, e->role);
        release(t, e, sizeof *e + e->key_len + e->version_len);
}

/* THE HASH */

static struct entry **chain_of(const struct failure_table *t, uint64_t hash)
{
        return &t->chains[hash & (t->n_chains - 1)];
}

static void grow_chains(struct failure_table *t)
{
        size_t before = t->n_chains;
        struct entry **old = t->chains;

        t->n_chains = 2 * before;
        t->chains = allocate(t, t->n_chains * sizeof(struct entry *));
        for (size_t i = 0; i < before; i++) {
                struct entry *next;

                for (struct entry *e = old[i]; e != NULL; e = next) {
                        next = e->chain;
                        e->chain = *chain_of(t, e->hash);
                        *chain_of(t, e->hash) = e;
                }
        }
        release(t, old, before * sizeof(struct entry *));
}

static void link_entry(struct failure_table *t, struct entry *e)
{
        if (t->n_entries == t->n_chains)
                grow_chains(t);
        e->chain = *chain_of(t, e->hash);
        *chain_of(t, e->hash) = e;
        t->n_entries++;
}

static void unlink_entry(struct failure_table *t, struct entry *e)
{
        struct entry **at = chain_of(t, e->hash);

        while (*at != e)
                at = &(*at)->chain;
        *at = e->chain;
        t->n_entries--;
}

static bool is_version(const struct entry *e, uint64_t hash, struct str bucket, struct str key,
                       struct str version_id)
{
        return e->hash == hash && !e->cell->dropped && str_eq(entry_key(e), key) &&
               str_eq(entry_version(e), version_id) && str_eq(interned_str(e->bucket), bucket);
}

static struct entry *find_entry(const struct failure_table *t, const struct identity *id,
                                uint64_t hash)
{
        for (struct entry *e = *chain_of(t, hash); e != NULL; e = e->chain)
                if (is_version(e, hash, id->bucket, id->key, id->version_id) &&
                    str_eq(site_name(e->cell->site), id->site))
                        return e;
        return NULL;
}

/* SITES AND CELLS */

struct site *table_find_site(const struct failure_table *t, struct str name)
{
        for (size_t i = 0; i < t->n_sites; i++)
                if (str_eq(site_name(t->sites[i]), name))
                        return t->sites[i];
        return NULL;
}

static struct site *get_site(struct failure_table *t, struct str name)
{
        struct site *site = table_find_site(t, name);

        if (site != NULL)
                return site;
        if (t->n_sites == t->sites_capacity) {
                t->sites_capacity = t->sites_capacity == 0 ? 16 : 2 * t->sites_capacity;
                t->sites = realloc(t->sites, t->sites_capacity * sizeof(struct site *));
                if (t->sites == NULL)
                        abort();
        }
        site = allocate(t, sizeof *site);
        site->name = intern_acquire(&t->strings, name);
        site->index = t->n_sites;
        t->sites[t->n_sites++] = site;
        return site;
}

static void free_site_if_unused(struct failure_table *t, struct site *site)
{
        if (site->n_cells > 0)
                return;
        t->sites[site->index] = t->sites[--t->n_sites];
        t->sites[site->index]->index = site->index;
        intern_release(&t->strings, site->name);
        release(t, site, sizeof *site);
}

static struct cell *get_cell(struct failure_table *t, struct str name, int partition)
{
        struct site *site = get_site(t, name);
        struct cell *cell = site->cells[partition];

        if (cell == NULL) {
                cell = allocate(t, sizeof *cell);
                cell->site = site;
                cell->partition = partition;
                site->cells[partition] = cell;
                site->n_cells++;
        }
        return cell;
}

static void free_cell(struct failure_table *t, struct cell *cell)
{
        struct site *site = cell->site;

        for (int state = 0; state < FAILURE_STATES; state++) {
                t->memory -= offset_log_memory(&cell->logs[state]);
                offset_log_deinit(&cell->logs[state]);
        }
        if (!cell->dropped)
                site->cells[cell->partition] = NULL;
        site->n_cells--;
        release(t, cell, sizeof *cell);
        free_site_if_unused(t, site);
}

static uint64_t counted_bytes(const struct entry *e)
{
        return e->state == FAILURE_FAILED && e->size > 0 ? (uint64_t)e->size : 0;
}

static void enter_cell(struct failure_table *t, struct cell *cell, struct entry *e)
{
        struct offset_log *log = &cell->logs[e->state];

        e->cell = cell;
        t->memory -= offset_log_memory(log);
        offset_log_add(log, e->offset, e);
        t->memory += offset_log_memory(log);
        cell->failed_bytes += counted_bytes(e);
        cell->site->count[e->state]++;
        cell->site->failed_bytes += counted_bytes(e);
}

static void leave_cell(struct failure_table *t, struct entry *e)
{
        struct cell *cell = e->cell;
        struct offset_log *log = &cell->logs[e->state];

        t->memory -= offset_log_memory(log);
        offset_log_remove(log, e->offset);
        t->memory += offset_log_memory(log);
        cell->failed_bytes -= counted_bytes(e);
        cell->site->count[e->state]--;
        cell->site->failed_bytes -= counted_bytes(e);
        if (cell->logs[FAILURE_FAILED].live == 0 && cell->logs[FAILURE_PENDING].live == 0)
                free_cell(t, cell);
}

static void remove_entry(struct failure_table *t, struct entry *e)
{
        unlink_entry(t, e);
        leave_cell(t, e);
        entry_free(t, e);
}

/* THE FACE */

int failure_table_put(struct failure_table *t, const struct failure *f, struct error *err)
{
        uint64_t hash = version_hash(t, f->id.bucket, f->id.key, f->id.version_id);
        struct entry *old = find_entry(t, &f->id, hash), *e;
        size_t before = old != NULL ? sizeof *old + old->key_len + old->version_len : 0;
        struct cell *cell;

        if (failure_table_memory(t) + entry_bytes(f) > t->memory_limit + before)
                return error_set(err, ERR_TABLE_FULL,
                                 "the table's memory limit of %zu bytes is reached",
                                 t->memory_limit);
        e = entry_new(t, f, hash);
        cell = get_cell(t, f->id.site, f->partition);
        if (old != NULL && old->cell == cell && old->state == e->state &&
            old->offset == e->offset) {
                cell->logs[e->state]
                        .items[offset_log_seek(&cell->logs[e->state], e->offset)]
                        .entry = e;
                cell->failed_bytes += counted_bytes(e) - counted_bytes(old);
                cell->site->failed_bytes += counted_bytes(e) - counted_bytes(old);
                e->cell = cell;
                unlink_entry(t, old);
                entry_free(t, old);
        } else {
                enter_cell(t, cell, e);
                if (old != NULL)
                        remove_entry(t, old);
        }
        link_entry(t, e);
        return 0;
}

bool failure_table_remove(struct failure_table *t, const struct identity *id)
{
        struct entry *e = find_entry(t, id, version_hash(t, id->bucket, id->key, id->version_id));

        if (e != NULL)
                remove_entry(t, e);
        return e != NULL;
}

bool failure_table_get(const struct failure_table *t, const struct identity *id,
                       struct failure *ret)
{
        struct entry *e = find_entry(t, id, version_hash(t, id->bucket, id->key, id->version_id));

        if (e != NULL)
                entry_view(e, ret);
        return e != NULL;
}

void failure_table_drop(struct failure_table *t, int partition)
{
        for (size_t i = 0; i < t->n_sites; i++) {
                struct site *site = t->sites[i];
                struct cell *cell = site->cells[partition];

                if (cell == NULL)
                        continue;
                site->cells[partition] = NULL;
                for (int state = 0; state < FAILURE_STATES; state++)
                        site->count[state] -= cell->logs[state].live;
                site->failed_bytes -= cell->failed_bytes;
                cell->dropped = true;
                cell->next_dropped = t->dropped;
                t->dropped = cell;
        }
}

bool failure_table_reap(struct failure_table *t, unsigned steps)
{
        while (t->dropped != NULL) {
                struct cell *cell = t->dropped;
                struct entry *e = offset_log_pop(&cell->logs[FAILURE_FAILED]);

                if (e == NULL)
                        e = offset_log_pop(&cell->logs[FAILURE_PENDING]);
                if (e == NULL) {
                        t->dropped = cell->next_dropped;
                        free_cell(t, cell);
                        continue;
                }
                unlink_entry(t, e);
                entry_free(t, e);
                if (--steps == 0)
                        return true;
        }
        return false;
}

void failure_table_free(struct failure_table *t)
{
        if (t == NULL)
                return;
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                failure_table_drop(t, p);
        while (failure_table_reap(t, 1u << 20))
                ;
        assert(t->n_entries == 0 && t->n_sites == 0);
        free(t->sites);
        free(t->chains);
        intern_deinit(&t->strings);
        free(t);
}

size_t failure_table_memory(const struct failure_table *t)
{
        return t->memory + t->strings.memory + t->sites_capacity * sizeof(struct site *);
}

size_t failure_table_memory_limit(const struct failure_table *t)
{
        return t->memory_limit;
}

void failure_table_set_memory_limit(struct failure_table *t, size_t bytes)
{
        t->memory_limit = bytes;
}

void failure_table_find(const struct failure_table *t, struct str bucket, struct str key,
                        struct str version_id, failure_row_fn row, void *data)
{
        uint64_t hash = version_hash(t, bucket, key, version_id);
        uint64_t last = 0;
        bool any = false;

        /* Few rows in most cases: the next in order is looked for each time. */
        for (;;) {
                const struct entry *best = NULL;
                uint64_t best_marker = UINT64_MAX;
                struct failure f;

                for (const struct entry *e = *chain_of(t, hash); e != NULL; e = e->chain) {
                        uint64_t marker = marker_of(e->cell->partition, e->offset);

                        if (marker >= best_marker || (any && marker <= last) ||
                            !is_version(e, hash, bucket, key, version_id))
                                continue;
                        best = e;
                        best_marker = marker;
                }
                if (best == NULL)
                        return;
                entry_view(best, &f);
                any = true;
                last = best_marker;
                if (!row(data, &f))
                        return;
        }
}
