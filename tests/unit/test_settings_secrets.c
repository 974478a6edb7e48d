/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets, what is printed, and what a reload takes. */
#include <stdio.h>

#include "check.h"
#include "settings_fixture.h"

static void a_secret_comes_from_its_place(void)
{
        const char *environment[] = { "PASSWORD=from-env", NULL };
        struct settings *s;
        char place[128];

        s = settings_of("{\"kafka\":{\"properties\":{\"sasl.password\":{\"env\":\"PASSWORD\"}}}}",
                        environment, NULL);
        check_good(s);
        CHECK_STR(settings_property(s, SETTING_KAFKA_PROPERTIES, "sasl.password"), "from-env");
        settings_free(s);

        settings_file_of("from-file\n");
        snprintf(place, sizeof place, "kafka.properties.ssl.key.password={\"file\":\"%s\"}",
                 settings_file_name);
        s = settings_of(NULL, NULL, place);
        check_good(s);
        CHECK_STR(settings_property(s, SETTING_KAFKA_PROPERTIES, "ssl.key.password"), "from-file");
        settings_free(s);

        s = settings_of(NULL, NULL, "kafka.properties.sasl.password={not a secret");
        check_good(s);
        CHECK_STR(settings_property(s, SETTING_KAFKA_PROPERTIES, "sasl.password"), "{not a secret");
        settings_free(s);
}

static void a_mistyped_place_is_no_secret_by_itself(void)
{
        static const char *const wrong[] = { "{\"flie\":\"/x\"}", "{file:/x}", "{}" };

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                char set[100];
                struct settings *s;

                snprintf(set, sizeof set, "kafka.properties.sasl.password=%s", wrong[i]);
                s = settings_of(NULL, NULL, set);
                check_problems(s, "--set: kafka.properties: a text in braces must be {\"file\": "
                                  "\"/path\"} or {\"env\": \"NAME\"}\n");
                settings_free(s);
        }
}

static void a_secret_without_its_place_is_an_error(void)
{
        struct settings *s =
                settings_of("{\"kafka\":{\"properties\":{\n"
                            "\"a\":{\"env\":\"NONE\"},\n"
                            "\"b\":{\"file\":\"/nowhere\"},\n"
                            "\"c\":{},\n"
                            "\"d\":{\"env\":\"X\",\"file\":\"y\"},\n"
                            "\"e\":{\"key\":\"X\"}}, \"group\": {\"env\":5}, \"embedded\":{}}}",
                            NULL, NULL);

        check_problems(s,
                       "FILE:2:1: kafka.properties.a: the secret's variable NONE is not set\n"
                       "FILE:3:1: kafka.properties.b: the secret's file /nowhere: cannot be read: "
                       "No such file or directory\n"
                       "FILE:4:1: kafka.properties.c: a secret is {\"file\": \"/path\"} or "
                       "{\"env\": \"NAME\"}\n"
                       "FILE:5:1: kafka.properties.d: a secret is {\"file\": \"/path\"} or "
                       "{\"env\": \"NAME\"}\n"
                       "FILE:6:1: kafka.properties.e: a secret is {\"file\": \"/path\"} or "
                       "{\"env\": \"NAME\"}\n"
                       "FILE:6:19: kafka.group: a secret is {\"file\": \"/path\"} or {\"env\": "
                       "\"NAME\"}\n"
                       "FILE:6:39: kafka.embedded: must be true or false\n");
        settings_free(s);
}

static void secrets_are_never_told(void)
{
        const char *environment[] = { "PASSWORD=hunter2", "GROUP=hunter2", NULL };
        struct settings *s =
                settings_of("{\"kafka\":{\"properties\":{\"sasl.password\":\"hunter2\","
                            "\"other\":{\"env\":\"PASSWORD\"}},"
                            "\"group\":{\"env\":\"GROUP\"}},"
                            "\"topics\":{\"failures\":{\"env\":\"GROUP\"}}}",
                            environment, "shutdown.grace={\"env\":\"PASSWORD\"}");
        struct buf text;

        CHECK(!settings_are_good(s));
        buf_init(&text, TEXT_LIMIT);
        settings_problems_text(s, &text);
        CHECK(strstr(text.base, "hunter2") == NULL);
        buf_clear(&text);
        settings_print(s, &text);
        buf_append_char(&text, '\0');
        CHECK(strstr(text.base, "hunter2") == NULL);
        CHECK(strstr(text.base, "\"group\": \"(secret)\"") != NULL);
        CHECK(strstr(text.base, "\"sasl.password\": \"(secret)\"") != NULL);
        buf_deinit(&text);
        settings_free(s);
}

static void what_is_printed_reads_back(void)
{
        struct settings *s, *again;
        struct buf text, second;

        buf_init(&text, TEXT_LIMIT);
        buf_init(&second, TEXT_LIMIT);
        s = settings_of(
                "{\"http\":{\"listen\":[\"127.0.0.1:1\",\"127.0.0.1:2\"],\"max_body_bytes\":1025},"
                "\"kafka\":{\"consumer_properties\":{\"a\":1,\"b\":true,\"c\":\"\\\"\"}}}",
                NULL, "shutdown.delay=1500ms");
        check_good(s);
        settings_print(s, &text);
        buf_append_char(&text, '\0');
        CHECK(strstr(text.base, "\"delay\": \"1500ms\",  // --set\n") != NULL);
        CHECK(strstr(text.base, "\"grace\": \"25s\"  // default\n") != NULL);
        CHECK(strstr(text.base, "\"max_body_bytes\": 1025,") != NULL);
        again = settings_of(text.base, NULL, NULL);
        check_good(again);
        CHECK_INT(settings_number(again, SETTING_SHUTDOWN_DELAY), 1500);
        CHECK_STR(settings_property(again, SETTING_KAFKA_CONSUMER_PROPERTIES, "b"), "true");
        CHECK_STR(settings_property(again, SETTING_KAFKA_CONSUMER_PROPERTIES, "c"), "\"");
        buf_deinit(&text);
        buf_deinit(&second);
        settings_free(s);
        settings_free(again);
}

struct changes {
        int taken, refused;
        enum setting last_refused;
};

static void count_change(void *data, enum setting id, bool taken)
{
        struct changes *changes = data;

        changes->taken += taken;
        changes->refused += !taken;
        if (!taken)
                changes->last_refused = id;
}

static void a_reload_takes_what_is_reloadable_only(void)
{
        struct settings *s = settings_of("{\"log\":{\"level\":\"warn\"}}", NULL, NULL);
        struct settings *fresh =
                settings_of("{\"log\":{\"level\":\"debug\"},\"kafka\":{\"properties\":"
                            "{\"a\":1}},\"table\":{\"memory_limit\":\"1GiB\"}}",
                            NULL, NULL);
        struct changes changes = { 0 };

        settings_reload(s, fresh, count_change, &changes);
        settings_free(fresh);
        CHECK_INT(changes.taken, 2);
        CHECK_INT(changes.refused, 1);
        CHECK_INT(changes.last_refused, SETTING_KAFKA_PROPERTIES);
        CHECK_STR(settings_choice(s, SETTING_LOG_LEVEL), "debug");
        CHECK_INT(settings_number(s, SETTING_TABLE_MEMORY_LIMIT), 1 << 30);
        CHECK_STR(settings_property(s, SETTING_KAFKA_PROPERTIES, "a"), "(none)");
        settings_free(s);
}

static void a_reload_takes_texts_and_lists_too(void)
{
        struct settings *s =
                settings_of("{\"peer\":{\"secret\":\"0123456789abcdef\"}}", NULL, NULL);
        struct settings *fresh = settings_of("{\"peer\":{\"secret\":\"fedcba9876543210\","
                                             "\"allow_from\":[\"10.0.0.0/8\"]}}",
                                             NULL, NULL);
        struct changes changes = { 0 };
        const char *const *networks;

        settings_reload(s, fresh, count_change, &changes);
        settings_free(fresh);
        CHECK(changes.taken == 2 && changes.refused == 0);
        CHECK_STR(settings_text(s, SETTING_PEER_SECRET), "fedcba9876543210");
        CHECK_INT(settings_list(s, SETTING_PEER_ALLOW_FROM, &networks), 1);
        CHECK_STR(networks[0], "10.0.0.0/8");
        settings_free(s);
}

static void a_reload_takes_credentials_of_the_properties(void)
{
        static const struct {
                const char *file;
                int taken, refused;
                const char *password;
        } cases[] = {
                { "\"sasl.username\":\"u\",\"sasl.password\":\"old\"", 0, 0, "old" },
                { "\"sasl.username\":\"u\",\"sasl.password\":\"new\"", 1, 0, "new" },
                { "\"sasl.username\":\"u\",\"sasl.password\":\"new\",\"a\":1", 1, 1, "new" },
                { "\"sasl.username\":\"u\"", 0, 1, "old" },
        };
        char text[256];

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct changes changes = { 0 };
                struct settings *s = settings_of("{\"kafka\":{\"properties\":{"
                                                 "\"sasl.username\":\"u\","
                                                 "\"sasl.password\":\"old\"}}}",
                                                 NULL, NULL);
                struct settings *fresh;

                snprintf(text, sizeof text, "{\"kafka\":{\"properties\":{%s}}}", cases[i].file);
                fresh = settings_of(text, NULL, NULL);
                settings_reload(s, fresh, count_change, &changes);
                CHECK_INT(changes.taken, cases[i].taken);
                CHECK_INT(changes.refused, cases[i].refused);
                CHECK_STR(settings_property(s, SETTING_KAFKA_PROPERTIES, "sasl.password"),
                          cases[i].password);
                settings_free(s);
                settings_free(fresh);
        }
}

int main(void)
{
        settings_fixture_begin();
        RUN(a_secret_comes_from_its_place);
        RUN(a_mistyped_place_is_no_secret_by_itself);
        RUN(a_secret_without_its_place_is_an_error);
        RUN(secrets_are_never_told);
        RUN(what_is_printed_reads_back);
        RUN(a_reload_takes_what_is_reloadable_only);
        RUN(a_reload_takes_texts_and_lists_too);
        RUN(a_reload_takes_credentials_of_the_properties);
        settings_fixture_end();
        return 0;
}
