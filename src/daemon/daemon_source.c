/* SPDX-License-Identifier: Apache-2.0 */
/* The source of object metadata, from the settings. */
#include <stdlib.h>

#include "crr/base/arena.h"
#include "daemon_private.h"

#define ROLES_LIMIT ((size_t)64 << 20)

static void *must(void *p)
{
        if (p == NULL)
                abort();
        return p;
}

/* The values were checked: each is two texts around a colon. */
static void take_roles(const struct settings *s, struct arena *arena, struct source_auth *auth)
{
        const struct setting_property *properties;
        size_t n = settings_properties(s, SETTING_SOURCE_ROLES, &properties);
        struct source_role *roles = must(arena_array(arena, n + 1, sizeof *roles));

        for (size_t i = 0; i < n; i++) {
                struct str access_key, secret_key;

                str_split(str_from(properties[i].value), ':', &access_key, &secret_key);
                roles[i] = (struct source_role){
                        .arn = properties[i].name,
                        .access_key = must(arena_c(arena, access_key)),
                        .secret_key = must(arena_c(arena, secret_key)),
                };
        }
        auth->roles = roles;
        auth->n_roles = n;
}

static struct source_config config_of(const struct settings *s, struct arena *arena)
{
        struct source_config config = {
                .url = settings_text(s, SETTING_SOURCE_URL),
                .timeout_ms = (unsigned)settings_number(s, SETTING_SOURCE_TIMEOUT),
                .concurrency = (unsigned)settings_number(s, SETTING_SOURCE_CONCURRENCY),
        };

        if (settings_number(s, SETTING_SOURCE_AUTH_TYPE) == SETTING_AUTH_NONE)
                return config;
        config.auth.region = settings_text(s, SETTING_SOURCE_AUTH_REGION);
        config.auth.access_key = settings_text(s, SETTING_SOURCE_AUTH_ACCESS_KEY);
        config.auth.secret_key = settings_text(s, SETTING_SOURCE_AUTH_SECRET_KEY);
        take_roles(s, arena, &config.auth);
        return config;
}

void daemon_make_source(struct daemon *d)
{
        struct source_config config;
        struct arena arena;

        if (settings_text(d->settings, SETTING_SOURCE_URL) == NULL)
                return;
        arena_init(&arena, ROLES_LIMIT);
        config = config_of(d->settings, &arena);
        d->source = source_backbeat_new(&d->loop, &config, d->metrics);
        arena_deinit(&arena);
}

void daemon_reload_source(struct daemon *d)
{
        struct source_config config;
        struct arena arena;

        if (d->source == NULL)
                return;
        arena_init(&arena, ROLES_LIMIT);
        config = config_of(d->settings, &arena);
        source_backbeat_reconfigure(d->source, &config);
        arena_deinit(&arena);
}
