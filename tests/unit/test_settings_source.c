/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of the source: a group in a group, keys by role, and what must stand together. */
#include <stdio.h>

#include "check.h"
#include "settings_fixture.h"

#define AUTH "\"auth\":{\"type\":\"v4\",\"access_key\":\"AK\",\"secret_key\":\"hunter2\"}"
#define ARN  "arn:aws:iam::123456789012:role/a.b"

static void a_source_is_read_from_the_file_with_the_groups_in_it(void)
{
        const char *environment[] = { "ROLE_KEYS=AK2:hunter2:x", NULL };
        struct settings *s = settings_of("{\"source\":{\"url\":\"https://s3.example:8443/x\","
                                         "\"timeout\":\"1s\",\"concurrency\":1024," AUTH ","
                                         "\"roles\":{\"" ARN "\":{\"env\":\"ROLE_KEYS\"}}}}",
                                         environment, "source.auth.region=eu-west-3");

        check_good(s);
        CHECK_STR(settings_text(s, SETTING_SOURCE_URL), "https://s3.example:8443/x");
        CHECK_INT(settings_number(s, SETTING_SOURCE_TIMEOUT), 1000);
        CHECK_INT(settings_number(s, SETTING_SOURCE_AUTH_TYPE), SETTING_AUTH_V4);
        CHECK_STR(settings_text(s, SETTING_SOURCE_AUTH_REGION), "eu-west-3");
        CHECK_STR(settings_property(s, SETTING_SOURCE_ROLES, ARN), "AK2:hunter2:x");
        settings_free(s);
}

static void the_environment_reaches_into_groups(void)
{
        const char *environment[] = { "CRR_SOURCE__URL=http://s3",
                                      "CRR_SOURCE__AUTH__TYPE=v4",
                                      "CRR_SOURCE__AUTH__ACCESS_KEY=AK",
                                      "CRR_SOURCE__AUTH__SECRET_KEY={\"env\":\"KEY\"}",
                                      "KEY=hunter2",
                                      NULL };
        struct settings *s = settings_of(NULL, environment, "source.roles." ARN "=AK2:secret");

        check_good(s);
        CHECK_STR(settings_text(s, SETTING_SOURCE_AUTH_SECRET_KEY), "hunter2");
        CHECK_STR(settings_property(s, SETTING_SOURCE_ROLES, ARN), "AK2:secret");
        settings_free(s);
}

static void what_does_not_fit_is_told(void)
{
        static const struct {
                const char *set, *problem;
        } cases[] = {
                { "source.url=ftp://x", "source.url: \"ftp://x\" is not a URL such as "
                                        "https://s3.example.com:8443\n" },
                { "source.url=http://x/?a=b", "source.url: \"http://x/?a=b\" must have no query, "
                                              "and its path percent-encoded\n" },
                { "source.url=http://x/a#b", "source.url: \"http://x/a#b\" must have no query, "
                                             "and its path percent-encoded\n" },
                { "source.url=http://me:hunter2@x/", "source.url: must not hold credentials: they "
                                                     "belong into source.auth\n" },
                { "source.timeout=999ms", "source.timeout: 999ms is below 1s\n" },
                { "source.concurrency=1025", "source.concurrency: 1025 is above 1024\n" },
                { "source.auth.type=v2", "source.auth.type: must be one of \"none\", \"v4\"\n" },
                { "source.auth.type=v4", "source.auth.type: v4 needs source.auth.access_key and "
                                         "source.auth.secret_key\n" },
                { "source.auth.access_key=AK",
                  "source.auth.access_key: needs source.auth.type v4\n" },
                { "source.auth.access_key=a/b", "source.auth.access_key: \"a/b\" must be 1 to 128 "
                                                "visible ASCII characters but ',' and '/'\n" },
                { "source.auth.secret_key=hunter2",
                  "source.auth.secret_key: needs source.auth.type v4\n" },
                { "source.auth.region=", "source.auth.region: \"\" must be 1 to 63 letters, "
                                         "digits, '.', '_' or '-'\n" },
                { "source.roles=x",
                  "source.roles: is set one property at a time, by source.roles.<name>\n" },
                { "source.roles.arn=a:hunter2", "source.roles: needs source.auth.type v4\n" },
                { "source.roles.arn=hunter2", "source.roles.arn: must be \"<access key>:<secret "
                                              "key>\", each as in source.auth\n" },
        };
        char wanted[400];

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct settings *s = settings_of(NULL, NULL, cases[i].set);

                snprintf(wanted, sizeof wanted, "--set: %s", cases[i].problem);
                check_problems(s, wanted);
                settings_free(s);
        }
}

static void a_role_does_not_fit_a_variable(void)
{
        const char *environment[] = { "CRR_SOURCE__ROLES__ARN=AK:hunter2", NULL };
        struct settings *s = settings_of(NULL, environment, NULL);

        check_problems(s, "CRR_SOURCE__ROLES__ARN: source.roles.arn: names do not fit a variable: "
                          "use the file\n");
        settings_free(s);
}

static void keys_are_not_printed_and_the_rest_reads_back(void)
{
        struct settings *s = settings_of("{\"source\":{\"url\":\"http://s3\"," AUTH ","
                                         "\"roles\":{\"" ARN "\":\"AK2:hunter2\"}}}",
                                         NULL, NULL);
        struct buf text;

        check_good(s);
        buf_init(&text, TEXT_LIMIT);
        settings_print(s, &text);
        buf_append_char(&text, '\0');
        CHECK(strstr(text.base, "hunter2") == NULL);
        CHECK(strstr(text.base, "      \"" ARN "\": \"(secret)\"") != NULL);
        CHECK(strstr(text.base, "    \"auth\": {\n      \"type\": \"v4\",") != NULL);
        CHECK(strstr(text.base, "      \"secret_key\": \"(secret)\",") != NULL);
        CHECK(strstr(text.base, "\"region\": \"us-east-1\"  // default\n    }\n  },\n") != NULL);
        buf_deinit(&text);
        settings_free(s);
}

static void count(void *data, enum setting id, bool taken)
{
        int *counts = data;

        (void)id;
        counts[taken]++;
}

static void a_reload_takes_keys_and_roles_whole(void)
{
        struct settings *s = settings_of("{\"source\":{\"url\":\"http://a\"," AUTH ","
                                         "\"roles\":{\"one\":\"a:b\",\"two\":\"c:d\"}}}",
                                         NULL, NULL);
        struct settings *fresh =
                settings_of("{\"source\":{\"url\":\"http://b\",\"auth\":{\"type\":\"v4\","
                            "\"access_key\":\"AK\",\"secret_key\":\"new\"},"
                            "\"roles\":{\"two\":\"c:e\",\"three\":\"f:g\"}}}",
                            NULL, NULL);
        int counts[2] = { 0 };

        settings_reload(s, fresh, count, counts);
        CHECK(counts[true] == 2 && counts[false] == 1);
        settings_reload(s, fresh, count, counts);
        CHECK(counts[true] == 2 && counts[false] == 2); /* the URL still differs */
        settings_free(fresh);
        CHECK_STR(settings_text(s, SETTING_SOURCE_URL), "http://a");
        CHECK_STR(settings_text(s, SETTING_SOURCE_AUTH_SECRET_KEY), "new");
        CHECK_STR(settings_property(s, SETTING_SOURCE_ROLES, "one"), "(none)");
        CHECK_STR(settings_property(s, SETTING_SOURCE_ROLES, "two"), "c:e");
        CHECK_STR(settings_property(s, SETTING_SOURCE_ROLES, "three"), "f:g");
        settings_free(s);
}

int main(void)
{
        settings_fixture_begin();
        RUN(a_source_is_read_from_the_file_with_the_groups_in_it);
        RUN(the_environment_reaches_into_groups);
        RUN(what_does_not_fit_is_told);
        RUN(a_role_does_not_fit_a_variable);
        RUN(keys_are_not_printed_and_the_rest_reads_back);
        RUN(a_reload_takes_keys_and_roles_whole);
        settings_fixture_end();
        return 0;
}
