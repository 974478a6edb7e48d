/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries come and go.
 *
 * A put first finds out what it needs, and refuses when that is not to be had; then it cannot fail
 * any more. An entry that is replaced keeps its slot of the index, also when it belongs to a
 * partition that was dropped and is not reaped yet.
 */
#include <assert.h>
#include <string.h>

#include "table_private.h"

struct put {
        const struct failure *f;
        const struct failure_key *key;
        uint32_t log;              /* NO_LOG: it is to be made */
        struct record_names names; /* those that are there already */
        struct sought sought;
        struct found old;
        uint8_t record[RECORD_BYTES_MAX];
};

/* PREPARING */

static uint32_t find_name(const struct intern *names, struct str s)
{
        return s.base != NULL ? intern_find(names, s) : INTERN_NONE;
}

static void prepare(const struct failure_table *t, struct put *p)
{
        p->names = (struct record_names){
                .site = p->key->site,
                .bucket = p->key->bucket,
                .error_code = find_name(&t->error_codes, p->f->error_code),
                .role = find_name(&t->roles, p->f->role),
        };
        p->log = NO_LOG;
        p->old = (struct found){ .handle = 0 };
        if (p->names.site == INTERN_NONE)
                return;
        p->log = table_log(t, p->names.site, p->f->partition, p->f->state);
        table_seek(&p->sought, p->key, p->names.site);
        if (p->names.bucket != INTERN_NONE)
                table_find(t, &p->sought, &p->old);
}

/* Nothing has to be made for it, and no block or sub-table beyond the memory that is there. */
static bool needs_nothing(const struct failure_table *t, const struct put *p)
{
        const struct slot_index *x = &t->logs.index;

        return p->log != NO_LOG && p->names.bucket != INTERN_NONE &&
               (p->names.error_code != INTERN_NONE || p->f->error_code.base == NULL) &&
               (p->names.role != INTERN_NONE || p->f->role.base == NULL) &&
               slot_meta(x, slot_sub_of(x, p->sought.hash))->n < SLOT_HIGHEST &&
               pool_growth(&t->logs.blocks.bytes, LOG_BLOCKS_NEEDED) == 0;
}

static size_t name_growth(const struct intern *names, uint32_t number, struct str s)
{
        return number == INTERN_NONE && s.base != NULL ? intern_growth(names, s) : 0;
}

static size_t growth(const struct failure_table *t, const struct put *p)
{
        const struct failure *f = p->f;

        return block_store_growth(&t->logs.blocks, LOG_BLOCKS_NEEDED) +
               table_log_growth(t, p->names.site, f->partition) +
               name_growth(&t->sites, p->names.site, f->id.site) +
               name_growth(&t->buckets, p->names.bucket, f->id.bucket) +
               name_growth(&t->error_codes, p->names.error_code, f->error_code) +
               name_growth(&t->roles, p->names.role, f->role);
}

static bool has_places(const struct failure_table *t)
{
        return pool_left(&t->logs.blocks.bytes) >= LOG_BLOCKS_NEEDED &&
               pool_left(&t->logs.logs) > 0 && intern_left(&t->buckets) > 0 &&
               intern_left(&t->error_codes) > 0 && intern_left(&t->roles) > 0;
}

/* False: there is not enough memory; nothing was changed that can be seen. */
static bool reserve(struct failure_table *t, struct put *p)
{
        bool is_new = p->names.site == INTERN_NONE;
        size_t room = failure_table_memory(t), wanted = growth(t, p);

        room = t->memory_limit > room ? t->memory_limit - room : 0;
        if (wanted > room || !has_places(t))
                return false;
        room -= wanted;
        if (is_new)
                p->names.site = table_open_site(t, p->f->id.site);
        table_seek(&p->sought, p->key, p->names.site);
        if (p->old.handle != 0 || slot_index_make_room(&t->logs.index, p->sought.hash, &room))
                return true;
        if (is_new)
                table_close_site_if_unused(t, p->names.site);
        return false;
}

/* STORING */

static uint32_t hold_name(struct intern *names, uint32_t number, struct str s)
{
        if (s.base == NULL)
                return INTERN_NONE;
        if (number == INTERN_NONE)
                return intern_acquire(names, s);
        intern_hold(names, number);
        return number;
}

static bool name_is_plain(const struct intern *names, uint32_t number)
{
        return number == INTERN_NONE || intern_at(names, number)->json_plain;
}

static uint32_t write_record(struct failure_table *t, struct put *p)
{
        const struct failure *f = p->f;
        struct record_names *names = &p->names;
        bool is_json_plain = p->key->is_json_plain;

        names->bucket = hold_name(&t->buckets, names->bucket, f->id.bucket);
        names->error_code = hold_name(&t->error_codes, names->error_code, f->error_code);
        names->role = hold_name(&t->roles, names->role, f->role);
        is_json_plain &= name_is_plain(&t->buckets, names->bucket) &&
                         name_is_plain(&t->sites, names->site) &&
                         name_is_plain(&t->error_codes, names->error_code) &&
                         name_is_plain(&t->roles, names->role);
        memcpy(p->record + RECORD_IDENTITY, p->key->image, p->key->image_len);
        image_set_bucket(p->record + RECORD_IDENTITY, names->bucket);
        return record_write_facts(p->record, f, names, p->sought.hash, is_json_plain);
}

void table_release_names(struct failure_table *t, const uint8_t *record)
{
        struct record_names names;

        record_read_names(record, &names);
        intern_release(&t->buckets, names.bucket);
        intern_release(&t->error_codes, names.error_code);
        intern_release(&t->roles, names.role);
}

static void kill(struct failure_table *t, uint32_t handle)
{
        const uint8_t *record = record_at(&t->logs.blocks, handle);

        table_count(t, record_log_of(&t->logs, handle), record, -1);
        table_release_names(t, record);
        record_log_kill(&t->logs, handle);
}

static uint32_t append(struct failure_table *t, struct put *p, uint32_t units)
{
        uint32_t handle =
                record_log_put(&t->logs, p->log, p->record, units, (uint64_t)p->f->offset);

        table_count(t, p->log, p->record, 1);
        return handle;
}

/* The same record again: it stays where it is. */
static bool overwrite(struct failure_table *t, const struct put *p, uint32_t units)
{
        uint8_t *record = record_at(&t->logs.blocks, p->old.handle);

        if (record_log_of(&t->logs, p->old.handle) != p->log ||
            record_offset(&t->logs.blocks, p->old.handle) != (uint64_t)p->f->offset ||
            record_units(record) != units)
                return false;
        table_count(t, p->log, record, -1);
        table_release_names(t, record);
        memcpy(record + sizeof(uint32_t), p->record + sizeof(uint32_t),
               (size_t)units * RECORD_UNIT - sizeof(uint32_t));
        table_count(t, p->log, record, 1);
        record_log_at(&t->logs, p->log)->oldest_is_known = false;
        return true;
}

static void replace(struct failure_table *t, struct put *p, uint32_t units)
{
        uint32_t handle = p->old.handle, log = record_log_of(&t->logs, handle);

        kill(t, handle);
        *slot_handle(&p->old.slot) = append(t, p, units);
        if (p->old.is_dropped)
                return; /* its block is the reaper's */
        record_log_tidy(&t->logs, block_of(handle));
        table_close_log_if_empty(t, log);
}

static void store(struct failure_table *t, struct put *p)
{
        uint32_t units = write_record(t, p);

        if (p->log == NO_LOG)
                p->log = table_open_log(t, p->names.site, p->f->partition, p->f->state);
        if (p->old.handle == 0)
                slot_index_put(&t->logs.index, p->sought.hash, p->sought.tag, append(t, p, units));
        else if (p->old.is_dropped || !overwrite(t, p, units))
                replace(t, p, units);
        if (p->old.has_parked)
                table_note_shadows(t, &p->sought);
}

int failure_table_put_keyed(struct failure_table *t, const struct failure *f,
                            struct failure_key *key, struct error *err)
{
        struct put p;

        assert(!t->partitions[f->partition].is_parked && key->image_len > 0);
        table_renew_key(t, key);
        p.f = f;
        p.key = key;
        prepare(t, &p);
        if (p.names.site == INTERN_NONE && intern_left(&t->sites) == 0)
                return error_set(err, ERR_TOO_MANY_SITES, "there are %u sites, no more are held",
                                 t->sites.strings.capacity);
        if (!needs_nothing(t, &p) && !reserve(t, &p))
                return error_set(err, ERR_TABLE_FULL,
                                 "the table's memory limit of %zu bytes is reached",
                                 t->memory_limit);
        store(t, &p);
        return 0;
}

int failure_table_put(struct failure_table *t, const struct failure *f, struct error *err)
{
        struct failure_key key;

        failure_table_key(t, &f->id, &key);
        return failure_table_put_keyed(t, f, &key, err);
}

/* REMOVING */

void table_remove(struct failure_table *t, uint32_t hash, const struct slot_walk *slot)
{
        uint32_t handle = *slot_handle(slot), log = record_log_of(&t->logs, handle);

        kill(t, handle);
        slot_index_remove(&t->logs.index, hash, slot);
        record_log_tidy(&t->logs, block_of(handle));
        table_close_log_if_empty(t, log);
}

bool failure_table_remove_keyed(struct failure_table *t, struct failure_key *key)
{
        struct sought s;
        struct found found;

        if (!table_find_key(t, key, &s, &found))
                return false;
        table_remove(t, s.hash, &found.slot);
        return true;
}

bool failure_table_remove(struct failure_table *t, const struct identity *id)
{
        struct failure_key key;

        failure_table_key(t, id, &key);
        return failure_table_remove_keyed(t, &key);
}
