/* SPDX-License-Identifier: Apache-2.0 */
/* The played Backbeat: failed entries on one topic, outcomes on another, retry entries as its data
 * movers take them. */
#include <stdlib.h>

#include "crr/base/time.h"
#include "crr/core/identity.h"
#include "metadata.h"
#include "objects.h"
#include "outcome.h"
#include "pipeline.h"

struct backbeat {
        const struct options *options;
        struct writer *writer;
        rd_kafka_topic_t *failed, *status;
        struct objects objects;
        struct outcome_reader *reader;
        struct buf metadata;
};

static void backbeat_close(void *data)
{
        struct backbeat *p = data;

        if (p->failed != NULL)
                rd_kafka_topic_destroy(p->failed);
        if (p->status != NULL)
                rd_kafka_topic_destroy(p->status);
        outcome_reader_free(p->reader);
        buf_deinit(&p->metadata);
        free(p);
}

static void *backbeat_open(const struct options *o, struct writer *w)
{
        struct backbeat *p = calloc(1, sizeof *p);

        if (p == NULL)
                abort();
        *p = (struct backbeat){ .options = o, .writer = w };
        options_objects(o, &p->objects);
        buf_init(&p->metadata, SIZE_MAX);
        p->reader = outcome_reader_new();
        p->failed = writer_open_topic(w, o->failed_topic);
        if (p->failed != NULL)
                p->status = writer_open_topic(w, o->status_topic);
        if (p->status != NULL)
                return p;
        backbeat_close(p);
        return NULL;
}

/* Records of the status topic are keyed by object, so that versions keep their order; those of the
 * failed topic have no key. */
static void send_status(struct backbeat *p, struct str bucket, struct str key)
{
        struct writer *w = p->writer;

        buf_clear(&w->key);
        identity_write_object_key(&(struct identity){ .bucket = bucket, .key = key }, &w->key);
        writer_send(w, p->status, buf_str(&w->key), buf_str(&w->value));
}

static void backbeat_feed(void *data, uint64_t n)
{
        struct backbeat *p = data;
        struct writer *w = p->writer;
        struct object o;

        objects_make(&p->objects, objects_nth(&p->objects, n), &o);
        buf_clear(&w->value);
        if (o.version.failed && o.by_failed_entry) {
                metadata_write_failed_entry(&o, p->options->roles, time_wall_ms(), &w->value);
                writer_send(w, p->failed, STR_ABSENT, buf_str(&w->value));
                return;
        }
        buf_clear(&p->metadata);
        metadata_write(&o, &o.version, &p->metadata);
        metadata_write_queue_entry(
                &(struct queue_entry){
                        .bucket = o.bucket,
                        .key = o.key,
                        .version_id = o.version.id,
                        .site = o.sites[0],
                        .metadata = buf_str(&p->metadata),
                },
                &w->value);
        send_status(p, o.bucket, o.key);
}

static enum taken backbeat_take(void *data, struct str value, unsigned attempt)
{
        struct backbeat *p = data;
        struct retry_entry entry;
        bool failed;

        if (!outcome_read(p->reader, value, &entry))
                return TAKEN_UNREADABLE;
        failed = generator_fails_again(
                &(struct identity){ entry.bucket, entry.key, entry.version_id, entry.site },
                attempt, p->options->refail);
        buf_clear(&p->writer->value);
        outcome_write(p->reader, failed, &p->writer->value);
        send_status(p, entry.bucket, entry.key);
        return failed ? TAKEN_FAILED_AGAIN : TAKEN_COMPLETED;
}

const struct speech backbeat_speech = { backbeat_open, backbeat_close, backbeat_feed,
                                        backbeat_take };
