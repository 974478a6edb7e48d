/* SPDX-License-Identifier: Apache-2.0 */
#include "backbeat_value.h"
#include "check.h"
#include "crr/core/intake_decoder.h"
#include "demo_fixture.h"
#include "metadata.h"

/* WHAT IS WRITTEN */

/* The lower-case hex of "v 1" is 762031. */
static const struct object sample = {
        .bucket = { "photos", 6 },
        .key = { "a:b/\xc3\xa9 100%", 11 },
        .role = { "arn:aws:iam::1:role/x y", 23 },
        .sites = { { "aws-east", 8 }, { "gcp", 3 } },
        .n_sites = 2,
        .n_parts = 2,
        .version = { .id = { "v 1", 3 }, .size = 5, .last_modified_ms = 1000, .failed = true },
        .current = { .id = { "v 0", 3 }, .size = 6, .last_modified_ms = 2000 },
};

static void a_failed_entry_names_site_hour_object_and_perhaps_the_role(void)
{
        struct buf out;

        buf_init(&out, SIZE_MAX);
        metadata_write_failed_entry(&sample, false, DEMO_NOW_MS, &out);
        demo_check_bytes(&out, "{\"key\":\"bb:crr:failed:aws-east:1792998000000\","
                               "\"member\":\"photos:a:b/\xc3\xa9 100%:762031\","
                               "\"score\":1793000000123}");
        buf_clear(&out);
        metadata_write_failed_entry(&sample, true, DEMO_NOW_MS, &out);
        demo_check_bytes(&out, "{\"key\":\"bb:crr:failed:aws-east:1792998000000\","
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
        demo_check_bytes(&out, "{\"bucket\":\"photos\",\"key\":\"a\\\"b\\u0000v 1\","
                               "\"value\":\"{\\\"a\\\":1}\",\"site\":\"gcp\"}");
        entry.version_id = STR("");
        buf_clear(&out);
        metadata_write_queue_entry(&entry, &out);
        demo_check_bytes(&out, "{\"bucket\":\"photos\",\"key\":\"a\\\"b\","
                               "\"value\":\"{\\\"a\\\":1}\",\"site\":\"gcp\"}");
        buf_deinit(&out);
}

static void metadata_says_failed_at_the_first_site_only(void)
{
        struct buf out;

        buf_init(&out, SIZE_MAX);
        metadata_write(&sample, &sample.version, &out);
        demo_check_tells(buf_str(&out), " 1\"content-length\"i5 ");
        demo_check_tells(buf_str(&out), " 1\"versionId\"sv 1 ");
        demo_check_tells(buf_str(&out), " 3\"size\"i2 3\"start\"i0 ");
        demo_check_tells(buf_str(&out), " 3\"size\"i3 3\"start\"i2 ");
        demo_check_tells(buf_str(&out), " 1\"last-modified\"s1970-01-01T00:00:01.000Z ");
        demo_check_tells(buf_str(&out), " 1\"replicationInfo\"{ 2\"status\"sFAILED 2\"backends\"[ "
                                        "3{ 4\"site\"saws-east 4\"status\"sFAILED "
                                        "4\"dataStoreVersionId\"s 3} "
                                        "3{ 4\"site\"sgcp 4\"status\"sCOMPLETED ");
        demo_check_tells(buf_str(&out), " 2\"storageClass\"saws-east,gcp ");
        demo_check_tells(buf_str(&out), " 2\"role\"sarn:aws:iam::1:role/x y,arn:");

        buf_clear(&out);
        metadata_write(&sample, &sample.current, &out);
        demo_check_tells(buf_str(&out), " 1\"content-length\"i6 ");
        demo_check_tells(buf_str(&out), " 1\"versionId\"sv 0 ");
        demo_check_tells(buf_str(&out),
                         " 1\"replicationInfo\"{ 2\"status\"sCOMPLETED 2\"backends\"[ "
                         "3{ 4\"site\"saws-east 4\"status\"sCOMPLETED ");
        buf_deinit(&out);
}

static void metadata_of_every_object_is_json_that_tells_what_the_object_is(void)
{
        struct objects all = demo_objects(1000, 1000);
        struct buf out;
        struct object o;

        buf_init(&out, SIZE_MAX);
        for (uint64_t i = 0; i < 2000; i++) {
                objects_make(&all, i, &o);
                buf_clear(&out);
                metadata_write(&o, &o.version, &out);
                demo_check_tells_int(buf_str(&out), " 1\"content-length\"i", o.version.size);
                demo_check_tells_str(buf_str(&out), " 1\"versionId\"s", o.version.id);
                demo_check_tells_str(buf_str(&out), " 3{ 4\"site\"s", o.sites[0]);
        }
        buf_deinit(&out);
}

/* WHAT THE DAEMON'S INTAKE READS IN IT */

static void check_failed_entries(bool has_roles)
{
        struct intake_decoder *d = intake_decoder_new(SIZE_MAX, has_roles);
        struct objects all = demo_objects(2000, 0);
        struct buf out;
        struct object o;

        buf_init(&out, SIZE_MAX);
        for (uint64_t i = 0; i < 2000; i++) {
                struct intake_item item;

                objects_make(&all, i, &o);
                buf_clear(&out);
                metadata_write_failed_entry(&o, has_roles, DEMO_NOW_MS, &out);
                item = demo_read_item(d, buf_str(&out), INTAKE_FAILED_ENTRY);
                CHECK(!item.completed);
                demo_check_identity(&item.failure.id, &o);
                CHECK_INT(item.failure.failed_at_ms, DEMO_NOW_MS);
                CHECK_INT(item.failure.size, -1);
                if (has_roles)
                        CHECK(str_eq(item.failure.role, o.role));
        }
        buf_deinit(&out);
        intake_decoder_free(d);
}

static void intake_reads_every_failed_entry(void)
{
        check_failed_entries(false);
        check_failed_entries(true);
}

static void write_queue_entry(const struct object *o, struct buf *metadata, struct buf *out)
{
        buf_clear(metadata);
        metadata_write(o, &o->version, metadata);
        buf_clear(out);
        metadata_write_queue_entry(
                &(struct queue_entry){
                        .bucket = o->bucket,
                        .key = o->key,
                        .version_id = o->version.id,
                        .site = o->sites[0],
                        .metadata = buf_str(metadata),
                },
                out);
}

static void intake_reads_every_queue_entry(void)
{
        struct intake_decoder *d = intake_decoder_new(SIZE_MAX, false);
        struct objects all = demo_objects(1000, 1000);
        struct buf metadata, out;
        struct object o;

        buf_init(&metadata, SIZE_MAX);
        buf_init(&out, SIZE_MAX);
        for (uint64_t i = 0; i < 2000; i++) {
                struct intake_item item;

                objects_make(&all, i, &o);
                write_queue_entry(&o, &metadata, &out);
                item = demo_read_item(d, buf_str(&out), INTAKE_QUEUE_ENTRY);
                CHECK_INT(item.completed, i >= 1000);
                demo_check_identity(&item.failure.id, &o);
                if (item.completed)
                        continue;
                CHECK_INT(item.failure.size, o.version.size);
                CHECK_INT(item.failure.last_modified_ms, o.version.last_modified_ms);
                CHECK(str_eq(item.failure.role, o.role));
        }
        buf_deinit(&metadata);
        buf_deinit(&out);
        intake_decoder_free(d);
}

static void metadata_has_the_facts_of_its_version(void)
{
        struct backbeat_reader *r = backbeat_reader_new();
        struct objects all = demo_objects(1000, 1000);
        struct backbeat_facts facts;
        struct buf out, wire;
        struct object o;
        struct error err;

        buf_init(&out, SIZE_MAX);
        buf_init(&wire, SIZE_MAX);
        for (uint64_t i = 0; i < 2000; i++) {
                objects_make(&all, i, &o);
                buf_clear(&out);
                metadata_write(&o, &o.current, &out);
                buf_clear(&wire);
                objects_wire_id(o.current.id, &wire);
                CHECK_INT(backbeat_text_facts(r, buf_str(&out), o.sites[0], &facts, &err), 0);
                CHECK(str_eq(facts.version_id, buf_str(&wire)));
                CHECK_INT(facts.size, o.current.size);
                CHECK_INT(facts.last_modified_ms, o.current.last_modified_ms);
                CHECK_INT(facts.status, o.current.failed ? BACKEND_FAILED : BACKEND_COMPLETED);
        }
        buf_deinit(&out);
        buf_deinit(&wire);
        backbeat_reader_free(r);
}

int main(void)
{
        RUN(a_failed_entry_names_site_hour_object_and_perhaps_the_role);
        RUN(a_queue_entry_has_the_key_with_the_raw_version);
        RUN(metadata_says_failed_at_the_first_site_only);
        RUN(metadata_of_every_object_is_json_that_tells_what_the_object_is);
        RUN(intake_reads_every_failed_entry);
        RUN(intake_reads_every_queue_entry);
        RUN(metadata_has_the_facts_of_its_version);
        return 0;
}
