/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka_credentials.h"

#include <stdio.h>
#include <string.h>

#include "kafka_conf.h"

void kafka_credentials_init(struct kafka_credentials *c, const struct kafka_settings *settings)
{
        const char *username = kafka_consumer_property(settings, "sasl.username");
        const char *password = kafka_consumer_property(settings, "sasl.password");

        *c = (struct kafka_credentials){ 0 };
        kafka_credentials_set(c, username != NULL ? username : "-",
                              password != NULL ? password : "-");
        c->version = 0;
}

bool kafka_credentials_set(struct kafka_credentials *c, const char *username, const char *password)
{
        if (strlen(username) >= sizeof c->username || strlen(password) >= sizeof c->password)
                return false;
        snprintf(c->username, sizeof c->username, "%s", username);
        snprintf(c->password, sizeof c->password, "%s", password);
        c->version++;
        return true;
}

void kafka_credentials_give(const struct kafka_credentials *c, rd_kafka_t *handle)
{
        rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(handle, c->username, c->password);

        if (error != NULL) /* neither is missing; what else is wrong with them a broker will tell */
                rd_kafka_error_destroy(error);
}

void kafka_credentials_renew(const struct kafka_credentials *c, rd_kafka_t *handle,
                             unsigned *version)
{
        if (handle == NULL || c->version == *version)
                return;
        kafka_credentials_give(c, handle);
        *version = c->version;
}
