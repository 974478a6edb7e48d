/* SPDX-License-Identifier: Apache-2.0 */
#include "object_queue.h"

#include <stdlib.h>
#include <string.h>

/* THE MAP */

static struct object_queue *make(const struct identity *id)
{
        struct object_queue *object = calloc(1, sizeof *object + id->bucket.len + id->key.len);
        char *space;

        if (object == NULL)
                abort();
        space = (char *)(object + 1);
        memcpy(space, id->bucket.base, id->bucket.len);
        memcpy(space + id->bucket.len, id->key.base, id->key.len);
        object->bucket = (struct str){ space, id->bucket.len };
        object->key = (struct str){ space + id->bucket.len, id->key.len };
        return object;
}

struct object_queue *object_queue_of(struct node_map *map, const struct siphash_key *key,
                                     const struct identity *id)
{
        struct identity of_object = { id->bucket, id->key, STR(""), STR("") };
        uint64_t hash = identity_hash(key, &of_object);
        struct object_queue *object;

        for (struct map_node *n = node_map_first(map, hash); n != NULL; n = node_map_next(n)) {
                object = (struct object_queue *)n;
                if (str_eq(object->key, id->key) && str_eq(object->bucket, id->bucket))
                        return object;
        }
        object = make(id);
        node_map_add(map, &object->node, hash);
        return object;
}

void object_queue_free(struct object_queue *object, struct node_map *map)
{
        node_map_remove(map, &object->node);
        free(object);
}

/* ORDER */

static bool is_hex(struct str s)
{
        for (size_t i = 0; i < s.len; i++)
                if ((s.base[i] < '0' || s.base[i] > '9') && (s.base[i] < 'a' || s.base[i] > 'f'))
                        return false;
        return s.len > 0;
}

static bool is_newer(const struct outgoing *o, const struct outgoing *than)
{
        return o->is_dated && than->is_dated &&
               str_compare(o->failure.id.version_id, than->failure.id.version_id) < 0;
}

/* The first that is newer than o; NULL: none. Those that are dated stand in the order of age: a
 * listing, from its newest to its oldest or the other way round, is not searched through. */
static struct outgoing *first_newer(const struct object_queue *object, const struct outgoing *o)
{
        struct outgoing *newer = NULL;

        if (object->head != NULL && is_newer(object->head, o))
                return object->head;
        for (struct outgoing *at = object->tail; o->is_dated && at != NULL; at = at->object_prev) {
                if (is_newer(at, o))
                        newer = at;
                else if (at->is_dated)
                        break;
        }
        return newer;
}

void object_queue_join(struct object_queue *object, struct outgoing *o)
{
        struct outgoing *next;

        o->is_dated = is_hex(o->failure.id.version_id);
        next = first_newer(object, o);
        o->object = object;
        o->object_next = next;
        o->object_prev = next != NULL ? next->object_prev : object->tail;
        *(o->object_prev != NULL ? &o->object_prev->object_next : &object->head) = o;
        *(next != NULL ? &next->object_prev : &object->tail) = o;
}

void object_queue_leave(struct outgoing *o)
{
        struct object_queue *object = o->object;

        *(o->object_prev != NULL ? &o->object_prev->object_next : &object->head) = o->object_next;
        *(o->object_next != NULL ? &o->object_next->object_prev : &object->tail) = o->object_prev;
        o->object = NULL;
        o->object_prev = o->object_next = NULL;
}
