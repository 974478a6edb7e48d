/* SPDX-License-Identifier: Apache-2.0 */
/* A record key that can be read is written again canonically, and then reads the same. */
#include "crr/core/identity.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct str key = fuzz_input(data, size);
        struct buf scratch, written, scratch2;
        struct identity id, again;
        bool canonical, still;

        buf_init(&scratch, SIZE_MAX);
        buf_init(&scratch2, SIZE_MAX);
        buf_init(&written, SIZE_MAX);
        if (identity_parse_key(key, &scratch, &id, &canonical)) {
                struct error err;

                HOLDS(identity_check(&id, &err) == 0);
                identity_write_key(&id, &written);
                HOLDS(str_eq(buf_str(&written), key) == canonical);
                HOLDS(identity_parse_key(buf_str(&written), &scratch2, &again, &still));
                HOLDS(still && identity_eq(&id, &again));
        }
        HOLDS(partition_of_key(PARTITIONER_MURMUR2, key, 7) < 7);
        HOLDS(partition_of_key(PARTITIONER_CONSISTENT, key, 7) < 7);
        buf_deinit(&scratch);
        buf_deinit(&scratch2);
        buf_deinit(&written);
        return 0;
}
