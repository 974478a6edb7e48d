/* SPDX-License-Identifier: Apache-2.0 */
#include "peers_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

#define TIMEOUT_MS 2000

static void on_ask(struct peers *self, struct peer_call *call)
{
        struct peers_fixture *f = call->work = (char *)self - offsetof(struct peers_fixture, port);

        CHECK(f->n < PEERS_FIXTURE_CALLS);
        f->calls[f->n++] = call;
}

static void on_cancel(struct peers *self, struct peer_call *call)
{
        struct peers_fixture *f = call->work;

        call->result = f->sends_nothing ? PEER_UNREACHED : PEER_LOST;
        for (size_t i = 0; i < f->n; i++)
                if (f->calls[i] == call)
                        f->calls[i] = NULL;
}

void peers_fixture_claim(struct peers_fixture *f, int partition, const char *text)
{
        free(f->world.claims[partition]);
        f->world.claims[partition] = text != NULL ? strdup(text) : NULL;
}

void peers_fixture_start(struct peers_fixture *f, const char *of_1, const char *of_2)
{
        struct world *w = &f->world;

        world_init(w, 3);
        world_start(w);
        world_advance(w, 200);
        memset(f->calls, 0, sizeof f->calls);
        f->n = 0;
        f->sends_nothing = false;
        f->port = (struct peers){ on_ask, on_cancel };
        retry_service_free(w->door);
        w->door = retry_service_new(w->member, &f->port, TIMEOUT_MS);
        world_revoke(w, 1);
        world_revoke(w, 2);
        peers_fixture_claim(f, 1, of_1);
        peers_fixture_claim(f, 2, of_2);
        world_advance(w, 2500);
}

void peers_fixture_answer(struct peers_fixture *f, size_t i, enum peer_result result)
{
        struct peer_call *call;

        CHECK(i < f->n && f->calls[i] != NULL);
        call = f->calls[i];
        f->calls[i] = NULL;
        call->result = result;
        call->is_silent = result == PEER_LOST;
        call->known_below = UINT64_MAX;
        call->done(call);
        world_advance(&f->world, 200);
}

void peers_fixture_answer_retry(struct peers_fixture *f, size_t i, enum retry_result result)
{
        CHECK(i < f->n && f->calls[i] != NULL);
        for (size_t k = 0; k < f->calls[i]->n_entries; k++)
                f->calls[i]->entries[k]->result = result;
        peers_fixture_answer(f, i, PEER_ANSWERED);
}

int peers_fixture_asked_for(const struct peers_fixture *f, size_t i)
{
        int partitions = 0;

        CHECK(i < f->n && f->calls[i] != NULL);
        for (int p = 0; p < f->world.n_partitions; p++)
                partitions |= partition_set_has(&f->calls[i]->partitions, p) << p;
        return partitions;
}

const char *peers_fixture_key_of(struct peers_fixture *f, int partition)
{
        static char key[8];

        for (int i = 0; i < 100; i++) {
                snprintf(key, sizeof key, "k%d", i);
                if (world_home(&f->world, "b", key, "v", "s") == partition)
                        return key;
        }
        abort();
}

void peers_fixture_add(struct peers_fixture *f, struct world_retry *r, int partition)
{
        static char keys[3][8];

        snprintf(keys[partition], sizeof keys[partition], "%s", peers_fixture_key_of(f, partition));
        world_retry_add(r, "b", keys[partition], "v", "s", false);
}
