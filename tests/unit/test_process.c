/* SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "crr/base/time.h"
#include "process.h"

static struct metrics *metrics;

static double gauge(enum metric id)
{
        return metrics_get(metrics, id, NO_LABELS);
}

static void the_host_has_a_name(void)
{
        char name[HOST_NAME_BYTES], system_name[HOST_NAME_BYTES];

        process_host_name(name);
        CHECK(name[0] != '\0');
        if (gethostname(system_name, sizeof system_name) == 0 && system_name[0] != '\0')
                CHECK_STR(name, system_name);
}

/* 60 % of a machine that runs these tests is something between the bounds. */
static void the_default_of_the_tables_memory_is_within_its_bounds(void)
{
        size_t bytes = process_table_memory();

        CHECK(bytes >= (size_t)16 << 20 && bytes <= (size_t)4 << 30);
        CHECK_INT(bytes, process_table_memory());
}

static void open_files_are_raised_as_far_as_it_goes(void)
{
        struct rlimit limit;

        CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        limit.rlim_cur = 64;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
        CHECK_INT(process_raise_open_files(), limit.rlim_max);
        CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
        CHECK(limit.rlim_cur == limit.rlim_max);
}

static void a_broken_pipe_is_an_error_and_not_the_end(void)
{
        int ends[2];

        process_ignore_sigpipe();
        CHECK(pipe(ends) == 0);
        close(ends[0]);
        CHECK(write(ends[1], "x", 1) == -1);
        close(ends[1]);
}

static void the_process_is_measured_for_a_scrape(void)
{
        double started, files;
        int fd;

        metrics = metrics_new(10);
        process_collect(metrics);
        started = gauge(METRIC_PROCESS_START_TIME);
        files = gauge(METRIC_PROCESS_OPEN_FDS);
        CHECK(gauge(METRIC_PROCESS_CPU) >= 0);
        CHECK(gauge(METRIC_PROCESS_RESIDENT) > 1 << 20);
        CHECK(gauge(METRIC_PROCESS_MAX_FDS) >= files);
        CHECK(files >= 3);
        CHECK(started > 1e9 && started <= (double)time_wall_ms() / 1e3 + 1);
        CHECK((double)time_wall_ms() / 1e3 - started < 600); /* this one began just now */
        fd = dup(STDOUT_FILENO);
        process_collect(metrics);
        CHECK(gauge(METRIC_PROCESS_OPEN_FDS) == files + 1);
        CHECK(gauge(METRIC_PROCESS_START_TIME) == started);
        close(fd);
        metrics_free(metrics);
}

int main(void)
{
        RUN(the_host_has_a_name);
        RUN(the_default_of_the_tables_memory_is_within_its_bounds);
        RUN(open_files_are_raised_as_far_as_it_goes);
        RUN(a_broken_pipe_is_an_error_and_not_the_end);
        RUN(the_process_is_measured_for_a_scrape);
        return 0;
}
