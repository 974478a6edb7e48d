/* SPDX-License-Identifier: Apache-2.0 */
#ifndef API_BODY_READER_H
#define API_BODY_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "crr/base/error.h"
#include "crr/base/json_read.h"
#include "crr/http/http_request.h"

/*
 * Reads JSON bodies in slices, so that a large one holds the loop for no longer than a small one.
 *
 * Ownership  A read is embedded by the caller and borrowed until done, which is called exactly once
 *            and never from inside body_reader_submit().
 * Cost       body_reader_work(): at most API_WORK_BYTES of small bodies and API_SLICE_BYTES of one
 *            that is larger than that.
 * Errors     What json_read.h says, or what a handler returned.
 */
struct body_read {
        struct http_request *req;
        const struct json_events *events;
        void *events_data;
        void *data; /* the caller's */
        void (*done)(struct body_read *read, const struct error *err);

        size_t taken; /* the reader's */
        struct body_read *next;
};

struct body_reader;

struct body_reader *body_reader_new(void);
void body_reader_free(struct body_reader *r); /* what waits is done with ERR_UNAVAILABLE */
void body_reader_submit(struct body_reader *r, struct body_read *read);
bool body_reader_has_work(const struct body_reader *r);
bool body_reader_work(struct body_reader *r); /* true while there is more */

#endif
