/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "crr/base/json_read.h"

/* What the fields of the table below set. */
struct thing {
        char name[16];
        int64_t size;
        double share;
        bool flag;
        unsigned tags; /* calls of set_tags */
};

static int set_name(void *target, const struct json_value *v, struct error *err)
{
        struct thing *t = target;

        if (v->text.len >= sizeof t->name)
                return error_set(err, ERR_TOO_LARGE, "name is too long");
        snprintf(t->name, sizeof t->name, "%.*s", STR_ARG(v->text));
        return 0;
}

static int set_size(void *target, const struct json_value *v, struct error *err)
{
        struct thing *t = target;

        if (v->integer < 0)
                return error_set(err, ERR_BAD_JSON, "size is below 0");
        t->size = v->integer;
        return 0;
}

static int set_share(void *target, const struct json_value *v, struct error *err)
{
        struct thing *t = target;

        (void)err;
        t->share = v->type == JSON_INTEGER ? (double)v->integer : strtod(v->text.base, NULL);
        return 0;
}

static int set_flag(void *target, const struct json_value *v, struct error *err)
{
        (void)err;
        ((struct thing *)target)->flag = v->boolean;
        return 0;
}

static int set_tags(void *target, const struct json_value *v, struct error *err)
{
        (void)v;
        (void)err;
        ((struct thing *)target)->tags++;
        return 0;
}

static const struct json_field rows[] = {
        { "name", JSON_STRING, true, true, set_name },
        { "size", JSON_INTEGER, true, false, set_size },
        { "share", JSON_NUMBER, false, false, set_share },
        { "flag", JSON_BOOL | JSON_NULL, false, true, set_flag },
        { "tags", JSON_ARRAY | JSON_OBJECT, false, true, set_tags },
};
#define N_ROWS (sizeof rows / sizeof *rows)
enum { ROW_NAME, ROW_SIZE, ROW_SHARE, ROW_FLAG, ROW_TAGS };

static const struct json_fields open_fields = { rows, N_ROWS, true };
static const struct json_fields closed_fields = { rows, N_ROWS, false };

static struct json_reader *reader;
static struct json_object object;
static struct thing thing;
static struct error err;

static int on_value(void *data, unsigned depth, struct str name, const struct json_value *v,
                    struct error *e)
{
        (void)data;
        return depth == 0 ? 0 : json_object_value(&object, depth, name, v, e);
}

static int read_thing(const struct json_fields *fields, const char *text)
{
        static const struct json_events events = { .value = on_value };

        thing = (struct thing){ .size = -1, .share = -1 };
        json_object_begin(&object, fields, &thing, 1);
        if (json_read(reader, str_from(text), &events, NULL, &err) != 0)
                return (int)err.code;
        return json_object_end(&object, &err);
}

static void fields_go_into_their_target(void)
{
        CHECK_INT(read_thing(&closed_fields,
                             "{\"flag\":true,\"share\":0.5,\"size\":7,\"name\":\"x\"}"),
                  0);
        CHECK_STR(thing.name, "x");
        CHECK_INT(thing.size, 7);
        CHECK(thing.share == 0.5);
        CHECK(thing.flag);
        CHECK_INT(object.ignored, 0);
        CHECK_INT(object.seen, 0xf);
        CHECK_INT(object.bad_row, N_ROWS);
}

static void an_integer_is_a_number_and_a_number_no_integer(void)
{
        CHECK_INT(read_thing(&open_fields, "{\"name\":\"x\",\"size\":1,\"share\":2}"), 0);
        CHECK(thing.share == 2);
        CHECK_INT(read_thing(&open_fields, "{\"name\":\"x\",\"size\":1.0}"), 0);
        CHECK_INT(thing.size, -1);
        CHECK_INT(object.ignored, 1u << ROW_SIZE);
}

/* Rows: what is refused, by which row, and in which words. */
static void a_strict_field_refuses_a_bad_value(void)
{
        static const struct {
                const char *text;
                size_t row;
                enum error_code code;
                const char *said;
        } table[] = {
                { "{\"name\":1,\"size\":1}", ROW_NAME, ERR_BAD_JSON, "name must be a string" },
                { "{\"name\":null,\"size\":1}", ROW_NAME, ERR_BAD_JSON, "name must be a string" },
                { "{\"name\":{},\"size\":1}", ROW_NAME, ERR_BAD_JSON, "name must be a string" },
                { "{\"name\":\"0123456789abcdef\"}", ROW_NAME, ERR_TOO_LARGE, "name is too long" },
                { "{\"flag\":1}", ROW_FLAG, ERR_BAD_JSON, "flag must be a boolean or null" },
                { "{\"flag\":\"true\"}", ROW_FLAG, ERR_BAD_JSON, "flag must be a boolean or null" },
                { "{\"tags\":1}", ROW_TAGS, ERR_BAD_JSON, "tags must be an object or an array" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                CHECK_INT(read_thing(&open_fields, table[i].text), table[i].code);
                CHECK_STR(err.message, table[i].said);
                CHECK_INT(object.bad_row, table[i].row);
                CHECK_INT(json_reader_fault(reader), JSON_FAULT_HANDLER);
        }
}

static void a_lenient_field_leaves_a_bad_value_out_and_says_so(void)
{
        static const struct {
                const char *text;
                uint64_t ignored;
        } table[] = {
                { "{\"name\":\"x\",\"size\":-1}", 1u << ROW_SIZE },
                { "{\"name\":\"x\",\"size\":\"7\"}", 1u << ROW_SIZE },
                { "{\"name\":\"x\",\"size\":null}", 1u << ROW_SIZE },
                { "{\"name\":\"x\",\"size\":[1]}", 1u << ROW_SIZE },
                { "{\"name\":\"x\",\"size\":{\"size\":1}}", 1u << ROW_SIZE },
                { "{\"name\":\"x\",\"size\":1,\"share\":\"y\"}", 1u << ROW_SHARE },
                { "{\"name\":\"x\",\"size\":{},\"share\":true}", 1u << ROW_SIZE | 1u << ROW_SHARE },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                memset(&err, 0, sizeof err);
                CHECK_INT(read_thing(&open_fields, table[i].text), 0);
                CHECK_INT(object.ignored, table[i].ignored);
                CHECK(thing.share == -1);
                CHECK_INT(err.code, 0);
        }
}

static void unknown_members_are_skipped_with_all_that_is_in_them_or_refused(void)
{
        static const char *const texts[] = {
                "{\"more\":1,\"name\":\"x\",\"size\":7}",
                "{\"name\":\"x\",\"more\":{\"name\":1,\"size\":\"y\",\"z\":[{}]},\"size\":7}",
                "{\"name\":\"x\",\"size\":7,\"more\":[1,{\"flag\":\"no\"},[]]}",
        };

        for (size_t i = 0; i < 3; i++) {
                CHECK_INT(read_thing(&open_fields, texts[i]), 0);
                CHECK_STR(thing.name, "x");
                CHECK_INT(thing.size, 7);
                CHECK_INT(object.ignored, 0);
                CHECK_INT(read_thing(&closed_fields, texts[i]), ERR_BAD_JSON);
                CHECK_STR(err.message, "unknown field 'more'");
                CHECK_INT(object.bad_row, N_ROWS);
        }
}

static void what_is_inside_a_member_is_its_owners(void)
{
        CHECK_INT(read_thing(&closed_fields,
                             "{\"name\":\"x\",\"size\":7,\"tags\":{\"name\":3,\"b\":[]}}"),
                  0);
        CHECK_INT(thing.tags, 1);
        CHECK_STR(thing.name, "x");
        CHECK_INT(read_thing(&closed_fields,
                             "{\"name\":\"x\",\"size\":7,\"tags\":[1,2,{\"size\":8}]}"),
                  0);
        CHECK_INT(thing.tags, 1);
        CHECK_INT(thing.size, 7);
}

static void the_first_required_field_that_is_missing_is_named(void)
{
        static const struct {
                const char *text, *said;
                size_t row;
        } table[] = {
                { "{}", "name is missing", ROW_NAME },
                { "{\"size\":1}", "name is missing", ROW_NAME },
                { "{\"Name\":\"x\",\"size\":1}", "name is missing", ROW_NAME },
                { "{\"more\":{\"name\":\"x\"},\"size\":1}", "name is missing", ROW_NAME },
                { "{\"name\":\"x\"}", "size is missing", ROW_SIZE },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                CHECK_INT(read_thing(&open_fields, table[i].text), ERR_BAD_JSON);
                CHECK_STR(err.message, table[i].said);
                CHECK_INT(object.bad_row, table[i].row);
        }
}

static void a_long_unknown_name_is_cut_in_the_message(void)
{
        char text[400];

        snprintf(text, sizeof text, "{\"%0300d\":1}", 0);
        CHECK_INT(read_thing(&closed_fields, text), ERR_BAD_JSON);
        CHECK_INT(strlen(err.message), strlen("unknown field ''") + 80);
}

static void types_have_names_for_people(void)
{
        static const struct {
                unsigned types;
                const char *want;
        } table[] = {
                { JSON_STRING, "a string" },
                { JSON_INTEGER, "an integer" },
                { JSON_NUMBER, "a number" },
                { JSON_BOOL, "a boolean" },
                { JSON_OBJECT, "an object" },
                { JSON_ARRAY, "an array" },
                { JSON_NULL, "null" },
                { JSON_STRING | JSON_INTEGER, "a string or an integer" },
                { JSON_STRING | JSON_INTEGER | JSON_NULL, "a string or an integer or null" },
                { 0, "" },
                { 127, "a string or an integer or a number or a boolean or an object or an array "
                       "or null" },
        };

        for (size_t i = 0; i < sizeof table / sizeof *table; i++)
                CHECK_STR(json_type_names(table[i].types), table[i].want);
}

int main(void)
{
        reader = json_reader_new(8);
        RUN(fields_go_into_their_target);
        RUN(an_integer_is_a_number_and_a_number_no_integer);
        RUN(a_strict_field_refuses_a_bad_value);
        RUN(a_lenient_field_leaves_a_bad_value_out_and_says_so);
        RUN(unknown_members_are_skipped_with_all_that_is_in_them_or_refused);
        RUN(what_is_inside_a_member_is_its_owners);
        RUN(the_first_required_field_that_is_missing_is_named);
        RUN(a_long_unknown_name_is_cut_in_the_message);
        RUN(types_have_names_for_people);
        json_reader_free(reader);
        return 0;
}
