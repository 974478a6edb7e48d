/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_value.h"

#include <assert.h>
#include <inttypes.h>

#define TEXT_LIMIT 1024

struct unit {
        const char *name;
        int64_t factor;
};

/* Largest first: what divides is shown. */
static const struct unit size_units[] = {
        { "GiB", 1 << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "B", 1 }, { NULL, 0 },
};
static const struct unit time_units[] = {
        { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 },
        { "s", 1000 },     { "ms", 1 },      { NULL, 0 },
};

static const struct unit *units_of(const struct setting_row *row)
{
        return row->type == SETTING_SIZE ? size_units : time_units;
}

static bool to_integer(struct str text, int64_t *ret)
{
        bool minus = text.len > 0 && text.base[0] == '-';
        unsigned long long value;

        if (!str_to_u64((struct str){ text.base + minus, text.len - minus }, INT64_MAX, &value))
                return false;
        *ret = minus ? -(int64_t)value : (int64_t)value;
        return true;
}

/* Digits and a unit, with nothing between them. */
static bool to_quantity(const struct unit *units, struct str text, int64_t *ret)
{
        size_t digits = 0;
        unsigned long long value;

        while (digits < text.len && text.base[digits] >= '0' && text.base[digits] <= '9')
                digits++;
        for (; units->name != NULL; units++) {
                if (!str_eq_c((struct str){ text.base + digits, text.len - digits }, units->name))
                        continue;
                if (!str_to_u64((struct str){ text.base, digits },
                                (unsigned long long)(INT64_MAX / units->factor), &value))
                        return false;
                *ret = (int64_t)value * units->factor;
                return true;
        }
        return false;
}

static bool to_choice(const struct setting_row *row, struct str text, int64_t *ret)
{
        struct str name;

        for (*ret = 0; (name = setting_choice_name(row, *ret)).base != NULL; ++*ret)
                if (str_eq(name, text))
                        return true;
        return false;
}

static bool to_bool(const struct raw_value *raw, int64_t *ret)
{
        bool loose_true = raw->is_loose && str_eq_c(raw->text, "true");

        *ret = raw->type == JSON_BOOL ? raw->boolean : loose_true;
        return raw->type == JSON_BOOL || loose_true ||
               (raw->is_loose && str_eq_c(raw->text, "false"));
}

static bool to_number(const struct setting_row *row, const struct raw_value *raw, int64_t *ret)
{
        bool is_string = raw->type == JSON_STRING;
        bool is_integer = raw->type == JSON_INTEGER || raw->is_loose;

        switch (row->type) {
        case SETTING_BOOL:
                return to_bool(raw, ret);
        case SETTING_INTEGER:
                return is_integer && to_integer(raw->text, ret);
        case SETTING_SIZE:
                return (is_string && to_quantity(size_units, raw->text, ret)) ||
                       (is_integer && to_integer(raw->text, ret));
        case SETTING_DURATION:
                return is_string && to_quantity(time_units, raw->text, ret);
        case SETTING_CHOICE:
                return is_string && to_choice(row, raw->text, ret);
        case SETTING_TEXT:
        case SETTING_LIST:
        case SETTING_MAP:
                break;
        }
        return false;
}

static bool has_range(const struct setting_row *row)
{
        return row->type == SETTING_INTEGER || row->type == SETTING_SIZE ||
               row->type == SETTING_DURATION;
}

static int say_range(const struct setting_row *row, const struct raw_value *raw, int64_t limit,
                     const char *relation, struct error *err)
{
        struct str shown = raw->is_secret ? STR("the secret") : raw->text;
        struct buf text;

        buf_init(&text, TEXT_LIMIT);
        setting_show_number(row, limit, &text);
        error_set(err, ERR_BAD_CONFIG, "%.*s is %s %.*s", STR_ARG(shown), relation,
                  STR_ARG(buf_str(&text)));
        buf_deinit(&text);
        return (int)err->code;
}

static int say_type(const struct setting_row *row, struct error *err)
{
        struct buf text;

        buf_init(&text, TEXT_LIMIT);
        setting_describe_type(row, &text);
        error_set(err, ERR_BAD_CONFIG, "must be %.*s", STR_ARG(buf_str(&text)));
        buf_deinit(&text);
        return (int)err->code;
}

int setting_read_number(const struct setting_row *row, const struct raw_value *raw, int64_t *ret,
                        struct error *err)
{
        int64_t number;

        if ((row->flags & SETTING_AUTOMATIC) && raw->type == JSON_STRING &&
            str_eq_c(raw->text, "auto")) {
                *ret = SETTING_AUTO;
                return 0;
        }
        if (!to_number(row, raw, &number))
                return say_type(row, err);
        if (has_range(row) && number < row->min)
                return say_range(row, raw, row->min, "below", err);
        if (has_range(row) && number > row->max)
                return say_range(row, raw, row->max, "above", err);
        *ret = number;
        return 0;
}

static void show_quantity(const struct unit *unit, int64_t number, struct buf *out)
{
        if (number == 0) /* 0s and 0B read better than 0d and 0GiB */
                unit += 3;
        while (number % unit->factor != 0)
                unit++;
        buf_printf(out, "%" PRId64 "%s", number / unit->factor, unit->name);
}

void setting_show_number(const struct setting_row *row, int64_t number, struct buf *out)
{
        if (number == SETTING_AUTO && (row->flags & SETTING_AUTOMATIC))
                buf_append_c(out, "auto");
        else if (row->type == SETTING_BOOL)
                buf_append_c(out, number ? "true" : "false");
        else if (row->type == SETTING_CHOICE)
                buf_append_str(out, setting_choice_name(row, number));
        else if (row->type == SETTING_INTEGER || (row->type == SETTING_SIZE && number % 1024 != 0))
                buf_printf(out, "%" PRId64, number);
        else
                show_quantity(units_of(row), number, out);
}

void setting_write_number(const struct setting_row *row, int64_t number, struct buf *out)
{
        bool is_bare = row->type == SETTING_BOOL || row->type == SETTING_INTEGER ||
                       (row->type == SETTING_SIZE && number >= 0 && number % 1024 != 0);

        assert(setting_is_number(row));
        if (!is_bare)
                buf_append_char(out, '"');
        setting_show_number(row, number, out);
        if (!is_bare)
                buf_append_char(out, '"');
}

static void describe_choices(const struct setting_row *row, struct buf *out)
{
        struct str name;

        buf_append_c(out, "one of ");
        for (int64_t i = 0; (name = setting_choice_name(row, i)).base != NULL; i++)
                buf_printf(out, "%s\"%.*s\"", i > 0 ? ", " : "", STR_ARG(name));
}

void setting_describe_type(const struct setting_row *row, struct buf *out)
{
        static const char *const names[] = {
                [SETTING_BOOL] = "true or false",
                [SETTING_INTEGER] = "an integer",
                [SETTING_SIZE] = "a size such as 65536 or \"32MiB\" (B, KiB, MiB, GiB)",
                [SETTING_DURATION] = "a duration such as \"30s\" (ms, s, m, h, d)",
                [SETTING_CHOICE] = NULL,
                [SETTING_TEXT] = "a string",
                [SETTING_LIST] = "a list of strings",
                [SETTING_MAP] = "an object of properties",
        };

        if (row->type == SETTING_CHOICE)
                describe_choices(row, out);
        else
                buf_append_c(out, names[row->type]);
        if (row->flags & SETTING_AUTOMATIC)
                buf_append_c(out, ", or \"auto\"");
        if (row->flags & SETTING_NULLABLE)
                buf_append_c(out, ", or null");
}
