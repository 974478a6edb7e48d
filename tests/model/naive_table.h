/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_NAIVE_TABLE_H
#define TESTS_NAIVE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "crr/base/limits.h"
#include "crr/core/failure_table.h"

/*
 * What the failure table must say, by an array that is scanned; and the world from which its
 * entries are drawn, by a seed.
 */
#define NAIVE_ENTRIES 600

struct shape {
        const char *name;
        int partitions, sites, keys; /* how many of each the identities are drawn from */
        unsigned sites_max;
        int64_t stride;  /* offsets are up to so far apart */
        bool is_limited; /* the memory limit is reached now and then */
};

struct naive {
        bool is_used;
        int site, key, error_code, role; /* -1: absent */
        struct failure facts;            /* without strings */
};

extern struct naive naive[NAIVE_ENTRIES];
extern bool naive_parked[LIMIT_PARTITIONS];
extern struct shape shape;

void naive_init(const struct shape *s, uint64_t seed);
uint64_t draw(uint64_t n); /* below n */

/* A failure of the world; its strings live as long as the program. */
struct identity naive_identity(int site, int key);
struct failure naive_failure(const struct naive *n);
void naive_draw_facts(struct naive *n); /* all but identity and place */
bool naive_draw_place(struct naive *n); /* false: no partition takes anything */
void naive_check_same(const struct naive *n, const struct failure *f);

bool naive_is_shown(const struct naive *n);
struct naive *naive_find(int site, int key); /* that is shown; NULL: none */
struct naive *naive_free_slot(void);
const struct naive *naive_next(const struct failure_page *page, int site, uint64_t from);

struct failure_counts naive_counts(int site, int partition); /* -1: every one */

void naive_drop(int partition);
void naive_note_shadows(const struct naive *n); /* it was put */
bool naive_unpark(int partition);

#endif
