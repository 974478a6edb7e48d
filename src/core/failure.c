/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/core/failure.h"

#include "crr/base/limits.h"

bool identity_eq(const struct identity *a, const struct identity *b)
{
        return str_eq(a->key, b->key) && str_eq(a->bucket, b->bucket) &&
               str_eq(a->version_id, b->version_id) && str_eq(a->site, b->site);
}

static bool copy(struct str *s, struct arena *arena)
{
        if (s->base == NULL)
                return true;
        *s = arena_str(arena, *s);
        return s->base != NULL;
}

bool identity_copy(struct identity *ret, const struct identity *id, struct arena *arena)
{
        *ret = *id;
        return copy(&ret->bucket, arena) && copy(&ret->key, arena) &&
               copy(&ret->version_id, arena) && copy(&ret->site, arena);
}

bool failure_copy(struct failure *ret, const struct failure *f, struct arena *arena)
{
        *ret = *f;
        return identity_copy(&ret->id, &f->id, arena) && copy(&ret->error_code, arena) &&
               copy(&ret->role, arena);
}

const char *failure_state_name(enum failure_state state)
{
        return state == FAILURE_FAILED ? "FAILED" : "PENDING";
}

bool failure_passes_on(const struct failure *f)
{
        return f->state == FAILURE_PENDING || f->unsettled || !uuid_is_nil(&f->retry_id);
}

bool failure_owes(const struct failure *f)
{
        return f->unsettled || f->foreign_key || f->covered_to > 0;
}

bool failure_merge(struct failure *failed, const struct failure *earlier)
{
        bool kept = false;

        if (failed->attempts < 0 && earlier->attempts >= 0) {
                failed->attempts = earlier->attempts;
                kept = true;
        }
        if (failed->size < 0 && earlier->size >= 0) {
                failed->size = earlier->size;
                kept = true;
        }
        if (failed->last_modified_ms == TIME_UNKNOWN && earlier->last_modified_ms != TIME_UNKNOWN) {
                failed->last_modified_ms = earlier->last_modified_ms;
                kept = true;
        }
        if (failed->role.base == NULL && earlier->role.base != NULL) {
                failed->role = earlier->role;
                kept = true;
        }
        if (uuid_is_nil(&failed->retry_id) && !uuid_is_nil(&earlier->retry_id)) {
                failed->retry_id = earlier->retry_id;
                kept = true;
        }
        if (failed->entry_offset < 0 && earlier->entry_offset >= 0) {
                failed->entry_partition = earlier->entry_partition;
                failed->entry_offset = earlier->entry_offset;
                kept = true;
        }
        return kept;
}

uint64_t marker_of(int partition, int64_t offset)
{
        return (uint64_t)partition * (uint64_t)LIMIT_OFFSET + (uint64_t)offset;
}

int marker_partition(uint64_t marker)
{
        return (int)(marker / (uint64_t)LIMIT_OFFSET);
}

int64_t marker_offset(uint64_t marker)
{
        return (int64_t)(marker % (uint64_t)LIMIT_OFFSET);
}
