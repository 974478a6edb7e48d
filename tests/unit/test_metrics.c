/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <math.h>

#include "check.h"
#include "child.h"
#include "crr/base/metrics.h"

static struct metrics *m;
static struct buf out;

static void start(size_t max_sites)
{
        m = metrics_new(max_sites);
}

static void stop(void)
{
        metrics_free(m);
}

static const char *render(void)
{
        buf_clear(&out);
        metrics_render(m, &out);
        buf_append_char(&out, '\0');
        return out.base;
}

/* Is this a line of the exposition? */
static bool has_line(const char *line)
{
        const char *text = render(), *at = text;
        size_t n = strlen(line);

        while ((at = strstr(at, line)) != NULL) {
                if ((at == text || at[-1] == '\n') && at[n] == '\n')
                        return true;
                at += n;
        }
        return false;
}

static void check_lines(const char *const *lines, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!has_line(lines[i]))
                        check_fail(__FILE__, __LINE__, "a line of the exposition", lines[i]);
}
#define CHECK_LINES(lines) check_lines((lines), sizeof(lines) / sizeof *(lines))

/* ROWS */

static const struct {
        const char *name, *kind, *labels, *help;
} rows[] = {
#define X(id, name, kind, labels, help) { name, #kind, labels, help },
#include "crr/base/metrics.def"
#undef X
};

static bool is_name(const char *name, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (!islower(name[i]) && name[i] != '_' && (i == 0 || !isdigit(name[i])))
                        return false;
        return n > 0;
}

static void every_row_follows_the_rules_of_prometheus(void)
{
        for (int i = 0; i < METRIC__COUNT; i++) {
                const char *name = rows[i].name;
                size_t n = strlen(name), labels = 0;

                CHECK(is_name(name, n));
                CHECK_INT(n > 6 && strcmp(name + n - 6, "_total") == 0,
                          strcmp(rows[i].kind, "COUNTER") == 0);
                CHECK(rows[i].help[strlen(rows[i].help) - 1] == '.');
                CHECK(strpbrk(rows[i].help, "\\\n") == NULL); /* it is not escaped */
                for (const char *at = rows[i].labels; *at != '\0'; labels++) {
                        n = strcspn(at, ",");
                        CHECK(is_name(at, n));
                        at += n + (at[n] == ',');
                }
                CHECK(labels <= METRIC_MAX_LABELS);
                for (int k = 0; k < i; k++)
                        CHECK(strcmp(rows[k].name, name) != 0);
        }
}

/* Every sample stands under the HELP and TYPE of its own metric. */
static void help_and_type_come_before_the_samples_of_each(void)
{
        const char *at;
        char full[128], want[600];

        start(10);
        metrics_add(m, METRIC_RECORDS_TOTAL, LABELS_2("t", "failed"), 1);
        at = render();
        for (int i = 0; i < METRIC__COUNT; i++) {
                bool own = strncmp(rows[i].name, "process_", 8) != 0;
                size_t n;

                snprintf(full, sizeof full, "%s%s", own ? "crr_retry_" : "", rows[i].name);
                n = (size_t)snprintf(want, sizeof want, "# HELP %s %s\n# TYPE %s %s\n", full,
                                     rows[i].help, full,
                                     rows[i].kind[0] == 'C'   ? "counter"
                                     : rows[i].kind[0] == 'G' ? "gauge"
                                                              : "histogram");
                CHECK_INT(strncmp(at, want, n), 0);
                for (at += n; *at != '#' && *at != '\0'; at = strchr(at, '\n') + 1)
                        CHECK_INT(strncmp(at, full, strlen(full)), 0);
        }
        CHECK_STR(at, "");
        stop();
}

/* CELLS */

static void a_metric_without_labels_is_there_from_the_beginning(void)
{
        static const char *const lines[] = {
                "crr_retry_ready 0",
                "crr_retry_records_misplaced_total 0",
                "crr_retry_event_loop_delay_seconds_count 0",
                "crr_retry_event_loop_delay_seconds_bucket{le=\"+Inf\"} 0",
                "process_open_fds 0",
        };

        start(10);
        CHECK_LINES(lines);
        CHECK(strstr(render(), "crr_retry_records_total{") == NULL);
        stop();
}

static void values_are_added_and_set_by_their_labels(void)
{
        static const char *const lines[] = {
                "crr_retry_records_total{topic=\"t\",outcome=\"failed\"} 3",
                "crr_retry_records_total{topic=\"t\",outcome=\"pending\"} 1",
                "crr_retry_records_total{topic=\"failed\",outcome=\"t\"} 7",
                "crr_retry_partitions{state=\"ready\"} 5",
                "crr_retry_http_requests_total{dialect=\"a\",route=\"b\",method=\"c\",code=\"d\"} 1",
                "crr_retry_ready 1",
        };

        start(10);
        metrics_add(m, METRIC_RECORDS_TOTAL, LABELS_2("t", "failed"), 1);
        metrics_add(m, METRIC_RECORDS_TOTAL, LABELS_2("t", "pending"), 1);
        metrics_add(m, METRIC_RECORDS_TOTAL, LABELS_2("t", "failed"), 2);
        metrics_add(m, METRIC_RECORDS_TOTAL, LABELS_2("failed", "t"), 7);
        metrics_set(m, METRIC_PARTITIONS, LABELS_1("ready"), 4);
        metrics_set(m, METRIC_PARTITIONS, LABELS_1("ready"), 5);
        metrics_add(m, METRIC_HTTP_REQUESTS_TOTAL, LABELS_4("a", "b", "c", "d"), 1);
        metrics_set(m, METRIC_READY, NO_LABELS, 1);
        CHECK_LINES(lines);
        CHECK(metrics_get(m, METRIC_RECORDS_TOTAL, LABELS_2("t", "failed")) == 3);
        CHECK(metrics_get(m, METRIC_RECORDS_TOTAL, LABELS_2("t", "none")) == 0);
        CHECK(metrics_get(m, METRIC_REFAILED_TOTAL, LABELS_1("t")) == 0);
        stop();
}

static void a_kept_cell_stays_good_and_label_values_are_copied(void)
{
        struct metric_cell *cell;
        char text[16] = "first";

        start(10000);
        cell = metrics_cell(m, METRIC_REFAILED_TOTAL, LABELS_1(text));
        for (int i = 0; i < 2000; i++) {
                snprintf(text, sizeof text, "site-%d", i);
                metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1(text), i);
        }
        cell->value += 5;
        CHECK(metrics_cell(m, METRIC_REFAILED_TOTAL, LABELS_1("first")) == cell);
        CHECK(metrics_get(m, METRIC_REFAILED_TOTAL, LABELS_1("first")) == 5);
        for (int i = 0; i < 2000; i++) {
                snprintf(text, sizeof text, "site-%d", i);
                CHECK(metrics_get(m, METRIC_REFAILED_TOTAL, LABELS_1(text)) == i);
        }
        stop();
}

static void numbers_are_read_back_as_they_are(void)
{
        static const double values[] = {
                0, 1, -1, 0.1, 1.0 / 3, 1e15, 1e300, 5e-324, 999999999999999, 12345.678
        };
        const char *at;

        start(10);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
                metrics_set(m, METRIC_READY, NO_LABELS, values[i]);
                at = strstr(render(), "\ncrr_retry_ready ");
                CHECK(at != NULL && strtod(at + strlen("\ncrr_retry_ready "), NULL) == values[i]);
        }
        metrics_set(m, METRIC_READY, NO_LABELS, 123456789012345);
        CHECK(has_line("crr_retry_ready 123456789012345"));
        stop();
}

static void label_values_are_escaped(void)
{
        static const struct {
                const char *value, *want;
        } table[] = {
                { "plain", "plain" },
                { "", "" },
                { "say \"x\"", "say \\\"x\\\"" },
                { "back\\slash", "back\\\\slash" },
                { "line\nline", "line\\nline" },
                { "\\n", "\\\\n" },
                { "a}b{c=,", "a}b{c=," },
                { "\xc3\xa9", "\xc3\xa9" },
                { "tab\t", "tab\t" },
        };
        char line[256];

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                start(10);
                metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1(table[i].value), 2);
                snprintf(line, sizeof line, "crr_retry_refailed_total{site=\"%s\"} 2",
                         table[i].want);
                if (!has_line(line))
                        check_fail(__FILE__, __LINE__, "escaped", line);
                stop();
        }
}

static void sites_beyond_the_cap_count_as_other(void)
{
        static const char *const lines[] = {
                "crr_retry_refailed_total{site=\"a\"} 11",
                "crr_retry_refailed_total{site=\"b\"} 1",
                "crr_retry_refailed_total{site=\"other\"} 102",
                "crr_retry_failed_entries{site=\"x\"} 1",
                "crr_retry_failed_entries{site=\"y\"} 1",
                "crr_retry_failed_entries{site=\"other\"} 1",
                "crr_retry_http_rejected_total{cause=\"e\"} 1",
        };

        start(2);
        metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1("a"), 1);
        metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1("b"), 1);
        metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1("c"), 1);
        metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1("d"), 100);
        metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1("a"), 10);
        metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1("c"), 1);
        for (const char *site = "xyz"; *site != '\0'; site++) /* each metric has its own */
                metrics_add(m, METRIC_FAILED_ENTRIES, (struct metric_labels){ { { site, 1 } } }, 1);
        for (const char *cause = "abcde"; *cause != '\0'; cause++) /* not a site */
                metrics_add(m, METRIC_HTTP_REJECTED_TOTAL,
                            (struct metric_labels){ { { cause, 1 } } }, 1);
        CHECK_LINES(lines);
        CHECK(strstr(render(), "site=\"c\"") == NULL);
        CHECK(strstr(render(), "site=\"z\"") == NULL);
        stop();
}

static void a_gauge_that_is_reset_forgets_its_cells_and_only_its_own(void)
{
        static const char *const lines[] = {
                "crr_retry_failed_entries{site=\"c\"} 3",
                "crr_retry_failed_entries{site=\"d\"} 4",
                "crr_retry_pending_entries{site=\"a\"} 9",
        };

        start(2);
        metrics_set(m, METRIC_FAILED_ENTRIES, LABELS_1("a"), 1);
        metrics_set(m, METRIC_FAILED_ENTRIES, LABELS_1("b"), 2);
        metrics_set(m, METRIC_PENDING_ENTRIES, LABELS_1("a"), 9);
        metrics_reset(m, METRIC_FAILED_ENTRIES);
        CHECK(metrics_get(m, METRIC_FAILED_ENTRIES, LABELS_1("a")) == 0);
        metrics_set(m, METRIC_FAILED_ENTRIES, LABELS_1("c"), 3);
        metrics_set(m, METRIC_FAILED_ENTRIES, LABELS_1("d"), 4);
        CHECK_LINES(lines);
        CHECK(strstr(render(), "crr_retry_failed_entries{site=\"a\"}") == NULL);
        stop();
}

static void reset_counter(void *data)
{
        (void)data;
        metrics_reset(m, METRIC_REFAILED_TOTAL);
}

static void observe_gauge(void *data)
{
        (void)data;
        metrics_observe(m, METRIC_READY, NO_LABELS, 1);
}

static void a_counter_is_never_reset_and_only_a_histogram_observed(void)
{
        char said[4096];

        start(2);
        CHECK(child_aborts(reset_counter, NULL, said, sizeof said));
        CHECK(child_aborts(observe_gauge, NULL, said, sizeof said));
        stop();
}

/* HISTOGRAMS */

/* The value behind `name`, which begins a line. */
static double sample(const char *name)
{
        char text[200];
        const char *at;

        snprintf(text, sizeof text, "\n%s ", name);
        at = strstr(render(), text);
        if (at == NULL)
                check_fail(__FILE__, __LINE__, "a sample", name);
        return strtod(at + strlen(text), NULL);
}

static void a_bound_belongs_to_its_bucket_and_buckets_are_cumulative(void)
{
        static const struct {
                const char *le;
                double want;
        } table[] = {
                { "1", 2 },    { "2", 3 },    { "5", 3 },     { "10", 4 },   { "25", 4 },
                { "50", 4 },   { "100", 4 },  { "250", 4 },   { "500", 4 },  { "1000", 5 },
                { "2500", 5 }, { "5000", 5 }, { "10000", 6 }, { "+Inf", 7 },
        };
        static const double values[] = { 0, 1, 2, 10, 999.5, 10000, 10001 };
        double sum = 0;
        char name[128];

        start(10);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
                metrics_observe(m, METRIC_RETRY_TRANSACTION_ENTRIES, NO_LABELS, values[i]);
                sum += values[i];
        }
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                snprintf(name, sizeof name, "crr_retry_retry_transaction_entries_bucket{le=\"%s\"}",
                         table[i].le);
                CHECK(sample(name) == table[i].want);
        }
        CHECK(sample("crr_retry_retry_transaction_entries_sum") == sum);
        CHECK(sample("crr_retry_retry_transaction_entries_count") == 7);
        CHECK(metrics_get(m, METRIC_RETRY_TRANSACTION_ENTRIES, NO_LABELS) == 7);
        stop();
}

static void a_histogram_with_labels_has_its_buckets_for_each(void)
{
        static const char *const lines[] = {
                "crr_retry_http_request_duration_seconds_bucket{dialect=\"crr\",route=\"list\",le=\"0.001\"} 1",
                "crr_retry_http_request_duration_seconds_bucket{dialect=\"crr\",route=\"list\",le=\"0.0025\"} 2",
                "crr_retry_http_request_duration_seconds_bucket{dialect=\"crr\",route=\"list\",le=\"30\"} 2",
                "crr_retry_http_request_duration_seconds_bucket{dialect=\"crr\",route=\"list\",le=\"+Inf\"} 2",
                "crr_retry_http_request_duration_seconds_count{dialect=\"crr\",route=\"list\"} 2",
                "crr_retry_http_request_duration_seconds_bucket{dialect=\"crr\",route=\"retry\",le=\"30\"} 0",
                "crr_retry_http_request_duration_seconds_bucket{dialect=\"crr\",route=\"retry\",le=\"+Inf\"} 1",
                "crr_retry_http_request_duration_seconds_sum{dialect=\"crr\",route=\"retry\"} 31",
        };

        start(10);
        metrics_observe(m, METRIC_HTTP_REQUEST_DURATION, LABELS_2("crr", "list"), 0.0005);
        metrics_observe(m, METRIC_HTTP_REQUEST_DURATION, LABELS_2("crr", "list"), 0.0025);
        metrics_observe(m, METRIC_HTTP_REQUEST_DURATION, LABELS_2("crr", "retry"), 31);
        CHECK_LINES(lines);
        stop();
}

/* Where promtool is installed; what it says about names and types is worth more than ours. */
static void promtool_finds_nothing(void)
{
        FILE *tool;

        if (system("command -v promtool >/dev/null 2>&1") != 0) /* NOLINT(cert-env33-c) */
                return;
        start(10);
        metrics_add(m, METRIC_REFAILED_TOTAL, LABELS_1("a\"b\\c\nd"), 1);
        metrics_observe(m, METRIC_HTTP_REQUEST_DURATION, LABELS_2("crr", "list"), 0.1);
        metrics_observe(m, METRIC_EVENT_LOOP_DELAY, NO_LABELS, 0.1);
        render();
        tool = popen("promtool check metrics", "w");
        CHECK(tool != NULL);
        CHECK(fwrite(out.base, 1, out.len - 1, tool) == out.len - 1);
        CHECK_INT(pclose(tool), 0);
        stop();
}

int main(void)
{
        buf_init(&out, 1 << 20);
        RUN(every_row_follows_the_rules_of_prometheus);
        RUN(help_and_type_come_before_the_samples_of_each);
        RUN(a_metric_without_labels_is_there_from_the_beginning);
        RUN(values_are_added_and_set_by_their_labels);
        RUN(a_kept_cell_stays_good_and_label_values_are_copied);
        RUN(numbers_are_read_back_as_they_are);
        RUN(label_values_are_escaped);
        RUN(sites_beyond_the_cap_count_as_other);
        RUN(a_gauge_that_is_reset_forgets_its_cells_and_only_its_own);
        RUN(a_counter_is_never_reset_and_only_a_histogram_observed);
        RUN(a_bound_belongs_to_its_bucket_and_buckets_are_cumulative);
        RUN(a_histogram_with_labels_has_its_buckets_for_each);
        RUN(promtool_finds_nothing);
        metrics_free(NULL);
        buf_deinit(&out);
        return 0;
}
