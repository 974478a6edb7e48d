/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "check.h"
#include "settings_fixture.h"

static void defaults_are_those_of_the_table(void)
{
        struct settings *s = settings_of(NULL, NULL, NULL);
        const char *const *listen;

        check_good(s);
        CHECK(settings_text(s, SETTING_INSTANCE_ID) == NULL);
        CHECK_INT(settings_list(s, SETTING_HTTP_LISTEN, &listen), 1);
        CHECK_STR(listen[0], "127.0.0.1:8900");
        CHECK_INT(settings_number(s, SETTING_HTTP_MAX_BODY_BYTES), 8388608);
        CHECK_INT(settings_number(s, SETTING_HTTP_REQUEST_TIMEOUT), 30000);
        CHECK_INT(settings_number(s, SETTING_HTTP_MAX_BUFFERED_BYTES), 256 << 20);
        CHECK_INT(settings_number(s, SETTING_KAFKA_EMBEDDED), 0);
        CHECK_INT(settings_number(s, SETTING_TABLE_MEMORY_LIMIT), SETTING_AUTO);
        CHECK_INT(settings_number(s, SETTING_RETRY_PENDING_TTL), 86400000);
        CHECK_STR(settings_choice(s, SETTING_PARTITIONER_REPLICATION), "consistent");
        CHECK_INT(settings_number(s, SETTING_PARTITIONER_REPLICATION), 1);
        CHECK_STR(settings_text(s, SETTING_TOPICS_FAILURES), "crr-retry-failures");
        CHECK_STR(settings_property(s, SETTING_KAFKA_PROPERTIES, "bootstrap.servers"),
                  "127.0.0.1:9092");
        settings_free(s);
}

static void later_sources_win(void)
{
        char file[] = "{\"http\":{\"max_connections\":2,\"max_elements\":2,\"max_in_flight\":2}}";
        const char *environment[] = { "CRR_HTTP__MAX_ELEMENTS=3", "CRR_HTTP__MAX_IN_FLIGHT=3",
                                      "HOME=/", NULL };
        struct settings *s = settings_of(file, environment, "http.max_in_flight=4");

        check_good(s);
        CHECK_INT(settings_number(s, SETTING_HTTP_MAX_BODY_BYTES), 8388608);
        CHECK_INT(settings_number(s, SETTING_HTTP_MAX_CONNECTIONS), 2);
        CHECK_INT(settings_number(s, SETTING_HTTP_MAX_ELEMENTS), 3);
        CHECK_INT(settings_number(s, SETTING_HTTP_MAX_IN_FLIGHT), 4);
        settings_free(s);
}

static void a_file_may_have_comments(void)
{
        struct settings *s =
                settings_of("// one\n"
                            "{ /* two \" */ \"log\": { \"level\": \"debug\", // \"three\"\n"
                            "/*/ \"format\": 1 /*/ \"format\": \"json\" /**/ },\n"
                            "  \"kafka\": { \"group\": \"a//b /* c */ \\\"// d\" } }\n",
                            NULL, NULL);

        check_good(s);
        CHECK_STR(settings_choice(s, SETTING_LOG_LEVEL), "debug");
        CHECK_STR(settings_choice(s, SETTING_LOG_FORMAT), "json");
        CHECK_STR(settings_text(s, SETTING_KAFKA_GROUP), "a//b /* c */ \"// d");
        settings_free(s);
}

static void every_error_has_its_place_and_all_are_told_at_once(void)
{
        char file[] =
                "{\n"
                "  \"http\": { \"listen\": [\"127.0.0.1\", 5],\n"
                "            \"max_connections\": 0, \"max_elements\": \"7\",\n"
                "            \"request_timeout\": \"999ms\", \"max_body_bytes\": \"8MB\",\n"
                "            \"colour\": { \"deep\": [1, {}] },\n"
                "            \"max_in_flight\": 2.5,\n"
                "            \"max_in_flight\": 7 },\n"
                "  \"http.listen\": [],\n"
                "  \"log\": true, \"jobs\": {},\n"
                "  \"retry\": { \"payload\": \"verbatim\", \"pending_ttl\": 5 },\n"
                "  \"kafka\": { \"embedded\": \"yes\", \"properties\": { \"group.id\": \"x\",\n"
                "    \"a\": null }, \"group\": null },\n"
                "  \"topics\": { \"failures\": \"a b\", \"failures\": {} }\n"
                "}\n";
        struct settings *s = settings_of(file, NULL, NULL);

        CHECK(!settings_are_good(s));
        check_problems(
                s,
                "FILE:2:24: http.listen: \"127.0.0.1\" is not an address such as 127.0.0.1:8900 or "
                "[::1]:8900\n"
                "FILE:2:37: http.listen: must be a list of strings\n"
                "FILE:3:13: http.max_connections: 0 is below 1\n"
                "FILE:3:35: http.max_elements: must be an integer\n"
                "FILE:4:13: http.request_timeout: 999ms is below 1s\n"
                "FILE:4:41: http.max_body_bytes: must be a size such as 65536 or \"32MiB\" (B, "
                "KiB, MiB, GiB)\n"
                "FILE:5:13: http.colour: unknown setting\n"
                "FILE:6:13: http.max_in_flight: must be an integer\n"
                "FILE:7:13: http.max_in_flight: stands twice\n"
                "FILE:8:3: http.listen: unknown setting\n"
                "FILE:9:3: log: must be an object\n"
                "FILE:9:16: jobs: unknown setting\n"
                "FILE:10:14: retry.payload: must be one of \"native\", \"entry\", \"backbeat\"\n"
                "FILE:10:37: retry.pending_ttl: must be a duration such as \"30s\" (ms, s, m, h, "
                "d)\n"
                "FILE:11:14: kafka.embedded: must be true or false\n"
                "FILE:11:49: kafka.properties.group.id: is set by kafka.group\n"
                "FILE:12:5: kafka.properties.a: must be a string, a number or a boolean\n"
                "FILE:12:18: kafka.group: must be a string\n"
                "FILE:13:15: topics.failures: \"a b\" is not a topic's name: 1 to 249 letters, "
                "digits, '.', '_' or '-'\n"
                "FILE:13:34: topics.failures: stands twice\n");
        settings_free(s);
}

static void a_file_that_is_no_json_is_told_with_its_place(void)
{
        static const struct {
                const char *text, *problem;
        } cases[] = {
                { "[]", "FILE:1:2: the configuration must be an object\n" },
                { "{\n  \"http\": {,}\n}",
                  "FILE:2:13: parse error: invalid object key (must be a string)\n" },
                { "", "FILE:1:1: no value\n" },
                { "{", "FILE:1:2: the value is not complete\n" },
                { "{} {}", "FILE:1:5: more than one value\n" },
                { "{ /* \"log\": {} }", "FILE:1:17: the value is not complete\n" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct settings *s = settings_of(cases[i].text, NULL, NULL);

                check_problems(s, cases[i].problem);
                settings_free(s);
        }
}

static void a_file_that_is_not_there_is_a_problem(void)
{
        struct settings_sources sources = { .file = "/nowhere/x.json",
                                            .kafka = fake_settings_kafka };
        struct settings *s = settings_load(&sources);

        check_problems(s, "/nowhere/x.json: cannot be read: No such file or "
                          "directory\n");
        settings_free(s);
}

static void the_environment_is_read_by_type(void)
{
        const char *environment[] = {
                "CRR_HTTP__LISTEN=127.0.0.1:0, [::1]:0",
                "CRR_KAFKA__EMBEDDED=true",
                "CRR_KAFKA__PROPERTIES__BOOTSTRAP_SERVERS=a:1,b:2",
                "CRR_RETRY__PENDING_TTL=90m",
                "CRR_TABLE__MEMORY_LIMIT=1073741824",
                "CRR_INSTANCE__ID=crr-retry-0",
                NULL,
        };
        struct settings *s = settings_of(NULL, environment, NULL);
        const char *const *listen;

        check_good(s);
        CHECK_INT(settings_list(s, SETTING_HTTP_LISTEN, &listen), 2);
        CHECK_STR(listen[0], "127.0.0.1:0");
        CHECK_STR(listen[1], "[::1]:0");
        CHECK_INT(settings_number(s, SETTING_KAFKA_EMBEDDED), 1);
        CHECK_STR(settings_property(s, SETTING_KAFKA_PROPERTIES, "bootstrap.servers"), "a:1,b:2");
        CHECK_INT(settings_number(s, SETTING_RETRY_PENDING_TTL), 5400000);
        CHECK_INT(settings_number(s, SETTING_TABLE_MEMORY_LIMIT), 1 << 30);
        CHECK_STR(settings_text(s, SETTING_INSTANCE_ID), "crr-retry-0");
        settings_free(s);
}

static void an_unknown_variable_with_levels_is_an_error(void)
{
        const char *environment[] = {
                "CRR_HTTP__COLOUR=red",
                "CRR_http__listen=x",
                "CRR_KAFKA__PROPERTIES=x",
                "CRR_KAFKA__PROPERTIES__NO_SUCH=x",
                "CRR_KAFKA__PROPERTIES__GROUP_ID=x",
                "CRR_HTTP__MAX_ELEMENTS=",
                NULL,
        };
        struct settings *s = settings_of(NULL, environment, NULL);

        check_problems(s,
                       "CRR_HTTP__COLOUR: http.colour: unknown setting\n"
                       "CRR_http__listen: http.listen: unknown setting\n"
                       "CRR_KAFKA__PROPERTIES: kafka.properties: is set one property at a time, "
                       "by kafka.properties.<name>\n"
                       "CRR_KAFKA__PROPERTIES__NO_SUCH: kafka.properties.no_such: librdkafka has "
                       "no such property\n"
                       "CRR_KAFKA__PROPERTIES__GROUP_ID: kafka.properties.group.id: is set by "
                       "kafka.group\n"
                       "CRR_HTTP__MAX_ELEMENTS: http.max_elements: must be an integer\n");
        settings_free(s);
}

static void what_kubernetes_injects_is_one_warning(void)
{
        const char *environment[] = { "CRR_RETRY_SERVICE_HOST=10.0.0.1",
                                      "CRR_RETRY_PORT=tcp://10.0.0.1", "CRR_LOG_STRICT=1", NULL };
        struct settings *s = settings_of(NULL, environment, NULL);

        check_problems(s, "CRR_RETRY_SERVICE_HOST: 2 variables that begin with CRR_ are not "
                          "settings (those have __ in their names) (warning)\n");
        CHECK(settings_are_good(s));
        settings_free(s);
}

static void a_set_names_a_setting_or_a_property(void)
{
        static const struct {
                const char *set, *problem;
        } cases[] = {
                { "kafka.properties.bootstrap.servers=a=b", "" },
                { "nothing", "--set: must be PATH=VALUE\n" },
                { "http.colour=secret", "--set: http.colour: unknown setting\n" },
                { "http=x", "--set: http: unknown setting\n" },
                { "log.level=loud",
                  "--set: log.level: must be one of \"debug\", \"info\", \"warn\", \"error\"\n" },
                { "http.listen=", "--set: http.listen: \"\" is not an address such as "
                                  "127.0.0.1:8900 or [::1]:8900\n" },
                { "http.max_body_bytes=192MiB", "" },
                { "http.max_body_bytes=193MiB",
                  "default: http.max_buffered_bytes: three quarters of it, which bodies may take, "
                  "are below http.max_body_bytes\n" },
                { "kafka.producer_properties.linger.ms=bad",
                  "--set: kafka.producer_properties.linger.ms: no value of linger.ms: bad\n" },
                { "kafka.properties.sasl.password=bad",
                  "--set: kafka.properties.sasl.password: librdkafka refuses the secret\n" },
                { "kafka.properties.bootstrap.servers=",
                  "--set: kafka.properties.bootstrap.servers: must name a broker\n" },
                { "topics.replication=crr-retry-failures",
                  "--set: topics.replication: is the same as topics.failures\n" },
                { "topics.status=crr-retry-failures",
                  "--set: topics.status: is the same as topics.failures\n" },
                { "topics.status=backbeat-replication",
                  "--set: topics.status: is the same as topics.replication\n" },
                { "retry.payload=backbeat", "--set: retry.payload: backbeat needs source.url\n" },
                { "instance.advertise=http://crr-retry-0:8900",
                  "--set: instance.advertise: cannot be reached by others: http.listen is a "
                  "loopback address\n" },
                { "instance.advertise=http://[::1]:8900/x", "" },
                { "instance.advertise=ftp://x",
                  "--set: instance.advertise: \"ftp://x\" is not a URL such as "
                  "http://crr-retry-0.crr-retry:8900\n" },
                { "instance.id=a b", "--set: instance.id: \"a b\" must be 1 to 128 letters, "
                                     "digits, '.', '_' or '-'\n" },
                { "table.memory_limit=auto", "" },
                { "table.memory_limit=99999999999999999999",
                  "--set: table.memory_limit: must be a size such as 65536 or \"32MiB\" (B, KiB, "
                  "MiB, GiB), or \"auto\"\n" },
                { "shutdown.grace=2h", "--set: shutdown.grace: 2h is above 1h\n" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct settings *s = settings_of(NULL, NULL, cases[i].set);

                check_problems(s, cases[i].problem);
                settings_free(s);
        }
}

static void an_advertised_url_can_be_told_and_connected_to(void)
{
        static const struct {
                const char *set, *problem;
        } cases[] = {
                { "instance.advertise=http://127.0.0.1:65536",
                  "--set: instance.advertise: \"http://127.0.0.1:65536\" has no port from 1 to "
                  "65535 behind its colon\n" },
                { "instance.advertise=http://[::1]:x/y",
                  "--set: instance.advertise: \"http://[::1]:x/y\" has no port from 1 to 65535 "
                  "behind its colon\n" },
                { "instance.advertise=http://[::1]", "" },
                { "instance.advertise=http://u:p@127.0.0.1:1",
                  "--set: instance.advertise: must not hold credentials: it is told to "
                  "everybody\n" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                struct settings *s = settings_of(NULL, NULL, cases[i].set);

                check_problems(s, cases[i].problem);
                settings_free(s);
        }
}

static void null_unsets_what_may_be_null(void)
{
        const char *environment[] = { "CRR_INSTANCE__ID=null", NULL };
        struct settings *s =
                settings_of("{\"topics\":{\"status\":\"s\"},\"instance\":{\"id\":\"i\"}}",
                            environment, "topics.status=null");

        check_good(s);
        CHECK(settings_text(s, SETTING_TOPICS_STATUS) == NULL);
        CHECK(settings_text(s, SETTING_INSTANCE_ID) == NULL);
        settings_free(s);
        s = settings_of(NULL, NULL, "kafka.group=null");
        CHECK_STR(settings_text(s, SETTING_KAFKA_GROUP), "null");
        settings_free(s);
}

static void members_that_would_refuse_each_other_are_warned_of(void)
{
        static const char warned[] = "default: peer.secret: other members will be refused: set it, "
                                     "the same for all, or name their addresses in "
                                     "peer.allow_from (warning)\n";
        static const struct {
                const char *advertise, *peer, *problem;
        } cases[] = {
                { "http://crr-0:8900", "", warned },
                { "http://crr-0:8900", "\"allow_from\":[\"::1/128\",\"127.0.0.2\"]", warned },
                { "http://crr-0:8900", "\"allow_from\":[\"::1/128\",\"10.0.0.0/8\"]", "" },
                { "http://crr-0:8900", "\"secret\":\"sixteen bytes or more\"", "" },
                { "http://127.0.0.1:8900", "", "" },
                { "http://crr-0:8900", "\"timeout\":1", /* what is wrong comes first */
                  "FILE:1:90: peer.timeout: must be a duration such as \"30s\" (ms, s, m, h, d)\n" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
                char file[256];
                struct settings *s;

                snprintf(file, sizeof file,
                         "{\"http\":{\"listen\":[\"0.0.0.0:8900\"]},\"instance\":{"
                         "\"advertise\":\"%s\"},\"peer\":{%s}}",
                         cases[i].advertise, cases[i].peer);
                s = settings_of(file, NULL, NULL);
                check_problems(s, cases[i].problem);
                settings_free(s);
        }
}

static void a_bad_value_leaves_the_one_before(void)
{
        struct settings *s = settings_of("{\"log\":{\"format\":\"json\"}}", NULL, "log.format=xml");

        CHECK(!settings_are_good(s));
        CHECK_STR(settings_choice(s, SETTING_LOG_FORMAT), "json");
        settings_free(s);
}

int main(void)
{
        settings_fixture_begin();
        RUN(defaults_are_those_of_the_table);
        RUN(later_sources_win);
        RUN(a_file_may_have_comments);
        RUN(every_error_has_its_place_and_all_are_told_at_once);
        RUN(a_file_that_is_no_json_is_told_with_its_place);
        RUN(a_file_that_is_not_there_is_a_problem);
        RUN(the_environment_is_read_by_type);
        RUN(an_unknown_variable_with_levels_is_an_error);
        RUN(what_kubernetes_injects_is_one_warning);
        RUN(a_set_names_a_setting_or_a_property);
        RUN(an_advertised_url_can_be_told_and_connected_to);
        RUN(null_unsets_what_may_be_null);
        RUN(members_that_would_refuse_each_other_are_warned_of);
        RUN(a_bad_value_leaves_the_one_before);
        settings_fixture_end();
        return 0;
}
