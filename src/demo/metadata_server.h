/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_METADATA_SERVER_H
#define CRR_SRC_DEMO_METADATA_SERVER_H

#include "crr/base/error.h"
#include "options.h"

/*
 * The source of a played Backbeat: GET /_/backbeat/metadata/<bucket>/<key>?versionId=<id> answers
 * {"Body":"<metadata JSON>"} of a generated object, of its current version where no id is given;
 * 404 for whatever else, and 503 by the share that was asked for. Signatures are not looked at.
 *
 * Threads  Runs on a thread of its own; both calls from one other thread.
 */
struct metadata_server;

/* It listens when this returns. *ret_address is where, and lives as long as the server. NULL:
 * ERR_SYSTEM or ERR_BAD_CONFIG, as the address is wrong or taken. */
struct metadata_server *metadata_server_start(const struct options *o, const char **ret_address,
                                              struct error *err);
/* Clients lose their connections; returns when the thread has ended. NULL is legal. */
void metadata_server_stop(struct metadata_server *s);

#endif
