/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backbeat_private.h"
#include "crr/base/json_write.h"

#define KEPT_BYTES ((size_t)64 << 10) /* of the memory for escapes, from one object to the next */

size_t backbeat_escape(struct buf *out, struct str text)
{
        size_t at = out->len + strlen("\"");
        struct json_writer w;

        json_writer_init(&w, out);
        json_str(&w, text);
        return at;
}

static size_t bytes_of(const struct backbeat_metadata *m, struct str head, struct str tail)
{
        size_t n = sizeof(struct backbeat_object) + head.len + m->info.len + tail.len +
                   m->version_id.len + m->n_backends * sizeof *m->backends;

        for (size_t i = 0; i < m->n_backends; i++)
                n += m->backends[i].site.len;
        return n;
}

static struct backbeat_object *copy(const struct backbeat_metadata *m, struct str head,
                                    struct str tail)
{
        size_t bytes = bytes_of(m, head, tail);
        struct backbeat_object *o = malloc(bytes);
        struct backbeat_backend *backends;
        char *space;

        if (o == NULL)
                abort();
        backends = (struct backbeat_backend *)(o + 1);
        space = (char *)(backends + m->n_backends);
        for (size_t i = 0; i < m->n_backends; i++)
                backends[i] = (struct backbeat_backend){ str_copy_to(&space, m->backends[i].site),
                                                         m->backends[i].status };
        *o = (struct backbeat_object){
                .size = m->size,
                .last_modified_ms = m->last_modified_ms,
                .version_id = str_copy_to(&space, m->version_id),
                .backends = backends,
                .n_backends = m->n_backends,
                .head = str_copy_to(&space, head),
                .info = str_copy_to(&space, m->info),
                .tail = str_copy_to(&space, tail),
                .has_members = m->has_members,
                .bytes = bytes,
        };
        return o;
}

struct backbeat_object *backbeat_object_new(struct backbeat_reader *r, struct str metadata,
                                            struct error *err)
{
        struct backbeat_metadata m;
        struct backbeat_object *o;
        size_t head, head_end, tail;

        if (backbeat_read(r, metadata, &m, err) != 0)
                return NULL;
        buf_clear(&r->escaped);
        head = backbeat_escape(&r->escaped, m.head);
        head_end = r->escaped.len - strlen("\"");
        tail = backbeat_escape(&r->escaped, m.tail);
        o = copy(&m, (struct str){ r->escaped.base + head, head_end - head },
                 (struct str){ r->escaped.base + tail, r->escaped.len - strlen("\"") - tail });
        if (r->escaped.capacity > KEPT_BYTES)
                buf_deinit(&r->escaped);
        return o;
}

void backbeat_object_free(struct backbeat_object *o)
{
        free(o);
}

struct backbeat_facts backbeat_object_facts(const struct backbeat_object *o, struct str site)
{
        struct backbeat_facts facts = {
                .size = o->size,
                .last_modified_ms = o->last_modified_ms,
                .version_id = o->version_id,
        };

        for (size_t i = 0; i < o->n_backends && facts.status == BACKEND_NONE; i++)
                if (str_eq(o->backends[i].site, site))
                        facts.status = o->backends[i].status;
        return facts;
}
