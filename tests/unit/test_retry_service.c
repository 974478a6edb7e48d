/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/log.h"
#include "world.h"

static struct world w;
static struct world_list list;
static struct arena arena; /* of requests that world_list() does not make */

/* Three partitions with three failures each, at the offsets 0, 1 and 2; those named in `missing`
 * are not ours any more. Of the site "odd" is the one at offset 1. */
static void start(const char *missing)
{
        int next[3] = { 0 };

        world_init(&w, 3);
        world_start(&w);
        for (int i = 0; next[0] < 3 || next[1] < 3 || next[2] < 3; i++) {
                char key[16];
                int home;

                snprintf(key, sizeof key, "k%d", i);
                for (int site = 0; site < 2; site++) {
                        const char *name = site ? "odd" : "even";

                        home = world_home(&w, "b", key, "v", name);
                        if (next[home] < 3 && next[home] % 2 == site) {
                                world_failure(&w, "b", key, "v", name, NULL);
                                next[home]++;
                        }
                }
        }
        world_run(&w);
        for (; *missing != '\0'; missing++) {
                w.assigned[*missing - '0'] = false;
                member_on_revoked(w.member, *missing - '0');
        }
        world_run(&w);
}

#define AT(partition, offset) ((uint64_t)(partition) << 43 | (uint64_t)(offset))
#define NONE                  UINT64_MAX

struct page {
        const char *name, *missing, *site;
        uint64_t marker;
        unsigned max_rows;
        bool partial;
        const char *rows;     /* "00 01": partition and offset; NULL: it is refused */
        uint64_t next_marker; /* NONE: it is not truncated */
        const char *coverage; /* what it says is missing */
};

static const struct page pages[] = {
        { "all", "", NULL, 0, 100, false, "00 01 02 10 11 12 20 21 22", NONE, "" },
        { "exactly all", "", NULL, 0, 9, false, "00 01 02 10 11 12 20 21 22", NONE, "" },
        { "a full page", "", NULL, 0, 4, false, "00 01 02 10", AT(1, 1), "" },
        { "the next one", "", NULL, AT(1, 1), 4, false, "11 12 20 21", AT(2, 2), "" },
        { "the last one", "", NULL, AT(2, 2), 4, false, "22", NONE, "" },
        { "behind all", "", NULL, AT(2, 3), 4, false, "", NONE, "" },
        { "a partition that does not exist", "", NULL, AT(7, 0), 4, false, "", NONE, "" },
        { "one site", "", "odd", 0, 100, false, "01 11 21", NONE, "" },
        { "one site, page by page", "", "odd", 0, 1, false, "01", AT(1, 1), "" },
        { "no such site", "", "none", 0, 100, false, "", NONE, "" },
        /* what is not known in front, in the middle and at the end */
        { "the first is missing", "0", NULL, 0, 100, false, NULL, NONE, "0" },
        { "the first is missing, behind it", "0", NULL, AT(1, 0), 100, false, "10 11 12 20 21 22",
          NONE, "" },
        { "the middle is missing", "1", NULL, 0, 100, false, NULL, NONE, "1" },
        { "the page ends before it", "1", NULL, 0, 3, false, "00 01 02", AT(1, 0), "" },
        { "the page ends long before it", "1", NULL, 0, 2, false, "00 01", AT(0, 2), "" },
        { "the page begins with it", "1", NULL, AT(1, 0), 3, false, NULL, NONE, "1" },
        { "the last is missing", "2", NULL, 0, 6, false, "00 01 02 10 11 12", AT(2, 0), "" },
        { "all are missing", "012", NULL, 0, 100, false, NULL, NONE, "012" },
        /* partial: it is said */
        { "partial, nothing missing", "", NULL, AT(2, 0), 9, true, "20 21 22", NONE, "" },
        { "partial, the first", "0", NULL, 0, 100, true, "10 11 12 20 21 22", NONE, "0" },
        { "partial, the middle", "1", NULL, 0, 100, true, "00 01 02 20 21 22", NONE, "1" },
        { "partial, two", "02", NULL, 0, 100, true, "10 11 12", NONE, "02" },
        { "partial, all", "012", NULL, 0, 100, true, "", NONE, "012" },
        { "partial, full before it", "1", NULL, 0, 3, true, "00 01 02", AT(1, 0), "" },
        { "partial, full behind it", "1", NULL, 0, 5, true, "00 01 02 20 21", AT(2, 2), "1" },
        { "partial, behind it", "0", NULL, AT(1, 0), 100, true, "10 11 12 20 21 22", NONE, "" },
};

static const char *text_of_rows(void)
{
        static char text[128];
        size_t at = 0;

        text[0] = '\0';
        for (size_t i = 0; i < list.n; i++)
                at += (size_t)snprintf(text + at, sizeof text - at, "%s%d%d", i > 0 ? " " : "",
                                       list.rows[i].partition, (int)list.rows[i].offset);
        return text;
}

static const char *text_of_missing(const struct coverage *c)
{
        static char text[8];
        size_t at = 0;

        for (int p = 0; p < 3; p++)
                if (partition_set_has(&c->missing, p))
                        text[at++] = (char)('0' + p);
        text[at] = '\0';
        return text;
}

static void check_page(const struct page *page)
{
        start(page->missing);
        world_list(&w, &list, page->site, page->marker, page->max_rows, page->partial);
        if (list.failed != (page->rows == NULL))
                check_fail(__FILE__, __LINE__, page->name, list.err.message);
        if (list.failed)
                CHECK_INT(list.err.code, ERR_UNAVAILABLE);
        else if (strcmp(text_of_rows(), page->rows) != 0)
                check_fail(__FILE__, __LINE__, page->name, text_of_rows());
        if (strcmp(text_of_missing(&list.req.coverage), page->coverage) != 0)
                check_fail(__FILE__, __LINE__, page->name, text_of_missing(&list.req.coverage));
        CHECK_INT(list.req.coverage.partitions, 3);
        if (list.req.truncated != (page->next_marker != NONE))
                check_fail(__FILE__, __LINE__, page->name, "truncated or not");
        if (list.req.truncated)
                CHECK_INT((int64_t)list.req.next_marker, (int64_t)page->next_marker);
        world_list_deinit(&list);
        world_deinit(&w);
}

static void a_page_is_whole_or_says_what_it_lacks(void)
{
        for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
                check_page(&pages[i]);
}

static void before_the_topic_is_known_nothing_is_answered(void)
{
        world_init(&w, 1);
        world_start(&w);
        member_on_topology(w.member, 0);
        for (int partial = 0; partial < 2; partial++) {
                world_list(&w, &list, NULL, 0, 10, partial != 0);
                CHECK(list.failed && list.err.code == ERR_UNAVAILABLE);
                CHECK_STR(list.err.message,
                          "the failure log is not known yet: /_/ready says what is missing");
                world_list_deinit(&list);
        }
        world_deinit(&w);
}

static void what_is_committed_is_passed_over_and_does_not_count_as_a_row(void)
{
        struct world_retry retry;

        start("");
        w.feeding = false; /* the PENDING record is not read: the overlay alone hides it */
        world_list(&w, &list, NULL, 0, 2, false);
        world_retry_init(&w, &retry);
        retry.entries[0].id = list.rows[1].id;
        retry.req.n = 1;
        world_retry_submit(&w, &retry);
        CHECK(retry.done && !retry.failed);
        world_list_deinit(&list);
        world_list(&w, &list, NULL, 0, 2, false);
        CHECK_STR(text_of_rows(), "00 02");
        CHECK_INT((int64_t)list.req.next_marker, (int64_t)AT(1, 0));
        world_list_deinit(&list);
        world_retry_deinit(&retry);
        world_deinit(&w);
}

static void count_row(struct list_request *req, const struct failure *f)
{
        (void)f;
        ++*(unsigned *)req->data;
}

static void count_done(struct list_request *req, const struct error *err)
{
        CHECK(err == NULL);
        *(unsigned *)req->data |= 1u << 31;
}

#define MANY   4400 /* more than a turn looks at */
#define HIDDEN 4390
#define SLICE  1024 /* rows that a turn looks at */

static void hide(int from, int to)
{
        static char names[64][16];
        struct world_retry retry;

        world_retry_init(&w, &retry);
        for (int i = from; i < to; i++) {
                snprintf(names[i - from], sizeof names[0], "k%d", i);
                world_retry_add(&retry, "b", names[i - from], "v", "aws", false);
        }
        world_retry_submit(&w, &retry);
        CHECK(retry.done && !retry.failed);
        world_retry_deinit(&retry);
}

/* A listing that passes many entries over is the same, and the loop has its turns meanwhile. */
static void a_long_way_to_the_next_row_is_walked_in_several_turns(void)
{
        unsigned rows = 0, turns = 0;
        struct list_request req = { .data = &rows,
                                    .max_rows = 100,
                                    .arena = &arena,
                                    .row = count_row,
                                    .done = count_done };
        char key[16];

        arena_init(&arena, 1 << 20);
        world_init(&w, 1);
        world_start(&w);
        for (int i = 0; i < MANY; i++) {
                snprintf(key, sizeof key, "k%d", i);
                world_failure(&w, "b", key, "v", "aws", NULL);
        }
        world_run(&w);
        w.feeding = false; /* the overlay alone hides them */
        for (int i = 0; i < HIDDEN; i += 64)
                hide(i, i + 64 < HIDDEN ? i + 64 : HIDDEN);
        retry_service_list(w.door, &req);
        while ((rows & 1u << 31) == 0) {
                retry_service_work(w.door);
                turns++;
        }
        CHECK_INT(turns, MANY / SLICE + 1);
        CHECK_INT(rows & ~(1u << 31), MANY - HIDDEN);
        arena_deinit(&arena);
        world_deinit(&w);
}

/* GET */

struct got {
        struct get_request req;
        char sites[64];
        bool done, failed;
};

static void on_row(struct get_request *req, const struct failure *f)
{
        struct got *got = req->data;
        size_t at = strlen(got->sites);

        snprintf(got->sites + at, sizeof got->sites - at, "%.*s ", STR_ARG(f->id.site));
}

static void on_got(struct get_request *req, const struct error *err)
{
        struct got *got = req->data;

        CHECK(!got->done);
        got->done = true;
        got->failed = err != NULL;
}

static void get(struct got *got, const char *key, const char *version, bool partial)
{
        *got = (struct got){ .req = { .data = got,
                                      .bucket = STR("b"),
                                      .key = str_from(key),
                                      .version_id = str_from(version),
                                      .partial = partial,
                                      .arena = &arena,
                                      .row = on_row,
                                      .done = on_got } };
        arena_init(&arena, 1 << 20);
        retry_service_get(w.door, &got->req);
        CHECK(!got->done);
        world_run(&w);
        CHECK(got->done);
        arena_deinit(&arena);
}

static void every_site_at_which_a_version_failed_is_found(void)
{
        struct got got;

        world_init(&w, 1);
        world_start(&w);
        world_failure(&w, "b", "k", "v", "aws", NULL);
        world_failure(&w, "b", "k", "v", "azure", NULL);
        world_failure(&w, "b", "k", "v", "gone", NULL);
        world_failure(&w, "b", "k", "w", "other", NULL);
        world_failure(&w, "b", "k2", "v", "other", NULL);
        world_failure(&w, "b", "k", "v", "pending", ",\"ReplicationStatus\":\"PENDING\"");
        world_tombstone(&w, "b", "k", "v", "gone");
        world_run(&w);
        get(&got, "k", "v", false);
        CHECK(!got.failed);
        CHECK_STR(got.sites, "aws azure ");
        get(&got, "k", "", false);
        CHECK(!got.failed);
        CHECK_STR(got.sites, "");
        world_deinit(&w);
}

static void what_is_not_known_of_an_object_is_refused_or_said(void)
{
        struct got got;

        start("1");
        get(&got, "k0", "v", false);
        CHECK(got.failed);
        CHECK_STR(text_of_missing(&got.req.coverage), "1");
        get(&got, "k0", "v", true);
        CHECK(!got.failed);
        CHECK_STR(text_of_missing(&got.req.coverage), "1");
        world_deinit(&w);
}

int main(void)
{
        log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
        RUN(a_page_is_whole_or_says_what_it_lacks);
        RUN(before_the_topic_is_known_nothing_is_answered);
        RUN(what_is_committed_is_passed_over_and_does_not_count_as_a_row);
        RUN(a_long_way_to_the_next_row_is_walked_in_several_turns);
        RUN(every_site_at_which_a_version_failed_is_found);
        RUN(what_is_not_known_of_an_object_is_refused_or_said);
        return 0;
}
