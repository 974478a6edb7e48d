/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_BASE_JSON_READ_H
#define CRR_BASE_JSON_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crr/base/error.h"
#include "crr/base/str.h"

/*
 * JSON text into C, by tables of fields: yajl parses, this adds the checks that yajl lacks.
 *
 * Refused besides what is not JSON: a byte order mark, invalid UTF-8 (overlong forms, surrogates),
 * lone surrogate escapes, duplicate names in one object (at any depth, unknown fields too; after
 * unescaping), depth over the limit, more or less than one value.
 *
 * Ownership  A reader is made once and used for many texts. Strings given to a handler are decoded
 *            (escapes gone) and borrowed until the handler returns.
 * Cost       One pass; no allocation per text once the reader is warm.
 * Errors     ERR_BAD_JSON with the place: "byte 17: ..." or what the handler set; `fault` says the
 *            kind.
 */
enum json_type {
        JSON_NULL = 1,
        JSON_BOOL = 2,
        JSON_INTEGER = 4, /* a number without fraction and exponent that fits int64_t */
        JSON_NUMBER = 8,  /* any other number: `text` is the literal */
        JSON_STRING = 16,
        JSON_OBJECT = 32, /* begins; its members follow with depth + 1 */
        JSON_ARRAY = 64,
};

struct json_value {
        enum json_type type;
        struct str text; /* a string's bytes, a number's literal */
        int64_t integer;
        bool boolean;
};

enum json_fault {
        JSON_FAULT_NONE,
        JSON_FAULT_SYNTAX,
        JSON_FAULT_UTF8,
        JSON_FAULT_DUPLICATE,
        JSON_FAULT_DEPTH,
        JSON_FAULT_HANDLER, /* a handler returned an error */
};

/*
 * Events in document order. `name` is the member's name (absent in arrays and at the top). `depth`
 * counts the containers around the value: the top value has 0. A handler returns 0, or an error
 * that ends the reading.
 */
struct json_events {
        int (*value)(void *data, unsigned depth, struct str name, const struct json_value *v,
                     struct error *err);
        int (*end)(void *data, unsigned depth, enum json_type container,
                   struct error *err); /* may be NULL */
};

struct json_reader;

struct json_reader *json_reader_new(unsigned max_depth);
void json_reader_free(struct json_reader *r);
void json_reader_allow_duplicates(
        struct json_reader *r); /* names that stand twice are the handler's to refuse */

/* A whole text at once. 0, or the error. */
int json_read(struct json_reader *r, struct str text, const struct json_events *events, void *data,
              struct error *err);

/* The same in pieces (for sliced work): begin, then more pieces, then end. After an error only
 * begin is allowed. */
void json_read_begin(struct json_reader *r, const struct json_events *events, void *data);
int json_read_more(struct json_reader *r, struct str piece, struct error *err);
int json_read_end(struct json_reader *r, struct error *err);

enum json_fault json_reader_fault(const struct json_reader *r); /* of the last error */
/* Bytes taken so far. In a handler: up to the end of what it is told of, a container's bracket. */
size_t json_reader_offset(const struct json_reader *r);

/*
 * Field tables: one row per member that an object may have.
 *
 * `set` gets the target and a value whose type is one of `types`. A value of another type, or a
 * refusal by set (non-zero), is an error when the field is strict; otherwise the field is left out
 * and counted in *ignored.
 */
struct json_field {
        const char *name;
        unsigned types; /* JSON_... | JSON_... */
        bool required;
        bool strict;
        int (*set)(void *target, const struct json_value *v, struct error *err);
};

struct json_fields {
        const struct json_field *rows;
        size_t n;             /* <= 64 */
        bool unknown_allowed; /* unknown members, with all that is in them, are skipped */
};

/*
 * Progress through one object: feed it the events of the object's members (whatever their depth:
 * those deeper than the object's own members are skipped when the member is unknown, and refused
 * otherwise).
 */
struct json_object {
        const struct json_fields *fields;
        void *target;
        uint64_t seen;
        unsigned depth;   /* of the object's members */
        uint64_t ignored; /* bit i: row i was left out because its value was bad */
        size_t bad_row;   /* the row an error is about; fields->n: none */
        size_t next_row;  /* behind the one found last: names mostly come in the rows' order */
};

void json_object_begin(struct json_object *o, const struct json_fields *fields, void *target,
                       unsigned depth);
int json_object_value(struct json_object *o, unsigned depth, struct str name,
                      const struct json_value *v, struct error *err);
int json_object_end(struct json_object *o,
                    struct error *err); /* required members: ERR_BAD_JSON names the first */

const char *json_type_names(
        unsigned types); /* "a string", "an integer or a string", for messages */

#endif
