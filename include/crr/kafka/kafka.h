/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CRR_KAFKA_KAFKA_H
#define CRR_KAFKA_KAFKA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "crr/base/error.h"
#include "crr/base/metrics.h"
#include "crr/core/group.h"
#include "crr/core/intake.h"
#include "crr/core/log_reader.h"
#include "crr/core/member.h"
#include "crr/core/publisher.h"

/*
 * Kafka: everything that speaks to it. It feeds a member from the failure log and implements the
 * core's ports.
 *
 *   kafka_new -> ports -> member_new -> kafka_start(member) ... kafka_close(closed) -> kafka_free
 *
 * Ownership  Settings are copied. The member outlives kafka_close()'s callback.
 * Threads    All calls and all callbacks on the loop thread; inside it has librdkafka's threads,
 *            the transaction thread, the log reader's and the intake's.
 * Errors     kafka_new: settings that librdkafka refuses (ERR_BAD_CONFIG names the property). Later
 *            nothing is fatal but on_fatal().
 */
struct kafka_property {
        const char *name, *value;
};

struct kafka_settings {
        bool embedded;                           /* in-process broker; no group */
        const struct kafka_property *properties; /* every handle */
        size_t n_properties;
        const struct kafka_property
                *consumer_properties; /* of the failure log, and of the intake */
        size_t n_consumer_properties;
        const struct kafka_property *producer_properties; /* the transactional producer */
        size_t n_producer_properties;
        const char *group;
        const char *instance; /* ends in -<n>: also group.instance.id */
        const char *failures_topic, *replication_topic;
        const char *status_topic;         /* NULL: none */
        const char *const *intake_topics; /* of an embedded broker: they are made */
        size_t n_intake_topics;
        bool create_topics;
        /* "murmur2" | "consistent"; the status topic's is that of the replication topic */
        const char *replication_partitioner, *failures_partitioner;
        int embedded_partitions; /* of the topics of an embedded broker */
        int64_t transaction_timeout_ms;
        size_t max_transaction_entries;
};

/* The producer's name, which must be the same after a restart. */
#define KAFKA_TRANSACTIONAL_ID_SIZE 512
void kafka_transactional_id(const char *group, const char *instance,
                            char text[KAFKA_TRANSACTIONAL_ID_SIZE]);

/* Names that we own and that passthrough settings may not set, and those that librdkafka does not
 * know; NULL when the name is allowed, else why not. */
const char *kafka_property_refusal(const char *name);

/* librdkafka's own name for an environment's spelling: "BOOTSTRAP_SERVERS" -> "bootstrap.servers";
 * NULL: none such. */
const char *kafka_property_from_env(const char *upper);
bool kafka_property_is_secret(const char *name);
/* Would librdkafka take it, and do we? ERR_BAD_CONFIG: its own words, or ours. */
int kafka_property_check(const char *name, const char *value, struct error *err);

struct kafka;

struct kafka_callbacks {
        void *data;
        void (*on_fatal)(
                void *data,
                const struct error *err); /* fenced for good, fatal consumer error: exit 1 */
};

struct kafka *kafka_new(uv_loop_t *loop, const struct kafka_settings *settings,
                        const struct kafka_callbacks *callbacks, struct metrics *metrics,
                        struct error *err);
struct publisher *kafka_publisher(struct kafka *k);
struct group *kafka_group(struct kafka *k);
struct log_reader *kafka_log_reader(struct kafka *k);

struct publisher *kafka_intake_publisher(struct kafka *k); /* NULL: there are no intake topics */

/* Before kafka_start(): the foreign topics are read too, by these names. The config is borrowed for
 * good, and so is the intake, which must be stopped before kafka_close(). */
void kafka_set_intake(struct kafka *k, struct intake *intake, const struct intake_config *config);

void kafka_start(struct kafka *k, struct member *member);

/* Leave: the transaction under way ends (its done is called), queued batches get PUBLISH_CLOSED,
 * the group is left. closed(data) follows on the loop within 6 s, whatever the broker does. */
void kafka_close(struct kafka *k, void (*closed)(void *data), void *data);
void kafka_free(struct kafka *k); /* after closed(); NULL is legal */

/* After closed(): why a thread still waits; static. NULL: none does. Do not free then, but
 * _exit(2): the group is left and transactions are ended, or the broker does not answer. */
const char *kafka_stuck(const struct kafka *k);

/* sasl.username and sasl.password from now on, on every handle, for its next connection. False: too
 * long, nothing is changed. */
bool kafka_set_credentials(struct kafka *k, const char *username, const char *password);

int64_t kafka_session_timeout_ms(const struct kafka *k); /* of the group's members */
const char *kafka_bootstrap(const struct kafka *k); /* of the embedded broker, or as configured */

struct kafka_status {
        bool broker_up;
        bool producer_ready;
        const char *waiting_for; /* "broker", "authentication", "topic <failures>", "topic
                                    <replication>", "topic <status>", "assignment", "producer";
                                    NULL: nothing */
        char detail[240];        /* a sentence for an operator: what was said last about it */
};
void kafka_status(struct kafka *k, struct kafka_status *ret);

struct kafka_intake_status {
        const char *state; /* "ok", or what it waits for: "broker" "authentication" "assignment"
                              "producer" "lag" */
        int partitions;    /* assigned to us; -1: nothing was yet */
        int64_t lag;       /* records of all topics that are not taken in; -1: not known */
        const char *error; /* what its consumer or its producer said last; NULL: nothing */
};
/* False: there is no intake. What is given is borrowed until the next turn. */
bool kafka_intake_status(const struct kafka *k, struct kafka_intake_status *ret);

/* The replication topic as last seen (refreshed every 2 s): for /_/healthcheck. */
struct kafka_partition {
        int32_t id, leader;
        const int32_t *replicas, *isrs;
        size_t n_replicas, n_isrs;
};
size_t kafka_replication_partitions(const struct kafka *k,
                                    const struct kafka_partition **ret); /* borrowed: one turn */

/* Version text of the library, for build_info. */
const char *kafka_library_version(void);

#endif
