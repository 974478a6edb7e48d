/* SPDX-License-Identifier: Apache-2.0 */
/* Conservation, counted from the topics of a world at rest. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "world.h"

/* The last record of an identity where it belongs. */
struct last {
        struct decoded_record decoded;
        char *key;
};

struct count {
        struct world *w;
        struct failure_decoder *decoder;
        struct last *last;
        size_t n_last;
        size_t pending_records; /* of retries */
        bool attempts[64][256]; /* by index of `last` and attempt */
};

static struct last *find_last(struct count *c, const char *key)
{
        for (size_t i = 0; i < c->n_last; i++)
                if (strcmp(c->last[i].key, key) == 0)
                        return &c->last[i];
        c->last = realloc(c->last, (c->n_last + 1) * sizeof *c->last);
        if (c->last == NULL || c->n_last == 64)
                abort();
        c->last[c->n_last] = (struct last){ .key = strdup(key) };
        return &c->last[c->n_last++];
}

static bool decode(struct count *c, int partition, int64_t offset, struct decoded_record *ret)
{
        const struct world_record *r = &c->w->logs[partition].records[offset];
        struct log_record record = {
                .partition = partition,
                .offset = offset,
                .timestamp_ms = r->timestamp_ms,
                .key = { r->key, r->key_len },
                .value = { r->value, r->value_len },
                .settles = r->settles,
        };
        struct error err;

        return r->key != NULL && failure_decode(c->decoder, &record, ret, &err) == REJECT_NONE;
}

static void count_record(struct count *c, int partition, int64_t offset)
{
        const struct world_record *r = &c->w->logs[partition].records[offset];
        struct decoded_record decoded;
        struct last *last;
        int home;

        if (!decode(c, partition, offset, &decoded))
                return;
        home = partition_of_key(c->w->config.partitioner, (struct str){ r->key, r->key_len },
                                c->w->n_partitions);
        if (home != partition || !decoded.canonical_key)
                return;
        last = find_last(c, r->key);
        if (decoded.outcome == RECORD_PENDING && r->settles < 0) {
                bool *seen = &c->attempts[last - c->last][decoded.failure.attempts % 256];

                if (*seen)
                        check_fail(__FILE__, __LINE__, "an attempt once", r->key);
                *seen = true;
                c->pending_records++;
        }
        last->decoded = decoded;
}

static size_t count_listed(const struct world_list *list, const char *key)
{
        struct buf text;
        size_t n = 0;

        buf_init(&text, SIZE_MAX);
        for (size_t i = 0; i < list->n; i++) {
                buf_clear(&text);
                identity_write_key(&list->rows[i].id, &text);
                n += str_eq_c(buf_str(&text), key);
        }
        buf_deinit(&text);
        return n;
}

static void check_listed(struct count *c)
{
        static struct world_list list;
        size_t wanted = 0;

        world_list(c->w, &list, NULL, 0, LIMIT_PAGE_ROWS, false);
        if (list.failed)
                check_fail(__FILE__, __LINE__, "a listing", list.err.message);
        for (size_t i = 0; i < c->n_last; i++) {
                bool failed = c->last[i].decoded.outcome == RECORD_FAILED;

                if (count_listed(&list, c->last[i].key) != failed)
                        check_fail(__FILE__, __LINE__, failed ? "listed once" : "not listed",
                                   c->last[i].key);
                wanted += failed;
        }
        CHECK_INT(list.n, wanted);
        world_list_deinit(&list);
}

void world_check(struct world *w)
{
        struct count c = { .w = w, .decoder = failure_decoder_new(w->config.max_value_bytes) };

        for (int p = 0; p < w->n_partitions; p++)
                for (int64_t offset = 0; offset < w->logs[p].n; offset++)
                        count_record(&c, p, offset);
        check_listed(&c);
        CHECK_INT(w->n_entries, c.pending_records);
        for (size_t i = 0; i < c.n_last; i++)
                free(c.last[i].key);
        free(c.last);
        failure_decoder_free(c.decoder);
}
