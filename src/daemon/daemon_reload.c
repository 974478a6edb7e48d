/* SPDX-License-Identifier: Apache-2.0 */
/* SIGHUP: all sources are read again; what is reloadable is applied, a bad source changes nothing.
 */
#include <string.h>

#include "crr/base/log.h"
#include "daemon_private.h"

#define NAMES_LIMIT 4096

static void reload_on_changed(void *data, enum setting id, bool taken)
{
        struct buf *names = data;

        if (taken)
                buf_printf(names, "%s%s", names->len > 0 ? "," : "", setting_path(id));
        else
                log_emit(LOG_CONFIG_NEEDS_RESTART, LOG_FIELDS(log_c("path", setting_path(id))),
                         "%s changed, but needs a restart", setting_path(id));
}

static const char *property(const struct settings *s, const char *name)
{
        const struct setting_property *properties;
        size_t n = settings_properties(s, SETTING_KAFKA_PROPERTIES, &properties);

        for (size_t i = 0; i < n; i++)
                if (strcmp(properties[i].name, name) == 0)
                        return properties[i].value;
        return NULL;
}

static void apply_credentials(struct daemon *d)
{
        const char *username = property(d->settings, "sasl.username");
        const char *password = property(d->settings, "sasl.password");

        if (username == NULL || password == NULL ||
            kafka_set_credentials(d->kafka, username, password))
                return;
        log_emit(LOG_CONFIG_WARNING,
                 LOG_FIELDS(log_c("path", setting_path(SETTING_KAFKA_PROPERTIES))),
                 "the new credentials are too long and not used");
}

static void apply(struct daemon *d)
{
        struct api_config api_config = { .max_elements = (size_t)settings_number(
                                                 d->settings, SETTING_HTTP_MAX_ELEMENTS) };
        struct http_limits limits;
        struct member_config config;

        daemon_configure_log(d->settings);
        daemon_check_open_files(d->settings);
        daemon_http_limits(d->settings, &limits);
        http_server_set_limits(d->http, &limits);
        daemon_member_config(d, &config);
        member_set_config(d->member, &config);
        api_set_config(d->api, &api_config);
        apply_credentials(d);
}

void daemon_reload(struct daemon *d)
{
        struct settings *fresh = settings_load(d->sources);
        struct buf names;

        daemon_log_problems(fresh);
        if (settings_are_good(fresh)) {
                buf_init(&names, NAMES_LIMIT);
                settings_reload(d->settings, fresh, reload_on_changed, &names);
                apply(d);
                log_emit(LOG_CONFIG_RELOADED, LOG_FIELDS(log_s("changed", buf_str(&names))),
                         "the settings were read again");
                buf_deinit(&names);
        }
        settings_free(fresh);
}
