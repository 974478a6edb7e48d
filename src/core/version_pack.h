/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_CORE_VERSION_PACK_H
#define CRR_SRC_CORE_VERSION_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/limits.h"
#include "crr/base/str.h"

/*
 * Version ids in half their bytes, when they are lower-case hex of an even length, as most are. A
 * version id has exactly one form: packed if it can be, else as it is.
 */
#define VERSION_TEXT_BYTES (LIMIT_VERSION_ID_BYTES + 8) /* room that version_unpack() writes in */

/* True: s.len / 2 bytes at out, which has room for s.len + 8. */
bool version_pack(uint8_t *out, struct str s);

void version_unpack(char *out, const uint8_t *packed, size_t n); /* 2 * n characters */

#endif
