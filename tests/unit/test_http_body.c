/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "http_body.h"

static struct http_budget budget;

static char byte_at(size_t i)
{
        return (char)(i * 31 / 7);
}

static void fill(struct http_body *b, size_t size, size_t piece)
{
        char *bytes = malloc(piece);

        CHECK(bytes != NULL);
        while (b->len < size) {
                size_t n = size - b->len < piece ? size - b->len : piece;

                for (size_t i = 0; i < n; i++)
                        bytes[i] = byte_at(b->len + i);
                CHECK(http_body_append(b, &budget, bytes, n));
        }
        free(bytes);
}

static void give_all_back(void)
{
        while (http_budget_work(&budget))
                ;
        CHECK_INT(budget.used, 0);
}

static void what_was_appended_stays_however_large_it_grows(void)
{
        static const size_t pieces[] = { 1, 1000, 65536, 300000 };

        for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
                struct http_body b = { 0 };
                struct str all;

                fill(&b, 700001, pieces[k]);
                all = http_body_str(&b);
                CHECK_INT(all.len, 700001);
                for (size_t i = 0; i < all.len; i++)
                        if (all.base[i] != byte_at(i))
                                CHECK_INT(i, -1);
                http_body_release(&b, &budget);
                give_all_back();
        }
}

/* As large as http.max_body_bytes may be: it is never refused for ever. */
static void one_that_is_as_large_as_bodies_may_be_has_its_place(void)
{
        for (size_t limit = 1 << 20; limit < (1 << 20) + 3 * HTTP_PAGE; limit += 97) {
                struct http_body b = { 0 };

                budget.limit = limit;
                fill(&b, limit / 4 * 3, 65536);
                CHECK(http_budget_holds(&budget, false));
                fill(&b, b.len + HTTP_PAGE, HTTP_PAGE);
                CHECK(!http_budget_holds(&budget, false));
                http_body_release(&b, &budget);
                give_all_back();
        }
        budget.limit = 0;
}

static void an_empty_one_takes_no_memory(void)
{
        struct http_body b = { 0 };

        CHECK(http_body_append(&b, &budget, "", 0));
        CHECK(str_eq_c(http_body_str(&b), ""));
        CHECK_INT(budget.used, 0);
        http_body_release(&b, &budget);
        CHECK(!http_budget_work(&budget));
}

static void a_large_one_counts_by_its_pages_and_not_by_its_capacity(void)
{
        struct http_body b = { 0 };

        fill(&b, 8 * HTTP_BODY_SMALL + 1, 1000);
        CHECK(b.capacity >= 16 * HTTP_BODY_SMALL);
        CHECK_INT(budget.used, 8 * HTTP_BODY_SMALL + HTTP_PAGE);
        http_body_release(&b, &budget);
        give_all_back();
}

static void a_small_one_is_given_back_at_once_and_large_ones_little_by_little(void)
{
        struct http_body small = { 0 }, large[2] = { 0 };
        size_t before;

        fill(&small, HTTP_BODY_SMALL, 1000);
        fill(&large[0], 5 * HTTP_GIVEN_BACK / 2, 1000);
        fill(&large[1], HTTP_GIVEN_BACK, 1000);
        before = budget.used;
        http_body_release(&small, &budget);
        CHECK_INT(budget.used, before - HTTP_BODY_SMALL);
        http_body_release(&large[0], &budget);
        http_body_release(&large[1], &budget);
        CHECK_INT(budget.used, before - HTTP_BODY_SMALL);
        for (int turns = 4; turns > 0; turns--) {
                before = budget.used;
                CHECK_INT(http_budget_work(&budget), turns > 1);
                CHECK(budget.used < before && before - budget.used <= HTTP_GIVEN_BACK);
        }
        CHECK_INT(budget.used, 0);
        CHECK(!http_budget_work(&budget));
}

int main(void)
{
        RUN(what_was_appended_stays_however_large_it_grows);
        RUN(one_that_is_as_large_as_bodies_may_be_has_its_place);
        RUN(an_empty_one_takes_no_memory);
        RUN(a_large_one_counts_by_its_pages_and_not_by_its_capacity);
        RUN(a_small_one_is_given_back_at_once_and_large_ones_little_by_little);
        return 0;
}
