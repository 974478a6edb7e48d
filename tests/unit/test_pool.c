/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <sys/mman.h>

#include "check.h"
#include "crr/base/pool.h"

#define ITEM     1024
#define PER_PAGE (REGION_SMALL / ITEM)

static struct pool pool;

static void start(uint32_t capacity)
{
        CHECK(pool_init(&pool, ITEM, capacity, REGION_SMALL));
}

static void take(uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                memset(pool_at(&pool, pool_take(&pool)), 1, ITEM);
}

static void the_lowest_free_item_is_given_out_first(void)
{
        start(1000);
        take(200);
        pool_free(&pool, 150);
        pool_free(&pool, 70);
        pool_free(&pool, 3);
        CHECK(pool_is_free(&pool, 70));
        CHECK_INT(pool_used(&pool), 197);
        CHECK_INT(pool_left(&pool), 803);
        CHECK_INT(pool_take(&pool), 3);
        CHECK_INT(pool_take(&pool), 70);
        CHECK_INT(pool_take(&pool), 150);
        CHECK_INT(pool_take(&pool), 200);
        pool_deinit(&pool);
}

static void memory_is_counted_by_pages(void)
{
        start(1000);
        CHECK_INT(pool_growth(&pool, 0), 0);
        CHECK_INT(pool_growth(&pool, 1), REGION_SMALL);
        take(1);
        CHECK_INT(pool.resident, REGION_SMALL);
        CHECK_INT(pool_growth(&pool, PER_PAGE - 1), 0);
        CHECK_INT(pool_growth(&pool, PER_PAGE), REGION_SMALL);
        take(PER_PAGE);
        CHECK_INT(pool.resident, 2 * REGION_SMALL);
        pool_free(&pool, 0);
        CHECK_INT(pool_growth(&pool, PER_PAGE), 0);
        CHECK_INT(pool_growth(&pool, PER_PAGE + 1), REGION_SMALL);
        pool_deinit(&pool);
}

static void move_top_down(void)
{
        uint32_t top = pool.n - 1;

        if (!pool_is_free(&pool, top)) {
                CHECK(pool_take(&pool) < top);
                pool_free(&pool, top);
        }
        pool_lower(&pool);
}

static void a_pool_with_many_holes_gives_pages_back_from_its_top(void)
{
        start(1000);
        take(20 * PER_PAGE);
        CHECK(!pool_is_loose(&pool));
        for (uint32_t i = 0; i < 19 * PER_PAGE; i++)
                pool_free(&pool, i);
        while (pool_is_loose(&pool))
                move_top_down();
        CHECK_INT(pool_used(&pool), PER_PAGE);
        CHECK(pool.n < 2 * PER_PAGE);
        CHECK(pool.resident <= 2 * REGION_SMALL);
        pool_deinit(&pool);
}

static void check_byte(const struct region *r, size_t at, unsigned char want)
{
        CHECK_INT((unsigned char)r->base[at], want);
}

static void what_was_given_back_is_zero_again(void)
{
        struct region r;

        CHECK(region_init(&r, 4 * REGION_SMALL, REGION_SMALL));
        memset(r.base, 7, 4 * REGION_SMALL);
        region_give_back(&r, REGION_SMALL, 2 * REGION_SMALL);
        check_byte(&r, REGION_SMALL - 1, 7);
        check_byte(&r, REGION_SMALL, 0);
        check_byte(&r, 3 * REGION_SMALL - 1, 0);
        check_byte(&r, 3 * REGION_SMALL, 7);
        region_touch(r.base, 4 * REGION_SMALL);
        check_byte(&r, 0, 7);
        region_deinit(&r);
        region_deinit(&r);
}

static bool has_memory(const struct region *r, size_t at)
{
        unsigned char page;

        CHECK(mincore(r->base + at, REGION_SMALL, &page) == 0);
        return (page & 1) != 0;
}

/* So that who puts the first item in does not wait for it. */
static void the_first_page_has_memory_from_the_beginning(void)
{
        struct region r;

        CHECK(region_init(&r, 4 * REGION_SMALL, REGION_SMALL));
        CHECK(has_memory(&r, 0));
        CHECK(!has_memory(&r, REGION_SMALL));
        region_deinit(&r);
        CHECK(region_init(&r, 2 * REGION_HUGE, REGION_HUGE));
        CHECK(has_memory(&r, 0));
        CHECK(has_memory(&r, REGION_HUGE - REGION_SMALL));
        CHECK(!has_memory(&r, REGION_HUGE));
        region_deinit(&r);
}

static void pages_ahead_are_named_once_and_counted_when_they_are_there(void)
{
        struct page_range range, other;
        size_t ahead = 4 * REGION_SMALL;

        start(1000);
        CHECK(pool_wants_touch(&pool, ahead, SIZE_MAX / 2, &range));
        CHECK(range.base == pool.region.base && range.bytes == ahead);
        CHECK(pool_holds(&pool, &range));
        CHECK(!pool_wants_touch(&pool, ahead, SIZE_MAX / 2, &other));
        CHECK_INT(pool.resident, 0);
        region_touch(range.base, range.bytes);
        pool_touched(&pool, &range);
        CHECK_INT(pool.resident, ahead);
        take(PER_PAGE);
        CHECK(!pool_wants_touch(&pool, ahead, SIZE_MAX / 2, &range));
        take(2 * PER_PAGE);
        CHECK(!pool_wants_touch(&pool, ahead, REGION_SMALL - 1, &range));
        CHECK(pool_wants_touch(&pool, ahead, 2 * REGION_SMALL, &range));
        CHECK_INT(range.bytes, 2 * REGION_SMALL);
        pool_touched(&pool, &range);
        pool_deinit(&pool);
}

static void address_space_that_is_not_there_is_refused(void)
{
        struct region r;

        CHECK(!region_init(&r, (size_t)1 << 62, REGION_SMALL));
        CHECK(r.base == NULL);
        CHECK(!pool_init(&pool, (size_t)1 << 40, UINT32_MAX, REGION_SMALL));
        pool_deinit(&pool);
}

int main(void)
{
        RUN(the_lowest_free_item_is_given_out_first);
        RUN(memory_is_counted_by_pages);
        RUN(a_pool_with_many_holes_gives_pages_back_from_its_top);
        RUN(what_was_given_back_is_zero_again);
        RUN(the_first_page_has_memory_from_the_beginning);
        RUN(pages_ahead_are_named_once_and_counted_when_they_are_there);
        RUN(address_space_that_is_not_there_is_refused);
        return 0;
}
