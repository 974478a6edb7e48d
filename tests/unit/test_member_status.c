/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/log.h"
#include "world.h"

static struct world w;
static struct member_status status;

static void look(void)
{
        member_status(w.member, &status);
}

static void check_waits_for(const char *what)
{
        look();
        if ((status.waiting_for == NULL) != (what == NULL))
                check_fail(__FILE__, __LINE__, "waits for", what != NULL ? what : "nothing");
        if (what != NULL)
                CHECK_STR(status.waiting_for, what);
}

/* The member alone: nothing is told to it but what each step tells. */
static void it_says_what_it_waits_for(void)
{
        struct member_ports ports;

        world_init(&w, 2);
        ports = (struct member_ports){ &w.publisher, &w.group, &w.reader, w.metrics };
        w.member = member_new(&w.config, &ports);
        w.door = retry_service_new(w.member, NULL, 0);
        member_tick(w.member, w.now_ms, w.wall_ms);
        check_waits_for("topic");
        CHECK(!status.assigned_once && !status.publisher_ready);
        member_on_topology(w.member, 2);
        check_waits_for("assignment");
        CHECK_INT(status.partitions, 2);
        member_on_assigned(w.member, 0);
        member_on_assigned(w.member, 1);
        check_waits_for("assignment");
        CHECK_INT(status.assigned, 2);
        CHECK_INT(status.restoring, 2);
        member_on_assignment(w.member);
        check_waits_for("replay");
        member_tick(w.member, w.now_ms, w.wall_ms);
        member_on_stable(w.member, 1, MEMBER_UNSTABLE);
        check_waits_for("open transaction");
        member_on_stable(w.member, 0, MEMBER_STABLE);
        check_waits_for("open transaction");
        w.stable = MEMBER_STABLE;
        w.assigned[0] = w.assigned[1] = true;
        w.ask_stable[0] = w.ask_stable[1] = false;
        world_advance(&w, 300);
        check_waits_for(NULL);
        CHECK_INT(status.ready, 2);
        member_on_assignment_lost(w.member);
        check_waits_for("assignment");
        member_on_topology(w.member, 0);
        check_waits_for("topic");
        world_deinit(&w);
}

static void records_are_counted_as_they_are_restored(void)
{
        world_init(&w, 2);
        for (int i = 0; i < 5; i++)
                world_append(&w, 0, STR("b/k?versionId=v&sitename=aws"), NULL, -1, NULL);
        world_append(&w, 1, STR("b/k?versionId=v&sitename=aws"), NULL, -1, NULL);
        w.feeds[0] = false;
        world_start(&w);
        look();
        CHECK_INT(status.ready, 1);
        CHECK_INT(status.restoring, 1);
        CHECK_INT(status.remaining_records, 5);
        CHECK_INT(status.restored_records, 1); /* of partition 1, which is ready */
        check_waits_for("replay");
        w.feeds[0] = true;
        world_run(&w);
        look();
        CHECK_INT(status.ready, 2);
        CHECK_INT(status.restored_records, 6);
        CHECK_INT(status.remaining_records, 0);
        world_append(&w, 0, STR("b/k?versionId=v&sitename=aws"), NULL, -1, NULL);
        world_run(&w);
        look();
        CHECK_INT(status.restored_records, 6);
        world_deinit(&w);
}

static void a_ready_partition_may_lag_and_be_behind(void)
{
        world_init(&w, 1);
        world_start(&w);
        world_append(&w, 0, STR("b/k?versionId=v&sitename=aws"), NULL, -1, NULL);
        world_append(&w, 0, STR("b/k?versionId=v&sitename=aws"), NULL, -1, NULL);
        w.feeding = false;
        world_advance(&w, 11000);
        look();
        CHECK_INT(status.lag_records, 2);
        CHECK(!status.behind);
        world_advance(&w, 31000);
        look();
        CHECK(status.behind);
        w.feeding = true;
        world_run(&w);
        look();
        CHECK(!status.behind && status.lag_records == 0);
        world_deinit(&w);
}

static double gauge(enum metric id, const char *label)
{
        return metrics_get(w.metrics, id, label != NULL ? LABELS_1(label) : NO_LABELS);
}

#define FAILED_AT(s) ",\"Size\":10,\"FailedAt\":\"2020-01-01T00:00:0" s "Z\""
#define SECOND(s)    (1577836800.0 + (s))

static void the_gauges_are_filled_before_a_scrape(void)
{
        struct world_retry retry;

        world_init(&w, 3);
        world_start(&w);
        w.assigned[2] = false;
        member_on_revoked(w.member, 2);
        for (int i = 0; w.logs[0].n == 0 || w.logs[1].n < 2; i++) {
                char key[16];

                snprintf(key, sizeof key, "k%d", i);
                if (world_home(&w, "b", key, "v", "aws") < 2)
                        world_failure(&w, "b", key, "v", "aws",
                                      w.logs[0].n + w.logs[1].n == 0 ? FAILED_AT("3")
                                                                     : FAILED_AT("5"));
        }
        world_run(&w);
        member_collect(w.member);
        CHECK(gauge(METRIC_PARTITIONS, "ready") == 2);
        CHECK(gauge(METRIC_PARTITIONS, "absent") == 1);
        CHECK(gauge(METRIC_PARTITIONS, "restoring") == 0);
        CHECK(gauge(METRIC_FAILED_ENTRIES, "aws") == (double)(w.logs[0].n + w.logs[1].n));
        CHECK(gauge(METRIC_FAILED_OBJECT_BYTES, "aws") ==
              10.0 * (double)(w.logs[0].n + w.logs[1].n));
        CHECK(gauge(METRIC_OLDEST_FAILURE, "aws") == SECOND(3));
        CHECK(gauge(METRIC_TABLE_MEMORY_LIMIT_BYTES, NULL) == (double)w.config.memory_limit);
        CHECK(gauge(METRIC_TABLE_MEMORY_BYTES, NULL) > 0);
        CHECK(gauge(METRIC_RETRIES_IN_FLIGHT, NULL) == 0);
        w.hold_batches = true;
        world_retry_init(&w, &retry);
        world_retry_add(&retry, "b", "forced", "v", "aws", true);
        for (int i = 0; world_home(&w, "b", "forced", "v", retry.entries[0].id.site.base) == 2; i++)
                retry.entries[0].id.site = i % 2 ? STR("azure") : STR("gcs");
        world_retry_submit(&w, &retry);
        member_collect(w.member);
        CHECK(gauge(METRIC_RETRIES_IN_FLIGHT, NULL) == 1);
        world_answer(&w, PUBLISH_COMMITTED);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void a_site_that_is_gone_is_not_told_any_more(void)
{
        world_init(&w, 1);
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws", FAILED_AT("1"));
        world_failure(&w, "b", "k", "v", "azure", FAILED_AT("2"));
        world_run(&w);
        member_collect(w.member);
        member_collect(w.member); /* nothing is counted twice */
        CHECK(gauge(METRIC_FAILED_ENTRIES, "aws") == 1);
        world_tombstone(&w, "b", "k", "v", "aws");
        world_run(&w);
        member_collect(w.member);
        CHECK(gauge(METRIC_FAILED_ENTRIES, "aws") == 0);
        CHECK(gauge(METRIC_OLDEST_FAILURE, "aws") == 0);
        CHECK(gauge(METRIC_OLDEST_FAILURE, "azure") == SECOND(2));
        world_deinit(&w);
}

static void sites_beyond_the_cap_share_one_line(void)
{
        world_init(&w, 1);
        metrics_free(w.metrics);
        w.metrics = metrics_new(1);
        world_start(&w);
        world_failure(&w, "b", "k", "v", "first", FAILED_AT("5"));
        world_failure(&w, "b", "k", "v", "second", FAILED_AT("2"));
        world_failure(&w, "b", "k", "v", "third", FAILED_AT("7"));
        world_run(&w);
        member_collect(w.member);
        CHECK(gauge(METRIC_FAILED_ENTRIES, "other") == 2);
        CHECK(gauge(METRIC_FAILED_OBJECT_BYTES, "other") == 20);
        CHECK(gauge(METRIC_OLDEST_FAILURE, "other") ==
              (gauge(METRIC_OLDEST_FAILURE, "second") != 0 ? SECOND(5) : SECOND(2)));
        world_deinit(&w);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(it_says_what_it_waits_for);
        RUN(records_are_counted_as_they_are_restored);
        RUN(a_ready_partition_may_lag_and_be_behind);
        RUN(the_gauges_are_filled_before_a_scrape);
        RUN(a_site_that_is_gone_is_not_told_any_more);
        RUN(sites_beyond_the_cap_share_one_line);
        return 0;
}
