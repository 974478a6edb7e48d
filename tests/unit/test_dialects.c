/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "dialect.h"

static struct arena arena;

static size_t count_dialects(void)
{
        size_t n = 0;

        while (dialects[n] != NULL)
                n++;
        return n;
}

/* The route of a GET in one dialect; NULL: none. */
static const struct route *route_in(const struct dialect *d, const char *path)
{
        struct str canonical = str_from(path);
        const struct route *found;
        struct route_args args;
        const char *allow;

        if (d->canonical_path != NULL)
                canonical = d->canonical_path(canonical, &arena);
        if (canonical.base == NULL)
                return NULL;
        return route_find(d->routes, HTTP_GET, canonical, &found, &args, &allow) == ROUTE_FOUND
                       ? found
                       : NULL;
}

static void every_dialect_and_every_route_has_its_name(void)
{
        CHECK(count_dialects() >= 2);
        for (size_t i = 0; dialects[i] != NULL; i++) {
                CHECK(dialects[i]->name[0] != '\0');
                for (size_t k = 0; k < i; k++)
                        CHECK(strcmp(dialects[i]->name, dialects[k]->name) != 0);
                CHECK(dialects[i]->routes[0].pattern != NULL);
                for (const struct route *r = dialects[i]->routes; r->pattern != NULL; r++) {
                        CHECK(r->pattern[0] == '/');
                        CHECK(r->handler != NULL);
                        CHECK(r->name != NULL && r->name[0] != '\0');
                        CHECK(r->summary != NULL && r->summary[0] != '\0');
                        CHECK(r->method == HTTP_GET || r->method == HTTP_POST);
                }
        }
}

/* Rows: a path, and the dialect and route that answer it. No other dialect may: the order in which
 * they are asked decides nothing. */
static void a_path_belongs_to_one_dialect(void)
{
        static const struct {
                const char *path, *dialect, *route; /* NULL: none */
        } table[] = {
                { "/_/crr/failed", "crr", "list" },
                { "/_/_/crr/failed", "crr", "list" },
                { "/_/backbeat/api/crr/failed", "crr", "list" },
                { "/_/backbeat/api/_/crr/failed", "crr", "list" },
                { "/_/crr/failed/", "crr", "list" },
                { "/_//crr///failed", "crr", "list" },
                { "/_/crr/failed/bucket/key", "crr", "object" },
                { "/_/crr/failed//bucket/a//b/", "crr", "object" },
                { "/_/crr/failed/live/ready", "crr", "object" },
                { "/_/crr/failed/bucket", NULL, NULL },
                { "/_/crr/failed/bucket/", NULL, NULL },
                { "/_/crr/failedx", NULL, NULL },
                { "/crr/failed", NULL, NULL },
                { "/live", "admin", "live" },
                { "/_/live", "admin", "live" },
                { "/ready", "admin", "ready" },
                { "/_/ready", "admin", "ready" },
                { "/metrics", "admin", "metrics" },
                { "/_/healthcheck", "admin", "healthcheck" },
                { "/_/metrics", NULL, NULL },
                { "/healthcheck", NULL, NULL },
                { "/live/", NULL, NULL },
                { "/", NULL, NULL },
                { "", NULL, NULL },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                const struct route *found = NULL;

                for (size_t k = 0; dialects[k] != NULL; k++) {
                        const struct route *here = route_in(dialects[k], table[i].path);

                        if (here == NULL)
                                continue;
                        if (found != NULL || table[i].dialect == NULL)
                                check_fail(__FILE__, __LINE__, table[i].path, dialects[k]->name);
                        found = here;
                        CHECK_STR(dialects[k]->name, table[i].dialect);
                        CHECK_STR(here->name, table[i].route);
                }
                if ((found == NULL) != (table[i].dialect == NULL))
                        check_fail(__FILE__, __LINE__, table[i].path, "nobody answers");
        }
}

/* The patterns themselves, as paths: what one dialect offers no other takes. */
static void no_dialect_takes_what_another_offers(void)
{
        for (size_t i = 0; dialects[i] != NULL; i++)
                for (const struct route *r = dialects[i]->routes; r->pattern != NULL; r++)
                        for (size_t k = 0; dialects[k] != NULL; k++)
                                CHECK(k == i || route_in(dialects[k], r->pattern) == NULL);
}

int main(void)
{
        arena_init(&arena, 1 << 20);
        RUN(every_dialect_and_every_route_has_its_name);
        RUN(a_path_belongs_to_one_dialect);
        RUN(no_dialect_takes_what_another_offers);
        arena_deinit(&arena);
        return 0;
}
