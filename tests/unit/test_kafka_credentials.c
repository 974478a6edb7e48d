/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kafka_credentials.h"

static struct kafka_credentials c;

static void they_begin_as_the_consumer_has_them(void)
{
        static const struct kafka_property all[] = { { "sasl.username", "user" },
                                                     { "sasl.password", "pass" } };
        static const struct kafka_property own[] = { { "sasl.password", "own" } };
        struct kafka_settings s = { .properties = all, .n_properties = 2 };

        kafka_credentials_init(&c, &s);
        CHECK_STR(c.username, "user");
        CHECK_STR(c.password, "pass");
        CHECK_INT(c.version, 0);
        s.consumer_properties = own;
        s.n_consumer_properties = 1;
        kafka_credentials_init(&c, &s);
        CHECK_STR(c.username, "user");
        CHECK_STR(c.password, "own");
        s = (struct kafka_settings){ 0 };
        kafka_credentials_init(&c, &s);
        CHECK_STR(c.username, "-"); /* the library takes no empty ones, to be woken by */
        CHECK_INT(c.version, 0);
}

static void new_ones_have_a_new_version_and_too_long_ones_change_nothing(void)
{
        static char long_name[257], long_password[4097];

        memset(long_name, 'x', sizeof long_name - 1);
        memset(long_password, 'x', sizeof long_password - 1);
        kafka_credentials_init(&c, &(struct kafka_settings){ 0 });
        CHECK(kafka_credentials_set(&c, "a", "b"));
        CHECK_INT(c.version, 1);
        CHECK(!kafka_credentials_set(&c, long_name, "b"));
        CHECK(!kafka_credentials_set(&c, "a", long_password));
        CHECK_STR(c.username, "a");
        CHECK_STR(c.password, "b");
        CHECK_INT(c.version, 1);
        CHECK(kafka_credentials_set(&c, long_name + 1, long_password + 1));
        CHECK_INT(c.version, 2);
}

static void a_handle_is_given_new_ones_once(void)
{
        rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0);
        unsigned version = 0;

        CHECK(rk != NULL);
        kafka_credentials_init(&c, &(struct kafka_settings){ 0 });
        kafka_credentials_renew(&c, rk, &version);
        CHECK_INT(version, 0);
        CHECK(kafka_credentials_set(&c, "a", "b"));
        kafka_credentials_renew(&c, NULL, &version); /* no handle yet: it will be made with them */
        CHECK_INT(version, 0);
        kafka_credentials_renew(&c, rk, &version);
        CHECK_INT(version, 1);
        kafka_credentials_give(&c, rk);
        rd_kafka_destroy(rk);
}

int main(void)
{
        RUN(they_begin_as_the_consumer_has_them);
        RUN(new_ones_have_a_new_version_and_too_long_ones_change_nothing);
        RUN(a_handle_is_given_new_ones_once);
        return 0;
}
