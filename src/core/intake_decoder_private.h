/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_INTAKE_DECODER_PRIVATE_H
#define CRR_SRC_CORE_INTAKE_DECODER_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/json_read.h"
#include "crr/core/intake_decoder.h"

struct backbeat_reader;

/* The members by which shapes are told apart, and those that the Backbeat ones consist of. */
enum intake_member {
        INTAKE_KEY,
        INTAKE_MEMBER,
        INTAKE_SCORE,
        INTAKE_BUCKET,
        INTAKE_VALUE,
        INTAKE_SITE,
        INTAKE_CANARY,
        INTAKE_BOOTSTRAP,
        INTAKE_NATIVE_BUCKET,
        INTAKE_NATIVE_KEY,
        INTAKE_NATIVE_SITE,
        INTAKE_MEMBERS
};
const char *intake_member_name(enum intake_member member);
#define INTAKE_BIT(member) (UINT64_C(1) << INTAKE_##member)

/* A record's top level. A bit of `seen` stands for a member that is there, one of `bad` for one
 * whose value is of no use to a Backbeat shape; its text is absent then, as it is for null. */
struct intake_top {
        struct str texts[INTAKE_MEMBERS];
        int64_t score_ms; /* TIME_UNKNOWN */
        uint64_t seen, bad;
};

struct intake_decoder {
        struct json_reader *json;
        size_t max_value_bytes;
        bool has_roles;
        struct buf strings; /* those of the top level that had escapes */
        struct buf role;    /* decoded */
        struct failure_decoder *native;
        struct backbeat_reader *metadata;
        struct intake_item *items;
        size_t n, capacity;
        uint64_t ignored_fields;
        int64_t timestamp_ms; /* of the record */
};

/* A failure of which nothing is known but the record's time; it lives until the next one. */
struct intake_item *intake_add_item(struct intake_decoder *d);

/* The Backbeat shapes (backbeat_intake.c). */
enum reject_cause backbeat_take_failed_entry(struct intake_decoder *d, const struct intake_top *top,
                                             struct error *err);
enum reject_cause backbeat_take_queue_entry(struct intake_decoder *d, const struct intake_top *top,
                                            struct error *err);

#endif
