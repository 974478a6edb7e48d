/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/str.h"
#include "generator.h"
#include "objects.h"

#define MAX_RECORDS    UINT64_C(1000000000)
#define MAX_LATENCY_MS 60000

static const char help[] =
        "Usage: crr-demo [OPTION]...\n"
        "Plays a replication pipeline on a Kafka broker: writes failures into the failure log, and acts as the data\n"
        "mover that takes retry entries from the replication topic and reports how they went. Ends at SIGINT or\n"
        "SIGTERM, with --no-mover when the failures are written, unless it serves metadata.\n"
        "\n"
        "  --bootstrap HOST:PORT      broker (127.0.0.1:9092)\n"
        "  --format FORMAT            native; backbeat: see below (native)\n"
        "  --count N                  failures to write (1000)\n"
        "  --rate R                   records a second; 0: as fast as it goes (0)\n"
        "  --seed N                   the same seed makes the same failures (1)\n"
        "  --sites N                  different sites, 1 to 64 (5)\n"
        "  --buckets N                different buckets, 1 to 1000 (8)\n"
        "  --entries SHARE            share of failures that carry an Entry, 0 to 1 (0)\n"
        "  --refail SHARE             share of retries that fail again, 0 to 1 (0.1)\n"
        "  --move-rate R              retry entries a second that the mover takes; 0: all (0)\n"
        "  --no-producer              write no failures\n"
        "  --no-mover                 take no retry entries\n"
        "  --failures-topic NAME      (crr-retry-failures)\n"
        "  --replication-topic NAME   (backbeat-replication)\n"
        "  -X NAME=VALUE              property of librdkafka, repeatable\n"
        "  --help, --version\n"
        "\n"
        "With --format backbeat the failures are those of a Backbeat: failed entries on one topic and, with the object's\n"
        "metadata, queue entries on the status topic, where the data mover writes its outcomes too. Its retry entries are\n"
        "queue entries as the payload mode backbeat publishes them. The failures topic is not touched.\n"
        "\n"
        "  --failed-topic NAME        (backbeat-replication-failed)\n"
        "  --status-topic NAME        (backbeat-replication-status)\n"
        "  --failed-share SHARE       share of failures that a failed entry tells of, not a queue entry, 0 to 1 (0.5)\n"
        "  --roles                    failed entries name the role\n"
        "  --successes N              outcomes of objects that never failed, among the failures (0)\n"
        "  --superseded SHARE         share of objects with a newer version that is replicated, 0 to 1 (0)\n"
        "  --parts N                  parts of each object, 1 to 10000: its metadata has 200 bytes for each (1)\n"
        "  --metadata-listen ADDRESS  HOST:PORT (port 0: any) for GET /_/backbeat/metadata/<bucket>/<key>; none\n"
        "  --metadata-latency MS      of its answers (0)\n"
        "  --metadata-errors SHARE    share of its answers that are 503, 0 to 1 (0)\n";

enum {
        OPTION_BOOTSTRAP = 256,
        OPTION_COUNT,
        OPTION_RATE,
        OPTION_SEED,
        OPTION_SITES,
        OPTION_BUCKETS,
        OPTION_ENTRIES,
        OPTION_REFAIL,
        OPTION_MOVE_RATE,
        OPTION_NO_PRODUCER,
        OPTION_NO_MOVER,
        OPTION_FAILURES,
        OPTION_REPLICATION,
        OPTION_FORMAT,
        OPTION_HELP,
        OPTION_VERSION,
        OPTION_FAILED, /* from here on: of the format backbeat only */
        OPTION_STATUS,
        OPTION_FAILED_SHARE,
        OPTION_ROLES,
        OPTION_SUCCESSES,
        OPTION_SUPERSEDED,
        OPTION_PARTS,
        OPTION_METADATA_LISTEN,
        OPTION_METADATA_LATENCY,
        OPTION_METADATA_ERRORS,
};

static const struct option longs[] = {
        { "bootstrap", required_argument, NULL, OPTION_BOOTSTRAP },
        { "count", required_argument, NULL, OPTION_COUNT },
        { "rate", required_argument, NULL, OPTION_RATE },
        { "seed", required_argument, NULL, OPTION_SEED },
        { "sites", required_argument, NULL, OPTION_SITES },
        { "buckets", required_argument, NULL, OPTION_BUCKETS },
        { "entries", required_argument, NULL, OPTION_ENTRIES },
        { "refail", required_argument, NULL, OPTION_REFAIL },
        { "move-rate", required_argument, NULL, OPTION_MOVE_RATE },
        { "no-producer", no_argument, NULL, OPTION_NO_PRODUCER },
        { "no-mover", no_argument, NULL, OPTION_NO_MOVER },
        { "failures-topic", required_argument, NULL, OPTION_FAILURES },
        { "replication-topic", required_argument, NULL, OPTION_REPLICATION },
        { "format", required_argument, NULL, OPTION_FORMAT },
        { "help", no_argument, NULL, OPTION_HELP },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "failed-topic", required_argument, NULL, OPTION_FAILED },
        { "status-topic", required_argument, NULL, OPTION_STATUS },
        { "failed-share", required_argument, NULL, OPTION_FAILED_SHARE },
        { "roles", no_argument, NULL, OPTION_ROLES },
        { "successes", required_argument, NULL, OPTION_SUCCESSES },
        { "superseded", required_argument, NULL, OPTION_SUPERSEDED },
        { "parts", required_argument, NULL, OPTION_PARTS },
        { "metadata-listen", required_argument, NULL, OPTION_METADATA_LISTEN },
        { "metadata-latency", required_argument, NULL, OPTION_METADATA_LATENCY },
        { "metadata-errors", required_argument, NULL, OPTION_METADATA_ERRORS },
        { 0 },
};

static bool take_count(const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
        unsigned long long value;

        if (!str_to_u64(str_from(optarg), max, &value) || value < min) {
                fprintf(stderr, "crr-demo: --%s %s is not a number from %llu to %llu\n", name,
                        optarg, (unsigned long long)min, (unsigned long long)max);
                return false;
        }
        *ret = value;
        return true;
}

static bool take_unsigned(const char *name, uint64_t max, unsigned *ret)
{
        uint64_t value;

        if (!take_count(name, 1, max, &value))
                return false;
        *ret = (unsigned)value;
        return true;
}

static bool take_double(const char *name, double max, double *ret)
{
        char *end;

        errno = 0;
        *ret = strtod(optarg, &end);
        if (errno == 0 && end != optarg && *end == '\0' && *ret >= 0 && *ret <= max)
                return true;
        fprintf(stderr, "crr-demo: --%s %s is not a number from 0 to %g\n", name, optarg, max);
        return false;
}

static bool take_property(struct options *o)
{
        if (strchr(optarg, '=') == NULL || o->n_properties == OPTIONS_MAX_PROPERTIES) {
                fprintf(stderr, "crr-demo: -X %s is not NAME=VALUE, or one too many\n", optarg);
                return false;
        }
        o->properties[o->n_properties++] = optarg;
        return true;
}

static bool take_number(struct options *o, int option)
{
        switch (option) {
        case OPTION_COUNT:
                return take_count("count", 0, MAX_RECORDS, &o->count);
        case OPTION_SEED:
                return take_count("seed", 0, UINT64_MAX, &o->seed);
        case OPTION_SITES:
                return take_unsigned("sites", GENERATOR_MAX_SITES, &o->sites);
        case OPTION_BUCKETS:
                return take_unsigned("buckets", GENERATOR_MAX_BUCKETS, &o->buckets);
        case OPTION_RATE:
                return take_double("rate", 1e9, &o->rate);
        case OPTION_MOVE_RATE:
                return take_double("move-rate", 1e9, &o->move_rate);
        case OPTION_ENTRIES:
                return take_double("entries", 1, &o->entries);
        default:
                return take_double("refail", 1, &o->refail);
        }
}

static bool take_format(struct options *o)
{
        if (strcmp(optarg, "native") == 0) {
                o->format = OPTIONS_NATIVE;
                return true;
        }
        if (strcmp(optarg, "backbeat") == 0) {
                o->format = OPTIONS_BACKBEAT;
                return true;
        }
        fprintf(stderr, "crr-demo: --format %s is neither native nor backbeat\n", optarg);
        return false;
}

/* An option of the format backbeat. */
static bool take_backbeat(struct options *o, int option)
{
        switch (option) {
        case OPTION_FAILED:
                o->failed_topic = optarg;
                return true;
        case OPTION_STATUS:
                o->status_topic = optarg;
                return true;
        case OPTION_ROLES:
                o->roles = true;
                return true;
        case OPTION_METADATA_LISTEN:
                o->metadata_listen = optarg;
                return true;
        case OPTION_FAILED_SHARE:
                return take_double("failed-share", 1, &o->failed_share);
        case OPTION_SUPERSEDED:
                return take_double("superseded", 1, &o->superseded);
        case OPTION_SUCCESSES:
                return take_count("successes", 0, MAX_RECORDS, &o->successes);
        case OPTION_PARTS:
                return take_count("parts", 1, OBJECT_MAX_PARTS, &o->parts);
        case OPTION_METADATA_LATENCY:
                return take_count("metadata-latency", 0, MAX_LATENCY_MS, &o->metadata_latency_ms);
        default:
                return take_double("metadata-errors", 1, &o->metadata_errors);
        }
}

static bool take(struct options *o, int option)
{
        if (option >= OPTION_FAILED)
                return take_backbeat(o, option);
        switch (option) {
        case OPTION_BOOTSTRAP:
                o->bootstrap = optarg;
                return true;
        case OPTION_FAILURES:
                o->failures_topic = optarg;
                return true;
        case OPTION_REPLICATION:
                o->replication_topic = optarg;
                return true;
        case OPTION_FORMAT:
                return take_format(o);
        case OPTION_NO_PRODUCER:
                o->produce = false;
                return true;
        case OPTION_NO_MOVER:
                o->move = false;
                return true;
        case 'X':
                return take_property(o);
        default:
                return take_number(o, option);
        }
}

static const struct options defaults = {
        .bootstrap = "127.0.0.1:9092",
        .failures_topic = "crr-retry-failures",
        .replication_topic = "backbeat-replication",
        .count = 1000,
        .seed = 1,
        .refail = 0.1,
        .sites = 5,
        .buckets = 8,
        .produce = true,
        .move = true,
        .failed_topic = "backbeat-replication-failed",
        .status_topic = "backbeat-replication-status",
        .failed_share = 0.5,
        .parts = 1,
};

/* What getopt does not see. */
static bool check(const struct options *o, int argc, char **argv, bool of_backbeat)
{
        if (optind < argc) {
                fprintf(stderr, "crr-demo: unexpected argument '%s'; see --help\n", argv[optind]);
                return false;
        }
        if (of_backbeat && o->format != OPTIONS_BACKBEAT) {
                fputs("crr-demo: an option of --format backbeat without it; see --help\n", stderr);
                return false;
        }
        return true;
}

enum options_verdict options_parse(struct options *o, int argc, char **argv)
{
        bool of_backbeat = false;
        int option;

        *o = defaults;
        optind = 1;
        while ((option = getopt_long(argc, argv, "X:", longs, NULL)) != -1) {
                if (option == OPTION_HELP || option == OPTION_VERSION) {
                        fputs(option == OPTION_HELP ? help : "crr-demo " CRR_VERSION "\n", stdout);
                        return OPTIONS_EXIT;
                }
                if (option == '?' || !take(o, option))
                        return OPTIONS_WRONG;
                of_backbeat |= option >= OPTION_FAILED;
        }
        return check(o, argc, argv, of_backbeat) ? OPTIONS_RUN : OPTIONS_WRONG;
}

void options_objects(const struct options *o, struct objects *ret)
{
        *ret = (struct objects){
                .failed = o->count,
                .completed = o->successes,
                .failed_entries = o->failed_share,
                .superseded = o->superseded,
                .parts = (unsigned)o->parts,
        };
        generator_init(&ret->generator, o->seed, o->sites, o->buckets, 0);
}
