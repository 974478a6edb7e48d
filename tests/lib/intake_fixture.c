/* SPDX-License-Identifier: Apache-2.0 */
#include "intake_fixture.h"

#include <string.h>

static const char *const topics[] = { "failed", "status" };

struct intake_fixture fixture;

static void on_submit(struct publisher *self, struct publish_batch *batch)
{
        (void)self;
        CHECK(fixture.batch == NULL);
        fixture.batch = batch;
        fixture.submits++;
}

static void on_done(struct intake_batch *batch)
{
        CHECK(fixture.n_over < INTAKE_FIXTURE_BATCHES);
        fixture.ends[fixture.n_over++] = batch->end;
        intake_batch_free(batch);
}

void fixture_begin(bool completes)
{
        struct intake_ports ports = { .publisher = &fixture.publisher };

        memset(&fixture, 0, sizeof fixture);
        fixture.config = (struct intake_config){ .topics = topics,
                                                 .n_topics = 2,
                                                 .max_value_bytes = 1 << 20,
                                                 .completes = completes,
                                                 .max_records = 4,
                                                 .max_bytes = 1 << 20 };
        fixture.now_ms = 1000;
        fixture.publisher = (struct publisher){ on_submit, { 1000, 1000, 1000 } };
        fixture.door = fake_door_new(1);
        fixture.source = fake_source_new();
        fixture.metrics = metrics_new(10);
        ports.door = fixture.door;
        ports.source = completes ? &fixture.source->port : NULL;
        ports.metrics = fixture.metrics;
        fixture.writer = intake_writer_new(&fixture.config);
        fixture.intake = intake_new(&fixture.config, &ports);
}

void fixture_end(void)
{
        intake_free(fixture.intake);
        intake_writer_free(fixture.writer);
        retry_service_free(fixture.door);
        fake_source_free(fixture.source);
        metrics_free(fixture.metrics);
}

struct intake_batch *fixture_batch(unsigned epoch)
{
        struct intake_batch *batch = intake_batch_new();

        batch->epoch = epoch;
        batch->done = on_done;
        return batch;
}

void fixture_add(struct intake_batch *batch, size_t topic, const char *value)
{
        struct log_record record = { .partition = 3,
                                     .offset = fixture.offset++,
                                     .timestamp_ms = 5000,
                                     .value = str_from(value),
                                     .settles = -1 };

        intake_batch_add(fixture.writer, batch, topic, &record);
}

void fixture_run(void)
{
        for (int i = 0; i < 20; i++) {
                intake_work(fixture.intake, fixture.now_ms);
                retry_service_work(fixture.door);
                fake_source_tick(fixture.source, fixture.now_ms);
        }
}

void fixture_advance(int64_t ms)
{
        fixture.now_ms += ms;
        fixture_run();
}

void fixture_answer(enum publish_outcome outcome)
{
        struct publish_batch *batch = fixture.batch;

        CHECK(batch != NULL);
        fixture.batch = NULL;
        batch->outcome = outcome;
        error_set(&batch->err, ERR_KAFKA, "by the test");
        batch->done(batch);
        fixture_run();
}

void fixture_submit(struct intake_batch *batch)
{
        intake_submit(fixture.intake, batch);
        fixture_run();
}

void fixture_submit_one(size_t topic, const char *value)
{
        struct intake_batch *batch = fixture_batch(1);

        fixture_add(batch, topic, value);
        fixture_submit(batch);
}

int fixture_counted(const char *topic, const char *what)
{
        return (int)metrics_get(fixture.metrics, METRIC_RECORDS_TOTAL, LABELS_2(topic, what));
}

void fixture_check_records(size_t n)
{
        CHECK(fixture.batch != NULL);
        CHECK_INT(fixture.batch->n_records, n);
}

void fixture_check_value_has(size_t record, const char *text)
{
        const struct publish_record *r = &fixture.batch->records[record];

        CHECK(memmem(r->value.base, r->value.len, text, strlen(text)) != NULL);
}

void fixture_check_time(size_t record, const char *ms)
{
        const struct publish_record *r = &fixture.batch->records[record];

        CHECK_INT(r->n_headers, 1);
        CHECK_STR(r->headers[0].name, "crr-timestamp");
        CHECK(str_eq_c(r->headers[0].value, ms));
}

int fixture_rejected(const char *topic, const char *cause)
{
        return (int)metrics_get(fixture.metrics, METRIC_RECORDS_REJECTED_TOTAL,
                                LABELS_2(topic, cause));
}
