/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_OPTIONS_H
#define CRR_SRC_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command line of crr-demo says. Strings live as long as argv. */
#define OPTIONS_MAX_PROPERTIES 32

enum options_format { OPTIONS_NATIVE, OPTIONS_BACKBEAT };

struct options {
        enum options_format format;
        const char *bootstrap, *failures_topic, *replication_topic;
        uint64_t count, seed;
        double rate;      /* records a second; 0: as fast as it goes */
        double move_rate; /* retry entries a second; 0: likewise */
        double refail;    /* share of retries that fail again, 0..1 */
        double entries;   /* share of failures that carry an Entry, 0..1 */
        unsigned sites, buckets;
        bool produce, move;

        /* Format backbeat only: */
        const char *failed_topic, *status_topic;
        double failed_share; /* of failures: a failed entry tells of it, 0..1 */
        uint64_t parts;      /* of each object */
        double superseded;   /* share of objects with a newer version, 0..1 */
        uint64_t successes;  /* outcomes of objects that never failed */
        bool roles;
        const char *metadata_listen; /* "host:port"; NULL: no metadata server */
        uint64_t metadata_latency_ms;
        double metadata_errors; /* share of its answers, 0..1 */

        const char *properties[OPTIONS_MAX_PROPERTIES]; /* "name=value" for librdkafka */
        size_t n_properties;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_EXIT, OPTIONS_WRONG };

/* OPTIONS_EXIT: --help or --version was printed. OPTIONS_WRONG: the reason is on stderr. */
enum options_verdict options_parse(struct options *o, int argc, char **argv);

/* The objects of the played Backbeat. */
struct objects;
void options_objects(const struct options *o, struct objects *ret);

#endif
