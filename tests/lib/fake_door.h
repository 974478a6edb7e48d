/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_DOOR_H
#define TESTS_FAKE_DOOR_H

#include "crr/core/retry_service.h"

/*
 * The one door over a plain array of failures, for tests of dialects. It stands in for
 * core/retry_service.c; every request is completed by retry_service_work(), never before.
 */
#define FAKE_DOOR_FAILURES 2048

struct retry_service {
        /* Set by the test. */
        struct failure failures[FAKE_DOOR_FAILURES]; /* in order of position */
        size_t n;
        int partitions;
        struct partition_set missing;
        struct error fail;    /* code set: every request ends with it */
        bool leaves_out_last; /* the last entry of a retry, before it fails: a duplicate */
        unsigned retry_after_s;

        /* What the last request asked for. */
        struct list_request list_seen;
        struct retry_request retry_seen;
        struct retry_entry first_entry_seen;
        char traceparent_seen[512];
        unsigned calls;

        struct list_request *lists;
        struct get_request *gets;
        struct retry_request *retries;
        struct cluster_request *clusters;
        struct know_request *knows;
};

struct retry_service *fake_door_new(int partitions);
/* A FAILED entry that stands at (partition, offset); what is not given is unknown. Strings are
 * borrowed. The caller may set more of it. */
struct failure *fake_door_add(struct retry_service *s, int partition, int64_t offset,
                              const char *bucket, const char *key, const char *version_id,
                              const char *site);

#endif
