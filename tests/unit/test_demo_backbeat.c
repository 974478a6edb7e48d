/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "crr/core/identity.h"
#include "json_trace.h"
#include "metadata.h"
#include "objects.h"
#include "options.h"
#include "outcome.h"

#define NOW_MS INT64_C(1793000000123)

static struct objects make_objects(uint64_t failed, uint64_t completed)
{
        struct objects all = {
                .failed = failed, .completed = completed, .failed_entries = 0.5, .superseded = 0.25
        };

        generator_init(&all.generator, 1, 5, 8, 0);
        return all;
}

static void check_bytes(const struct buf *b, const char *want)
{
        struct buf text;

        buf_init(&text, SIZE_MAX);
        buf_append_str(&text, buf_str(b));
        buf_append_char(&text, '\0');
        CHECK_STR(text.base, want);
        buf_deinit(&text);
}

/* Do the events of a JSON text hold this row of events? (json_trace.h) */
static void check_tells(struct str json, const char *events)
{
        struct json_reader *r = json_reader_new(16);
        struct buf trace;
        struct error err;

        buf_init(&trace, SIZE_MAX);
        CHECK_INT(json_trace_text(r, json, &trace, &err), 0);
        if (memmem(trace.base, trace.len, events, strlen(events)) == NULL)
                check_fail(__FILE__, __LINE__, events, " is not told");
        buf_deinit(&trace);
        json_reader_free(r);
}

static void check_tells_str(struct str json, const char *before, struct str value)
{
        struct buf events;

        buf_init(&events, SIZE_MAX);
        buf_append_c(&events, before);
        buf_append_str(&events, value);
        buf_append_char(&events, '\0');
        check_tells(json, events.base);
        buf_deinit(&events);
}

static void check_tells_int(struct str json, const char *before, int64_t value)
{
        char digits[32];

        snprintf(digits, sizeof digits, "%lld ", (long long)value);
        check_tells_str(json, before, str_from(digits));
}

/* OBJECTS */

static void every_object_is_told_of_once(void)
{
        static const struct {
                uint64_t failed, completed;
        } table[] = {
                { 10, 0 }, { 0, 10 }, { 1, 9 }, { 9, 1 }, { 3, 3 }, { 7, 1000 }, { 999, 10 }
        };

        for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
                struct objects all = make_objects(table[t].failed, table[t].completed);
                uint64_t total = objects_total(&all);
                bool *told = calloc(total, sizeof *told);

                CHECK(told != NULL);
                for (uint64_t n = 0; n < total; n++) {
                        uint64_t i = objects_nth(&all, n);

                        CHECK(i < total && !told[i]);
                        told[i] = true;
                }
                free(told);
        }
}

static void failures_are_strewn_evenly(void)
{
        struct objects all = make_objects(100, 900);
        unsigned failed = 0;

        for (uint64_t n = 0; n < 500; n++)
                failed += objects_nth(&all, n) < all.failed;
        CHECK_INT(failed, 50);
}

static void an_object_is_found_by_its_key_and_no_other(void)
{
        struct objects all = make_objects(3000, 1000);
        struct object o, found;

        for (uint64_t i = 0; i < 4000; i++) {
                objects_make(&all, i, &o);
                CHECK(objects_find(&all, o.bucket, o.key, &found));
                CHECK_INT(found.i, i);
                CHECK(!objects_find(&all, STR("elsewhere"), o.key, &found));
                o.key.len--;
                CHECK(!objects_find(&all, o.bucket, o.key, &found));
        }
        objects_make(&all, 4000, &o);
        CHECK(!objects_find(&all, o.bucket, o.key, &found));
        CHECK(!objects_find(&all, o.bucket, STR(""), &found));
        CHECK(!objects_find(&all, o.bucket, STR("-"), &found));
}

static void every_object_has_a_good_identity_at_each_of_its_sites(void)
{
        struct objects all = make_objects(4000, 1000);
        unsigned difficult = 0, sites = 0, failed_entries = 0, superseded = 0;
        struct buf wire;
        struct object o;
        struct error err;

        buf_init(&wire, SIZE_MAX);
        for (uint64_t i = 0; i < 5000; i++) {
                objects_make(&all, i, &o);
                buf_clear(&wire);
                objects_wire_id(o.version.id, &wire);
                for (unsigned n = 0; n < o.n_sites; n++) {
                        struct identity id = { o.bucket, o.key, buf_str(&wire), o.sites[n] };

                        CHECK_INT(identity_check(&id, &err), 0);
                        CHECK(n == 0 || !str_eq(o.sites[n], o.sites[n - 1]));
                }
                CHECK_INT(o.version.failed, i < 4000);
                difficult += !str_has_prefix(o.key, "2026/");
                sites += o.n_sites;
                failed_entries += o.by_failed_entry;
                superseded += !str_eq(o.version.id, o.current.id);
        }
        CHECK(difficult > 400 && difficult < 900);
        CHECK(sites > 9000 && sites < 11000);
        CHECK(failed_entries > 2200 && failed_entries < 2800);
        CHECK(superseded > 1000 && superseded < 1500);
        buf_deinit(&wire);
}

static void newer_versions_sort_first_as_raw_ids_do(void)
{
        struct objects all = make_objects(100, 0);
        struct object o;

        all.superseded = 1;
        for (uint64_t i = 0; i < 100; i++) {
                objects_make(&all, i, &o);
                CHECK(o.current.last_modified_ms > o.version.last_modified_ms);
                CHECK(str_compare(o.current.id, o.version.id) < 0);
                CHECK(!o.current.failed);
        }
}

/* WHAT IS WRITTEN */

/* The lower-case hex of "v 1" is 762031. */
static const struct object sample = {
        .bucket = { "photos", 6 },
        .key = { "a:b/\xc3\xa9 100%", 11 },
        .role = { "arn:aws:iam::1:role/x y", 23 },
        .sites = { { "aws-east", 8 }, { "gcp", 3 } },
        .n_sites = 2,
        .version = { .id = { "v 1", 3 }, .size = 5, .last_modified_ms = 1000, .failed = true },
        .current = { .id = { "v 0", 3 }, .size = 6, .last_modified_ms = 2000 },
};

static void a_failed_entry_names_site_hour_object_and_perhaps_the_role(void)
{
        struct buf out;

        buf_init(&out, SIZE_MAX);
        metadata_write_failed_entry(&sample, false, NOW_MS, &out);
        check_bytes(&out, "{\"key\":\"bb:crr:failed:aws-east:1792998000000\","
                          "\"member\":\"photos:a:b/\xc3\xa9 100%:762031\","
                          "\"score\":1793000000123}");
        buf_clear(&out);
        metadata_write_failed_entry(&sample, true, NOW_MS, &out);
        check_bytes(&out, "{\"key\":\"bb:crr:failed:aws-east:1792998000000\","
                          "\"member\":\"photos:a:b/\xc3\xa9 100%:762031:"
                          "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y\","
                          "\"score\":1793000000123}");
        buf_deinit(&out);
}

static void a_queue_entry_has_the_key_with_the_raw_version(void)
{
        struct queue_entry entry = {
                .bucket = STR("photos"),
                .key = STR("a\"b"),
                .version_id = STR("v 1"),
                .site = STR("gcp"),
                .metadata = STR("{\"a\":1}"),
        };
        struct buf out;

        buf_init(&out, SIZE_MAX);
        metadata_write_queue_entry(&entry, &out);
        check_bytes(&out, "{\"bucket\":\"photos\",\"key\":\"a\\\"b\\u0000v 1\","
                          "\"value\":\"{\\\"a\\\":1}\",\"site\":\"gcp\"}");
        entry.version_id = STR("");
        buf_clear(&out);
        metadata_write_queue_entry(&entry, &out);
        check_bytes(&out, "{\"bucket\":\"photos\",\"key\":\"a\\\"b\","
                          "\"value\":\"{\\\"a\\\":1}\",\"site\":\"gcp\"}");
        buf_deinit(&out);
}

static void metadata_says_failed_at_the_first_site_only(void)
{
        struct buf out;

        buf_init(&out, SIZE_MAX);
        metadata_write(&sample, &sample.version, &out);
        check_tells(buf_str(&out), " 1\"content-length\"i5 ");
        check_tells(buf_str(&out), " 1\"versionId\"sv 1 ");
        check_tells(buf_str(&out), " 1\"last-modified\"s1970-01-01T00:00:01.000Z ");
        check_tells(buf_str(&out), " 1\"replicationInfo\"{ 2\"status\"sFAILED 2\"backends\"[ "
                                   "3{ 4\"site\"saws-east 4\"status\"sFAILED "
                                   "4\"dataStoreVersionId\"s 3} "
                                   "3{ 4\"site\"sgcp 4\"status\"sCOMPLETED ");
        check_tells(buf_str(&out), " 2\"storageClass\"saws-east,gcp ");
        check_tells(buf_str(&out), " 2\"role\"sarn:aws:iam::1:role/x y ");

        buf_clear(&out);
        metadata_write(&sample, &sample.current, &out);
        check_tells(buf_str(&out), " 1\"content-length\"i6 ");
        check_tells(buf_str(&out), " 1\"versionId\"sv 0 ");
        check_tells(buf_str(&out), " 1\"replicationInfo\"{ 2\"status\"sCOMPLETED 2\"backends\"[ "
                                   "3{ 4\"site\"saws-east 4\"status\"sCOMPLETED ");
        buf_deinit(&out);
}

static void metadata_of_every_object_is_json_that_tells_what_the_object_is(void)
{
        struct objects all = make_objects(1000, 1000);
        struct buf out;
        struct object o;

        buf_init(&out, SIZE_MAX);
        for (uint64_t i = 0; i < 2000; i++) {
                objects_make(&all, i, &o);
                buf_clear(&out);
                metadata_write(&o, &o.version, &out);
                check_tells_int(buf_str(&out), " 1\"content-length\"i", o.version.size);
                check_tells_str(buf_str(&out), " 1\"versionId\"s", o.version.id);
                check_tells_str(buf_str(&out), " 3{ 4\"site\"s", o.sites[0]);
        }
        buf_deinit(&out);
}

/* OUTCOMES */

#define BACKEND(site, status)                                       \
        "{\\\"site\\\":\\\"" site "\\\",\\\"status\\\":\\\"" status \
        "\\\",\\\"dataStoreVersionId\\\":\\\"\\\"}"
#define INFO(status, backends, class)                                                            \
        "\\\"replicationInfo\\\":{\\\"status\\\":\\\"" status "\\\",\\\"backends\\\":[" backends \
        "],\\\"storageClass\\\":\\\"" class "\\\"}"
#define ENTRY(key, metadata) \
        "{\"bucket\":\"b\",\"key\":\"" key "\",\"value\":\"{" metadata "}\",\"site\":\"gcp\"}"
#define BEFORE "\\\"content-length\\\":5,\\\"big\\\":123456789012345678901234.50,"
#define AFTER \
        ",\\\"versionId\\\":\\\"v 1\\\",\\\"tags\\\":{\\\"status\\\":\\\"x\\\"},\\\"n\\\":null"

#define GOOD ENTRY("k", BEFORE INFO("PENDING", BACKEND("gcp", "PENDING"), "gcp") AFTER)

static void a_retry_entry_comes_back_as_its_outcome(void)
{
        struct outcome_reader *r = outcome_reader_new();
        struct retry_entry entry;
        struct buf out;

        buf_init(&out, SIZE_MAX);
        CHECK(outcome_read(r, STR(GOOD), &entry));
        CHECK(str_eq_c(entry.bucket, "b") && str_eq_c(entry.key, "k"));
        CHECK(str_eq_c(entry.version_id, "v 1") && str_eq_c(entry.site, "gcp"));
        outcome_write(r, true, &out);
        check_bytes(&out, ENTRY("k\\u0000v 1",
                                BEFORE INFO("FAILED", BACKEND("gcp", "FAILED"), "gcp") AFTER));
        buf_clear(&out);
        outcome_write(r, false, &out);
        check_tells(buf_str(&out), "\"status\":\"COMPLETED\",\"backends\":[{\"site\":\"gcp\","
                                   "\"status\":\"COMPLETED\",\"dataStoreVersionId\":\"");
        check_tells(buf_str(&out), "\"tags\":{\"status\":\"x\"}");
        CHECK(memmem(out.base, out.len, "dataStoreVersionId\\\":\\\"\\\"", 25) == NULL);
        outcome_reader_free(r);
        buf_deinit(&out);
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
        RUN(every_object_is_told_of_once);
        RUN(failures_are_strewn_evenly);
        RUN(an_object_is_found_by_its_key_and_no_other);
        RUN(every_object_has_a_good_identity_at_each_of_its_sites);
        RUN(newer_versions_sort_first_as_raw_ids_do);
        RUN(a_failed_entry_names_site_hour_object_and_perhaps_the_role);
        RUN(a_queue_entry_has_the_key_with_the_raw_version);
        RUN(metadata_says_failed_at_the_first_site_only);
        RUN(metadata_of_every_object_is_json_that_tells_what_the_object_is);
        RUN(a_retry_entry_comes_back_as_its_outcome);
        RUN(what_is_not_a_retry_entry_is_refused);
        RUN(a_versioned_key_is_cut);
        return 0;
}
