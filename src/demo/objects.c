/* SPDX-License-Identifier: Apache-2.0 */
#include "objects.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define DIFFICULT_SHARE 0.125
#define NEWER_MS        INT64_C(3600000)
#define LAST_VERSION_MS INT64_C(99999999999999) /* raw ids count down: the newest sorts first */

/* What a key may begin with that is easily garbled on its way through URLs, members and JSON. */
static const char *const difficult[] = {
        "12:30:00 backup/",
        "100% sure/",
        "%2F%41 is no escape/",
        "a b+c&d=e?f#g/",
        "\xf0\x9f\x8e\x9f tickets \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80/",
        "Caf\xc3\xa9 Cafe\xcc\x81/",
        "say \"hello\" \\ goodbye/",
        "//../up and ./down/",
        "\xe6\x97\xa5\xe6\x9c\xac!*'()~/",
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
        DRAW_DIFFICULT = GENERATOR_DRAWS,
        DRAW_PREFIX,
        DRAW_SITES,
        DRAW_FAILED_ENTRY,
        DRAW_SUPERSEDED,
};

uint64_t objects_total(const struct objects *all)
{
        return all->failed + all->completed;
}

/* So many of the first n are failed ones. */
static uint64_t failed_among(const struct objects *all, uint64_t n)
{
        return objects_total(all) == 0 ? 0 : n * all->failed / objects_total(all);
}

uint64_t objects_nth(const struct objects *all, uint64_t n)
{
        uint64_t before = failed_among(all, n);

        assert(n < objects_total(all));
        return failed_among(all, n + 1) > before ? before : all->failed + (n - before);
}

static struct str print_id(char *text, size_t room, int64_t ms, uint64_t i)
{
        int n = snprintf(text, room, "%014" PRId64 "%06" PRIu64 "RG001  7.%" PRIu64,
                         LAST_VERSION_MS - ms, i % 1000000, i % 10);

        return (struct str){ text, (size_t)n };
}

/* The sites in a circle, from the one that failed. */
static void take_sites(const struct objects *all, struct str first, struct object *o)
{
        const struct generator *g = &all->generator;
        unsigned at = 0, most = g->sites < OBJECT_MAX_BACKENDS ? g->sites : OBJECT_MAX_BACKENDS;

        o->n_sites = 1 + (unsigned)(generator_draw(g, o->i, DRAW_SITES) % most);
        for (; at < g->sites; at++) {
                generator_name_site(at, o->site_texts[0]);
                if (str_eq_c(first, o->site_texts[0]))
                        break;
        }
        for (unsigned n = 0; n < o->n_sites; n++) {
                generator_name_site((at + n) % g->sites, o->site_texts[n]);
                o->sites[n] = str_from(o->site_texts[n]);
        }
}

static void take_versions(const struct objects *all, const struct failure *f, struct object *o)
{
        uint64_t superseded = generator_draw(&all->generator, o->i, DRAW_SUPERSEDED);

        o->version = (struct object_version){
                .id = print_id(o->ids[0], sizeof o->ids[0], f->last_modified_ms, o->i),
                .size = f->size,
                .last_modified_ms = f->last_modified_ms,
                .failed = o->i < all->failed,
        };
        o->current = o->version;
        if (!generator_is_of_share(superseded, all->superseded))
                return;
        o->current.last_modified_ms += NEWER_MS;
        o->current.size++;
        o->current.failed = false;
        o->current.id = print_id(o->ids[1], sizeof o->ids[1], o->current.last_modified_ms, o->i);
}

static struct str print(char *text, size_t room, const char *before, struct str s)
{
        int n = snprintf(text, room, "%s%.*s", before, STR_ARG(s));

        assert(n > 0 && (size_t)n < room);
        return (struct str){ text, (size_t)n };
}

void objects_make(const struct objects *all, uint64_t i, struct object *ret)
{
        struct generator g = all->generator;
        const char *prefix = "";
        struct failure f;
        bool has_entry;

        generator_failure(&g, i, &f, &has_entry);
        if (generator_is_of_share(generator_draw(&g, i, DRAW_DIFFICULT), DIFFICULT_SHARE))
                prefix = difficult[generator_draw(&g, i, DRAW_PREFIX) % COUNT(difficult)];
        ret->i = i;
        ret->n_parts = all->parts;
        ret->bucket = print(ret->bucket_text, sizeof ret->bucket_text, "", f.id.bucket);
        ret->key = print(ret->key_text, sizeof ret->key_text, prefix, f.id.key);
        ret->role = print(ret->role_text, sizeof ret->role_text,
                          "arn:aws:iam::604563867484:role/crr-", f.id.bucket);
        ret->by_failed_entry = generator_is_of_share(generator_draw(&g, i, DRAW_FAILED_ENTRY),
                                                     all->failed_entries);
        take_sites(all, f.id.site, ret);
        take_versions(all, &f, ret);
}

/* Keys end in "-<i>.<suffix>". */
static bool read_index(struct str key, uint64_t max, uint64_t *ret)
{
        struct str head, tail, digits, suffix;
        unsigned long long i;

        if (!str_split_last(key, '-', &head, &tail) || !str_split(tail, '.', &digits, &suffix) ||
            !str_to_u64(digits, max, &i))
                return false;
        *ret = i;
        return true;
}

bool objects_find(const struct objects *all, struct str bucket, struct str key, struct object *ret)
{
        uint64_t i;

        if (objects_total(all) == 0 || !read_index(key, objects_total(all) - 1, &i))
                return false;
        objects_make(all, i, ret);
        return str_eq(ret->bucket, bucket) && str_eq(ret->key, key);
}

void objects_wire_id(struct str raw, struct buf *out)
{
        static const char hex[] = "0123456789abcdef";

        for (size_t n = 0; n < raw.len; n++) {
                buf_append_char(out, hex[(unsigned char)raw.base[n] >> 4]);
                buf_append_char(out, hex[(unsigned char)raw.base[n] & 15]);
        }
}
