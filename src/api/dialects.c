/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect.h"

extern const struct dialect crr_dialect;
extern const struct dialect admin_dialect;
extern const struct dialect peer_dialect;

const struct dialect *const dialects[] = { &crr_dialect, &peer_dialect, &admin_dialect, NULL };
