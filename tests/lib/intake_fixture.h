/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_INTAKE_FIXTURE_H
#define TESTS_INTAKE_FIXTURE_H

#include "check.h"
#include "crr/core/intake.h"
#include "fake_door.h"
#include "fake_source.h"

/*
 * An intake in virtual time: its door, its source and its publisher are fakes. Batches are filled
 * by the test and submitted; the publisher keeps what it is given until the test says what came of
 * it.
 */
#define FAILED(key) "{\"key\":\"bb:crr:failed:s:0\",\"member\":\"b:" key ":v\",\"score\":1000}"
#define METADATA(what)                                                         \
        "{\\\"replicationInfo\\\":{\\\"backends\\\":[{\\\"site\\\":\\\"s\\\"," \
        "\\\"status\\\":\\\"" what "\\\"}]}}"
#define OUTCOME(key, what)     "{\"bucket\":\"b\",\"key\":\"" key "\",\"value\":\"" METADATA(what) "\"}"

#define INTAKE_FIXTURE_BATCHES 10

struct intake_fixture {
        struct intake_config config;
        struct intake_writer *writer;
        struct intake *intake;
        struct retry_service *door;
        struct fake_source *source;
        struct metrics *metrics;
        int64_t now_ms, offset;

        struct publisher publisher;
        struct publish_batch *batch; /* the publisher has it */
        unsigned submits;

        enum intake_end ends[INTAKE_FIXTURE_BATCHES]; /* of batches that are over */
        size_t n_over;
};
extern struct intake_fixture fixture;

void fixture_begin(bool completes); /* completes: there is a source */
void fixture_end(void);

struct intake_batch *fixture_batch(unsigned epoch);
void fixture_add(struct intake_batch *batch, size_t topic, const char *value);
void fixture_submit(struct intake_batch *batch); /* and fixture_run() */
void fixture_submit_one(size_t topic, const char *value);
void fixture_run(void); /* until nothing moves */
void fixture_advance(int64_t ms);
void fixture_answer(enum publish_outcome outcome);

int fixture_counted(const char *topic, const char *what); /* records_total */
int fixture_rejected(const char *topic, const char *cause);
void fixture_check_records(size_t n); /* that the publisher has */
void fixture_check_value_has(size_t record, const char *text);
void fixture_check_time(size_t record, const char *ms); /* that it has with it */

#endif
