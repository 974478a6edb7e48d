/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_source_version {
        struct fake_source_version *next;
        char *bucket, *key, *version_id; /* version_id NULL: the current one */
        enum source_result result;
        char *text; /* metadata, or why it is unavailable; NULL where it is gone */
        unsigned gets;
};

/* One call under way: what its `work` points to. */
struct work {
        int64_t due_ms;
        bool fails;
};

static void *must(void *p)
{
        if (p == NULL)
                abort();
        return p;
}

static char *copy_c(const char *text)
{
        return text != NULL ? must(strdup(text)) : NULL;
}

static char *copy_str(struct str s)
{
        return s.base != NULL ? must(strndup(s.base, s.len)) : NULL;
}

/* Absent equals absent only. */
static bool is_same(const char *a, struct str b)
{
        return a != NULL ? b.base != NULL && str_eq_c(b, a) : b.base == NULL;
}

/* VERSIONS */

static struct fake_source_version *find(const struct fake_source *f, struct str bucket,
                                        struct str key, struct str version_id)
{
        for (struct fake_source_version *v = f->versions; v != NULL; v = v->next)
                if (is_same(v->bucket, bucket) && is_same(v->key, key) &&
                    is_same(v->version_id, version_id))
                        return v;
        return NULL;
}

static struct fake_source_version *find_or_add(struct fake_source *f, struct str bucket,
                                               struct str key, struct str version_id)
{
        struct fake_source_version *v = find(f, bucket, key, version_id);

        if (v != NULL)
                return v;
        v = must(calloc(1, sizeof *v));
        v->bucket = copy_str(bucket);
        v->key = copy_str(key);
        v->version_id = copy_str(version_id);
        v->result = SOURCE_GONE;
        v->next = f->versions;
        f->versions = v;
        return v;
}

static void tell(struct fake_source *f, const char *bucket, const char *key, const char *version_id,
                 enum source_result result, const char *text)
{
        struct fake_source_version *v =
                find_or_add(f, str_from(bucket), str_from(key), str_from(version_id));

        free(v->text);
        v->result = result;
        v->text = copy_c(text);
}

void fake_source_found(struct fake_source *f, const char *bucket, const char *key,
                       const char *version_id, const char *metadata)
{
        tell(f, bucket, key, version_id, SOURCE_FOUND, metadata);
}

void fake_source_gone(struct fake_source *f, const char *bucket, const char *key,
                      const char *version_id)
{
        tell(f, bucket, key, version_id, SOURCE_GONE, NULL);
}

void fake_source_unavailable(struct fake_source *f, const char *bucket, const char *key,
                             const char *version_id, const char *why)
{
        tell(f, bucket, key, version_id, SOURCE_UNAVAILABLE, why);
}

unsigned fake_source_gets_of(const struct fake_source *f, const char *bucket, const char *key,
                             const char *version_id)
{
        const struct fake_source_version *v =
                find(f, str_from(bucket), str_from(key), str_from(version_id));

        return v != NULL ? v->gets : 0;
}

/* CALLS */

static void get(struct source *self, struct source_call *call)
{
        struct fake_source *f = (struct fake_source *)self;
        struct work *w = must(calloc(1, sizeof *w));
        struct source_call **end = &f->calls;

        assert(call->done != NULL && call->bucket.base != NULL && call->key.base != NULL);
        w->due_ms = f->now_ms + f->latency_ms;
        w->fails = f->fail_nth == 1;
        f->fail_nth -= f->fail_nth > 0;
        call->work = w;
        call->next = NULL;
        while (*end != NULL)
                end = &(*end)->next;
        *end = call;
        find_or_add(f, call->bucket, call->key, call->version_id)->gets++;
        snprintf(f->last_role, sizeof f->last_role, "%.*s", STR_ARG(call->role));
        f->gets++;
        f->open++;
        if (f->open > f->most_open)
                f->most_open = f->open;
}

static void take_out(struct fake_source *f, struct source_call *call)
{
        struct source_call **at = &f->calls;

        while (*at != NULL && *at != call)
                at = &(*at)->next;
        assert(*at == call);
        *at = call->next;
        f->open--;
        free(call->work);
        call->work = NULL;
        call->next = NULL;
}

/* A call that is not under way is left alone, as by every implementation. */
static void cancel(struct source *self, struct source_call *call)
{
        struct fake_source *f = (struct fake_source *)self;

        if (call->work == NULL)
                return;
        take_out(f, call);
        f->canceled++;
}

static void finish(struct fake_source *f, struct source_call *call, const char *trouble)
{
        const struct fake_source_version *v = find(f, call->bucket, call->key, call->version_id);
        struct error err;

        take_out(f, call);
        f->answered++;
        call->object = NULL;
        call->result = trouble != NULL ? SOURCE_UNAVAILABLE : v->result;
        if (call->result == SOURCE_UNAVAILABLE)
                error_set(&call->err, ERR_UNAVAILABLE, "%s", trouble != NULL ? trouble : v->text);
        if (call->result == SOURCE_FOUND)
                call->object = backbeat_object_new(f->reader, str_from(v->text), &err);
        if (call->result == SOURCE_FOUND && call->object == NULL) {
                call->result = SOURCE_UNAVAILABLE;
                error_set(&call->err, ERR_UNAVAILABLE, "the metadata is not understood: %.200s",
                          err.message);
        }
        call->done(call); /* the call may be gone */
}

void fake_source_answer(struct fake_source *f, struct source_call *call)
{
        const struct work *w = call->work;

        finish(f, call, w->fails || f->is_down ? "the source is down" : NULL);
}

static bool finish_one_due(struct fake_source *f)
{
        for (struct source_call *call = f->calls; call != NULL; call = call->next) {
                const struct work *w = call->work;

                if (!f->holds && w->due_ms <= f->now_ms && w->due_ms <= call->deadline_ms) {
                        fake_source_answer(f, call);
                        return true;
                }
                if (call->deadline_ms <= f->now_ms) {
                        finish(f, call, "late");
                        return true;
                }
        }
        return false;
}

/* A get that is made by a done() waits for the next tick. */
bool fake_source_tick(struct fake_source *f, int64_t now_ms)
{
        unsigned most = f->open, n = 0;

        assert(now_ms >= f->now_ms);
        f->now_ms = now_ms;
        while (n < most && finish_one_due(f))
                n++;
        return n > 0;
}

struct source_call *fake_source_find(const struct fake_source *f, const char *bucket,
                                     const char *key, const char *version_id)
{
        for (struct source_call *call = f->calls; call != NULL; call = call->next)
                if (is_same(bucket, call->bucket) && is_same(key, call->key) &&
                    is_same(version_id, call->version_id))
                        return call;
        return NULL;
}

/* LIFE */

struct fake_source *fake_source_new(void)
{
        struct fake_source *f = must(calloc(1, sizeof *f));

        f->port = (struct source){ get, cancel };
        f->reader = backbeat_reader_new();
        return f;
}

void fake_source_free(struct fake_source *f)
{
        struct fake_source_version *next;

        if (f == NULL)
                return;
        assert(f->calls == NULL);
        backbeat_reader_free(f->reader);
        for (struct fake_source_version *v = f->versions; v != NULL; v = next) {
                next = v->next;
                free(v->bucket);
                free(v->key);
                free(v->version_id);
                free(v->text);
                free(v);
        }
        free(f);
}
