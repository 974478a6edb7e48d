/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "check.h"
#include "crr/core/identity.h"
#include "demo_fixture.h"

static void every_object_is_told_of_once(void)
{
        static const struct {
                uint64_t failed, completed;
        } table[] = {
                { 10, 0 }, { 0, 10 }, { 1, 9 }, { 9, 1 }, { 3, 3 }, { 7, 1000 }, { 999, 10 }
        };

        for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
                struct objects all = demo_objects(table[t].failed, table[t].completed);
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
        struct objects all = demo_objects(100, 900);
        unsigned failed = 0;

        for (uint64_t n = 0; n < 500; n++)
                failed += objects_nth(&all, n) < all.failed;
        CHECK_INT(failed, 50);
}

static void an_object_is_found_by_its_key_and_no_other(void)
{
        struct objects all = demo_objects(3000, 1000);
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
        struct objects all = demo_objects(4000, 1000);
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
        struct objects all = demo_objects(100, 0);
        struct object o;

        all.superseded = 1;
        for (uint64_t i = 0; i < 100; i++) {
                objects_make(&all, i, &o);
                CHECK(o.current.last_modified_ms > o.version.last_modified_ms);
                CHECK(str_compare(o.current.id, o.version.id) < 0);
                CHECK(!o.current.failed);
        }
}

int main(void)
{
        RUN(every_object_is_told_of_once);
        RUN(failures_are_strewn_evenly);
        RUN(an_object_is_found_by_its_key_and_no_other);
        RUN(every_object_has_a_good_identity_at_each_of_its_sites);
        RUN(newer_versions_sort_first_as_raw_ids_do);
        return 0;
}
