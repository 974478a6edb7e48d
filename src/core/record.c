/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include "intern.h"

#define UNKNOWN40   ((UINT64_C(1) << 40) - 1)
#define UNKNOWN8    255
#define WIDE_BYTES  32
#define RETRY_BYTES 24
#define ODD_BYTES   10

#define BEHIND(f)                                                                    \
        (((f)&RECORD_WIDE ? WIDE_BYTES : 0) + ((f)&RECORD_RETRY ? RETRY_BYTES : 0) + \
         ((f)&RECORD_ENTRY_STORED ? 8 : 0) + ((f)&RECORD_NEAR ? 2 : 0) +             \
         ((f)&RECORD_FAR ? 8 : 0) + ((f)&RECORD_ROLE ? 4 : 0) + ((f)&RECORD_ODD ? ODD_BYTES : 0))
#define BEHIND4(f)  BEHIND(f), BEHIND((f) + 1), BEHIND((f) + 2), BEHIND((f) + 3)
#define BEHIND16(f) BEHIND4(f), BEHIND4((f) + 4), BEHIND4((f) + 8), BEHIND4((f) + 12)

const uint8_t record_bytes_behind[RECORD_BEHIND + 1] = { BEHIND16(0),  BEHIND16(16), BEHIND16(32),
                                                         BEHIND16(48), BEHIND16(64), BEHIND16(80),
                                                         BEHIND16(96), BEHIND16(112) };

static uint64_t get40(const uint8_t *p)
{
        return bytes_get64(p) & UNKNOWN40;
}

static void put40(uint8_t *p, uint64_t x)
{
        bytes_put32(p, (uint32_t)x);
        p[4] = (uint8_t)(x >> 32);
}

/* WRITING */

/* False: it does not fit. */
static bool narrow_time(int64_t ms, uint64_t *ret)
{
        *ret = UNKNOWN40;
        if (ms == TIME_UNKNOWN)
                return true;
        *ret = (uint64_t)ms - (uint64_t)RECORD_EPOCH_MS;
        return *ret < UNKNOWN40;
}

static bool write_narrow(uint8_t *r, const struct failure *f, uint32_t error_code)
{
        uint64_t size = f->size == -1 ? UNKNOWN40 : (uint64_t)f->size;
        bool fits = f->size == -1 || size < UNKNOWN40;
        uint64_t last_modified, failed_at;

        fits &= narrow_time(f->last_modified_ms, &last_modified);
        fits &= narrow_time(f->failed_at_ms, &failed_at);
        fits &= f->attempts >= -1 && f->attempts < UNKNOWN8;
        fits &= error_code == INTERN_NONE || error_code <= RECORD_ERROR_MAX;
        put40(r + 12, size);
        put40(r + 17, last_modified);
        put40(r + 22, failed_at);
        r[27] = f->attempts == -1 ? UNKNOWN8 : (uint8_t)f->attempts;
        r[28] = error_code == INTERN_NONE ? UNKNOWN8 : (uint8_t)error_code;
        return fits;
}

static uint8_t *write_wide(uint8_t *at, const struct failure *f, uint32_t error_code)
{
        bytes_put64(at, (uint64_t)f->size);
        bytes_put64(at + 8, (uint64_t)f->last_modified_ms);
        bytes_put64(at + 16, (uint64_t)f->failed_at_ms);
        bytes_put32(at + 24, (uint32_t)f->attempts);
        bytes_put32(at + 28, error_code);
        return at + WIDE_BYTES;
}

static unsigned flags_of(const struct failure *f, uint32_t role)
{
        unsigned flags = 0;

        if (f->state == FAILURE_PENDING || !uuid_is_nil(&f->retry_id))
                flags |= RECORD_RETRY;
        if (f->entry_offset == f->offset && f->entry_partition == f->partition)
                flags |= RECORD_ENTRY_OWN;
        else if (f->entry_offset != -1)
                flags |= RECORD_ENTRY_STORED;
        if (role != INTERN_NONE)
                flags |= RECORD_ROLE;
        if (f->unsettled)
                flags |= RECORD_UNSETTLED;
        if (f->foreign_key)
                flags |= RECORD_FOREIGN_KEY;
        if (f->repeated)
                flags |= RECORD_REPEATED;
        if (f->superseded)
                flags |= RECORD_SUPERSEDED;
        if (f->covered_to != 0 || f->spelling != 0)
                flags |= RECORD_ODD;
        return flags;
}

static unsigned write_timestamp(uint8_t **at, const struct failure *f)
{
        int64_t behind;

        if (f->timestamp_ms == f->failed_at_ms)
                return 0;
        if (!__builtin_sub_overflow(f->timestamp_ms, f->failed_at_ms, &behind) &&
            behind >= INT16_MIN && behind <= INT16_MAX) {
                bytes_put16(*at, (uint16_t)behind);
                *at += 2;
                return RECORD_NEAR;
        }
        bytes_put64(*at, (uint64_t)f->timestamp_ms);
        *at += 8;
        return RECORD_FAR;
}

uint32_t record_write_facts(uint8_t *r, const struct failure *f, const struct record_names *names,
                            uint32_t hash, bool is_json_plain)
{
        uint8_t *at = r + RECORD_IDENTITY + record_identity_len(r);
        unsigned flags = flags_of(f, names->role) | (is_json_plain ? RECORD_JSON_PLAIN : 0);

        bytes_put32(r + 4, hash);
        bytes_put16(r + 8, (uint16_t)names->site);
        if (!write_narrow(r, f, names->error_code)) {
                flags |= RECORD_WIDE;
                at = write_wide(at, f, names->error_code);
        }
        if (flags & RECORD_RETRY) {
                memcpy(at, f->retry_id.bytes, 16);
                bytes_put64(at + 16, (uint64_t)f->retried_at_ms);
                at += RETRY_BYTES;
        }
        if (flags & RECORD_ENTRY_STORED) {
                bytes_put64(at, marker_of(f->entry_partition, f->entry_offset));
                at += 8;
        }
        flags |= write_timestamp(&at, f);
        if (flags & RECORD_ROLE) {
                bytes_put32(at, names->role);
                at += 4;
        }
        if (flags & RECORD_ODD) {
                bytes_put64(at, (uint64_t)f->covered_to);
                bytes_put16(at + 8, f->spelling);
        }
        record_set_flags(r, flags);
        return record_units(r);
}

/* READING: what stands behind is where what stands before it ends. */

static const uint8_t *behind(const uint8_t *r, unsigned flag)
{
        return r + RECORD_IDENTITY + record_identity_len(r) +
               record_bytes_behind[record_flags(r) & (flag - 1) & RECORD_BEHIND];
}

static int64_t wide_time(uint64_t narrow)
{
        return narrow == UNKNOWN40 ? TIME_UNKNOWN : (int64_t)narrow + RECORD_EPOCH_MS;
}

int64_t record_size(const uint8_t *r)
{
        uint64_t size = get40(r + 12);

        if (record_flags(r) & RECORD_WIDE)
                return (int64_t)bytes_get64(behind(r, RECORD_WIDE));
        return size == UNKNOWN40 ? -1 : (int64_t)size;
}

int64_t record_failed_at_ms(const uint8_t *r)
{
        if (record_flags(r) & RECORD_WIDE)
                return (int64_t)bytes_get64(behind(r, RECORD_WIDE) + 16);
        return wide_time(get40(r + 22));
}

static int64_t record_timestamp_ms(const uint8_t *r)
{
        unsigned flags = record_flags(r);

        if (flags & RECORD_FAR)
                return (int64_t)bytes_get64(behind(r, RECORD_FAR));
        if (flags & RECORD_NEAR)
                return record_failed_at_ms(r) + (int16_t)bytes_get16(behind(r, RECORD_NEAR));
        return record_failed_at_ms(r);
}

void record_read_names(const uint8_t *r, struct record_names *ret)
{
        unsigned flags = record_flags(r);

        ret->site = record_site(r);
        ret->bucket = record_bucket(r);
        ret->role = flags & RECORD_ROLE ? bytes_get32(behind(r, RECORD_ROLE)) : INTERN_NONE;
        if (flags & RECORD_WIDE)
                ret->error_code = bytes_get32(behind(r, RECORD_WIDE) + 28);
        else
                ret->error_code = r[28] == UNKNOWN8 ? INTERN_NONE : r[28];
}

static void read_entry(const uint8_t *r, unsigned flags, struct failure *ret)
{
        ret->entry_partition = ret->partition;
        ret->entry_offset = flags & RECORD_ENTRY_OWN ? ret->offset : -1;
        if (flags & RECORD_ENTRY_STORED) {
                uint64_t marker = bytes_get64(behind(r, RECORD_ENTRY_STORED));

                ret->entry_partition = marker_partition(marker);
                ret->entry_offset = marker_offset(marker);
        }
}

static void read_odd(const uint8_t *r, unsigned flags, struct failure *ret)
{
        ret->covered_to = 0;
        ret->spelling = 0;
        if (flags & RECORD_ODD) {
                ret->covered_to = (int64_t)bytes_get64(behind(r, RECORD_ODD));
                ret->spelling = bytes_get16(behind(r, RECORD_ODD) + 8);
        }
}

void record_read_facts(const uint8_t *r, struct failure *ret)
{
        unsigned flags = record_flags(r);
        const uint8_t *wide = behind(r, RECORD_WIDE);

        ret->size = record_size(r);
        ret->failed_at_ms = record_failed_at_ms(r);
        if (flags & RECORD_WIDE) {
                ret->last_modified_ms = (int64_t)bytes_get64(wide + 8);
                ret->attempts = (int32_t)bytes_get32(wide + 24);
        } else {
                ret->last_modified_ms = wide_time(get40(r + 17));
                ret->attempts = r[27] == UNKNOWN8 ? -1 : r[27];
        }
        ret->timestamp_ms = record_timestamp_ms(r);
        ret->retry_id = (struct uuid){ { 0 } };
        ret->retried_at_ms = TIME_UNKNOWN;
        if (flags & RECORD_RETRY) {
                memcpy(ret->retry_id.bytes, behind(r, RECORD_RETRY), 16);
                ret->retried_at_ms = (int64_t)bytes_get64(behind(r, RECORD_RETRY) + 16);
        }
        read_entry(r, flags, ret);
        read_odd(r, flags, ret);
        ret->unsettled = (flags & RECORD_UNSETTLED) != 0;
        ret->foreign_key = (flags & RECORD_FOREIGN_KEY) != 0;
        ret->repeated = (flags & RECORD_REPEATED) != 0;
        ret->superseded = (flags & RECORD_SUPERSEDED) != 0;
        ret->json_plain = (flags & RECORD_JSON_PLAIN) != 0;
}
