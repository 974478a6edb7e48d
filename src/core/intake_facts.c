/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The happy path is: failures of a batch that lack their size or date are gathered by object
 * version; the source is asked for each version once, and what it knows is put into the records.
 *
 * Possible failures: the source is away, late, or knows nothing: the failures go on as they are.
 */
#include <stdlib.h>
#include <string.h>

#include "crr/base/siphash.h"
#include "intake_private.h"

#define TIME_MS 10000 /* a batch waits so long for the source, at most */

void intake_facts_init(struct intake_facts *f, struct source *source, size_t max_value_bytes)
{
        memset(f, 0, sizeof *f);
        f->source = source;
        f->decoder = failure_decoder_new(max_value_bytes);
        buf_init(&f->scratch, SIZE_MAX);
}

void intake_facts_deinit(struct intake_facts *f)
{
        failure_decoder_free(f->decoder);
        buf_deinit(&f->scratch);
}

/* GATHERING */

static uint64_t hash_of(const struct identity *id)
{
        static const struct siphash_key fixed;

        return siphash13(&fixed, id->bucket.base, id->bucket.len) ^
               siphash13(&fixed, id->key.base, id->key.len) ^
               3 * siphash13(&fixed, id->version_id.base, id->version_id.len);
}

/* By role too: what one may read another may not. */
static bool is_same(const struct failure *a, const struct failure *b)
{
        return str_eq(a->id.key, b->id.key) && str_eq(a->id.version_id, b->id.version_id) &&
               str_eq(a->id.bucket, b->id.bucket) && str_eq(a->role, b->role);
}

static void gather_one(struct intake_facts *f, struct intake_doubt **slots, size_t mask,
                       struct intake_doubt *d)
{
        size_t slot = (size_t)hash_of(&d->failure.id) & mask;

        while (slots[slot] != NULL && !is_same(&slots[slot]->failure, &d->failure))
                slot = (slot + 1) & mask;
        if (slots[slot] == NULL) {
                slots[slot] = f->firsts[f->n_firsts++] = d;
                return;
        }
        d->same = slots[slot]->same;
        slots[slot]->same = d;
}

void intake_facts_begin(struct intake_facts *f, struct intake_batch *batch, int64_t now_ms)
{
        struct intake_doubt **slots;
        size_t n = 16;

        while (n < 2 * batch->n_doubts)
                n *= 2;
        slots = arena_array(&batch->arena, n, sizeof(struct intake_doubt *));
        f->firsts = arena_array(&batch->arena, batch->n_doubts + 1, sizeof(struct intake_doubt *));
        if (slots == NULL || f->firsts == NULL)
                abort();
        f->batch = batch;
        f->n_firsts = f->cursor = 0;
        f->deadline_ms = now_ms + TIME_MS;
        for (size_t i = 0; i < batch->n_doubts; i++)
                if (!batch->doubts[i].is_outcome)
                        gather_one(f, slots, n - 1, &batch->doubts[i]);
}

/* ASKING */

static void take_facts(struct intake_facts *f, struct intake_doubt *first,
                       const struct backbeat_object *object)
{
        struct backbeat_facts facts = backbeat_object_facts(object, first->failure.id.site);

        for (struct intake_doubt *d = first; d != NULL; d = d->same)
                intake_batch_complete(f->batch, d, &facts, f->decoder, &f->scratch);
}

static void on_answer(struct source_call *call)
{
        struct intake_question *q = call->data;

        q->is_out = false;
        q->facts->n_out--;
        if (call->result == SOURCE_FOUND)
                take_facts(q->facts, q->first, call->object);
        backbeat_object_free(call->object);
}

static void ask(struct intake_facts *f, struct intake_question *q, struct intake_doubt *first)
{
        const struct failure *of = &first->failure;

        *q = (struct intake_question){ .facts = f, .first = first, .is_out = true };
        q->call = (struct source_call){
                .data = q,
                .bucket = of->id.bucket,
                .key = of->id.key,
                .version_id = of->id.version_id.len > 0 ? of->id.version_id : STR_ABSENT,
                .role = of->role,
                .deadline_ms = f->deadline_ms,
                .done = on_answer,
        };
        f->n_out++;
        f->source->get(f->source, &q->call);
}

bool intake_facts_work(struct intake_facts *f, int64_t now_ms)
{
        bool has_time = now_ms < f->deadline_ms;

        for (size_t i = 0; i < INTAKE_QUESTIONS && has_time && f->cursor < f->n_firsts; i++)
                if (!f->questions[i].is_out)
                        ask(f, &f->questions[i], f->firsts[f->cursor++]);
        if (f->n_out > 0 || (has_time && f->cursor < f->n_firsts))
                return false;
        f->batch = NULL;
        return true;
}

void intake_facts_cancel(struct intake_facts *f)
{
        for (size_t i = 0; i < INTAKE_QUESTIONS; i++) {
                if (!f->questions[i].is_out)
                        continue;
                f->questions[i].is_out = false;
                f->n_out--;
                f->source->cancel(f->source, &f->questions[i].call);
        }
        f->batch = NULL;
}
