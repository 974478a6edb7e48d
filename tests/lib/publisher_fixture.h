/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_PUBLISHER_FIXTURE_H
#define TESTS_PUBLISHER_FIXTURE_H

#include "kafka_publisher.h"
#include "mock_kafka.h"

/*
 * A publisher on the mock cluster, with its loop. Whatever is waited for fails the test after ten
 * seconds.
 */
#define BATCH_RECORDS 4

extern struct mock_kafka publisher_mock;
extern struct kafka_publisher publisher;
extern uv_loop_t publisher_loop;

void publisher_begin(void); /* once a program; nothing is logged but errors */
void publisher_end(void);
void publisher_start(void); /* once a test: the topics are not known yet */
void publisher_start_usable(void);
void publisher_stop(void);
void publisher_close(void);                   /* publisher_stop() needs not do it then */
void publisher_wait_usable(unsigned readied); /* for the n-th time */

/* One record for the movers, and three for the log: a value and a tombstone in partition 1, an
 * empty value in partition 0. */
struct test_batch {
        struct publish_batch publish;
        struct publish_record records[BATCH_RECORDS];
        struct publish_offset offsets[2];
        bool done;
};

void test_batch_init(struct test_batch *batch);
void test_batch_submit(struct test_batch *batch);
void test_batch_wait(const struct test_batch *batch);
void test_batch_run(struct test_batch *batch); /* init, submit and wait */
struct str test_generation(void);              /* a token such as a group gives */

/* What stands in a partition of the failure log, "key=value key=value ". */
void publisher_check_log(int partition, const char *want);

/* A batch is committed, in the three submits that the core has for it. */
void publisher_check_goes_on(void);

#endif
