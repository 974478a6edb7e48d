/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "backbeat_value.h"
#include "check.h"
#include "demo_fixture.h"
#include "metadata.h"
#include "outcome.h"

#define BACKEND(site, status)                                       \
        "{\\\"site\\\":\\\"" site "\\\",\\\"status\\\":\\\"" status \
        "\\\",\\\"dataStoreVersionId\\\":\\\"\\\"}"
#define INFO(status, backends, class)                                                            \
        "\\\"replicationInfo\\\":{\\\"status\\\":\\\"" status "\\\",\\\"backends\\\":[" backends \
        "],\\\"storageClass\\\":\\\"" class "\\\"}"
#define ENTRY(key, metadata) \
        "{\"bucket\":\"b\",\"key\":\"" key "\",\"value\":\"{" metadata "}\",\"site\":\"gcp\"}"
#define BEFORE                                                              \
        "\\\"content-length\\\":5,\\\"big\\\":123456789012345678901234.50," \
        "\\\"other\\\":{\\\"backends\\\":[" BACKEND("aws", "NONE") "]},"
#define AFTER \
        ",\\\"versionId\\\":\\\"v 1\\\",\\\"tags\\\":{\\\"status\\\":\\\"x\\\"},\\\"n\\\":null"

#define GOOD ENTRY("k", BEFORE INFO("PENDING", BACKEND("gcp", "PENDING"), "gcp") AFTER)

static void a_retry_entry_comes_back_as_its_outcome(void)
{
        static const char nameless[] = BACKEND("gcp", "COMPLETED");
        struct outcome_reader *r = outcome_reader_new();
        struct retry_entry entry;
        struct buf out;

        buf_init(&out, SIZE_MAX);
        CHECK(outcome_read(r, STR(GOOD), &entry));
        CHECK(str_eq_c(entry.bucket, "b") && str_eq_c(entry.key, "k"));
        CHECK(str_eq_c(entry.version_id, "v 1") && str_eq_c(entry.site, "gcp"));
        outcome_write(r, true, &out);
        demo_check_bytes(&out, ENTRY("k\\u0000v 1",
                                     BEFORE INFO("FAILED", BACKEND("gcp", "FAILED"), "gcp") AFTER));
        buf_clear(&out);
        outcome_write(r, false, &out);
        demo_check_tells(buf_str(&out), "\"status\":\"COMPLETED\",\"backends\":[{\"site\":\"gcp\","
                                        "\"status\":\"COMPLETED\",\"dataStoreVersionId\":\"");
        demo_check_tells(buf_str(&out), "\"tags\":{\"status\":\"x\"}");
        CHECK(memmem(out.base, out.len, nameless, strlen(nameless)) == NULL);
        outcome_reader_free(r);
        buf_deinit(&out);
}

/* All the way: what the daemon publishes of the store's metadata, and what its intake makes of the
 * outcome. */
static void the_daemon_s_retry_entries_are_taken_and_their_outcomes_understood(void)
{
        struct backbeat_reader *daemon = backbeat_reader_new();
        struct outcome_reader *mover = outcome_reader_new();
        struct intake_decoder *intake = intake_decoder_new(SIZE_MAX, false);
        struct objects all = demo_objects(1000, 0);
        struct buf metadata, out, wire;
        struct retry_entry entry;
        struct object o;
        struct error err;

        buf_init(&metadata, SIZE_MAX);
        buf_init(&out, SIZE_MAX);
        buf_init(&wire, SIZE_MAX);
        for (uint64_t i = 0; i < 1000; i++) {
                struct failure f = { 0 };
                struct intake_item item;

                objects_make(&all, i, &o);
                buf_clear(&wire);
                objects_wire_id(o.version.id, &wire);
                f.id = (struct identity){ o.bucket, o.key, buf_str(&wire), o.sites[0] };
                buf_clear(&metadata);
                metadata_write(&o, &o.version, &metadata);
                buf_clear(&out);
                CHECK_INT(backbeat_text_entry(daemon, buf_str(&metadata), &f, &out, &err), 0);
                CHECK(outcome_read(mover, buf_str(&out), &entry));
                CHECK(str_eq(entry.version_id, o.version.id));
                buf_clear(&out);
                outcome_write(mover, i % 2 == 0, &out);
                item = demo_read_item(intake, buf_str(&out), INTAKE_QUEUE_ENTRY);
                CHECK_INT(item.completed, i % 2 != 0);
                demo_check_identity(&item.failure.id, &o);
        }
        buf_deinit(&metadata);
        buf_deinit(&out);
        buf_deinit(&wire);
        intake_decoder_free(intake);
        outcome_reader_free(mover);
        backbeat_reader_free(daemon);
}

static void what_is_not_a_retry_entry_is_refused(void)
{
        static const char *const table[] = {
                "",
                "[]",
                "{}",
                ENTRY("k", ""),
                "{\"bucket\":\"b\",\"key\":\"k\",\"value\":\"nonsense\",\"site\":\"gcp\"}",
                "{\"bucket\":\"b\",\"key\":\"k\",\"value\":{},\"site\":\"gcp\"}",
                ENTRY("k", INFO("FAILED", BACKEND("gcp", "PENDING"), "gcp")),
                ENTRY("k", INFO("PENDING", BACKEND("gcp", "FAILED"), "gcp")),
                ENTRY("k", INFO("PENDING", BACKEND("aws", "PENDING"), "gcp")),
                ENTRY("k", INFO("PENDING", BACKEND("gcp", "PENDING"), "aws,gcp")),
                ENTRY("k", INFO("PENDING", "", "gcp")),
                ENTRY("k", INFO("PENDING", BACKEND("gcp", "PENDING") ",{}", "gcp")),
                ENTRY("k", INFO("PENDING", BACKEND("gcp", "PENDING") "," BACKEND("gcp", "PENDING"),
                                "gcp")),
        };
        struct outcome_reader *r = outcome_reader_new();
        struct retry_entry entry;

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                if (outcome_read(r, str_from(table[i]), &entry))
                        check_fail(__FILE__, __LINE__, table[i], " was taken");
                CHECK(outcome_read(r, STR(GOOD), &entry));
        }
        outcome_reader_free(r);
}

static void a_versioned_key_is_cut(void)
{
        struct outcome_reader *r = outcome_reader_new();
        struct retry_entry entry;

        CHECK(outcome_read(
                r, STR(ENTRY("k\\u0000v 1", INFO("PENDING", BACKEND("gcp", "PENDING"), "gcp"))),
                &entry));
        CHECK(str_eq_c(entry.key, "k"));
        CHECK(str_eq_c(entry.version_id, ""));
        outcome_reader_free(r);
}

int main(void)
{
        RUN(a_retry_entry_comes_back_as_its_outcome);
        RUN(the_daemon_s_retry_entries_are_taken_and_their_outcomes_understood);
        RUN(what_is_not_a_retry_entry_is_refused);
        RUN(a_versioned_key_is_cut);
        return 0;
}
