/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kafka_record.h"
#include "mock_kafka.h"

static struct mock_kafka mock;

struct row {
        const char *name;
        const char *key, *value; /* NULL: null */
        int64_t timestamp_ms;
        const char *headers[8];
        int64_t settles;
        const char *outcome; /* NULL: absent */
        int64_t own_time_ms; /* 0: that of the message */
        bool from_intake;
};

static const struct row rows[] = {
        { "a mover's record", "key", "value", 1234, { NULL }, -1, NULL },
        { "a tombstone", "key", NULL, 1234, { NULL }, -1, NULL },
        { "no key", NULL, "value", 1234, { NULL }, -1, NULL },
        { "an empty value is a value", "key", "", 1234, { NULL }, -1, NULL },
        { "a settlement",
          "key",
          NULL,
          1234,
          { "crr-settles", "42", "crr-outcome", "expired", NULL },
          42,
          "expired" },
        { "the largest offset",
          "key",
          "v",
          1,
          { "crr-settles", "9223372036854775807", NULL },
          INT64_MAX,
          NULL },
        { "a bad offset counts as none", "key", "v", 1, { "crr-settles", "4x", NULL }, -1, NULL },
        { "an offset below nothing", "key", "v", 1, { "crr-settles", "-1", NULL }, -1, NULL },
        { "no offset at all", "key", "v", 1, { "crr-settles", "", NULL }, -1, NULL },
        { "the last of two headers counts",
          "key",
          "v",
          1,
          { "crr-settles", "1", "crr-settles", "2", NULL },
          2,
          NULL },
        { "other headers",
          "key",
          "v",
          1,
          { "crr-retry-id", "x", "traceparent", "y", NULL },
          -1,
          NULL },
        { "a record that was written again has its first one's time",
          "key",
          NULL,
          1234,
          { "crr-settles", "1", "crr-timestamp", "77", NULL },
          1,
          NULL,
          77 },
        { "an intake's record has the foreign one's time",
          "key",
          "value",
          1234,
          { "crr-timestamp", "77", NULL },
          -1,
          NULL,
          77,
          true },
        { "a bad time counts as none",
          "key",
          NULL,
          1234,
          { "crr-timestamp", "-7", NULL },
          -1,
          NULL },
        { "an empty outcome", "key", "v", 1, { "crr-outcome", "", NULL }, -1, "" },
};
#define N_ROWS (sizeof rows / sizeof *rows)

static bool same(struct str s, const char *want)
{
        return want == NULL ? s.base == NULL : s.base != NULL && str_eq_c(s, want);
}

static void check_record(void *data, rd_kafka_message_t *message)
{
        const struct row *row = &rows[message->offset];
        struct log_record record = kafka_record_of(message);
        int64_t time_ms = row->own_time_ms != 0 ? row->own_time_ms : row->timestamp_ms;

        ++*(size_t *)data;
        if (!same(record.key, row->key) || !same(record.value, row->value) ||
            record.timestamp_ms != time_ms || record.settles != row->settles ||
            record.from_intake != row->from_intake || !same(record.outcome, row->outcome))
                check_fail(__FILE__, __LINE__, "taken as it is", row->name);
        CHECK_INT(record.partition, 1);
        CHECK_INT(record.offset, message->offset);
}

static void a_message_becomes_a_record(void)
{
        size_t n = 0;

        for (size_t i = 0; i < N_ROWS; i++)
                CHECK_INT(mock_kafka_produce(&mock, mock.failures, 1, rows[i].key, rows[i].value,
                                             rows[i].timestamp_ms, rows[i].headers),
                          i);
        mock_kafka_read(&mock, mock.failures, 1, check_record, &n);
        CHECK_INT(n, N_ROWS);
}

int main(void)
{
        mock_kafka_init(&mock);
        RUN(a_message_becomes_a_record);
        mock_kafka_deinit(&mock);
        return 0;
}
