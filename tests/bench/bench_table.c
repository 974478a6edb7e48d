/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failure table against what this machine can do at all; see README.md.
 *
 *   bench_table [--entries N] [--partitions N] [--rounds N] [--runs N] [--only PART] [--check]
 *
 * --check: exit 1 when a goal is missed (release build, a quiet machine).
 * --only speed: what is repeated in rounds; --only sizes: what is measured once.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table_meter.h"
#include "table_phases.h"

#define ROUNDS_MAX 15
#define RUNS_MAX   16

/* X(id, what, goal at 1 M entries, goal at 10 M): of the rounds first, then what is measured once.
 */
#define GOALS(X)                                                            \
        X(FIND_HIT, "find, hit / pointer chase", 3.5, 3.5)                  \
        X(FIND_MISS, "find, miss / pointer chase", 2, 2)                    \
        X(PUT_NEW, "put, new, batched / pointer chase", 1.25, 1.25)         \
        X(REMOVE, "remove, batched / pointer chase", 2.5, 2.5)              \
        X(PAGE, "page of 1,000 / reading its bytes in a row", 8, 8)         \
        X(PAGE_HALF, "  50 % removed", 8, 8)                                \
        X(PAGE_SPARSE, "  95 % removed", 8, 8)                              \
        X(FRESH, "bytes an entry above key and version, fresh", 62, 58)     \
        X(CHURNED, "after 4 x turnover / fresh", 1.25, 1.25)                \
        X(TRIMMED, "after 95 % removed and idle trim / fresh", 0.15, 0.15)  \
        X(ACCOUNTING, "|own accounting / resident memory - 1|", 0.03, 0.03) \
        X(WORST_PUT, "longest put, us", 1000, 1000)                         \
        X(WORST_REMOVE, "longest remove, us", 1000, 1000)                   \
        X(HUNDRED_M, "100 M entries after churn, GiB, by this run's bytes an entry", 24, 24)

enum goal {
#define X(id, what, small, large) GOAL_##id,
        GOALS(X)
#undef X
                GOAL_N,
        GOAL_ROUNDS_END = GOAL_FRESH,
};

static const struct {
        const char *what;
        double small, large;
} goals[GOAL_N] = {
#define X(id, what, small, large) { what, small, large },
        GOALS(X)
#undef X
};

static const char *const speed_names[SPEED_N] = {
#define X(id, text) text,
        SPEEDS(X)
#undef X
};

static const char *const size_names[SIZE_N] = {
#define X(id, text) text,
        SIZES(X)
#undef X
};

struct outcome {
        unsigned rounds;
        const char *only; /* NULL: everything */
        double chase[ROUNDS_MAX], stream[ROUNDS_MAX];
        double speed[SPEED_N][ROUNDS_MAX], goal[GOAL_N][ROUNDS_MAX];
        double path[PATH_N][ROUNDS_MAX];
        double size[SIZE_N], worst[WORST_N];
};

/* ONE ROUND: the machine is measured before and after, and the mean is what a goal is held
 * against. */

static void take_round(struct bench *b, struct outcome *o, unsigned i)
{
        double before = meter_pointer_chase_ns(), speed[SPEED_N], path[PATH_N], page;

        o->stream[i] = meter_stream_rate();
        meter_run_apart(phase_speed, b, speed, SPEED_N);
        meter_run_apart(phase_path, b, path, PATH_N);
        o->chase[i] = (before + meter_pointer_chase_ns()) / 2;
        for (int s = 0; s < SPEED_N; s++)
                o->speed[s][i] = speed[s];
        for (int p = 0; p < PATH_N; p++)
                o->path[p][i] = path[p];
        o->goal[GOAL_FIND_HIT][i] = speed[SPEED_FIND_HIT] / o->chase[i];
        o->goal[GOAL_FIND_MISS][i] = speed[SPEED_FIND_MISS] / o->chase[i];
        o->goal[GOAL_PUT_NEW][i] = speed[SPEED_PUT_NEW] / o->chase[i];
        o->goal[GOAL_REMOVE][i] = speed[SPEED_REMOVE] / o->chase[i];
        page = speed[SPEED_PAGE_BYTES] / o->stream[i] / 1e3;
        o->goal[GOAL_PAGE][i] = speed[SPEED_PAGE_FULL] / page;
        o->goal[GOAL_PAGE_HALF][i] = speed[SPEED_PAGE_HALF] / page;
        o->goal[GOAL_PAGE_SPARSE][i] = speed[SPEED_PAGE_SPARSE] / page;
}

static double deviation(const double *size, enum size own, enum size resident)
{
        return fabs(size[own] / size[resident] - 1);
}

/* What does not depend on the machine's speed is measured once. */
static void take_sizes(struct bench *b, struct outcome *o)
{
        const double *size = o->size;

        meter_run_apart(phase_memory, b, o->size, SIZE_N);
        phase_worst(b, o->worst);
        for (unsigned i = 0; i < o->rounds; i++) {
                o->goal[GOAL_FRESH][i] = size[SIZE_FRESH] - size[SIZE_LEAST];
                o->goal[GOAL_CHURNED][i] = size[SIZE_CHURNED] / size[SIZE_FRESH];
                o->goal[GOAL_TRIMMED][i] = size[SIZE_TRIMMED];
                o->goal[GOAL_ACCOUNTING][i] =
                        fmax(deviation(size, SIZE_FRESH, SIZE_FRESH_RESIDENT),
                             deviation(size, SIZE_CHURNED, SIZE_CHURNED_RESIDENT));
                o->goal[GOAL_WORST_PUT][i] = o->worst[WORST_PUT];
                o->goal[GOAL_WORST_REMOVE][i] = o->worst[WORST_REMOVE];
                o->goal[GOAL_HUNDRED_M][i] = size[SIZE_CHURNED] * 1e8 / (1 << 30);
        }
}

/* PRINTING */

static void print_row(const char *what, double *values, unsigned n)
{
        double median = meter_median(values, n); /* sorts */

        printf("  %-52s %10.1f  (%.1f - %.1f)\n", what, median, values[0], values[n - 1]);
}

static void print_speed(struct outcome *o)
{
        printf("this machine\n");
        print_row("pointer chase over 1 GiB, ns", o->chase, o->rounds);
        for (unsigned i = 0; i < o->rounds; i++)
                o->stream[i] *= 1e3;
        print_row("reading in a row, MB/s", o->stream, o->rounds);
        printf("operations, ns of CPU (median; least - most of the rounds)\n");
        for (int s = 0; s < SPEED_N; s++)
                print_row(speed_names[s], o->speed[s], o->rounds);
        print_row("record of 400 bytes, bytes to table, batches of 16", o->path[PATH_BATCHED],
                  o->rounds);
        print_row("  one at a time", o->path[PATH_SINGLE], o->rounds);
}

static void print_sizes(const struct outcome *o)
{
        printf("memory\n");
        for (int s = 0; s < SIZE_N; s++)
                printf("  %-52s %10.2f\n", size_names[s], o->size[s]);
        printf("longest operation, us\n");
        printf("  %-52s %10.1f\n  %-52s %10.1f\n", "put, with the scheduler's noise",
               o->worst[WORST_PUT_RAW], "remove, with the scheduler's noise",
               o->worst[WORST_REMOVE_RAW]);
}

static bool takes(const struct outcome *o, const char *part)
{
        return o->only == NULL || strcmp(o->only, part) == 0;
}

/* True: every goal is met. */
static bool print_goals(struct outcome *o, bool is_large)
{
        int first = takes(o, "speed") ? 0 : GOAL_ROUNDS_END;
        int end = takes(o, "sizes") ? GOAL_N : GOAL_ROUNDS_END;
        bool met = true;

        printf("goals                                                  measured        goal\n");
        for (int g = first; g < end; g++) {
                double goal = is_large ? goals[g].large : goals[g].small;
                double value = meter_median(o->goal[g], o->rounds);

                printf("  %-56s %8.3f  <= %6g  %s\n", goals[g].what, value, goal,
                       value <= goal ? "met" : "MISSED");
                met &= value <= goal;
        }
        return met;
}

static unsigned long long number(const char *text, unsigned long long least,
                                 unsigned long long most)
{
        char *end;
        unsigned long long n = strtoull(text, &end, 10);

        if (*end != '\0' || n < least || n > most) {
                fprintf(stderr, "bench_table: %s is not a number of %llu to %llu\n", text, least,
                        most);
                exit(2);
        }
        return n;
}

static const char *part(const char *text)
{
        if (strcmp(text, "speed") != 0 && strcmp(text, "sizes") != 0) {
                fprintf(stderr, "bench_table: %s is neither speed nor sizes\n", text);
                exit(2);
        }
        return text;
}

static bool parse(int argc, char **argv, struct bench *b, struct outcome *o)
{
        bool check = false;

        for (int i = 1; i < argc; i++) {
                const char *value = i + 1 < argc ? argv[i + 1] : "";

                if (strcmp(argv[i], "--check") == 0) {
                        check = true;
                        continue;
                }
                if (strcmp(argv[i], "--entries") == 0)
                        b->entries = number(value, 10000, UINT64_C(1) << 30);
                else if (strcmp(argv[i], "--partitions") == 0)
                        b->partitions = (int)number(value, 1, 1024);
                else if (strcmp(argv[i], "--rounds") == 0)
                        o->rounds = (unsigned)number(value, 1, ROUNDS_MAX);
                else if (strcmp(argv[i], "--runs") == 0)
                        b->runs = (unsigned)number(value, 1, RUNS_MAX);
                else if (strcmp(argv[i], "--only") == 0)
                        o->only = part(value);
                else
                        number(argv[i], 1, 0);
                i++;
        }
        return check;
}

int main(int argc, char **argv)
{
        static struct outcome o = { .rounds = 3 };
        struct bench b = { .entries = 1000000, .partitions = 64, .runs = 5 };
        bool check = parse(argc, argv, &b, &o), met;

        printf("%llu entries, %d partitions, %u rounds\n", (unsigned long long)b.entries,
               b.partitions, o.rounds);
        if (takes(&o, "speed")) {
                for (unsigned i = 0; i < o.rounds; i++)
                        take_round(&b, &o, i);
                print_speed(&o);
        }
        if (takes(&o, "sizes")) {
                take_sizes(&b, &o);
                print_sizes(&o);
        }
        met = print_goals(&o, b.entries >= 10000000);
        return check && !met ? 1 : 0;
}
