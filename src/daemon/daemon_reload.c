/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: all sources are read again; what is reloadable is applied, a bad source changes nothing.
 */
#include <string.h>

#include "crr/base/log.h"
#include "daemon_private.h"

#define NAMES_LIMIT 4096

struct reload {
        struct buf names; /* of what was taken */
        bool credentials;
};

static void say_restart(enum setting id)
{
        log_emit(LOG_CONFIG_NEEDS_RESTART, LOG_FIELDS(log_c("path", setting_path(id))),
                 "%s changed, but needs a restart", setting_path(id));
}

static void reload_on_changed(void *data, enum setting id, bool taken)
{
        struct reload *reload = data;

        if (!taken) {
                say_restart(id);
                return;
        }
        buf_printf(&reload->names, "%s%s", reload->names.len > 0 ? "," : "", setting_path(id));
        reload->credentials |= id == SETTING_KAFKA_PROPERTIES;
}

static const char *property(const struct settings *s, enum setting id, const char *name)
{
        const struct setting_property *properties;
        size_t n = settings_properties(s, id, &properties);

        for (size_t i = 0; i < n; i++)
                if (strcmp(properties[i].name, name) == 0)
                        return properties[i].value;
        return NULL;
}

/* A handle with a name of its own keeps it, and its password, until a restart. */
static bool has_own_name(const struct settings *s)
{
        return property(s, SETTING_KAFKA_CONSUMER_PROPERTIES, "sasl.username") != NULL ||
               property(s, SETTING_KAFKA_PRODUCER_PROPERTIES, "sasl.username") != NULL;
}

static void apply_credentials(struct daemon *d)
{
        const char *username = property(d->settings, SETTING_KAFKA_PROPERTIES, "sasl.username");
        const char *password = property(d->settings, SETTING_KAFKA_PROPERTIES, "sasl.password");

        if (username == NULL || password == NULL || has_own_name(d->settings) ||
            !kafka_set_credentials(d->kafka, username, password))
                say_restart(SETTING_KAFKA_PROPERTIES);
}

static void apply(struct daemon *d)
{
        struct api_config api_config;
        struct http_limits limits;
        struct member_config config;

        daemon_configure_log(d->settings);
        daemon_check_open_files(d->settings);
        daemon_http_limits(d->settings, &limits);
        http_server_set_limits(d->http, &limits);
        daemon_member_config(d, &config);
        member_set_config(d->member, &config);
        daemon_api_config(d, &api_config);
        api_set_config(d->api, &api_config);
        if (d->peers != NULL)
                peer_client_set_secret(d->peers, api_config.peer_secret);
        daemon_reload_source(d);
        retry_service_set_peer_timeout(
                d->door, (unsigned)settings_number(d->settings, SETTING_PEER_TIMEOUT));
}

void daemon_reload(struct daemon *d)
{
        struct settings *fresh = settings_load(d->sources);
        struct reload reload = { 0 };

        daemon_log_problems(fresh);
        if (settings_are_good(fresh)) {
                buf_init(&reload.names, NAMES_LIMIT);
                settings_reload(d->settings, fresh, reload_on_changed, &reload);
                apply(d);
                if (reload.credentials)
                        apply_credentials(d);
                log_emit(LOG_CONFIG_RELOADED, LOG_FIELDS(log_s("changed", buf_str(&reload.names))),
                         "the settings were read again");
                buf_deinit(&reload.names);
        } else {
                log_emit(LOG_CONFIG_KEPT, LOG_NO_FIELDS,
                         "a setting is wrong: none was changed, those of before are in force");
        }
        settings_free(fresh);
}
