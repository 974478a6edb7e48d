/* SPDX-License-Identifier: Apache-2.0 */
#include "crr.h"
#include "crr/base/buf.h"
#include "dialect.h"

#define ROOT "/_/crr/failed"

static const char *const spellings[] = {
        "/_/backbeat/api/_/crr/failed",
        "/_/backbeat/api/crr/failed",
        "/_/_/crr/failed",
        "/_/crr/failed",
};
#define N_SPELLINGS (sizeof spellings / sizeof *spellings)

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
        struct str rest = STR_ABSENT, whole;
        struct buf text;
        size_t i = 0;

        while (i < N_SPELLINGS && !match_spelling(path, spellings[i], &rest))
                i++;
        if (i == N_SPELLINGS)
                return STR_ABSENT;
        rest = skip_slashes(rest);
        if (rest.len == 0)
                return STR(ROOT);
        buf_init(&text, sizeof ROOT + rest.len);
        buf_append_c(&text, ROOT "/");
        buf_append_str(&text, rest);
        whole = arena_str(arena, buf_str(&text));
        buf_deinit(&text);
        return whole;
}

extern const struct dialect crr_dialect;

const struct dialect crr_dialect = {
        .name = "crr",
        .canonical_path = canonical_path,
        .routes = routes,
};
