/* SPDX-License-Identifier: Apache-2.0 */
/* Every part is done once, whoever does it, and all are done when end() returns. */
#include <stdatomic.h>

#include "check.h"
#include "helper.h"

#define PARTS 1000

static struct helper *helper;
static unsigned done[PARTS];
static unsigned by_worker[HELPERS_WORKERS];
static atomic_bool other_has_begun;

static void count(void *data, unsigned worker, size_t i)
{
        CHECK(data == done);
        done[i]++;
        by_worker[worker]++;
}

static void each_part_is_done_once(void)
{
        unsigned all = 0;

        for (size_t n = 0; n <= PARTS; n += n < 20 ? 1 : 49) {
                for (size_t i = 0; i < PARTS; i++)
                        done[i] = 0;
                helper->port.begin(&helper->port, count, done, n);
                helper->port.end(&helper->port);
                for (size_t i = 0; i < PARTS; i++)
                        CHECK_INT(done[i], i < n);
                all += (unsigned)n;
        }
        CHECK_INT(by_worker[0] + by_worker[1], all);
}

/* The first part waits until another thread has begun one. */
static void meet(void *data, unsigned worker, size_t i)
{
        (void)data;
        (void)i;
        if (worker == 1)
                atomic_store(&other_has_begun, true);
        while (!atomic_load(&other_has_begun))
                uv_sleep(0);
}

static void two_threads_work_at_the_same_time(void)
{
        helper->port.begin(&helper->port, meet, NULL, PARTS);
        helper->port.end(&helper->port);
        CHECK(atomic_load(&other_has_begun));
}

static void one_that_never_worked_goes_too(void)
{
        helper_free(helper_new());
}

int main(void)
{
        helper = helper_new();
        if (helper == NULL) { /* one processor */
                RUN(one_that_never_worked_goes_too);
                return 0;
        }
        RUN(each_part_is_done_once);
        RUN(two_threads_work_at_the_same_time);
        RUN(one_that_never_worked_goes_too);
        helper_free(helper);
        return 0;
}
