/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the daemon, made from the settings. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crr/base/limits.h"
#include "crr/base/log.h"
#include "crr/base/uuid.h"
#include "daemon_private.h"

#define EMBEDDED_PARTITIONS  3
#define RESERVED_FILES       128 /* of Kafka's connections, the log, the loop */
#define CONNECTIONS_PER_PEER 16
#define CONNECTIONS_TO_PEERS 256
#define COMPLETED_AT_ONCE    1000 /* records of a batch of the intake, if there is a source */

/* SETTINGS INTO WHAT THE PARTS TAKE */

static size_t bytes_of(const struct settings *s, enum setting id)
{
        return (size_t)settings_number(s, id);
}

static const char *instance_of(const struct daemon *d)
{
        const char *id = settings_text(d->settings, SETTING_INSTANCE_ID);

        return id != NULL ? id : d->host_name;
}

static bool is_backbeat(const struct settings *s)
{
        return settings_number(s, SETTING_RETRY_PAYLOAD) == SETTING_PAYLOAD_BACKBEAT;
}

static const char *status_topic_of(const struct settings *s)
{
        return is_backbeat(s) ? settings_text(s, SETTING_TOPICS_STATUS) : NULL;
}

/* Backbeat's movers do not write into the failure log: how a retry ended is told by the status
 * topic, if it is taken in. */
static bool hears_of_outcomes(const struct settings *s)
{
        const char *status = settings_text(s, SETTING_TOPICS_STATUS);
        const char *const *topics;
        size_t n = settings_list(s, SETTING_TOPICS_INTAKE, &topics);

        for (size_t i = 0; status != NULL && i < n; i++)
                if (strcmp(topics[i], status) == 0)
                        return true;
        return !is_backbeat(s);
}

static enum pending_expiry expiry_of(const struct settings *s)
{
        switch ((enum setting_pending_expiry)settings_number(s, SETTING_RETRY_PENDING_EXPIRY)) {
        case SETTING_EXPIRY_CLOSE:
                return PENDING_EXPIRY_CLOSE;
        case SETTING_EXPIRY_RELIST:
                return PENDING_EXPIRY_RELIST;
        case SETTING_EXPIRY_AUTO:
                break;
        }
        return hears_of_outcomes(s) ? PENDING_EXPIRY_RELIST : PENDING_EXPIRY_CLOSE;
}

void daemon_member_config(const struct daemon *d, struct member_config *ret)
{
        const struct settings *s = d->settings;
        int64_t memory = settings_number(s, SETTING_TABLE_MEMORY_LIMIT);

        *ret = (struct member_config){
                .hash_key = d->hash_key,
                .failures_topic = settings_text(s, SETTING_TOPICS_FAILURES),
                .replication_topic = settings_text(s, SETTING_TOPICS_REPLICATION),
                .instance = instance_of(d),
                .advertise = d->advertise,
                .transactional_id = d->transactional_id,
                .session_timeout_ms = kafka_session_timeout_ms(d->kafka),
                .payload = (enum retry_payload)settings_number(s, SETTING_RETRY_PAYLOAD),
                .has_status_topic = status_topic_of(s) != NULL,
                .version_guard = settings_number(s, SETTING_RETRY_VERSION_GUARD) != 0,
                .pending_expiry = expiry_of(s),
                .memory_limit = memory == SETTING_AUTO ? process_table_memory() : (size_t)memory,
                .max_sites = LIMIT_SITES,
                .max_value_bytes = bytes_of(s, SETTING_RECORDS_MAX_BYTES),
                .max_transaction_entries = bytes_of(s, SETTING_RETRY_MAX_TRANSACTION_ENTRIES),
                .max_transaction_bytes = bytes_of(s, SETTING_RETRY_MAX_TRANSACTION_BYTES),
                .pending_ttl_ms = settings_number(s, SETTING_RETRY_PENDING_TTL),
        };
        if (!partitioner_parse(str_from(settings_choice(s, SETTING_PARTITIONER_FAILURES)),
                               &ret->partitioner))
                abort();
}

void daemon_http_limits(const struct settings *s, struct http_limits *ret)
{
        *ret = (struct http_limits){
                .max_body_bytes = bytes_of(s, SETTING_HTTP_MAX_BODY_BYTES),
                .max_buffered_bytes = bytes_of(s, SETTING_HTTP_MAX_BUFFERED_BYTES),
                .max_connections = (unsigned)settings_number(s, SETTING_HTTP_MAX_CONNECTIONS),
                .max_in_flight = (unsigned)settings_number(s, SETTING_HTTP_MAX_IN_FLIGHT),
                .request_timeout_ms = (unsigned)settings_number(s, SETTING_HTTP_REQUEST_TIMEOUT),
        };
}

static struct str secret_of(const struct settings *s)
{
        return str_from(settings_text(s, SETTING_PEER_SECRET));
}

void daemon_api_config(struct daemon *d, struct api_config *ret)
{
        const char *const *networks;
        size_t n = settings_list(d->settings, SETTING_PEER_ALLOW_FROM, &networks);

        free(d->allow);
        d->allow = calloc(n + 1, sizeof *d->allow);
        if (d->allow == NULL)
                abort();
        for (size_t i = 0; i < n; i++)
                network_parse(str_from(networks[i]), &d->allow[i]);
        *ret = (struct api_config){
                .max_elements = bytes_of(d->settings, SETTING_HTTP_MAX_ELEMENTS),
                .peer_secret = secret_of(d->settings),
                .allow = d->allow,
                .n_allow = n,
        };
}

void daemon_check_open_files(const struct settings *s)
{
        int64_t to_source = settings_text(s, SETTING_SOURCE_URL) != NULL
                                    ? settings_number(s, SETTING_SOURCE_CONCURRENCY)
                                    : 0;
        int64_t wanted =
                settings_number(s, SETTING_HTTP_MAX_CONNECTIONS) + to_source + RESERVED_FILES;
        uint64_t limit = process_raise_open_files();

        if (limit < (uint64_t)wanted)
                log_emit(LOG_CONFIG_WARNING, LOG_FIELDS(log_c("path", "http.max_connections")),
                         "the process may open %" PRIu64 " files, but so many connections need "
                         "%" PRId64 ": raise the limit (ulimit -n)",
                         limit, wanted);
}

/* HTTP */

static void http_on_request(void *data, struct http_request *req)
{
        struct daemon *d = data;

        api_on_request(d->api, req);
}

static bool http_is_apart(void *data, struct str path)
{
        struct daemon *d = data;

        return api_is_apart(d->api, path);
}

static void http_render_error(void *data, const struct error *err, struct buf *out)
{
        struct daemon *d = data;

        api_render_error(d->api, err, out);
}

static void http_on_answered(void *data, const struct http_request *req, int status)
{
        struct daemon *d = data;

        api_on_answered(d->api, req, status);
}

/* What others reach a listener at: a wildcard address is ours by name only. */
static void default_advertise(struct daemon *d, const char *address)
{
        const char *port = strrchr(address, ':');
        bool is_wildcard =
                strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;

        if (is_wildcard)
                snprintf(d->advertise, sizeof d->advertise, "http://%s%s", d->host_name, port);
        else
                snprintf(d->advertise, sizeof d->advertise, "http://%s", address);
}

static int refuse_start(enum setting id, const struct error *err)
{
        log_emit(LOG_CONFIG_ERROR, LOG_FIELDS(log_c("path", setting_path(id))), "%s: %s",
                 setting_path(id), err->message);
        return err->code == ERR_BAD_CONFIG ? EXIT_CONFIG : EXIT_FAILED;
}

static int listen_all(struct daemon *d)
{
        const char *const *addresses, *bound;
        size_t n = settings_list(d->settings, SETTING_HTTP_LISTEN, &addresses);
        const char *advertise = settings_text(d->settings, SETTING_INSTANCE_ADVERTISE);
        struct error err;

        for (size_t i = 0; i < n; i++) {
                char url[ADVERTISE_BYTES];

                if (http_server_listen(d->http, addresses[i], &bound, &err) != 0)
                        return refuse_start(SETTING_HTTP_LISTEN, &err);
                snprintf(url, sizeof url, "http://%s", bound);
                log_emit(LOG_LISTENING, LOG_FIELDS(log_c("address", bound), log_c("url", url)),
                         "listening on %s", url);
                if (i == 0)
                        default_advertise(d, bound);
        }
        if (advertise != NULL)
                snprintf(d->advertise, sizeof d->advertise, "%s", advertise);
        return 0;
}

static int make_http(struct daemon *d)
{
        struct http_app app = { .data = d,
                                .on_request = http_on_request,
                                .render_error = http_render_error,
                                .on_answered = http_on_answered,
                                .is_apart = http_is_apart };
        struct http_limits limits;

        daemon_check_open_files(d->settings);
        daemon_http_limits(d->settings, &limits);
        d->http = http_server_new(&d->loop, &limits, &app, d->metrics);
        return listen_all(d);
}

/* KAFKA */

static struct kafka_property *properties_of(const struct settings *s, enum setting id,
                                            size_t *ret_n)
{
        const struct setting_property *from;
        struct kafka_property *to;

        *ret_n = settings_properties(s, id, &from);
        to = calloc(*ret_n + 1, sizeof *to);
        if (to == NULL)
                abort();
        for (size_t i = 0; i < *ret_n; i++)
                to[i] = (struct kafka_property){ from[i].name, from[i].value };
        return to;
}

static int make_kafka(struct daemon *d, const struct kafka_callbacks *callbacks)
{
        const struct settings *s = d->settings;
        struct kafka_settings k = {
                .embedded = settings_number(s, SETTING_KAFKA_EMBEDDED) != 0,
                .group = settings_text(s, SETTING_KAFKA_GROUP),
                .instance = instance_of(d),
                .failures_topic = settings_text(s, SETTING_TOPICS_FAILURES),
                .replication_topic = settings_text(s, SETTING_TOPICS_REPLICATION),
                .status_topic = status_topic_of(s),
                .create_topics = settings_number(s, SETTING_KAFKA_CREATE_TOPICS) != 0,
                .replication_partitioner = settings_choice(s, SETTING_PARTITIONER_REPLICATION),
                .failures_partitioner = settings_choice(s, SETTING_PARTITIONER_FAILURES),
                .embedded_partitions = EMBEDDED_PARTITIONS,
                .transaction_timeout_ms = settings_number(s, SETTING_RETRY_TRANSACTION_TIMEOUT),
                .max_transaction_entries = bytes_of(s, SETTING_RETRY_MAX_TRANSACTION_ENTRIES),
        };
        struct kafka_property *all, *consumer, *producer;
        struct error err;

        k.n_intake_topics = settings_list(s, SETTING_TOPICS_INTAKE, &k.intake_topics);
        k.properties = all = properties_of(s, SETTING_KAFKA_PROPERTIES, &k.n_properties);
        k.consumer_properties = consumer =
                properties_of(s, SETTING_KAFKA_CONSUMER_PROPERTIES, &k.n_consumer_properties);
        k.producer_properties = producer =
                properties_of(s, SETTING_KAFKA_PRODUCER_PROPERTIES, &k.n_producer_properties);
        d->kafka = kafka_new(&d->loop, &k, callbacks, d->metrics, &err);
        free(all);
        free(consumer);
        free(producer);
        return d->kafka != NULL ? 0 : refuse_start(SETTING_KAFKA_PROPERTIES, &err);
}

/* OTHER MEMBERS */

/* An embedded broker has no group. */
static void make_peers(struct daemon *d)
{
        struct curl_loop_limits limits = { CONNECTIONS_PER_PEER, CONNECTIONS_TO_PEERS, 0 };

        if (settings_number(d->settings, SETTING_KAFKA_EMBEDDED) != 0)
                return;
        d->curl = curl_loop_new(&d->loop, &limits);
        d->peers = peer_client_new(d->curl, secret_of(d->settings), d->metrics);
}

/* THE INTAKE */

/* A batch waits for all that its failures lack: a small one is soon complete. */
static size_t records_at_once(const struct settings *s, bool completes)
{
        size_t most = bytes_of(s, SETTING_RETRY_MAX_TRANSACTION_ENTRIES);

        return completes && most > COMPLETED_AT_ONCE ? COMPLETED_AT_ONCE : most;
}

static void make_intake(struct daemon *d)
{
        const struct settings *s = d->settings;
        struct intake_ports ports = {
                .publisher = kafka_intake_publisher(d->kafka),
                .door = d->door,
                .source = d->source != NULL ? source_backbeat_port(d->source) : NULL,
                .metrics = d->metrics,
        };
        const char *const *topics;
        size_t n = settings_list(s, SETTING_TOPICS_INTAKE, &topics);

        if (n == 0)
                return;
        d->intake_config = (struct intake_config){
                .topics = topics,
                .n_topics = n,
                .max_value_bytes = bytes_of(s, SETTING_RECORDS_MAX_BYTES),
                .has_roles = settings_number(s, SETTING_INTAKE_ROLES) != 0,
                .completes = ports.source != NULL,
                .max_records = records_at_once(s, ports.source != NULL),
                .max_bytes = bytes_of(s, SETTING_RETRY_MAX_TRANSACTION_BYTES),
        };
        d->intake = intake_new(&d->intake_config, &ports);
        kafka_set_intake(d->kafka, d->intake, &d->intake_config);
}

/* THE REST */

static int make_core(struct daemon *d, const struct api_health *health)
{
        struct member_ports ports = {
                .publisher = kafka_publisher(d->kafka),
                .intake_publisher = kafka_intake_publisher(d->kafka),
                .group = kafka_group(d->kafka),
                .log_reader = kafka_log_reader(d->kafka),
                .metrics = d->metrics,
        };
        struct api_config api_config;
        struct member_config config;
        struct error err;

        if (!process_has_huge_pages())
                log_emit(LOG_HUGE_PAGES_OFF, LOG_NO_FIELDS,
                         "transparent huge pages are switched off "
                         "(/sys/kernel/mm/transparent_hugepage/enabled): lookups in a large table "
                         "take longer");
        kafka_transactional_id(settings_text(d->settings, SETTING_KAFKA_GROUP), instance_of(d),
                               d->transactional_id);
        daemon_member_config(d, &config);
        daemon_make_source(d);
        if (d->source != NULL)
                ports.source = source_backbeat_port(d->source);
        d->helper = helper_new();
        ports.helpers = d->helper != NULL ? &d->helper->port : NULL;
        d->member = member_new(&config, &ports);
        if (d->member == NULL) {
                error_set(&err, ERR_BAD_CONFIG,
                          "the system does not reserve so much address space: see ulimit -v and "
                          "vm.overcommit_memory");
                return refuse_start(SETTING_TABLE_MEMORY_LIMIT, &err);
        }
        make_peers(d);
        d->door = retry_service_new(d->member, d->peers != NULL ? peer_client_port(d->peers) : NULL,
                                    (unsigned)settings_number(d->settings, SETTING_PEER_TIMEOUT));
        make_intake(d);
        daemon_api_config(d, &api_config);
        d->api = api_new(&api_config, d->door, d->metrics, health);
        return 0;
}

int daemon_make_parts(struct daemon *d, const struct kafka_callbacks *callbacks,
                      const struct api_health *health)
{
        int status;

        process_host_name(d->host_name);
        random_bytes(&d->hash_key, sizeof d->hash_key);
        log_emit(LOG_STARTED,
                 LOG_FIELDS(log_c("version", CRR_VERSION), log_c("instance", instance_of(d)),
                            log_i("pid", getpid())),
                 "crr-retryd %s", CRR_VERSION);
        d->metrics = metrics_new(bytes_of(d->settings, SETTING_METRICS_MAX_SITES));
        status = make_http(d);
        if (status == 0)
                status = make_kafka(d, callbacks);
        if (status == 0)
                status = make_core(d, health);
        return status;
}

void daemon_free_parts(struct daemon *d)
{
        api_free(d->api);
        http_server_free(d->http);
        intake_free(d->intake);
        retry_service_free(d->door);
        peer_client_free(d->peers);
        curl_loop_free(d->curl);
        member_free(d->member);
        source_backbeat_free(d->source);
        helper_free(d->helper);
        kafka_free(d->kafka);
        metrics_free(d->metrics);
        free(d->partitions);
        free(d->allow);
}
