/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_OWN_RECORD_H
#define CRR_SRC_CORE_OWN_RECORD_H

#include <stdbool.h>

#include "crr/core/failure_codec.h"
#include "outgoing.h"

/*
 * Own records: the PENDING record of a retry comes back from the log. It is known by its place,
 * which the delivery report told, and compared, byte for byte, with what was written; it says what
 * the retry says then, and is not parsed. Any other record, and one whose bytes are not kept any
 * more (batch.h), is read like everybody's.
 *
 * Ownership  A claimed retry stays until it is let go of, also when it is over meanwhile.
 */
struct member;

/* The retry that this record is of, or NULL. Records of a partition are asked about in the order of
 * their offsets. */
struct outgoing *own_record_claim(struct member *m, const struct log_record *record);

/* What failure_decode() would make of it; it borrows from the retry. */
void own_record_read(const struct outgoing *o, const struct log_record *record,
                     struct decoded_record *ret);

void own_record_let_go(struct outgoing *o);

/* Free a retry that is over, now or when it is let go of. */
void own_record_end(struct outgoing *o);

#endif
