/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_OBJECTS_H
#define CRR_SRC_DEMO_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/buf.h"
#include "crr/base/str.h"
#include "generator.h"

/*
 * The objects of a played Backbeat: what its bucket notifications, its data movers and its store
 * say of the i-th one follows from the seed and i, and i stands in the object's key. So a store
 * needs no memory to find what another process wrote of it.
 *
 * Objects below `failed` could not be replicated to one site; the `completed` ones behind them went
 * everywhere.
 *
 * Ownership  The strings of an object lie in it: it is not to be copied.
 * Units      Times in ms since the epoch, sizes in bytes.
 */
#define OBJECT_MAX_BACKENDS 3
#define OBJECT_MAX_PARTS    10000

struct objects {
        struct generator generator;
        uint64_t failed, completed;
        double failed_entries; /* share of failures that a failed entry tells of; of the others a
                                  queue entry */
        double superseded;     /* share of objects with a newer version that went everywhere */
        unsigned parts;        /* of each object's content: its metadata names them all */
};

struct object_version {
        struct str id; /* raw, as it stands in the metadata */
        int64_t size, last_modified_ms;
        bool failed; /* at the first of the object's sites */
};

struct object {
        uint64_t i;
        struct str bucket, key, role;
        struct str sites[OBJECT_MAX_BACKENDS]; /* the first is the one that it is about */
        unsigned n_sites, n_parts;
        bool by_failed_entry;
        struct object_version version; /* the one that it is about */
        struct object_version current; /* the same, or a newer one */

        char bucket_text[32], key_text[192], role_text[80];
        char site_texts[OBJECT_MAX_BACKENDS][GENERATOR_SITE_BYTES];
        char ids[2][48];
};

uint64_t objects_total(const struct objects *all);

/* Which object is told of n-th: the completed ones are strewn among the failed ones. */
uint64_t objects_nth(const struct objects *all, uint64_t n);

void objects_make(const struct objects *all, uint64_t i, struct object *ret);

/* False: there is none of that name. */
bool objects_find(const struct objects *all, struct str bucket, struct str key, struct object *ret);

/* The version id as requests and failures spell it: the lower-case hex of the raw one. */
void objects_wire_id(struct str raw, struct buf *out);

#endif
