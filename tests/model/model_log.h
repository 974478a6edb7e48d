/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_MODEL_LOG_H
#define TESTS_MODEL_LOG_H

#include "check.h"
#include "naive_log.h"
#include "world.h"

/*
 * What the files of the model share: model_log.c (seeds, rest, checks), model_log_acts.c (what
 * happens), naive_log.c (what it means).
 */
#define MODEL_IDS       4
#define MODEL_ATTEMPTS  64
#define MODEL_REQUESTS  4
#define MODEL_SPELLINGS 3 /* of a key; 0 is the canonical one */

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
                after[MODEL_IDS];      /* the batch: what was read of them */
        bool loose[MODEL_IDS];         /* an old record came late: which facts are kept is open */
        bool was_forced[MODEL_IDS];    /* perhaps when it was gone: attempts begin anew then */
        bool entry_is_lost[MODEL_IDS]; /* compacted before it could be written again */
        bool published[MODEL_IDS][MODEL_ATTEMPTS];
        int n_published[MODEL_IDS];
        size_t entries_seen;
        int64_t scanned[WORLD_PARTITIONS]; /* records below are known to the naive log */
        int64_t clean[WORLD_PARTITIONS];   /* what is below was at rest */
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

void model_run(struct model *m); /* world_run(), and the naive log learns of it */
void model_step(struct model *m, int64_t ms);

void model_act(struct model *m); /* anything */
void model_compact(struct model *m, int partition);
void model_end_requests(struct model *m);

/* Everything is well and has come to rest; what is read then is checked. */
void model_rest(struct model *m);

#endif
