/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODEL_LOG_H
#define TESTS_MODEL_LOG_H

#include "check.h"
#include "naive_log.h"
#include "world.h"

/*
 * What the files of the model share: model_log.c (seeds, what the daemon writes),
 * model_log_acts.c (what happens), model_log_rest.c (compaction, rest and its checks), naive_log.c
 * (what it means).
 */
#define MODEL_IDS          4
#define MODEL_ATTEMPTS     64
#define MODEL_REQUESTS     4
#define MODEL_SPELLINGS    3 /* of a key; 0 is the canonical one */
#define MODEL_SHORT_TTL_MS 20000

struct model_request {
        struct world_retry retry;
        int ids[MODEL_IDS];
        bool used;
};

struct model {
        struct world w;
        bool verbose;
        int n_ids;
        struct naive ids[MODEL_IDS];
        struct naive_event before[MODEL_IDS],
                after[MODEL_IDS];          /* the batch: what was read of them */
        unsigned submits_seen;             /* they are of this one */
        bool tombstone_is_gone[MODEL_IDS]; /* what is older than it is news again */
        bool takes_in; /* an intake writes some of the records, and all of them where they belong */
        bool loose[MODEL_IDS];         /* an old record came late: which facts are kept is open */
        bool counts_anew[MODEL_IDS];   /* an attempt may have the number of an earlier one: of what
                                          was gone */
        bool entry_is_lost[MODEL_IDS]; /* compacted before it could be written again */
        int64_t published_ms[MODEL_IDS][MODEL_ATTEMPTS]; /* 0: it was not */
        int n_published[MODEL_IDS];
        size_t entries_seen;
        int64_t scanned[WORLD_PARTITIONS];  /* records below are known to the naive log */
        int64_t clean[WORLD_PARTITIONS];    /* what is below was at rest */
        int64_t was_read[WORLD_PARTITIONS]; /* what is below was read by some process */
        bool is_wild; /* compaction took what was not written again: the log is not read anew */
        bool publisher_lost;
        int next_fact;
        struct failure_decoder *decoder;
        struct model_request requests[MODEL_REQUESTS];
};

uint64_t model_draw(uint64_t n);
bool model_chance(unsigned percent);

/* Keys. */
const char *model_name(int id);
struct str model_key(int id, int spelling);
int model_id_of(struct str key); /* -1: of none */
int model_home(struct model *m, int id);
static inline struct str model_record_key(const struct world_record *r)
{
        return (struct str){ r->key, r->key_len };
}

void model_learn(struct model *m);
void model_run(struct model *m); /* world_run(), and the naive log learns of it */
void model_step(struct model *m, int64_t ms);

void model_act(struct model *m); /* anything */
void model_compact(struct model *m, int partition);
void model_end_requests(struct model *m);

/* Everything is well and has come to rest; what is read then is checked. */
void model_rest(struct model *m);

#endif
