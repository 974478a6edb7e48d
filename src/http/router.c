/* SPDX-License-Identifier: Apache-2.0 */
#include "crr/http/router.h"

#include <stdbool.h>
#include <string.h>

/* One {name} or {name*} at the pattern; what it takes from the path goes into args. NULL: it does
 * not match. */
static const char *match_arg(const char **pattern, const char *path, const char *end,
                             struct route_args *args)
{
        const char *close = strchr(*pattern, '}');
        const char *stop = end;

        if (close[-1] != '*' && path < end) {
                const char *slash = memchr(path, '/', (size_t)(end - path));

                stop = slash != NULL ? slash : end;
        }
        if (stop == path || args->n == ROUTE_MAX_ARGS)
                return NULL;
        args->arg[args->n++] = (struct str){ path, (size_t)(stop - path) };
        *pattern = close + 1;
        return stop;
}

static bool match(const char *pattern, struct str path, struct route_args *args)
{
        const char *at = path.base, *end = path.base + path.len;

        args->n = 0;
        while (*pattern != '\0') {
                if (*pattern == '{') {
                        at = match_arg(&pattern, at, end, args);
                        if (at == NULL)
                                return false;
                } else if (at == end || *at++ != *pattern++) {
                        return false;
                }
        }
        return at == end;
}

static const char *allow_of(bool get, bool post)
{
        if (get && post)
                return "GET, HEAD, POST";
        return get ? "GET, HEAD" : "POST";
}

enum route_result route_find(const struct route *routes, enum http_method method, struct str path,
                             const struct route **ret, struct route_args *ret_args,
                             const char **ret_allow)
{
        bool get = false, post = false;
        struct route_args args;

        for (const struct route *r = routes; r->pattern != NULL; r++) {
                if (!match(r->pattern, path, &args))
                        continue;
                if (r->method == method) {
                        *ret = r;
                        *ret_args = args;
                        return ROUTE_FOUND;
                }
                get |= r->method == HTTP_GET;
                post |= r->method == HTTP_POST;
        }
        if (!get && !post)
                return ROUTE_NO_PATH;
        *ret_allow = allow_of(get, post);
        return ROUTE_NO_METHOD;
}
