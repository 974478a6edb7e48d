/* SPDX-License-Identifier: Apache-2.0 */
/* A record key that can be read is written again canonically, and then reads the same; so does the
 * key of any identity whose parts are as they should be. Input of the second: the parts, NUL
 * between them. */
#include "crr/base/url.h"
#include "crr/core/identity.h"
#include "fuzz.h"

static void is_written_and_read_again(const struct identity *id, struct buf *ret_key)
{
        struct identity again;
        struct buf scratch;
        bool canonical;

        buf_init(&scratch, SIZE_MAX);
        identity_write_key(id, ret_key);
        HOLDS(identity_parse_key(buf_str(ret_key), &scratch, &again, &canonical));
        HOLDS(canonical && identity_eq(id, &again));
        buf_deinit(&scratch);
}

/* Backbeat's key of a retry entry is the bucket and the key, behind one escape. */
static void has_an_object_key(const struct identity *id)
{
        struct buf key, decoded;
        struct str bucket, rest;

        buf_init(&key, SIZE_MAX);
        buf_init(&decoded, SIZE_MAX);
        identity_write_object_key(id, &key);
        HOLDS(url_decode(&decoded, buf_str(&key), false));
        HOLDS(decoded.len == id->bucket.len + 1 + id->key.len);
        bucket = (struct str){ decoded.base, id->bucket.len };
        rest = (struct str){ decoded.base + id->bucket.len + 1, id->key.len };
        HOLDS(str_eq(bucket, id->bucket) && str_eq(rest, id->key));
        HOLDS(decoded.base[id->bucket.len] == '/');
        buf_deinit(&key);
        buf_deinit(&decoded);
}

static void parse(struct str key)
{
        struct buf scratch, written;
        struct identity id;
        struct error err;
        bool canonical;

        buf_init(&scratch, SIZE_MAX);
        buf_init(&written, SIZE_MAX);
        if (identity_parse_key(key, &scratch, &id, &canonical)) {
                HOLDS(identity_check(&id, &err) == 0);
                is_written_and_read_again(&id, &written);
                HOLDS(str_eq(buf_str(&written), key) == canonical);
                has_an_object_key(&id);
        }
        buf_deinit(&scratch);
        buf_deinit(&written);
}

static void write(struct str parts)
{
        struct identity id;
        struct buf written;
        struct error err;

        if (!str_split(parts, '\0', &id.bucket, &parts) ||
            !str_split(parts, '\0', &id.key, &parts) ||
            !str_split(parts, '\0', &id.version_id, &id.site))
                return;
        if (identity_check(&id, &err) != 0) {
                HOLDS(err.code == ERR_MALFORMED_POST && err.message[0] != '\0');
                return;
        }
        buf_init(&written, SIZE_MAX);
        is_written_and_read_again(&id, &written);
        buf_deinit(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const enum partitioner both[] = { PARTITIONER_MURMUR2, PARTITIONER_CONSISTENT };
        struct str input = fuzz_input(data, size);

        parse(input);
        write(input);
        for (int i = 0; i < 2; i++) {
                int of_1024 = partition_of_key(both[i], input, 1024);

                HOLDS(of_1024 >= 0 && of_1024 < 1024);
                HOLDS(partition_of_key(both[i], input, 64) == of_1024 % 64);
                HOLDS(partition_of_key(both[i], input, 1) == 0);
        }
        return 0;
}
