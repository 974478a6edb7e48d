/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_table.h"

#include <assert.h>
#include <string.h>

#include "settings_check.h"

#define MIB(n)        (INT64_C(1048576) * (n))
#define SECONDS(n)    (INT64_C(1000) * (n))
#define RANGE(a, b)   .min = (a), .max = (b)
#define CHOICES(text) .choices = (text)
#define CHECKED(fn)   .check = (fn)
#define ANY           .max = 0
#define RELOADABLE    SETTING_RELOADABLE
#define NULLABLE      SETTING_NULLABLE
#define AUTOMATIC     SETTING_AUTOMATIC
#define SECRET        SETTING_SECRET

static const struct setting_row rows[SETTING__COUNT] = {
#define X(id, path, type, preset, limits, flags, help) \
        [SETTING_##id] = { path, preset, SETTING_##type, flags, help, limits },
#include "crr/daemon/settings.def"
#undef X
};

const struct setting_row *setting_row(enum setting id)
{
        assert(id < SETTING__COUNT);
        return &rows[id];
}

const char *setting_path(enum setting id)
{
        return setting_row(id)->path;
}

bool setting_is_number(const struct setting_row *row)
{
        return row->type < SETTING_TEXT;
}

bool setting_is_librdkafkas(const struct setting_row *row)
{
        return row->type == SETTING_MAP && row->check == NULL;
}

/* GROUPS */

size_t setting_depth(enum setting id)
{
        size_t n = 0;

        for (const char *c = setting_path(id); *c != '\0'; c++)
                n += *c == '.';
        return n;
}

struct str setting_group(enum setting id, size_t level)
{
        struct str name, rest = str_from(setting_path(id));

        assert(level < setting_depth(id));
        do
                str_split(rest, '.', &name, &rest);
        while (level-- > 0);
        return name;
}

size_t setting_common_groups(int a, int b)
{
        size_t n = 0;

        if (a < 0 || b < 0 || a >= SETTING__COUNT || b >= SETTING__COUNT)
                return 0;
        while (n < setting_depth((enum setting)a) && n < setting_depth((enum setting)b) &&
               str_eq(setting_group((enum setting)a, n), setting_group((enum setting)b, n)))
                n++;
        return n;
}

const char *setting_name(enum setting id)
{
        return strrchr(setting_path(id), '.') + 1;
}

/* "a.b" is below "a". */
static bool is_below(struct str path, struct str above)
{
        return path.len > above.len && path.base[above.len] == '.' &&
               str_eq((struct str){ path.base, above.len }, above);
}

bool setting_find(struct str path, enum setting *ret, struct str *ret_property)
{
        for (int id = 0; id < SETTING__COUNT; id++) {
                struct str own = str_from(rows[id].path);

                *ret = (enum setting)id;
                *ret_property = STR_ABSENT;
                if (str_eq(path, own))
                        return true;
                if (rows[id].type != SETTING_MAP || !is_below(path, own))
                        continue;
                *ret_property = (struct str){ path.base + own.len + 1, path.len - own.len - 1 };
                return true;
        }
        return false;
}

bool setting_is_group(struct str path)
{
        if (path.len == 0)
                return true;
        for (int id = 0; id < SETTING__COUNT; id++)
                if (is_below(str_from(rows[id].path), path))
                        return true;
        return false;
}

void setting_env_name(enum setting id, struct buf *out)
{
        buf_append_c(out, "CRR_");
        for (const char *c = setting_row(id)->path; *c != '\0'; c++) {
                if (*c == '.')
                        buf_append_c(out, "__");
                else
                        buf_append_char(out, (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c));
        }
}

struct str setting_choice_name(const struct setting_row *row, int64_t i)
{
        struct str rest = str_from(row->choices), name;

        for (; str_split(rest, '|', &name, &rest); i--)
                if (i == 0)
                        return name;
        return i == 0 ? rest : STR_ABSENT;
}
