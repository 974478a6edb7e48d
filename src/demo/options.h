/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_SRC_DEMO_OPTIONS_H
#define CRR_SRC_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the command line of crr-demo says. Strings live as long as argv. */
#define OPTIONS_MAX_PROPERTIES 32

struct options {
        const char *bootstrap, *failures_topic, *replication_topic;
        uint64_t count, seed;
        double rate;      /* failures a second; 0: as fast as it goes */
        double move_rate; /* retry entries a second; 0: likewise */
        double refail;    /* share of retries that fail again, 0..1 */
        double entries;   /* share of failures that carry an Entry, 0..1 */
        unsigned sites, buckets;
        bool produce, move;
        const char *properties[OPTIONS_MAX_PROPERTIES]; /* "name=value" for librdkafka */
        size_t n_properties;
};

enum options_verdict { OPTIONS_RUN, OPTIONS_EXIT, OPTIONS_WRONG };

/* OPTIONS_EXIT: --help or --version was printed. OPTIONS_WRONG: the reason is on stderr. */
enum options_verdict options_parse(struct options *o, int argc, char **argv);

#endif
