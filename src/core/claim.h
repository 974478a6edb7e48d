/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_CLAIM_H
#define CRR_SRC_CORE_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/buf.h"

/*
 * A claim: what the owner of a partition commits with its offset, so that every member can read who
 * answers for it: "url;state;epoch;member id;transactional.id;version". Parts hold no ';'.
 *
 * Kafka takes up to 4,096 bytes (offset.metadata.max.bytes).
 */
#define CLAIM_LIMIT 4096

struct claim {
        struct str url, state, member_id, transactional_id, version;
        uint64_t epoch; /* ms since the epoch when the owner's life began: later ones count */
};

void claim_write(const struct claim *c, struct buf *out);

/* False: not a claim (another program's metadata). The strings point into `text`. */
bool claim_parse(struct str text, struct claim *ret);

#endif
