/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_RECORD_H
#define CRR_SRC_CORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "crr/base/bytes.h"
#include "crr/base/limits.h"
#include "crr/core/failure.h"

/*
 * One entry of the failure table, packed. What most entries do not have costs them nothing, and
 * what does not fit into its place stands at full width behind.
 *
 *   0  4  offset, less the base of its block
 *   4  4  hash: splits, merges and reaping touch neither key nor version
 *   8  2  site
 *  10  2  flags
 *  12  5  size; all ones: unknown
 *  17  5  last modified, in ms from RECORD_EPOCH_MS; all ones: unknown
 *  22  5  failed at, likewise
 *  27  1  attempts; 255: unknown
 *  28  1  error code's number; 255: none
 *  29  3  bucket's number       .
 *  32  2  length of the key      > the identity: compared as one piece of bytes
 *  34  1  length of the version .
 *  35     key, version (packed if RECORD_VERSION_PACKED is set in the key's length)
 *         by flags: 32 wide facts, 24 retry, 8 marker of the entry, 2 or 8 timestamp, 4 role, 10
 *         covered to and spelling
 *
 * Its state, its partition and the base of its offset are those of its block. It begins at a
 * multiple of RECORD_UNIT bytes and is as many of them long.
 */
#define RECORD_UNIT           8
#define RECORD_IDENTITY       29 /* where it begins */
#define RECORD_KEY            35
#define RECORD_VERSION_PACKED 0x8000
#define RECORD_EPOCH_MS       INT64_C(1136073600000) /* 2006-01-01 */
#define RECORD_ERROR_MAX      254
#define RECORD_BUCKETS        (1u << 24)

#define RECORD_WIDE           0x0001 /* size, times, attempts and error code stand behind */
#define RECORD_RETRY          0x0002 /* retry id, retried at */
#define RECORD_ENTRY_STORED   0x0004
#define RECORD_NEAR           0x0008 /* timestamp, as a difference to failed at */
#define RECORD_FAR            0x0010 /* timestamp; neither: it is failed at */
#define RECORD_ROLE           0x0020
#define RECORD_ODD            0x0040 /* covered to, spelling */
#define RECORD_BEHIND         0x007f /* all that say what stands behind */
#define RECORD_UNSETTLED      0x0080
#define RECORD_FOREIGN_KEY    0x0100
#define RECORD_JSON_PLAIN     0x0200
#define RECORD_ENTRY_OWN      0x0400
#define RECORD_REPEATED       0x0800
#define RECORD_SUPERSEDED     0x1000
#define RECORD_DEAD           0x8000

/* The identity as it stands in a record; room for what is written by whole words. */
#define IMAGE_LENGTHS 3 /* of key and version; before them the bucket */
#define IMAGE_KEY     (RECORD_KEY - RECORD_IDENTITY)
#define IMAGE_MAX     (IMAGE_KEY + LIMIT_KEY_BYTES + LIMIT_VERSION_ID_BYTES + 16)

#define RECORD_BYTES_MAX                                                                    \
        (RECORD_KEY + LIMIT_KEY_BYTES + LIMIT_VERSION_ID_BYTES + 32 + 24 + 8 + 8 + 4 + 10 + \
         RECORD_UNIT)

extern const uint8_t record_bytes_behind[RECORD_BEHIND + 1]; /* by flags */

/* Numbers of interned strings; INTERN_NONE: absent. */
struct record_names {
        uint32_t site, bucket, error_code, role;
};

static inline uint32_t record_delta(const uint8_t *r)
{
        return bytes_get32(r);
}

static inline void record_set_delta(uint8_t *r, uint32_t delta)
{
        bytes_put32(r, delta);
}

static inline uint32_t record_hash(const uint8_t *r)
{
        return bytes_get32(r + 4);
}

static inline uint32_t record_site(const uint8_t *r)
{
        return bytes_get16(r + 8);
}

static inline unsigned record_flags(const uint8_t *r)
{
        return bytes_get16(r + 10);
}

static inline void record_set_flags(uint8_t *r, unsigned flags)
{
        bytes_put16(r + 10, (uint16_t)flags);
}

static inline bool record_is_dead(const uint8_t *r)
{
        return (record_flags(r) & RECORD_DEAD) != 0;
}

static inline uint32_t record_bucket(const uint8_t *r)
{
        return bytes_get32(r + RECORD_IDENTITY) & (RECORD_BUCKETS - 1);
}

static inline size_t record_key_len(const uint8_t *r)
{
        return bytes_get16(r + 32) & (RECORD_VERSION_PACKED - 1);
}

static inline bool record_version_is_packed(const uint8_t *r)
{
        return (bytes_get16(r + 32) & RECORD_VERSION_PACKED) != 0;
}

static inline size_t record_identity_len(const uint8_t *r)
{
        return RECORD_KEY - RECORD_IDENTITY + record_key_len(r) + r[34];
}

static inline uint32_t record_units(const uint8_t *r)
{
        size_t bytes = RECORD_IDENTITY + record_identity_len(r) +
                       record_bytes_behind[record_flags(r) & RECORD_BEHIND];

        return (uint32_t)(bytes + RECORD_UNIT - 1) / RECORD_UNIT;
}

static inline bool record_has_identity(const uint8_t *r, const uint8_t *image, size_t len)
{
        return memcmp(r + RECORD_IDENTITY, image, len) == 0;
}

static inline void image_set_bucket(uint8_t *image, uint32_t bucket)
{
        bytes_put16(image, (uint16_t)bucket);
        image[2] = (uint8_t)(bucket >> 16);
}

/* Everything but the identity, which is there, and the delta; f->json_plain is not looked at.
 * Returns the units. */
uint32_t record_write_facts(uint8_t *r, const struct failure *f, const struct record_names *names,
                            uint32_t hash, bool is_json_plain);

/* All but names, identity and place. That is set: the entry's may be the same. */
void record_read_facts(const uint8_t *r, struct failure *ret);
void record_read_names(const uint8_t *r, struct record_names *ret);
int64_t record_size(const uint8_t *r);
int64_t record_failed_at_ms(const uint8_t *r);

#endif
