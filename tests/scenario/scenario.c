/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a scenario: core and API in one process and virtual time, the fake of every port around
 * them. The language is described in README.md beside this file; a failure says file, line and
 * what was seen.
 */
#include "scenario.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LINE           262144
#define REQUEST_TIMEOUT_MS 30000
#define MAX_ELEMENTS       10000

/* RUNNING */

static void settle(struct scenario *s)
{
        bool more = true;

        if (s->api == NULL)
                return;
        while (more) {
                more = api_work(s->api);
                world_run(&s->world);
        }
}

static void on_ready(void *data, struct api_ready *ret)
{
        const struct scenario *s = data;
        struct member_status status;

        member_status(s->world.member, &status);
        *ret = (struct api_ready){
                .ready = status.assigned_once && status.ready == status.assigned &&
                         status.publisher_ready && !status.behind && !s->stopping,
                .state = s->stopping                  ? "stopping"
                         : status.waiting_for != NULL ? "waiting"
                                                      : "up",
                .assigned = status.assigned,
                .ready_partitions = status.ready,
                .waiting_for = status.waiting_for,
                .restored_records = status.restored_records,
                .remaining_records = status.remaining_records,
        };
}

static void on_replication(void *data, struct api_replication *ret)
{
        *ret = (struct api_replication){ .topic = "replication", .producer_ok = true };
}

static void on_collect(void *data)
{
        const struct scenario *s = data;

        member_collect(s->world.member);
}

/* THE WORLD */

static void do_partitions(struct scenario *s, char *rest)
{
        long n = scenario_number(s, scenario_word(&rest));

        if (n < 0 || n > WORLD_PARTITIONS)
                scenario_fail(s, "partitions: 0 to %d", WORLD_PARTITIONS);
        s->world.n_partitions = (int)n;
        if (s->api != NULL)
                member_on_topology(s->world.member, (int)n);
}

static void do_config(struct scenario *s, char *rest)
{
        static const struct scenario_choice payloads[] = { { "native", RETRY_PAYLOAD_NATIVE },
                                                           { "entry", RETRY_PAYLOAD_ENTRY },
                                                           { "backbeat", RETRY_PAYLOAD_BACKBEAT },
                                                           { NULL, 0 } };
        static const struct scenario_choice expiries[] = { { "relist", PENDING_EXPIRY_RELIST },
                                                           { "close", PENDING_EXPIRY_CLOSE },
                                                           { NULL, 0 } };
        static const struct scenario_choice on_off[] = { { "off", false },
                                                         { "on", true },
                                                         { NULL, 0 } };
        struct member_config *config = &s->world.config;
        const char *name = scenario_word(&rest), *value = scenario_word(&rest);

        if (strcmp(name, "payload") == 0)
                config->payload = (enum retry_payload)scenario_choose(s, value, payloads);
        else if (strcmp(name, "pending-expiry") == 0)
                config->pending_expiry = (enum pending_expiry)scenario_choose(s, value, expiries);
        else if (strcmp(name, "pending-ttl") == 0)
                config->pending_ttl_ms = scenario_duration_ms(s, value);
        else if (strcmp(name, "transaction-entries") == 0)
                config->max_transaction_entries = (size_t)scenario_number(s, value);
        else if (strcmp(name, "status-topic") == 0)
                config->has_status_topic = scenario_choose(s, value, on_off);
        else if (strcmp(name, "version-guard") == 0)
                config->version_guard = scenario_choose(s, value, on_off);
        else if (strcmp(name, "memory") == 0)
                config->memory_limit = (size_t)scenario_number(s, value);
        else
                scenario_fail(s, "no such config: '%s'", name);
        if (s->api != NULL)
                member_set_config(s->world.member, config);
}

/* Everything but the group's assignment. */
static void do_start(struct scenario *s, char *rest)
{
        struct world *w = &s->world;
        const struct member_ports ports = world_ports(w);
        const struct api_config config = { .max_elements = MAX_ELEMENTS };
        const struct api_health health = { s, on_ready, on_replication, on_collect };

        w->member = member_new(&w->config, &ports);
        w->door = retry_service_new(w->member, NULL, 2000);
        s->api = api_new(&config, w->door, w->metrics, &health);
        member_tick(w->member, w->now_ms, w->wall_ms);
        member_on_topology(w->member, w->n_partitions);
        member_on_generation(w->member, STR("generation-1"), STR("member-1"));
        member_on_publisher_ready(w->member);
}

static void assign(struct scenario *s, int p)
{
        s->world.assigned[p] = true;
        s->world.feeds[p] = true;
        s->world.logs[p].fed = 0;
        member_on_assigned(s->world.member, p);
}

static void do_assign(struct scenario *s, char *rest)
{
        if (*rest == '\0')
                for (int p = 0; p < s->world.n_partitions; p++)
                        assign(s, p);
        while (*rest != '\0')
                assign(s, scenario_partition(s, scenario_word(&rest)));
        member_on_assignment(s->world.member);
}

static void do_revoke(struct scenario *s, char *rest)
{
        while (*rest != '\0') {
                int p = scenario_partition(s, scenario_word(&rest));

                s->world.assigned[p] = false;
                member_on_revoked(s->world.member, p);
        }
}

/* A rebalance gives a new one: what was submitted with the old one is stale. */
static void do_generation(struct scenario *s, char *rest)
{
        member_on_generation(s->world.member, str_from(scenario_word(&rest)), STR("member-1"));
}

static const char *dash_is_empty(const char *text)
{
        return strcmp(text, "-") == 0 ? "" : text;
}

static void do_failed(struct scenario *s, char *rest)
{
        const char *bucket = scenario_word(&rest), *key = scenario_word(&rest);
        const char *version = dash_is_empty(scenario_word(&rest)), *site = scenario_word(&rest);

        world_failure(&s->world, bucket, key, version, site, rest);
}

static void do_failed_many(struct scenario *s, char *rest)
{
        long n = scenario_number(s, scenario_word(&rest));
        const char *bucket = scenario_word(&rest), *prefix = scenario_word(&rest);
        const char *site = scenario_word(&rest);
        char key[256];

        for (long i = 0; i < n; i++) {
                snprintf(key, sizeof key, "%s%ld", prefix, i);
                world_failure(&s->world, bucket, key, "", site, rest);
        }
}

static void do_tombstone(struct scenario *s, char *rest)
{
        const char *bucket = scenario_word(&rest), *key = scenario_word(&rest);
        const char *version = dash_is_empty(scenario_word(&rest)), *site = scenario_word(&rest);

        world_tombstone(&s->world, bucket, key, version, site);
}

static void do_record(struct scenario *s, char *rest)
{
        int p = scenario_partition(s, scenario_word(&rest));
        const char *key = scenario_word(&rest);

        world_append(&s->world, p, str_from(key), strcmp(rest, "-") == 0 ? NULL : rest, -1, NULL);
}

static void do_taken_in(struct scenario *s, char *rest)
{
        int p = scenario_partition(s, scenario_word(&rest));
        int64_t told_ms = s->world.wall_ms - scenario_duration_ms(s, scenario_word(&rest));
        const char *key = scenario_word(&rest);
        int64_t offset = world_append(&s->world, p, str_from(key), rest, -1, NULL);

        s->world.logs[p].records[offset].own_time_ms = told_ms;
}

static void do_feed(struct scenario *s, char *rest)
{
        static const struct scenario_choice choices[] = { { "off", false },
                                                          { "on", true },
                                                          { NULL, 0 } };

        s->world.feeding = scenario_choose(s, scenario_word(&rest), choices);
}

static void do_stable(struct scenario *s, char *rest)
{
        static const struct scenario_choice choices[] = { { "yes", MEMBER_STABLE },
                                                          { "no", MEMBER_UNSTABLE },
                                                          { "unknown", MEMBER_STABLE_UNKNOWN },
                                                          { NULL, 0 } };

        s->world.stable = (enum member_stable)scenario_choose(s, scenario_word(&rest), choices);
}

static void do_watermark(struct scenario *s, char *rest)
{
        static const struct scenario_choice choices[] = { { "ok", false },
                                                          { "fails", true },
                                                          { NULL, 0 } };

        s->world.watermark_fails = scenario_choose(s, scenario_word(&rest), choices);
}

static const struct scenario_choice outcomes[] = {
        { "commit", PUBLISH_COMMITTED },
        { "abort", PUBLISH_ABORTED },
        { "stale", PUBLISH_STALE },
        { "refuse", PUBLISH_REFUSED },
        { "unknown", PUBLISH_UNKNOWN },
        { "closed", PUBLISH_CLOSED },
        { NULL, 0 },
};

static void answer_batch(struct scenario *s, const char *how)
{
        if (s->world.batch == NULL)
                scenario_fail(s, "no batch waits for its answer");
        if (strcmp(how, "written") == 0)
                world_answer_written(&s->world);
        else
                world_answer(&s->world, (enum publish_outcome)scenario_choose(s, how, outcomes));
}

static void do_publisher(struct scenario *s, char *rest)
{
        const char *what = scenario_word(&rest);

        if (strcmp(what, "hold") == 0) {
                s->world.hold_batches = true;
        } else if (strcmp(what, "answer") == 0) {
                answer_batch(s, scenario_word(&rest));
        } else if (strcmp(what, "ready") == 0) {
                world_publisher_ready(&s->world);
        } else if (strcmp(what, "lost") == 0) {
                member_on_publisher_lost(s->world.member);
        } else {
                s->world.hold_batches = false;
                s->world.script = (enum publish_outcome)scenario_choose(s, what, outcomes);
        }
}

static void do_reads(struct scenario *s, char *rest)
{
        static const struct scenario_choice choices[] = {
                { "ok", 0 }, { "fail", 1 }, { "hold", 2 }, { NULL, 0 }
        };
        int how = scenario_choose(s, scenario_word(&rest), choices);

        s->world.read_fails = how == 1;
        s->world.hold_reads = how == 2;
}

static void do_advance(struct scenario *s, char *rest)
{
        world_advance(&s->world, scenario_duration_ms(s, scenario_word(&rest)));
}

static void do_shutdown(struct scenario *s, char *rest)
{
        s->stopping = true;
        member_stop_retries(s->world.member);
}

/* REQUESTS */

struct fake_exchange *scenario_find(const struct scenario *s, const char *name)
{
        for (size_t i = s->n_requests; i-- > 0;)
                if (strcmp(s->requests[i].name, name) == 0)
                        return s->requests[i].exchange;
        scenario_fail(s, "no request is named '%s'", name);
}

static void do_header(struct scenario *s, char *rest)
{
        struct fake_header *h = &s->headers[s->n_headers++];

        if (s->n_headers > FAKE_HTTP_HEADERS)
                scenario_fail(s, "too many headers");
        snprintf(h->name, sizeof h->name, "%s", scenario_word(&rest));
        snprintf(h->value, sizeof h->value, "%s", rest);
}

static void do_request(struct scenario *s, char *rest)
{
        struct scenario_request *r = &s->requests[s->n_requests++];
        const char *name = scenario_word(&rest), *method = scenario_word(&rest),
                   *target = scenario_word(&rest);

        if (s->n_requests > SCENARIO_MAX_REQUESTS)
                scenario_fail(s, "too many requests");
        snprintf(r->name, sizeof r->name, "%s", name);
        r->exchange = fake_http_new(method, target, rest);
        for (size_t i = 0; i < s->n_headers; i++)
                fake_http_add_header(r->exchange, s->headers[i].name, s->headers[i].value);
        s->n_headers = 0;
        r->exchange->req->deadline_ms = s->world.now_ms + REQUEST_TIMEOUT_MS;
        r->exchange->app_data = s->api;
        r->exchange->on_answered = api_on_answered;
        api_on_request(s->api, r->exchange->req);
}

static void do_gone(struct scenario *s, char *rest)
{
        scenario_find(s, scenario_word(&rest))->canceled = true;
}

/* THE LANGUAGE */

static const struct command {
        const char *name;
        bool before_start;
        void (*run)(struct scenario *s, char *rest);
} commands[] = {
        { "partitions", true, do_partitions },
        { "config", true, do_config },
        { "start", true, do_start },
        { "assign", false, do_assign },
        { "revoke", false, do_revoke },
        { "generation", false, do_generation },
        { "failed", true, do_failed },
        { "failed-many", true, do_failed_many },
        { "tombstone", true, do_tombstone },
        { "record", true, do_record },
        { "taken-in", true, do_taken_in },
        { "feed", true, do_feed },
        { "stable", true, do_stable },
        { "watermark", true, do_watermark },
        { "publisher", false, do_publisher },
        { "reads", true, do_reads },
        { "source", true, scenario_source },
        { "advance", false, do_advance },
        { "shutdown", false, do_shutdown },
        { "header", false, do_header },
        { "request", false, do_request },
        { "gone", false, do_gone },
        { "expect", false, scenario_expect },
        { "expect-text", false, scenario_expect_text },
        { "expect-header", false, scenario_expect_header },
        { "expect-keys", false, scenario_expect_keys },
        { "expect-entries", false, scenario_expect_entries },
        { "expect-entry", false, scenario_expect_entry },
        { "expect-log", false, scenario_expect_log },
        { "expect-gets", false, scenario_expect_gets },
        { "expect-statuses", false, scenario_expect_statuses },
        { "expect-status", false, scenario_expect_status },
};

static void run_line(struct scenario *s, char *rest)
{
        const char *name = scenario_word(&rest);

        if (*name == '\0' || *name == '#')
                return;
        for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
                if (strcmp(commands[i].name, name) != 0)
                        continue;
                if (s->api == NULL && !commands[i].before_start)
                        scenario_fail(s, "'%s' comes after start", name);
                commands[i].run(s, rest);
                settle(s);
                return;
        }
        scenario_fail(s, "no such command: '%s'", name);
}

/* Whoever still waits loses its batch or its time, and so is answered. */
static void scenario_deinit(struct scenario *s)
{
        s->world.hold_batches = s->world.hold_reads = s->world.source->holds = false;
        s->world.script = PUBLISH_CLOSED;
        settle(s);
        world_advance(&s->world, REQUEST_TIMEOUT_MS + 1000);
        api_free(s->api);
        world_deinit(&s->world);
        for (size_t i = 0; i < s->n_requests; i++)
                fake_http_free(s->requests[i].exchange);
}

static void run_file(struct scenario *s, FILE *in)
{
        static char line[MAX_LINE];

        world_init(&s->world, 2);
        while (fgets(line, sizeof line, in) != NULL) {
                s->line++;
                line[strcspn(line, "\n")] = '\0';
                run_line(s, line);
        }
        if (s->api == NULL)
                scenario_fail(s, "a scenario needs a start");
        scenario_deinit(s);
}

static void run_path(const char *path)
{
        static struct scenario s;
        FILE *in = fopen(path, "r");

        memset(&s, 0, sizeof s);
        s.file = path;
        if (in == NULL)
                scenario_fail(&s, "cannot be opened");
        printf("%s\n", path);
        fflush(stdout);
        run_file(&s, in);
        fclose(in);
}

/* Arguments are files or patterns of them. */
int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                glob_t found;

                if (glob(argv[i], 0, NULL, &found) != 0) {
                        fprintf(stderr, "no such scenario: %s\n", argv[i]);
                        return 1;
                }
                for (size_t n = 0; n < found.gl_pathc; n++)
                        run_path(found.gl_pathv[n]);
                globfree(&found);
        }
        return 0;
}
