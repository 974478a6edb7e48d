/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "crr.h"
#include "dialect.h"

#define ROOT "/_/crr/failed"

static const char *const spellings[] = {
        "/_/backbeat/api/_/crr/failed",
        "/_/backbeat/api/crr/failed",
        "/_/_/crr/failed",
        "/_/crr/failed",
};

static const struct route routes[] = {
        { HTTP_GET, ROOT, crr_on_list, "list", "List the failures of a site" },
        { HTTP_POST, ROOT, crr_on_retry, "retry", "Retry failures" },
        { HTTP_GET, ROOT "/{bucket}/{key*}", crr_on_object, "object",
          "Failures of one object version at every site" },
        { .pattern = NULL },
};

static struct str skip_slashes(struct str s)
{
        while (s.len > 0 && *s.base == '/') {
                s.base++;
                s.len--;
        }
        return s;
}

/* True when the path begins as the spelling does, a slash there standing for any number of them. */
static bool match_spelling(struct str path, const char *spelling, struct str *ret_rest)
{
        for (; *spelling != '\0'; spelling++) {
                if (path.len == 0 || *path.base != *spelling)
                        return false;
                path.base++;
                path.len--;
                if (*spelling == '/')
                        path = skip_slashes(path);
        }
        *ret_rest = path;
        return path.len == 0 || *path.base == '/';
}

/* ROOT, or ROOT/<bucket>..., with all that follows the bucket's first byte left alone. */
static struct str canonical_path(struct str path, struct arena *arena)
{
        const size_t root_len = strlen(ROOT "/");
        struct str rest = STR_ABSENT;
        size_t i = 0;
        char *text;

        while (i < sizeof spellings / sizeof *spellings &&
               !match_spelling(path, spellings[i], &rest))
                i++;
        if (i == sizeof spellings / sizeof *spellings)
                return STR_ABSENT;
        rest = skip_slashes(rest);
        if (rest.len == 0)
                return STR(ROOT);
        text = arena_alloc(arena, root_len + rest.len);
        if (text == NULL)
                return STR_ABSENT;
        memcpy(text, ROOT "/", root_len);
        memcpy(text + root_len, rest.base, rest.len);
        return (struct str){ text, root_len + rest.len };
}

extern const struct dialect crr_dialect;

const struct dialect crr_dialect = {
        .name = "crr",
        .canonical_path = canonical_path,
        .routes = routes,
};
