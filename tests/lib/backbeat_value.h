/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BACKBEAT_VALUE_H
#define TESTS_BACKBEAT_VALUE_H

#include "check.h"
#include "crr/base/json_read.h"
#include "crr/core/backbeat_metadata.h"

static inline int backbeat_fault(const struct error *err)
{
        CHECK(err->code != 0);
        return (int)err->code;
}

/* What backbeat_metadata.h does, in one go from a text; a status entry is the first of its object.
 * Facts' version id lives until the next call. On an error `out` is as before. */
static inline int backbeat_text_facts(struct backbeat_reader *r, struct str metadata,
                                      struct str site, struct backbeat_facts *ret,
                                      struct error *err)
{
        static struct backbeat_object *last;

        backbeat_object_free(last);
        last = backbeat_object_new(r, metadata, err);
        if (last == NULL)
                return backbeat_fault(err);
        *ret = backbeat_object_facts(last, site);
        return 0;
}

static inline int backbeat_text_entry(struct backbeat_reader *r, struct str metadata,
                                      const struct failure *f, struct buf *out, struct error *err)
{
        struct backbeat_object *o = backbeat_object_new(r, metadata, err);

        if (o == NULL)
                return backbeat_fault(err);
        backbeat_write_entry(r, o, f, out);
        backbeat_object_free(o);
        return 0;
}

static inline int backbeat_text_status(struct backbeat_reader *r, struct str metadata,
                                       const struct failure *f, struct buf *out, struct error *err)
{
        struct backbeat_object *o = backbeat_object_new(r, metadata, err);
        struct buf said;

        if (o == NULL)
                return backbeat_fault(err);
        buf_init(&said, SIZE_MAX);
        backbeat_write_status(r, o, STR_ABSENT, f, out, &said);
        buf_deinit(&said);
        backbeat_object_free(o);
        return 0;
}

/* Either of backbeat_text_entry() and backbeat_text_status(). */
typedef int backbeat_writer(struct backbeat_reader *r, struct str metadata, const struct failure *f,
                            struct buf *out, struct error *err);

static inline int backbeat_keep_value(void *data, unsigned depth, struct str name,
                                      const struct json_value *v, struct error *err)
{
        (void)err;
        if (depth == 1 && str_eq_c(name, "value"))
                buf_append_str(data, v->text);
        return 0;
}

/* The metadata in what is written; the program ends when nothing is. */
static inline void backbeat_value(struct backbeat_reader *r, struct json_reader *json,
                                  backbeat_writer *write, struct str metadata,
                                  const struct failure *f, struct buf *ret)
{
        static const struct json_events events = { .value = backbeat_keep_value };
        struct error err;
        struct buf out;

        buf_init(&out, SIZE_MAX);
        buf_clear(ret);
        if (write(r, metadata, f, &out, &err) != 0)
                check_fail(__FILE__, __LINE__, "it is written", err.message);
        CHECK(json_read(json, buf_str(&out), &events, ret, &err) == 0);
        buf_deinit(&out);
}

#endif
