/* SPDX-License-Identifier: Apache-2.0 */
/* Records as failures. */
#include "table_private.h"
#include "version_pack.h"

void table_view_facts(const struct failure_table *t, const uint8_t *record, uint64_t offset,
                      const struct record_log *l, struct failure *ret)
{
        struct record_names names;

        ret->state = (enum failure_state)l->state;
        ret->partition = l->partition;
        ret->offset = (int64_t)offset;
        record_read_facts(record, ret);
        record_read_names(record, &names);
        ret->error_code = intern_str(&t->error_codes, names.error_code);
        ret->role = intern_str(&t->roles, names.role);
}

void table_view_identity(const struct failure_table *t, const uint8_t *record, char *version,
                         struct identity *ret)
{
        const uint8_t *at = record + RECORD_KEY;
        size_t key_len = record_key_len(record), version_len = record[34];

        ret->bucket = intern_str(&t->buckets, record_bucket(record));
        ret->key = (struct str){ (const char *)at, key_len };
        ret->site = intern_str(&t->sites, record_site(record));
        ret->version_id = (struct str){ (const char *)at + key_len, version_len };
        if (record_version_is_packed(record)) {
                version_unpack(version, at + key_len, version_len);
                ret->version_id = (struct str){ version, 2 * version_len };
        }
}
