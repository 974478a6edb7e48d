/* SPDX-License-Identifier: Apache-2.0 */
#include "../../src/kafka/kafka_anchors.h"
#include "check.h"
#include "crr/base/error.h"

#define LOG_RECORDS 10

/* A log reader over one log for every partition; records are told apart by their time alone. */
static struct log_reader reader;
static struct log_read *out;
static unsigned reads;
static int64_t times[LOG_RECORDS]; /* by offset; 0: gone */

static struct kafka_anchors anchors;
static int others, other_partition;

/* Read now; told by answer(). */
static void fake_read(struct log_reader *self, struct log_read *read)
{
        CHECK(self == &reader && out == NULL);
        out = read;
        reads++;
        for (size_t i = 0; i < read->n; i++) {
                struct log_read_item *item = &read->items[i];

                item->found = times[item->offset] != 0;
                item->left = false;
                item->timestamp_ms = times[item->offset];
                item->key = STR("key");
                item->value = STR_ABSENT;
        }
}

static void answer(bool fails)
{
        struct log_read *read = out;
        struct error err;

        CHECK(read != NULL);
        out = NULL;
        error_set(&err, ERR_UNAVAILABLE, "as told");
        read->done(read, fails ? &err : NULL);
}

static void check(void)
{
        kafka_anchors_check(&anchors);
        while (out != NULL)
                answer(false);
}

static void on_other_log(void *data, int partition)
{
        (void)data;
        others++;
        other_partition = partition;
}

static void begin(void)
{
        reader = (struct log_reader){ fake_read };
        out = NULL;
        reads = 0;
        others = 0;
        for (int i = 0; i < LOG_RECORDS; i++)
                times[i] = 1000 + i;
        kafka_anchors_init(&anchors, &reader, on_other_log, NULL);
}

static void note(int partition, int64_t offset)
{
        struct log_record record = {
                .partition = partition,
                .offset = offset,
                .timestamp_ms = times[offset],
                .key = STR("key"),
                .value = STR_ABSENT,
        };

        kafka_anchors_note(&anchors, &record);
}

static void make_log_anew(void)
{
        for (int i = 0; i < LOG_RECORDS; i++)
                times[i] += 5000;
}

static void a_log_that_only_grows_is_the_same(void)
{
        begin();
        check();
        CHECK_INT(reads, 0);
        for (int i = 0; i < LOG_RECORDS; i++) {
                note(3, i);
                check();
        }
        CHECK_INT(reads, LOG_RECORDS);
        CHECK_INT(others, 0);
}

/* The consumer has gone on in the new log: the record read last is its own. */
static void a_new_log_is_found_by_a_record_of_the_old_one(void)
{
        begin();
        note(3, 0);
        note(3, 1);
        make_log_anew();
        note(3, 2);
        check();
        CHECK_INT(others, 1);
        CHECK_INT(other_partition, 3);
        check();
        CHECK_INT(others, 1); /* once */
}

static void a_new_log_is_found_though_it_came_after_many_checks(void)
{
        begin();
        for (int i = 0; i < 5; i++) {
                note(3, i);
                check();
        }
        make_log_anew();
        note(3, 5);
        note(3, 6);
        check();
        CHECK_INT(others, 1);
}

/* The old record was read before, and what was read meanwhile is the new one's. */
static void a_new_log_is_found_when_it_comes_during_a_check(void)
{
        begin();
        note(3, 0);
        kafka_anchors_check(&anchors);
        make_log_anew();
        note(3, 1);
        answer(false);
        CHECK_INT(others, 0);
        check();
        CHECK_INT(others, 1);
}

static void a_record_that_is_gone_is_of_another_log(void)
{
        begin();
        note(3, 4);
        times[4] = 0;
        check();
        CHECK_INT(others, 1);
}

static void a_log_that_cannot_be_read_tells_nothing(void)
{
        begin();
        note(3, 0);
        make_log_anew();
        kafka_anchors_check(&anchors);
        answer(true);
        CHECK_INT(others, 0);
        check();
        CHECK_INT(others, 1);
}

/* What is read from its beginning again may hold another record at the same offset. */
static void an_answer_about_an_earlier_reading_does_not_count(void)
{
        begin();
        note(3, 0);
        kafka_anchors_check(&anchors);
        kafka_anchors_forget(&anchors, 3);
        make_log_anew();
        note(3, 0);
        times[0] -= 1;
        answer(false);
        CHECK_INT(others, 0);
}

static void what_is_away_is_not_checked(void)
{
        begin();
        note(3, 0);
        kafka_anchors_leave(&anchors, 3);
        make_log_anew();
        check();
        CHECK_INT(reads, 0);
        CHECK_INT(others, 0);
        kafka_anchors_return(&anchors, 3);
        check();
        CHECK_INT(others, 1);
}

/* It came too late: what was held is held for when it is back. */
static void an_answer_about_what_has_left_does_not_count(void)
{
        begin();
        note(3, 0);
        kafka_anchors_check(&anchors);
        kafka_anchors_leave(&anchors, 3);
        make_log_anew();
        answer(false);
        CHECK_INT(others, 0);
        kafka_anchors_return(&anchors, 3);
        check();
        CHECK_INT(others, 1);
}

static void what_is_back_to_be_read_anew_is_noted_anew(void)
{
        begin();
        note(3, 0);
        kafka_anchors_leave(&anchors, 3);
        make_log_anew();
        kafka_anchors_forget(&anchors, 3);
        note(3, 0);
        check();
        CHECK_INT(reads, 1);
        CHECK_INT(others, 0);
}

static void every_partition_is_checked_in_one_round(void)
{
        begin();
        for (int p = 0; p < LIMIT_PARTITIONS; p++)
                note(p, p % LOG_RECORDS);
        times[LOG_RECORDS - 1]++;
        check();
        CHECK_INT(reads, LIMIT_PARTITIONS / ANCHORS_AT_ONCE);
        CHECK_INT(others, LIMIT_PARTITIONS / LOG_RECORDS);
}

int main(void)
{
        RUN(a_log_that_only_grows_is_the_same);
        RUN(a_new_log_is_found_by_a_record_of_the_old_one);
        RUN(a_new_log_is_found_though_it_came_after_many_checks);
        RUN(a_new_log_is_found_when_it_comes_during_a_check);
        RUN(a_record_that_is_gone_is_of_another_log);
        RUN(a_log_that_cannot_be_read_tells_nothing);
        RUN(an_answer_about_an_earlier_reading_does_not_count);
        RUN(what_is_away_is_not_checked);
        RUN(an_answer_about_what_has_left_does_not_count);
        RUN(what_is_back_to_be_read_anew_is_noted_anew);
        RUN(every_partition_is_checked_in_one_round);
        return 0;
}
