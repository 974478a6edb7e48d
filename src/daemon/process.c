/* SPDX-License-Identifier: Apache-2.0 */
#include "process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "crr/base/str.h"
#include "crr/base/time.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define PATH_BYTES  4096
#define TABLE_MOST  (UINT64_C(4) << 30)
#define TABLE_LEAST (UINT64_C(16) << 20)

void process_host_name(char name[HOST_NAME_BYTES])
{
        if (gethostname(name, HOST_NAME_BYTES) != 0 || name[0] == '\0')
                snprintf(name, HOST_NAME_BYTES, "localhost");
        name[HOST_NAME_BYTES - 1] = '\0';
}

/* MEMORY */

/* The number in a file; `otherwise` when it holds none ("max") or is not there. */
static uint64_t read_number(const char *path, uint64_t otherwise)
{
        char text[64];
        unsigned long long number;
        FILE *file = fopen(path, "re");
        bool is_read;

        if (file == NULL)
                return otherwise;
        is_read = fgets(text, sizeof text, file) != NULL;
        fclose(file);
        if (!is_read)
                return otherwise;
        text[strcspn(text, "\n")] = '\0';
        return str_to_u64(str_from(text), UINT64_MAX, &number) ? number : otherwise;
}

/* Our cgroup's path below the root, of version 2 ("0::/a/b"); "" when there is none. */
static void find_cgroup(char path[PATH_BYTES])
{
        char line[PATH_BYTES];
        FILE *file = fopen("/proc/self/cgroup", "re");

        path[0] = '\0';
        if (file == NULL)
                return;
        while (fgets(line, sizeof line, file) != NULL) {
                line[strcspn(line, "\n")] = '\0';
                if (strncmp(line, "0::", 3) == 0)
                        snprintf(path, PATH_BYTES, "%s", line + 3);
        }
        fclose(file);
}

/* The least limit from our cgroup up to the root: any of them may be the one that kills us. */
static uint64_t cgroup_memory(void)
{
        char path[PATH_BYTES], file[PATH_BYTES + 64];
        uint64_t least = UINT64_MAX, here;

        find_cgroup(path);
        for (;;) {
                snprintf(file, sizeof file, CGROUP_ROOT "%s/memory.max", path);
                here = read_number(file, UINT64_MAX);
                least = here < least ? here : least;
                if (strrchr(path, '/') == NULL)
                        return least;
                *strrchr(path, '/') = '\0';
        }
}

size_t process_table_memory(void)
{
        uint64_t most = uv_get_total_memory();
        uint64_t limit = cgroup_memory(), limit_v1 = uv_get_constrained_memory();

        if (limit < most)
                most = limit;
        if (limit_v1 > 0 && limit_v1 < most)
                most = limit_v1;
        most = most / 10 * 6;
        if (most > TABLE_MOST)
                most = TABLE_MOST;
        return (size_t)(most < TABLE_LEAST ? TABLE_LEAST : most);
}

bool process_has_huge_pages(void)
{
        FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "re");
        char line[128] = "";

        if (file == NULL)
                return true;
        if (fgets(line, sizeof line, file) == NULL)
                line[0] = '\0';
        fclose(file);
        return strstr(line, "[never]") == NULL;
}

/* FILES AND SIGNALS */

static uint64_t open_files_limit(void)
{
        struct rlimit limit;

        return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

uint64_t process_raise_open_files(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
                limit.rlim_cur = limit.rlim_max;
                setrlimit(RLIMIT_NOFILE, &limit);
        }
        return open_files_limit();
}

void process_ignore_sigpipe(void)
{
        struct sigaction ignore = { .sa_handler = SIG_IGN };

        sigaction(SIGPIPE, &ignore, NULL);
}

/* METRICS */

int64_t process_thread_cpu_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double seconds(uv_timeval_t t)
{
        return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static double count_open_files(void)
{
        uv_fs_t req;
        int n = uv_fs_scandir(NULL, &req, "/proc/self/fd", 0, NULL);

        uv_fs_req_cleanup(&req);
        return n > 0 ? n - 1 : 0; /* without the folder's own */
}

/* Of the process, from its 22nd field of /proc/self/stat: clock ticks since boot. */
static double start_time(void)
{
        static double started;
        char text[1024];
        const char *field;
        double uptime;
        FILE *file;

        if (started > 0)
                return started;
        file = fopen("/proc/self/stat", "re");
        if (file == NULL)
                return 0;
        field = fgets(text, sizeof text, file) != NULL ? strrchr(text, ')') : NULL;
        fclose(file);
        for (int i = 2; field != NULL && i < 22; i++)
                field = strchr(field + 1, ' ');
        if (field == NULL || uv_uptime(&uptime) != 0)
                return 0;
        started = (double)time_wall_ms() / 1e3 - uptime +
                  strtod(field, NULL) / (double)sysconf(_SC_CLK_TCK);
        return started;
}

void process_collect(struct metrics *metrics)
{
        uv_rusage_t usage;
        size_t resident;

        if (uv_getrusage(&usage) == 0)
                metrics_cell(metrics, METRIC_PROCESS_CPU, NO_LABELS)->value =
                        seconds(usage.ru_utime) + seconds(usage.ru_stime);
        if (uv_resident_set_memory(&resident) == 0)
                metrics_set(metrics, METRIC_PROCESS_RESIDENT, NO_LABELS, (double)resident);
        metrics_set(metrics, METRIC_PROCESS_START_TIME, NO_LABELS, start_time());
        metrics_set(metrics, METRIC_PROCESS_OPEN_FDS, NO_LABELS, count_open_files());
        metrics_set(metrics, METRIC_PROCESS_MAX_FDS, NO_LABELS, (double)open_files_limit());
}
