/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DEMO_FIXTURE_H
#define TESTS_DEMO_FIXTURE_H

#include "crr/base/buf.h"
#include "crr/core/intake_decoder.h"
#include "objects.h"

/* What the tests of the played Backbeat share. */
#define DEMO_NOW_MS INT64_C(1793000000123)

/* Half of the failures are told by failed entries, a quarter of the objects have newer versions. */
struct objects demo_objects(uint64_t failed, uint64_t completed);

void demo_check_bytes(const struct buf *b, const char *want);

/* The events of a JSON text hold this row of events (json_trace.h), or one that ends in a value. */
void demo_check_tells(struct str json, const char *events);
void demo_check_tells_str(struct str json, const char *before, struct str value);
void demo_check_tells_int(struct str json, const char *before, int64_t value);

/* The one thing that the daemon's intake reads in a value; and whether it is of that object. */
struct intake_item demo_read_item(struct intake_decoder *d, struct str value,
                                  enum intake_format format);
void demo_check_identity(const struct identity *id, const struct object *o);

#endif
