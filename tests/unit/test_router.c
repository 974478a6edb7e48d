/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/http/router.h"

static void handler(void *data, struct http_request *req, const struct route_args *args)
{
        (void)data;
        (void)req;
        (void)args;
}

static const struct route routes[] = {
        { HTTP_GET, "/list", handler, "list", "" },
        { HTTP_POST, "/list", handler, "retry", "" },
        { HTTP_GET, "/only/get", handler, "get", "" },
        { HTTP_POST, "/only/post", handler, "post", "" },
        { HTTP_GET, "/b/{bucket}", handler, "bucket", "" },
        { HTTP_GET, "/b/{bucket}/{key*}", handler, "object", "" },
        { HTTP_GET, "/x/{a}-{b}/end", handler, "middle", "" },
        { HTTP_GET, "/m/{a}/{b}/{c}/{d}", handler, "four", "" },
        { HTTP_GET, "/first/{any}", handler, "first", "" },
        { HTTP_GET, "/first/second", handler, "never", "" },
        { .pattern = NULL },
};

static const struct route *found;
static struct route_args args;
static const char *allow;

static enum route_result find(enum http_method method, const char *path)
{
        found = NULL;
        args = (struct route_args){ .n = 99 };
        allow = NULL;
        return route_find(routes, method, str_from(path), &found, &args, &allow);
}

static void a_path_finds_its_route_and_its_arguments(void)
{
        static const struct {
                enum http_method method;
                const char *path, *name;
                size_t n;
                const char *args[ROUTE_MAX_ARGS];
        } table[] = {
                { HTTP_GET, "/list", "list", 0, { NULL } },
                { HTTP_POST, "/list", "retry", 0, { NULL } },
                { HTTP_GET, "/only/get", "get", 0, { NULL } },
                { HTTP_GET, "/b/x", "bucket", 1, { "x" } },
                { HTTP_GET, "/b/x%2Fy", "bucket", 1, { "x%2Fy" } },
                { HTTP_GET, "/b/x/y", "object", 2, { "x", "y" } },
                { HTTP_GET, "/b/x/y/z", "object", 2, { "x", "y/z" } },
                { HTTP_GET, "/b/x/y/", "object", 2, { "x", "y/" } },
                { HTTP_GET, "/b/x//", "object", 2, { "x", "/" } },
                { HTTP_GET, "/b/x/..", "object", 2, { "x", ".." } },
                { HTTP_GET, "/b/{bucket}/{key*}", "object", 2, { "{bucket}", "{key*}" } },
                { HTTP_GET, "/m/1/2/3/4", "four", 4, { "1", "2", "3", "4" } },
                { HTTP_GET, "/first/second", "first", 1, { "second" } },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                if (find(table[i].method, table[i].path) != ROUTE_FOUND)
                        check_fail(__FILE__, __LINE__, "found", table[i].path);
                CHECK_STR(found->name, table[i].name);
                CHECK_INT(args.n, table[i].n);
                for (size_t k = 0; k < args.n; k++)
                        CHECK(str_eq_c(args.arg[k], table[i].args[k]));
        }
}

static void another_path_finds_nothing_and_changes_nothing(void)
{
        static const char *const paths[] = {
                "",
                "/",
                "list",
                "/list/",
                "/lis",
                "/listx",
                "/LIST",
                "//list",
                "/list?a=b",
                "/b",
                "/b/",
                "/b//",
                "/b//key",
                "/b/x/",
                "/only",
                "/only/get/x",
                "/x/a-b/end/x",
                "/m/1/2/3",
                "/m/1/2/3/4/5",
                "/m//2/3/4",
        };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                if (find(HTTP_GET, paths[i]) != ROUTE_NO_PATH)
                        check_fail(__FILE__, __LINE__, "not found", paths[i]);
                CHECK(found == NULL && allow == NULL && args.n == 99);
        }
        CHECK_INT(route_find(routes, HTTP_GET, STR("/list\0"), &found, &args, &allow),
                  ROUTE_NO_PATH);
}

static void a_route_without_the_method_says_what_it_allows(void)
{
        static const struct {
                enum http_method method;
                const char *path, *allow;
        } table[] = {
                { HTTP_OTHER, "/list", "GET, HEAD, POST" }, { HTTP_POST, "/only/get", "GET, HEAD" },
                { HTTP_OTHER, "/only/get", "GET, HEAD" },   { HTTP_GET, "/only/post", "POST" },
                { HTTP_OTHER, "/only/post", "POST" },       { HTTP_POST, "/b/x/y", "GET, HEAD" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                CHECK_INT(find(table[i].method, table[i].path), ROUTE_NO_METHOD);
                CHECK_STR(allow, table[i].allow);
                CHECK(found == NULL);
        }
}

static void a_name_takes_all_up_to_the_next_slash(void)
{
        /* what follows it in the pattern is not looked for: "{a}-" never matches */
        CHECK_INT(find(HTTP_GET, "/x/a-b/end"), ROUTE_NO_PATH);
}

static void arguments_point_into_the_path(void)
{
        static const char path[] = "/b/bucket/key/more";

        CHECK_INT(find(HTTP_GET, path), ROUTE_FOUND);
        CHECK(args.arg[0].base == path + 3);
        CHECK(args.arg[1].base == path + 10);
}

static void an_empty_table_has_no_path(void)
{
        static const struct route none[] = { { .pattern = NULL } };

        CHECK_INT(route_find(none, HTTP_GET, STR("/"), &found, &args, &allow), ROUTE_NO_PATH);
}

int main(void)
{
        RUN(a_path_finds_its_route_and_its_arguments);
        RUN(another_path_finds_nothing_and_changes_nothing);
        RUN(a_route_without_the_method_says_what_it_allows);
        RUN(a_name_takes_all_up_to_the_next_slash);
        RUN(arguments_point_into_the_path);
        RUN(an_empty_table_has_no_path);
        return 0;
}
