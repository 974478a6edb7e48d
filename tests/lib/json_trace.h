/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_JSON_TRACE_H
#define TESTS_JSON_TRACE_H

#include "crr/base/buf.h"
#include "crr/base/json_read.h"

/*
 * What a JSON text tells, as text: every event is its depth, its name in quotes if it has one, and
 * what it is, behind a blank. `data` of the events is a struct buf.
 *
 *   {"a":[1,2.5,null,true]}    0{ 1"a"[ 2i1 2#2.5 2n 2t 1] 0}
 */
extern const struct json_events json_trace;

/* The trace of a text, read whole: 0 or the error. `out` is cleared first. */
int json_trace_text(struct json_reader *r, struct str text, struct buf *out, struct error *err);

#endif
