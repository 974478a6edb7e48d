/* SPDX-License-Identifier: Apache-2.0 */
#include "api_fixture.h"
#include "check.h"
#include "crr/base/log.h"

#define PARTITION_0 "{\"id\":0,\"leader\":1,\"replicas\":[1,2],\"isrs\":[2,1]}"

static void live_is_200_whatever_happens(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        f.ready = (struct api_ready){ .state = "restoring" };
        api_expect(&f, "GET", "/live", NULL, 200, "{\"live\":true}");
        api_expect(&f, "GET", "/_/live", NULL, 200, "{\"live\":true}");
        api_expect(&f, "HEAD", "/live", NULL, 200, "{\"live\":true}");
        api_fixture_deinit(&f);
}

static void ready_is_200_with_numbers(void)
{
        static const char want[] = "{\"ready\":true,\"state\":\"ready\",\"partitions\":"
                                   "{\"assigned\":6,\"ready\":6},\"restored_records\":12,"
                                   "\"remaining_records\":0}";
        struct api_fixture f;

        api_fixture_init(&f);
        f.ready.assigned = 6;
        f.ready.ready_partitions = 6;
        f.ready.restored_records = 12;
        api_expect(&f, "GET", "/ready", NULL, 200, want);
        api_expect(&f, "GET", "/_/ready", NULL, 200, want);
        api_fixture_deinit(&f);
}

static void not_ready_is_503_that_says_why(void)
{
        struct api_fixture f;
        struct fake_exchange *x;

        api_fixture_init(&f);
        f.ready = (struct api_ready){
                .state = "restoring",
                .assigned = 6,
                .ready_partitions = 2,
                .waiting_for = "replay",
                .detail = "4 partitions are being restored",
                .restored_records = 1200000,
                .remaining_records = 800000,
                .retry_after_s = 3,
        };
        x = api_call(&f, "GET", "/ready", NULL);
        CHECK_INT(x->status, 503);
        CHECK_STR(x->answer, "{\"ready\":false,\"state\":\"restoring\",\"partitions\":"
                             "{\"assigned\":6,\"ready\":2},\"waiting_for\":\"replay\","
                             "\"detail\":\"4 partitions are being restored\","
                             "\"restored_records\":1200000,\"remaining_records\":800000}");
        CHECK_STR(fake_http_answer_header(x, "Retry-After"), "3");
        fake_http_free(x);
        f.ready.retry_after_s = 0;
        x = api_call(&f, "GET", "/_/ready", NULL);
        CHECK_STR(fake_http_answer_header(x, "Retry-After"), "1");
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void metrics_are_collected_and_rendered(void)
{
        struct api_fixture f;
        struct fake_exchange *x;

        api_fixture_init(&f);
        metrics_set(f.metrics, METRIC_READY, NO_LABELS, 1);
        x = api_call(&f, "GET", "/metrics", NULL);
        CHECK_INT(x->status, 200);
        CHECK_INT(f.collected, 1);
        CHECK_STR(x->content_type, "text/plain; version=0.0.4; charset=utf-8");
        CHECK(strstr(x->answer, "\ncrr_retry_ready 1\n") != NULL);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void every_answer_is_counted_by_dialect_route_method_and_code(void)
{
        static const struct {
                const char *method, *target, *dialect, *route, *label, *code;
        } rows[] = {
                { "GET", "/live", "admin", "live", "GET", "200" },
                { "GET", "/_/healthcheck", "admin", "healthcheck", "GET", "200" },
                { "GET", "/_/crr/failed", "crr", "list", "GET", "200" },
                { "GET", "/_/crr/failed/b/k", "crr", "object", "GET", "200" },
                { "POST", "/_/crr/failed", "crr", "retry", "POST", "400" },
                { "BREW", "/_/crr/failed", "crr", "none", "OTHER", "405" },
                { "GET", "/nowhere", "none", "none", "GET", "404" },
        };
        struct api_fixture f;

        api_fixture_init(&f);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                fake_http_free(api_call(&f, rows[i].method, rows[i].target, NULL));
                CHECK_INT(metrics_get(f.metrics, METRIC_HTTP_REQUESTS_TOTAL,
                                      LABELS_4(rows[i].dialect, rows[i].route, rows[i].label,
                                               rows[i].code)),
                          1);
        }
        api_fixture_deinit(&f);
}

static void keep_line(void *data, struct str line)
{
        struct buf *lines = data;

        buf_append_str(lines, line);
}

static void an_answer_is_one_line_of_the_log_at_debug(void)
{
        struct api_fixture f;
        struct fake_exchange *x = fake_http_new("GET", "/live", NULL);
        struct buf lines;

        api_fixture_init(&f);
        buf_init(&lines, 65536);
        log_sink(keep_line, &lines);
        log_configure(LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
        api_on_answered(f.api, x->req, 499);
        api_run(&f, x);
        log_configure(LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
        log_sink(NULL, NULL);
        buf_append_char(&lines, '\0');
        CHECK(strstr(lines.base, "event=http_canceled") != NULL);
        CHECK(strstr(lines.base, "event=http_request") != NULL);
        CHECK(strstr(lines.base, "method=GET path=/live status=200") != NULL);
        buf_deinit(&lines);
        fake_http_free(x);
        api_fixture_deinit(&f);
}

static void healthcheck_has_the_shape_of_backbeat(void)
{
        static const int broker_1_2[] = { 1, 2 }, broker_2_1[] = { 2, 1 }, broker_1[] = { 1 };
        const struct api_topic_partition partitions[] = {
                { 0, 1, broker_1_2, broker_2_1, 2, 2 },
                { 1, 2, broker_2_1, broker_1, 2, 1 },
        };
        struct api_fixture f;

        api_fixture_init(&f);
        f.replication.partitions = partitions;
        f.replication.n_partitions = 1;
        api_expect(&f, "GET", "/_/healthcheck", NULL, 200,
                   "{\"topics\":{\"backbeat-replication\":{\"name\":\"backbeat-replication\","
                   "\"partitions\":[" PARTITION_0 "]}},\"internalConnections\":{"
                   "\"isrHealth\":\"ok\",\"zookeeper\":{\"status\":\"ok\"},"
                   "\"kafkaProducer\":{\"status\":\"ok\"}}}");
        f.replication.n_partitions = 2;
        f.replication.producer_ok = false;
        api_expect(&f, "GET", "/_/healthcheck", NULL, 200,
                   "{\"topics\":{\"backbeat-replication\":{\"name\":\"backbeat-replication\","
                   "\"partitions\":[" PARTITION_0
                   ",{\"id\":1,\"leader\":2,\"replicas\":[2,1],\"isrs\":[1]}]}},"
                   "\"internalConnections\":{\"isrHealth\":\"error\","
                   "\"zookeeper\":{\"status\":\"ok\"},\"kafkaProducer\":{\"status\":\"error\"}}}");
        api_fixture_deinit(&f);
}

static void check_intake(struct api_replication replication, const char *intake)
{
        struct api_fixture f;
        char wanted[600];

        snprintf(wanted, sizeof wanted,
                 "{\"topics\":{\"backbeat-replication\":{\"name\":\"backbeat-replication\","
                 "\"partitions\":[]}},\"internalConnections\":{\"isrHealth\":\"error\","
                 "\"zookeeper\":{\"status\":\"ok\"},\"kafkaProducer\":{\"status\":\"ok\"},"
                 "\"intake\":%s}}",
                 intake);
        api_fixture_init(&f);
        replication.topic = f.replication.topic;
        replication.producer_ok = true;
        f.replication = replication;
        api_expect(&f, "GET", "/_/healthcheck", NULL, 200, wanted);
        api_fixture_deinit(&f);
}

static void of_the_intake_what_is_known_is_shown(void)
{
        check_intake((struct api_replication){ .intake = "ok",
                                               .intake_partitions = 6,
                                               .intake_lag = 1200 },
                     "{\"status\":\"ok\",\"partitions\":6,\"lag\":1200}");
        check_intake((struct api_replication){ .intake = "lag",
                                               .intake_partitions = 0,
                                               .intake_lag = -1 },
                     "{\"status\":\"lag\",\"partitions\":0}");
        check_intake((struct api_replication){ .intake = "assignment",
                                               .intake_partitions = -1,
                                               .intake_lag = -1,
                                               .intake_said = "no \"READ\"" },
                     "{\"status\":\"assignment\",\"error\":\"no \\\"READ\\\"\"}");
}

static void the_source_is_shown_where_there_is_one(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        f.replication.source = "open";
        api_expect(&f, "GET", "/_/healthcheck", NULL, 200,
                   "{\"topics\":{\"backbeat-replication\":{\"name\":\"backbeat-replication\","
                   "\"partitions\":[]}},\"internalConnections\":{\"isrHealth\":\"error\","
                   "\"zookeeper\":{\"status\":\"ok\"},\"kafkaProducer\":{\"status\":\"ok\"},"
                   "\"source\":{\"status\":\"open\"}}}");
        api_fixture_deinit(&f);
}

static void an_unknown_topic_is_an_error_of_the_healthcheck(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        api_expect(&f, "GET", "/_/healthcheck", NULL, 200,
                   "{\"topics\":{\"backbeat-replication\":{\"name\":\"backbeat-replication\","
                   "\"partitions\":[]}},\"internalConnections\":{\"isrHealth\":\"error\","
                   "\"zookeeper\":{\"status\":\"ok\"},\"kafkaProducer\":{\"status\":\"ok\"}}}");
        api_fixture_deinit(&f);
}

static void the_cluster_is_shown_with_what_is_not_known(void)
{
        struct api_fixture f;

        api_fixture_init(&f);
        partition_set_add(&f.door->missing, 1);
        partition_set_add(&f.door->missing, 5);
        api_expect(&f, "GET", "/_/cluster", NULL, 200,
                   "{\"coverage\":{\"partitions\":\"4/6\",\"missing\":[1,5]},\"members\":["
                   "{\"url\":\"http://a\",\"reachable\":true,\"claims\":[],\"status\":{}},"
                   "{\"url\":\"http://b\",\"reachable\":false,\"claims\":[],"
                   "\"error\":\"no connection\",\"silentMs\":5000}]}");
        api_fixture_deinit(&f);
}

static void other_methods_are_405(void)
{
        static const char *const paths[] = { "/live",    "/_/live",        "/ready",    "/_/ready",
                                             "/metrics", "/_/healthcheck", "/_/cluster" };
        struct api_fixture f;

        api_fixture_init(&f);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                struct fake_exchange *x = api_call(&f, "POST", paths[i], "[]");

                api_check_error(x, 405, "MethodNotAllowed", "");
                CHECK_STR(fake_http_answer_header(x, "Allow"), "GET, HEAD");
                fake_http_free(x);
        }
        api_fixture_deinit(&f);
}

static void health_and_members_stand_apart_from_clients(void)
{
        static const char *const apart[] = { "/live",          "/_/ready",   "/metrics",
                                             "/_/healthcheck", "/_/cluster", "/_/peer/v1/page" };
        static const char *const others[] = { "/", "/_/crr/failed", "/_/crr/failed/b/metrics",
                                              "/_/peer/v1", "/live/x" };

        for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
                CHECK(api_is_apart(NULL, str_from(apart[i])));
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                CHECK(!api_is_apart(NULL, str_from(others[i])));
}

int main(void)
{
        RUN(live_is_200_whatever_happens);
        RUN(ready_is_200_with_numbers);
        RUN(not_ready_is_503_that_says_why);
        RUN(metrics_are_collected_and_rendered);
        RUN(every_answer_is_counted_by_dialect_route_method_and_code);
        RUN(an_answer_is_one_line_of_the_log_at_debug);
        RUN(healthcheck_has_the_shape_of_backbeat);
        RUN(of_the_intake_what_is_known_is_shown);
        RUN(the_source_is_shown_where_there_is_one);
        RUN(an_unknown_topic_is_an_error_of_the_healthcheck);
        RUN(the_cluster_is_shown_with_what_is_not_known);
        RUN(other_methods_are_405);
        RUN(health_and_members_stand_apart_from_clients);
        return 0;
}
