/* SPDX-License-Identifier: Apache-2.0 */
#include "settings_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/base/network.h"
#include "crr/base/url.h"
#include "crr/http/http_budget.h"

#define INSTANCE_BYTES 128
#define GROUP_BYTES    255
#define TOPIC_BYTES    249 /* Kafka's */
#define HOST_BYTES     256
#define KEY_BYTES      128
#define REGION_BYTES   63

/* Letters, digits, '.', '_' and '-': what topics, files and metrics take. */
static bool is_plain_char(char c)
{
        return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

static bool is_plain(struct str text)
{
        for (size_t i = 0; i < text.len; i++)
                if (!is_plain_char(text.base[i]))
                        return false;
        return true;
}

const char *check_instance(struct str text)
{
        if (text.len == 0 || text.len > INSTANCE_BYTES || !is_plain(text))
                return "must be 1 to 128 letters, digits, '.', '_' or '-'";
        return NULL;
}

const char *check_group(struct str text)
{
        if (text.len == 0 || text.len > GROUP_BYTES)
                return "must be 1 to 255 bytes";
        return NULL;
}

const char *check_topic(struct str text)
{
        if (text.len == 0 || text.len > TOPIC_BYTES || !is_plain(text) || str_eq_c(text, ".") ||
            str_eq_c(text, ".."))
                return "is not a topic's name: 1 to 249 letters, digits, '.', '_' or '-'";
        return NULL;
}

/* "host:port" or "[v6]:port"; the brackets are dropped. */
static bool split_address(struct str text, struct str *ret_host, struct str *ret_port)
{
        size_t colon = text.len;

        while (colon > 0 && text.base[colon - 1] != ':')
                colon--;
        if (colon == 0)
                return false;
        *ret_host = (struct str){ text.base, colon - 1 };
        *ret_port = (struct str){ text.base + colon, text.len - colon };
        if (ret_host->len < 2 || ret_host->base[0] != '[')
                return memchr(ret_host->base, ':', ret_host->len) == NULL;
        if (ret_host->base[ret_host->len - 1] != ']')
                return false;
        *ret_host = (struct str){ ret_host->base + 1, ret_host->len - 2 };
        return true;
}

static bool is_numeric_host(struct str host, bool is_v6)
{
        char text[HOST_BYTES];
        struct in6_addr address;

        if (host.len >= sizeof text)
                return false;
        snprintf(text, sizeof text, "%.*s", STR_ARG(host));
        return inet_pton(is_v6 ? AF_INET6 : AF_INET, text, &address) == 1;
}

const char *check_address(struct str text)
{
        struct str host, port;
        unsigned long long number;

        if (!split_address(text, &host, &port) || !str_to_u64(port, 65535, &number) ||
            !is_numeric_host(host, text.base[0] == '['))
                return "is not an address such as 127.0.0.1:8900 or [::1]:8900";
        return NULL;
}

static struct str url_authority(struct str url)
{
        const char *scheme = memmem(url.base, url.len, "://", 3);
        struct str authority, rest;

        if (scheme == NULL)
                return STR_ABSENT;
        authority = (struct str){ scheme + 3, url.len - (size_t)(scheme + 3 - url.base) };
        str_split(authority, '/', &authority, &rest);
        return authority;
}

/* "http://host:8900/x" -> "host"; absent when it is no URL. */
static struct str url_host(struct str url)
{
        struct str host = url_authority(url), rest;

        if (!str_has_prefix(url, "http://") && !str_has_prefix(url, "https://"))
                return STR_ABSENT;
        if (str_has_prefix(host, "["))
                return str_split(host, ']', &host, &rest)
                               ? (struct str){ host.base + 1, host.len - 1 }
                               : STR_ABSENT;
        str_split(host, ':', &host, &rest);
        return host;
}

/* None, or one that can be connected to. */
static bool has_good_port(struct str url)
{
        struct str authority = url_authority(url), host, port;
        unsigned long long number;

        if (authority.base == NULL || !str_split_last(authority, ':', &host, &port))
                return true;
        if (memchr(port.base, ']', port.len) != NULL || memchr(port.base, '@', port.len) != NULL)
                return true; /* the colon is an address's, or a password's */
        return str_to_u64(port, 65535, &number) && number > 0;
}

static bool is_blank_or_control(char c)
{
        return (unsigned char)c <= ' ' || c == 0x7f;
}

static const char *check_url(struct str text)
{
        static const char why[] = "is not a URL such as http://crr-retry-0.crr-retry:8900";
        struct str host = url_host(text);

        if (host.len == 0 || text.len > 1024)
                return why;
        for (size_t i = 0; i < text.len; i++)
                if (is_blank_or_control(text.base[i]))
                        return why;
        return has_good_port(text) ? NULL : "has no port from 1 to 65535 behind its colon";
}

const char *check_secret(struct str text)
{
        return text.len < 16 || text.len > 1024 ? "must be 16 to 1024 bytes" : NULL;
}

const char *check_network(struct str text)
{
        struct network network;

        return network_parse(text, &network) ? NULL : "is not a network such as 10.0.0.0/8 or ::1";
}

/* THE SOURCE */

bool check_holds_credentials(struct str text)
{
        struct str authority = url_authority(text);

        return authority.base != NULL && memchr(authority.base, '@', authority.len) != NULL;
}

/* What is behind the host goes into signatures, as it is. */
static bool has_plain_path(struct str url)
{
        struct str authority = url_authority(url), segment;
        const char *path = authority.base + authority.len;
        struct str rest = { path, url.len - (size_t)(path - url.base) };

        while (str_split(rest, '/', &segment, &rest))
                if (!url_is_encoded(segment))
                        return false;
        return url_is_encoded(rest);
}

/* Anybody is told it, by /_/cluster. */
const char *check_advertise(struct str text)
{
        const char *why = check_url(text);

        if (why == NULL && check_holds_credentials(text))
                why = "must not hold credentials: it is told to everybody";
        return why;
}

const char *check_source_url(struct str text)
{
        if (check_url(text) != NULL)
                return "is not a URL such as https://s3.example.com:8443";
        if (check_holds_credentials(text))
                return "must not hold credentials: they belong into source.auth";
        return has_plain_path(text) ? NULL : "must have no query, and its path percent-encoded";
}

/* It stands in a header, between signs that it must not have. */
const char *check_access_key(struct str text)
{
        bool good = text.len > 0 && text.len <= KEY_BYTES;

        for (size_t i = 0; i < text.len; i++)
                good &= text.base[i] > ' ' && text.base[i] < 0x7f && text.base[i] != ',' &&
                        text.base[i] != '/';
        return good ? NULL : "must be 1 to 128 visible ASCII characters but ',' and '/'";
}

const char *check_secret_key(struct str text)
{
        return text.len == 0 || text.len > KEY_BYTES ? "must be 1 to 128 bytes" : NULL;
}

const char *check_region(struct str text)
{
        if (text.len == 0 || text.len > REGION_BYTES || !is_plain(text))
                return "must be 1 to 63 letters, digits, '.', '_' or '-'";
        return NULL;
}

const char *check_role_keys(struct str text)
{
        struct str access_key, secret_key;

        if (!str_split(text, ':', &access_key, &secret_key) ||
            check_access_key(access_key) != NULL || check_secret_key(secret_key) != NULL)
                return "must be \"<access key>:<secret key>\", each as in source.auth";
        return NULL;
}

/* TOGETHER */

static bool is_loopback(struct str host)
{
        return str_has_prefix(host, "127.") || str_eq_c(host, "::1") || str_eq_c(host, "::1/128") ||
               str_eq_c(host, "localhost");
}

static bool listens_on_loopback_only(const struct settings *s)
{
        const struct setting_value *listen = &s->values[SETTING_HTTP_LISTEN];
        struct str host, port;

        for (size_t i = 0; i < listen->n_items; i++)
                if (split_address(str_from(listen->items[i]), &host, &port) && !is_loopback(host))
                        return false;
        return listen->n_items > 0;
}

static void complain(struct settings *s, enum setting id, const char *message)
{
        settings_problem(s, s->values[id].source, str_from(setting_path(id)), "%s", message);
}

static void check_listen(struct settings *s)
{
        const struct setting_value *listen = &s->values[SETTING_HTTP_LISTEN];
        const char *advertise = s->values[SETTING_INSTANCE_ADVERTISE].text;

        if (listen->n_items == 0 && !listen->item_refused)
                complain(s, SETTING_HTTP_LISTEN, "must have an address");
        if (advertise != NULL && listens_on_loopback_only(s) &&
            !is_loopback(url_host(str_from(advertise))))
                complain(s, SETTING_INSTANCE_ADVERTISE,
                         "cannot be reached by others: http.listen is a loopback address");
}

static bool allows_others(const struct setting_value *allow)
{
        for (size_t i = 0; i < allow->n_items; i++)
                if (!is_loopback(str_from(allow->items[i])))
                        return true;
        return false;
}

/* Else they are refused, and whatever needs their partitions is 503 for ever. */
static void check_peers(struct settings *s)
{
        const char *advertise = s->values[SETTING_INSTANCE_ADVERTISE].text;

        if (advertise == NULL || is_loopback(url_host(str_from(advertise))) ||
            listens_on_loopback_only(s) || s->values[SETTING_PEER_SECRET].text != NULL ||
            allows_others(&s->values[SETTING_PEER_ALLOW_FROM]))
                return;
        settings_warning(s, s->values[SETTING_PEER_SECRET].source,
                         str_from(setting_path(SETTING_PEER_SECRET)),
                         "other members will be refused: set it, the same for all, or name their "
                         "addresses in peer.allow_from");
}

static void check_bootstrap(struct settings *s)
{
        const struct setting_value *map = &s->values[SETTING_KAFKA_PROPERTIES];

        for (size_t i = 0; i < map->n_properties && !s->values[SETTING_KAFKA_EMBEDDED].number; i++)
                if (strcmp(map->properties[i].name, "bootstrap.servers") == 0 &&
                    map->properties[i].value[0] == '\0')
                        settings_problem(s, map->properties[i].source,
                                         STR("kafka.properties.bootstrap.servers"),
                                         "must name a broker");
}

static bool is_topic(const struct settings *s, enum setting id, const char *name)
{
        return s->values[id].text != NULL && strcmp(s->values[id].text, name) == 0;
}

/* What the daemon writes it cannot take in. */
static void check_intake(struct settings *s)
{
        const struct setting_value *intake = &s->values[SETTING_TOPICS_INTAKE];

        if (intake->n_items > LIMIT_INTAKE_TOPICS)
                complain(s, SETTING_TOPICS_INTAKE, "names more than 16 topics");
        for (size_t i = 0; i < intake->n_items; i++) {
                if (is_topic(s, SETTING_TOPICS_FAILURES, intake->items[i]) ||
                    is_topic(s, SETTING_TOPICS_REPLICATION, intake->items[i]))
                        complain(s, SETTING_TOPICS_INTAKE,
                                 "names the failure log or the replication topic");
                for (size_t other = 0; other < i; other++)
                        if (strcmp(intake->items[i], intake->items[other]) == 0)
                                complain(s, SETTING_TOPICS_INTAKE, "names a topic twice");
        }
}

static bool is_same_topic(const struct settings *s, enum setting a, enum setting b)
{
        return s->values[a].text != NULL && is_topic(s, b, s->values[a].text);
}

static void check_topics(struct settings *s)
{
        if (is_same_topic(s, SETTING_TOPICS_REPLICATION, SETTING_TOPICS_FAILURES))
                complain(s, SETTING_TOPICS_REPLICATION, "is the same as topics.failures");
        if (is_same_topic(s, SETTING_TOPICS_STATUS, SETTING_TOPICS_FAILURES))
                complain(s, SETTING_TOPICS_STATUS, "is the same as topics.failures");
        if (is_same_topic(s, SETTING_TOPICS_STATUS, SETTING_TOPICS_REPLICATION))
                complain(s, SETTING_TOPICS_STATUS, "is the same as topics.replication");
}

static void check_payload(struct settings *s)
{
        if (s->values[SETTING_RETRY_PAYLOAD].number == SETTING_PAYLOAD_BACKBEAT &&
            s->values[SETTING_SOURCE_URL].text == NULL)
                complain(s, SETTING_RETRY_PAYLOAD, "backbeat needs source.url");
}

static void check_source(struct settings *s)
{
        bool has_access = s->values[SETTING_SOURCE_AUTH_ACCESS_KEY].text != NULL;
        bool has_secret = s->values[SETTING_SOURCE_AUTH_SECRET_KEY].text != NULL;

        if (s->values[SETTING_SOURCE_AUTH_TYPE].number == SETTING_AUTH_V4) {
                if (!has_access || !has_secret)
                        complain(s, SETTING_SOURCE_AUTH_TYPE,
                                 "v4 needs source.auth.access_key and source.auth.secret_key");
                return;
        }
        if (has_access)
                complain(s, SETTING_SOURCE_AUTH_ACCESS_KEY, "needs source.auth.type v4");
        if (has_secret)
                complain(s, SETTING_SOURCE_AUTH_SECRET_KEY, "needs source.auth.type v4");
        if (s->values[SETTING_SOURCE_ROLES].n_properties > 0)
                complain(s, SETTING_SOURCE_ROLES, "needs source.auth.type v4");
}

void settings_check_together(struct settings *s)
{
        check_listen(s);
        check_bootstrap(s);
        check_intake(s);
        check_topics(s);
        check_payload(s);
        check_source(s);
        if (http_budget_bodies((size_t)s->values[SETTING_HTTP_MAX_BUFFERED_BYTES].number) <
            (size_t)s->values[SETTING_HTTP_MAX_BODY_BYTES].number)
                complain(s, SETTING_HTTP_MAX_BUFFERED_BYTES,
                         "three quarters of it, which bodies may take, are below "
                         "http.max_body_bytes");
        if (settings_are_good(s))
                check_peers(s);
}
