/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "crr/base/arena.h"
#include "crr/base/str.h"

/*
 * The simulation: a group of members (the real core, each with its door), a Kafka, a network,
 * movers and clients, in one process and in virtual time. Everything that happens is an event; a
 * seed says in which order and after which delay, so a seed is a history.
 *
 * Ownership  Whatever an event or a record points to lies in the simulation's arena, and dies with
 *            it.
 * Units      Times in ms of virtual time. 0 is the beginning.
 * Errors     sim_fail() ends the seed: what it says is the finding.
 */
#define SIM_PARTITIONS 8                              /* at most */
#define SIM_FOREIGN    3                              /* partitions of the intake's topic */
#define SIM_OFFSETS    (SIM_PARTITIONS + SIM_FOREIGN) /* of the two groups, the intake's last */
#define SIM_INSTANCES  4                              /* members that can be there at once */
#define SIM_IDENTITIES 32                             /* at most */
#define SIM_WALL_START INT64_C(1780000000000)

struct sim;
struct sim_proc;
struct sim_event;

typedef void sim_fire_fn(struct sim *s, struct sim_event *e);

enum sim_lane {
        LANE_WORLD,  /* brokers, network, clients: it happens whatever the process does */
        LANE_THREAD, /* a thread of the process beside the loop: waits while it is stopped */
        LANE_LOOP,   /* its loop: waits also while that alone stands still */
};

struct sim_event {
        int64_t at_ms;
        uint64_t seq;
        enum sim_lane lane;
        struct sim_proc *proc; /* LANE_WORLD: may be NULL. Otherwise it dies with the process */
        sim_fire_fn *fire;
        int64_t a, b, c; /* the event's own, as p */
        void *p;
        struct sim_event *next;
};

struct sim_event_list {
        struct sim_event *head, **end;
};

/* What this seed's world is like. */
struct sim_profile {
        int partitions, instances, identities, sites;
        bool is_static;      /* the members have a group.instance.id */
        bool keeps_entries;  /* retry.payload is `entry` */
        bool closes_expired; /* retry.pending_expiry is `close` */
        bool loses_outcomes; /* movers forget retries now and then, which expire */
        bool misplaces, grows, compacts, transacts, retries_by_force;
        bool takes_in; /* half of what movers say comes by intakes, and some of it late */
        int64_t pending_ttl_ms, session_timeout_ms, transaction_timeout_ms;
        int64_t request_timeout_ms, peer_timeout_ms;
        int64_t faults_ms;                     /* so long there are faults */
        unsigned fault_every_ms;               /* mean */
        unsigned slow_permille, lost_permille; /* answers */
        unsigned thread_permille;    /* batches for which the transaction thread stands still */
        unsigned interrupt_permille; /* a fault in the middle of what a process does */
};

/* Parts of the world that a run can be without: names on the command line. */
#define SIM_FEATURES(X)             \
        X(MISPLACING, "misplacing") \
        X(GROWTH, "growth")         \
        X(COMPACTION, "compaction") \
        X(ENTRIES, "entries")       \
        X(EXPIRY, "expiry")         \
        X(FORCE, "force")           \
        X(KILLS, "kills")           \
        X(PAUSES, "pauses")         \
        X(OUTAGES, "outages")       \
        X(REBALANCES, "rebalances") \
        X(NETWORK, "network")       \
        X(TROUBLE, "trouble")       \
        X(STATIC, "static")         \
        X(LOSSES, "losses")

enum sim_feature {
#define X(id, name) SIM_##id,
        SIM_FEATURES(X)
#undef X
                SIM_FEATURE_COUNT
};

/* What was done, for the sum at the end. */
struct sim_stats {
        unsigned pages, gets, retries, published, unavailable, timeouts, takeovers, records, kills;
        unsigned taken_in;
};

struct sim {
        uint64_t seed, random;
        unsigned without; /* bit per feature */
        bool has_intake;
        int64_t now_ms;
        uint64_t seq, steps;
        struct sim_event **heap;
        size_t n_heap, heap_capacity;
        struct sim_event *free_events;
        struct arena arena;
        struct sim_profile profile;
        bool is_healing; /* no faults any more: what is open must end */

        struct sim_log *log;
        struct sim_txns *txns;
        struct sim_group *group;
        struct sim_procs *procs;
        struct sim_net *net;
        struct sim_movers *movers;
        struct sim_foreign *foreign; /* NULL: there is no intake */
        struct sim_clients *clients;
        struct sim_check *check;
        int64_t broker_up_ms, coordinator_up_ms; /* away until then */

        struct sim_stats stats;
        bool traces;
        jmp_buf end;
        char finding[512];
};

/* sim_events.c */
uint64_t sim_random(struct sim *s);
unsigned sim_below(struct sim *s, unsigned n);                 /* 0 .. n - 1; 0 for n 0 */
int64_t sim_between(struct sim *s, int64_t low, int64_t high); /* both included */
bool sim_chance(struct sim *s, unsigned permille);
bool sim_is_with(const struct sim *s, enum sim_feature feature);
int64_t sim_latency(struct sim *s);       /* of one way between two machines */
void *sim_alloc(struct sim *s, size_t n); /* zeroed */
struct str sim_text(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str sim_copy(struct sim *s, struct str text);

/* The event's own fields are zero: set them before the next step. */
struct sim_event *sim_at(struct sim *s, int64_t at_ms, enum sim_lane lane, struct sim_proc *proc,
                         sim_fire_fn *fire);
struct sim_event *sim_in(struct sim *s, int64_t ms, enum sim_lane lane, struct sim_proc *proc,
                         sim_fire_fn *fire);
/* Kafka: a request of a process on its way there, and an answer on its way back, to a thread or to
 * the loop. While the process is cut off from Kafka both wait in the network. */
struct sim_event *sim_request(struct sim *s, int64_t after_ms, struct sim_proc *proc,
                              sim_fire_fn *arrives);
struct sim_event *sim_heartbeat(struct sim *s, struct sim_proc *proc, sim_fire_fn *arrives);
struct sim_event *sim_answer(struct sim *s, enum sim_lane lane, struct sim_proc *proc,
                             sim_fire_fn *fire);
void sim_events_again(struct sim *s, struct sim_event_list *list, int64_t at_ms,
                      enum sim_lane lane);                                 /* those of this lane */
void sim_event_put_off(struct sim *s, struct sim_event *e, int64_t at_ms); /* that fires now */
void sim_list_append(struct sim_event_list *list, struct sim_event *e);
bool sim_step(struct sim *s); /* false: nothing is to happen any more */
void sim_events_deinit(struct sim *s);

/* sim_trace.c */
void sim_trace(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void sim_fail(struct sim *s, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void sim_trace_begin(struct sim *s, size_t lines, bool at_once);
void sim_trace_print(void);

#endif
