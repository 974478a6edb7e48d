/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backbeat_private.h"
#include "crr/base/json_write.h"

/*
 * The metadata of a retry: replicationInfo is written event by event as it is read, and what stands
 * around it stays byte for byte. The parse that made the object has judged the whole; so this one,
 * of replicationInfo alone, meets nothing that it would have to refuse.
 */
enum target { REPLICATION_TOPIC, STATUS_TOPIC };

#define NOTHING   UINT32_MAX
#define INFO_NAME "\"replicationInfo\":"

struct rewrite {
        struct json_writer w;
        enum target target;
        const struct failure *f;
        const struct backbeat_object *o;
        const char *status; /* the global one */
        unsigned skipped;   /* depth of a container that is left out; NOTHING */
        size_t backend;     /* the index of the one that is read, or of the next */
        bool in_backends;
        bool has_backends, has_status, has_class; /* written already */
        bool has_site, has_site_status;           /* a backend of it; its status */
};

static void write_text(struct rewrite *x, const char *name, const char *value)
{
        json_key(&x->w, name);
        json_c(&x->w, value);
}

/* MEMBERS THAT WERE NOT THERE */

static void write_backend(struct rewrite *x)
{
        json_object_open(&x->w);
        json_key(&x->w, "site");
        json_str(&x->w, x->f->id.site);
        write_text(x, "status", "PENDING");
        write_text(x, "dataStoreVersionId", "");
        json_object_close(&x->w);
}

static void write_backends(struct rewrite *x)
{
        json_key(&x->w, "backends");
        json_array_open(&x->w);
        write_backend(x);
        json_array_close(&x->w);
}

static void write_class(struct rewrite *x)
{
        json_key(&x->w, "storageClass");
        json_str(&x->w, x->f->id.site);
}

/* What a mover reads of an object that no rule applied to when it was written: an empty `content`
 * would make it leave out the data. */
static void write_content(struct rewrite *x)
{
        json_key(&x->w, "content");
        json_array_open(&x->w);
        if (x->o->size != 0)
                json_c(&x->w, "DATA");
        json_c(&x->w, "METADATA");
        json_array_close(&x->w);
}

static void write_info(struct rewrite *x)
{
        struct str role = x->f->role;

        json_object_open(&x->w);
        write_text(x, "status", x->status);
        write_backends(x);
        write_content(x);
        write_text(x, "destination", "");
        write_class(x);
        json_key(&x->w, "role");
        json_str(&x->w, role.base != NULL ? role : STR(""));
        write_text(x, "storageType", "");
        write_text(x, "dataStoreVersionId", "");
        json_object_close(&x->w);
}

/* AT EACH DEPTH: true when the value was written, or is left out */

static bool is_of_site(const struct rewrite *x)
{
        return str_eq(x->o->backends[x->backend].site, x->f->id.site);
}

static bool take_member(struct rewrite *x, struct str name, const struct json_value *v)
{
        bool is_backends = str_eq_c(name, "backends");

        x->in_backends = is_backends && v->type == JSON_ARRAY;
        if (is_backends) {
                x->has_backends |= x->in_backends;
                return !x->in_backends;
        }
        if (str_eq_c(name, "status")) {
                x->has_status = true;
                write_text(x, "status", x->status);
                return true;
        }
        if (str_eq_c(name, "storageClass") && x->target == REPLICATION_TOPIC) {
                x->has_class = true;
                write_class(x);
                return true;
        }
        return false;
}

static bool take_backend(struct rewrite *x)
{
        x->has_site |= is_of_site(x);
        x->has_site_status = false;
        return x->target == REPLICATION_TOPIC && !is_of_site(x);
}

static bool take_backend_member(struct rewrite *x, struct str name)
{
        if (!is_of_site(x) || !str_eq_c(name, "status"))
                return false;
        x->has_site_status = true;
        write_text(x, "status", "PENDING");
        return true;
}

/* replicationInfo 0, backends 1, a backend 2, its members 3 */
static bool take(struct rewrite *x, unsigned depth, struct str name, const struct json_value *v)
{
        if (depth == 1)
                return take_member(x, name, v);
        if (depth == 2 && x->in_backends)
                return take_backend(x);
        return depth == 3 && x->in_backends && take_backend_member(x, name);
}

/* EVENTS */

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *err)
{
        struct rewrite *x = data;

        (void)err;
        if (depth > x->skipped)
                return 0;
        x->skipped = NOTHING;
        if (take(x, depth, name, v)) {
                if (v->type == JSON_OBJECT || v->type == JSON_ARRAY)
                        x->skipped = depth;
                return 0;
        }
        if (name.base != NULL)
                json_key_str(&x->w, name);
        json_copy(&x->w, v);
        return 0;
}

/* A container ends: what it lacks is added. */
static void complete(struct rewrite *x, unsigned depth)
{
        if (depth == 2 && x->in_backends && is_of_site(x) && !x->has_site_status)
                write_text(x, "status", "PENDING");
        if (depth == 1 && x->in_backends && !x->has_site)
                write_backend(x);
        if (depth > 0)
                return;
        if (!x->has_backends)
                write_backends(x);
        if (!x->has_status)
                write_text(x, "status", x->status);
        if (!x->has_class && x->target == REPLICATION_TOPIC)
                write_class(x);
}

static int on_end(void *data, unsigned depth, enum json_type container, struct error *err)
{
        struct rewrite *x = data;
        bool is_backend = depth == 2 && x->in_backends;

        (void)err;
        if (depth < x->skipped) {
                complete(x, depth);
                if (container == JSON_OBJECT)
                        json_object_close(&x->w);
                else
                        json_array_close(&x->w);
        }
        x->backend += is_backend;
        return 0;
}

static const struct json_events events = { .value = on_value, .end = on_end };

/* ENTRIES */

/* Of all backends when this one is PENDING. */
static const char *global_status(const struct backbeat_object *o, struct str site)
{
        for (size_t i = 0; i < o->n_backends; i++)
                if (o->backends[i].status == BACKEND_FAILED && !str_eq(o->backends[i].site, site))
                        return "FAILED";
        return "PROCESSING";
}

/* The new replicationInfo alone, into r->info. */
static void rewrite_info(struct backbeat_reader *r, struct rewrite *x)
{
        struct str info = x->o->info;
        struct error err;

        buf_clear(&r->info);
        json_writer_init(&x->w, &r->info);
        if (info.len == 0 || info.base[0] != '{')
                write_info(x);
        else if (json_read(r->json, info, &events, x, &err) != 0)
                abort(); /* it was read before */
}

static void append_info(struct backbeat_reader *r, const struct backbeat_object *o, struct buf *out)
{
        size_t at;

        buf_clear(&r->escaped);
        if (o->info.base == NULL && o->has_members)
                buf_append_char(out, ',');
        if (o->info.base == NULL)
                buf_append_c(out, "\\\"replicationInfo\\\":");
        at = backbeat_escape(&r->escaped, buf_str(&r->info));
        buf_append(out, r->escaped.base + at, r->escaped.len - strlen("\"") - at);
}

/* With the new replicationInfo. */
static void write_value(struct backbeat_reader *r, const struct backbeat_object *o,
                        const struct failure *f, struct buf *out)
{
        const struct identity *id = &f->id;
        struct json_writer w;

        json_writer_init(&w, out);
        json_object_open(&w);
        json_key(&w, "bucket");
        json_str(&w, id->bucket);
        json_key(&w, "key");
        json_str(&w, id->key);
        json_key(&w, "value");
        json_raw(&w, STR("\""));
        buf_append_str(out, o->head);
        append_info(r, o, out);
        buf_append_str(out, o->tail);
        buf_append_char(out, '"');
        json_key(&w, "site");
        json_str(&w, id->site);
        json_object_close(&w);
}

void backbeat_write_entry(struct backbeat_reader *r, const struct backbeat_object *o,
                          const struct failure *f, struct buf *out)
{
        struct rewrite x = {
                .target = REPLICATION_TOPIC, .f = f, .o = o, .status = "PENDING", .skipped = NOTHING
        };

        rewrite_info(r, &x);
        write_value(r, o, f, out);
}

/* The object as the entry before said it: the strings live as long as `said`, and until the
 * reader's next call. */
static struct backbeat_object follow(struct backbeat_reader *r, const struct backbeat_object *o,
                                     struct str said)
{
        struct backbeat_object next = *o;
        struct backbeat_metadata m;
        size_t most = r->most;
        struct error err;

        r->most = SIZE_MAX; /* each entry before may have added one */
        if (backbeat_read(r, said, &m, &err) != 0)
                abort(); /* we wrote it */
        r->most = most;
        next.backends = m.backends;
        next.n_backends = m.n_backends;
        next.info = m.info;
        return next;
}

void backbeat_write_status(struct backbeat_reader *r, const struct backbeat_object *o,
                           struct str said, const struct failure *f, struct buf *out,
                           struct buf *ret_said)
{
        struct backbeat_object now = said.base != NULL ? follow(r, o, said) : *o;
        struct rewrite x = {
                .target = STATUS_TOPIC,
                .f = f,
                .o = &now,
                .status = global_status(&now, f->id.site),
                .skipped = NOTHING,
        };

        rewrite_info(r, &x);
        buf_clear(ret_said);
        buf_append_c(ret_said, "{" INFO_NAME);
        buf_append_str(ret_said, buf_str(&r->info));
        buf_append_c(ret_said, "}");
        write_value(r, o, f, out);
}
