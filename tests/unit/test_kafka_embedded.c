/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "check.h"
#include "crr/kafka/kafka_embedded.h"

static struct error err;

/*
 * The cluster's thread in librdkafka 2.0 is not always woken by a call, and sleeps up to a second
 * then: somebody who connects wakes it.
 */
static pthread_t waker;
static atomic_bool waking;
static uint16_t port;

static void *wake(void *data)
{
        struct sockaddr_in place = { .sin_family = AF_INET,
                                     .sin_port = htons(port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

        (void)data;
        while (atomic_load(&waking)) {
                int fd = socket(AF_INET, SOCK_STREAM, 0);

                if (fd >= 0 && connect(fd, (void *)&place, sizeof place) == 0)
                        usleep(1000);
                close(fd);
                usleep(4000);
        }
        return NULL;
}

static void begin_waking(const char *bootstrap)
{
        port = (uint16_t)strtoul(strchr(bootstrap, ':') + 1, NULL, 10);
        atomic_store(&waking, true);
        CHECK(pthread_create(&waker, NULL, wake, NULL) == 0);
}

static void end_waking(void)
{
        atomic_store(&waking, false);
        pthread_join(waker, NULL);
}

/* Partitions of a topic as a client sees them; 0: there is none. */
static int count_partitions(const char *bootstrap, const char *topic)
{
        const struct rd_kafka_metadata *metadata;
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_t *client;
        int n = 0;

        CHECK(rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, NULL, 0) == RD_KAFKA_CONF_OK);
        client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
        CHECK(client != NULL);
        CHECK(rd_kafka_metadata(client, 1, NULL, &metadata, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR);
        CHECK_INT(metadata->broker_cnt, 1);
        for (int i = 0; i < metadata->topic_cnt; i++)
                if (strcmp(metadata->topics[i].topic, topic) == 0)
                        n = metadata->topics[i].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
        rd_kafka_destroy(client);
        return n;
}

static void a_broker_of_its_own_has_the_topics_that_were_made(void)
{
        struct kafka_embedded *e = kafka_embedded_new(&err);
        const char *bootstrap;

        CHECK(e != NULL);
        bootstrap = kafka_embedded_bootstrap(e);
        CHECK(strncmp(bootstrap, "127.0.0.1:", strlen("127.0.0.1:")) == 0);
        begin_waking(bootstrap);
        CHECK_INT(kafka_embedded_create_topic(e, "failures", 6, &err), 0);
        CHECK_INT(kafka_embedded_create_topic(e, "failures", 6, &err), 0); /* it is there */
        CHECK_INT(count_partitions(bootstrap, "failures"), 6);
        CHECK_INT(count_partitions(bootstrap, "other"), 0);
        kafka_embedded_free(e);
        end_waking();
}

int main(void)
{
        RUN(a_broker_of_its_own_has_the_topics_that_were_made);
        kafka_embedded_free(NULL);
        return 0;
}
