/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: sim [--seeds A..B] [--seed S] [--trace] [--last N] [--keep-going] [--without NAME,...]
 *            [--break NAME] [--intake]
 *
 * --seeds A..B   these, one after the other, and before them the rows below (the default
 * is 1..100). The first that fails is played again, with its last events, and ends the run
 * --seed S       this one, with the last N events (--last, 60) if it fails; --trace: all, as they
 *                come
 * --keep-going   a seed that fails does not end the run: each is named with what it found
 * --without      parts of the world, to see what a finding needs: see SIM_FEATURES in sim.h
 * --intake       another world for each seed: foreign records are taken in too
 * --break NAME   break the protocol there (sim_breaks.h): succeeds when a seed finds it
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"
#include "sim_breaks.h"
#include "sim_check.h"
#include "sim_clients.h"
#include "sim_faults.h"
#include "sim_group.h"
#include "sim_intake.h"
#include "sim_log.h"
#include "sim_movers.h"
#include "sim_peers.h"
#include "sim_proc.h"
#include "sim_txn.h"

#define HEAL_MS     90000 /* everything that is open must have ended so long after the last fault */
#define SLOWEST_MS  5000  /* what was on its way at the last fault has arrived */
#define QUIET_MS    1500  /* and nothing may happen for so long then */
#define MEMORY      ((size_t)1 << 30)
#define FIRST_SEEDS 100
#define LAST_LINES  60 /* of a trace */

struct options {
        uint64_t first, last;
        size_t lines;
        bool at_once, keeps_going, with_intake;
        unsigned without;
        enum sim_break breaks;
};

/* Seeds that have found something stay. */
static const uint64_t rows[] = { 3919, 13144, 17839, 51655 };

static char last_words[64];
static bool is_breaking;

/* A WORLD */

static void begin(struct sim *s)
{
        arena_init(&s->arena, MEMORY);
        s->random = s->seed * UINT64_C(0x2545f4914f6cdd1d);
        sim_profile_make(s);
        sim_check_init(s);
        sim_log_init(s);
        sim_txns_init(s);
        sim_group_init(s);
        sim_net_init(s);
        sim_procs_init(s);
        sim_movers_init(s);
        sim_foreign_init(s);
        sim_clients_init(s);
        sim_faults_init(s);
        sim_trace(s, "%d partitions, %d members%s, %d identities, session %lld ms",
                  s->profile.partitions, s->profile.instances,
                  s->profile.is_static ? " (static)" : "", s->profile.identities,
                  (long long)s->profile.session_timeout_ms);
}

static void end(struct sim *s)
{
        sim_procs_deinit(s);
        sim_net_deinit(s);
        sim_log_deinit(s);
        sim_events_deinit(s);
        arena_deinit(&s->arena);
}

static void run_until(struct sim *s, int64_t until_ms)
{
        while (s->now_ms < until_ms && sim_step(s)) {
        }
}

static void settle(struct sim *s)
{
        int64_t until_ms = s->now_ms + HEAL_MS, quiet_since_ms = -1;
        const char *why_not = "";

        run_until(s, s->now_ms + SLOWEST_MS);
        while (quiet_since_ms < 0 || s->now_ms < quiet_since_ms + QUIET_MS) {
                if (s->now_ms >= until_ms)
                        sim_check_trace_members(s);
                if (s->now_ms >= until_ms)
                        sim_fail(s, "%d s after the last fault: %s", HEAL_MS / 1000, why_not);
                run_until(s, s->now_ms + 100);
                if (!sim_check_is_quiet(s, &why_not))
                        quiet_since_ms = -1;
                else if (quiet_since_ms < 0 || s->log->last_write_ms > quiet_since_ms)
                        quiet_since_ms = s->now_ms;
        }
}

/* True: nothing was found. */
static bool run_seed(struct sim *s)
{
        if (setjmp(s->end) != 0)
                return false; /* what the world holds is left to the process's end */
        begin(s);
        run_until(s, s->profile.faults_ms);
        sim_faults_heal(s);
        sim_movers_stop(s);
        sim_foreign_stop(s);
        sim_clients_stop(s);
        settle(s);
        sim_check_end(s);
        end(s);
        return true;
}

/* SEEDS */

static void add_stats(struct sim_stats *sum, const struct sim_stats *one)
{
        sum->pages += one->pages;
        sum->gets += one->gets;
        sum->retries += one->retries;
        sum->published += one->published;
        sum->unavailable += one->unavailable;
        sum->timeouts += one->timeouts;
        sum->takeovers += one->takeovers;
        sum->records += one->records;
        sum->kills += one->kills;
        sum->taken_in += one->taken_in;
}

static void print_sum(uint64_t seeds, uint64_t failed, const struct sim_stats *sum, clock_t began,
                      uint64_t virtual_ms)
{
        double seconds = (double)(clock() - began) / CLOCKS_PER_SEC;

        printf("%" PRIu64 " seeds, %" PRIu64 " failed; %.1f s of CPU, %.1f seeds/s, %.0f s of "
               "virtual time a seed\n",
               seeds, failed, seconds, (double)seeds / seconds,
               (double)virtual_ms / 1000.0 / (double)seeds);
        printf("%u pages, %u objects, %u retries, %u entries published, %u times 503, %u times 504, "
               "%u partitions made ready, %u records read, %u processes ended, %u foreign records "
               "taken in\n",
               sum->pages, sum->gets, sum->retries, sum->published, sum->unavailable, sum->timeouts,
               sum->takeovers, sum->records, sum->kills, sum->taken_in);
}

struct sums {
        struct sim_stats stats;
        uint64_t failed, seeds, virtual_ms;
};

static bool play(const struct options *o, uint64_t seed, size_t lines, struct sums *sums)
{
        struct sim *s = calloc(1, sizeof *s);

        if (s == NULL)
                abort();
        s->seed = seed;
        snprintf(last_words, sizeof last_words, "seed %" PRIu64 " ends the process\n", seed);
        s->without = o->without;
        s->has_intake = o->with_intake;
        sim_trace_begin(s, lines, o->at_once);
        sums->seeds++;
        if (run_seed(s)) {
                add_stats(&sums->stats, &s->stats);
                sums->virtual_ms += (uint64_t)s->now_ms;
                free(s);
                return true;
        }
        sums->failed++;
        sim_trace_print();
        printf("seed %" PRIu64 ": %s\n", seed, s->finding);
        fflush(stdout);
        return false;
}

/* False: no more. */
static bool play_one_of(const struct options *o, uint64_t seed, struct sums *sums)
{
        struct sums again = { 0 };

        if (play(o, seed, o->lines, sums) || o->keeps_going)
                return true;
        if (o->lines == 0 && o->breaks == SIM_BREAK_NOTHING)
                play(o, seed, LAST_LINES, &again);
        return false;
}

static void play_all(const struct options *o, struct sums *sums)
{
        bool with_rows = o->last > o->first && o->breaks == SIM_BREAK_NOTHING && !o->with_intake;

        for (size_t i = 0; with_rows && i < sizeof rows / sizeof *rows; i++)
                if (!play_one_of(o, rows[i], sums))
                        return;
        for (uint64_t seed = o->first; seed <= o->last; seed++)
                if (!play_one_of(o, seed, sums))
                        return;
}

static bool run(const struct options *o)
{
        struct sums sums = { 0 };
        clock_t began = clock();

        play_all(o, &sums);
        print_sum(sums.seeds, sums.failed, &sums.stats, began, sums.virtual_ms);
        fflush(stdout);
        return (sums.failed > 0) == is_breaking;
}

/* THE COMMAND LINE */

static unsigned parse_without(const char *names)
{
        static const char *const features[] = {
#define X(id, name) name,
                SIM_FEATURES(X)
#undef X
        };
        unsigned set = 0;

        for (unsigned i = 0; i < SIM_FEATURE_COUNT; i++)
                if (strstr(names, features[i]) != NULL)
                        set |= 1u << i;
        return set;
}

static bool parse_range(const char *text, struct options *o)
{
        char *end;

        o->first = strtoull(text, &end, 10);
        if (end == text || strncmp(end, "..", 2) != 0)
                return false;
        text = end + 2;
        o->last = strtoull(text, &end, 10);
        return end != text && *end == '\0';
}

static bool parse(int argc, char **argv, struct options *o)
{
        for (int i = 1; i < argc; i++) {
                const char *value = i + 1 < argc ? argv[i + 1] : "";

                if (strcmp(argv[i], "--trace") == 0) {
                        o->at_once = true;
                        continue;
                }
                if (strcmp(argv[i], "--intake") == 0) {
                        o->with_intake = true;
                        continue;
                }
                if (strcmp(argv[i], "--keep-going") == 0) {
                        o->keeps_going = true;
                        continue;
                }
                i++;
                if (strcmp(argv[i - 1], "--seeds") == 0) {
                        if (!parse_range(value, o))
                                return false;
                } else if (strcmp(argv[i - 1], "--seed") == 0) {
                        o->first = o->last = strtoull(value, NULL, 10);
                        o->lines = o->lines == 0 ? LAST_LINES : o->lines;
                } else if (strcmp(argv[i - 1], "--last") == 0) {
                        o->lines = strtoul(value, NULL, 10);
                } else if (strcmp(argv[i - 1], "--without") == 0) {
                        o->without = parse_without(value);
                } else if (strcmp(argv[i - 1], "--break") == 0) {
                        o->breaks = sim_break_of(value);
                        if (o->breaks == SIM_BREAK_NOTHING)
                                return false;
                } else {
                        return false;
                }
        }
        return true;
}

/* An assertion of the core, or the sanitizer, ends the process: the seed must be said. */
static void say_seed(void)
{
        if (write(STDOUT_FILENO, last_words, strlen(last_words)) < 0)
                _exit(1);
}

/* What was broken on purpose may end the process too: it is found. */
static void on_abort(int number)
{
        say_seed();
        if (is_breaking)
                _exit(0);
        signal(number, SIG_DFL);
        raise(number);
}

void __asan_on_error(void);
void __asan_on_error(void)
{
        say_seed();
        if (is_breaking)
                _exit(0);
}

int main(int argc, char **argv)
{
        struct options o = { .first = 1, .last = FIRST_SEEDS };
        bool is_good;

        if (!parse(argc, argv, &o)) {
                fputs("usage: sim [--seeds A..B] [--seed S] [--trace] [--last N] [--keep-going] "
                      "[--without NAME,...] [--break NAME] [--intake]\n",
                      stderr);
                return 2;
        }
        is_breaking = o.breaks != SIM_BREAK_NOTHING;
        sim_break(o.breaks);
        signal(SIGABRT, on_abort);
        signal(SIGSEGV, on_abort);
        is_good = run(&o);
        if (!is_good || is_breaking)
                _exit(!is_good); /* a seed that failed has left its world */
        return 0;
}
