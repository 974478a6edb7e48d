/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#include <stdlib.h>
#include <string.h>

#include "claim.h"
#include "crr/base/limits.h"

#define ASK_AGAIN_MS 100 /* at most so often, whoever wants it */

void cluster_init(struct cluster *c)
{
        *c = (struct cluster){ .due_ms = INT64_MIN };
        c->owners = calloc(LIMIT_PARTITIONS, sizeof *c->owners);
        if (c->owners == NULL)
                abort();
        c->asked_ms = INT64_MIN / 2;
}

static void forget(struct owner *o)
{
        free(o->text);
        *o = (struct owner){ 0 };
}

void cluster_deinit(struct cluster *c)
{
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                forget(&c->owners[p]);
        free(c->owners);
}

uint64_t cluster_want(struct cluster *c)
{
        c->wanted = c->asked + 1;
        return c->wanted;
}

bool cluster_is_wanted(const struct cluster *c)
{
        return c->wanted > c->asked || c->is_out;
}

void cluster_tick(struct cluster *c, struct group *group, int64_t now_ms)
{
        bool is_wanted = c->wanted > c->asked && now_ms >= c->asked_ms + ASK_AGAIN_MS;

        if (c->is_out || (!is_wanted && now_ms < c->due_ms))
                return;
        c->is_out = true;
        c->asked++;
        c->asked_ms = now_ms;
        c->due_ms = now_ms + CLUSTER_READ_EVERY_MS;
        group->query_registry(group);
}

/* Strings that live as long as the owner: the claim is copied, and parsed where it lies. */
static void take_row(struct owner *o, const struct registry_row *row)
{
        struct claim claim;
        char *text;

        if (o->text != NULL && str_eq(row->metadata, str_from(o->text)))
                return;
        forget(o);
        if (row->metadata.len > CLAIM_LIMIT || !claim_parse(row->metadata, &claim))
                return;
        text = calloc(1, row->metadata.len + 1);
        if (text == NULL)
                abort();
        memcpy(text, row->metadata.base, row->metadata.len);
        claim_parse((struct str){ text, row->metadata.len }, &claim);
        *o = (struct owner){
                .text = text,
                .url = claim.url,
                .member_id = claim.member_id,
                .transactional_id = claim.transactional_id,
                .version = claim.version,
                .epoch = claim.epoch,
        };
}

void cluster_on_registry(struct cluster *c, const struct registry_row *rows, size_t n,
                         int64_t now_ms)
{
        c->is_out = false;
        if (rows == NULL) {
                c->wanted = c->asked + 1; /* whoever waits still does */
                c->due_ms = now_ms + ASK_AGAIN_MS;
                return;
        }
        c->granted = c->asked;
        for (size_t i = 0; i < n; i++)
                if (rows[i].partition >= 0 && rows[i].partition < LIMIT_PARTITIONS)
                        take_row(&c->owners[rows[i].partition], &rows[i]);
}

const struct owner *cluster_owner(const struct cluster *c, int partition)
{
        return c->owners[partition].text != NULL ? &c->owners[partition] : NULL;
}
