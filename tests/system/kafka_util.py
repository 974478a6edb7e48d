# SPDX-License-Identifier: Apache-2.0
"""Records as in the specification: identities, failures, and whole topics read committed."""
import json
import urllib.parse
from collections import namedtuple

from confluent_kafka import (Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError,
                             KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import (AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
                                   NewTopic, OffsetSpec)

from waiting import wait_for

Identity = namedtuple("Identity", "bucket key version site")
Record = namedtuple("Record", "topic partition offset timestamp key value headers")

READ_SLICE_S = 0.1
PRODUCE_S = 180     # the broker may be restarted meanwhile


def enc(text):
    """Percent-encoding of everything but RFC 3986 unreserved characters, upper-case hex."""
    return urllib.parse.quote(text, safe="-._~")


def record_key(identity):
    bucket, key, version, site = map(enc, identity)
    return f"{bucket}/{key}?versionId={version}&sitename={site}".encode()


def identity_of_key(key):
    place, _, query = key.decode().partition("?versionId=")
    bucket, _, name = place.partition("/")
    version, _, site = query.partition("&sitename=")
    return Identity(*map(urllib.parse.unquote, (bucket, name, version, site)))


def identity_of(fields):
    return Identity(fields["Bucket"], fields["Key"], fields.get("VersionId", ""),
                    fields["StorageClass"])


def fields_of(identity):
    return dict(zip(("Bucket", "Key", "VersionId", "StorageClass"), identity))


def murmur2(data):
    """The hash of Java's partitioner (org.apache.kafka.common.utils.Utils.murmur2)."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        h = (h * m & mask) ^ ((k ^ k >> 24) * m & mask)
    if whole < len(data):
        h = (h ^ int.from_bytes(data[whole:], "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition_of(key, partitions):
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class Cluster:
    """What the tests do with Kafka besides running it."""

    def __init__(self, broker):
        self.broker = broker
        self._producer = None

    def _admin(self, call, *arguments, **options):
        """Results of an administrator's call, by name."""
        admin = self.broker.admin()
        return {name: future.result()
                for name, future in getattr(admin, call)(*arguments, **options).items()}

    def create_topic(self, name, partitions, config=None):
        topic = NewTopic(name, partitions, 1, config={k: str(v) for k, v in (config or {}).items()})
        self._admin("create_topics", [topic], operation_timeout=20)

    def delete_topic(self, name):
        self._admin("delete_topics", [name], operation_timeout=20)

    def grow_topic(self, name, partitions):
        self._admin("create_partitions", [NewPartitions(name, partitions)])

    def topic_config(self, topic, name):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        return self._admin("describe_configs", [resource])[resource][name].value

    def set_topic_config(self, topic, name, value):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        resource.add_incremental_config(ConfigEntry(
            name, value, incremental_operation=AlterConfigOpType.SET))
        self._admin("incremental_alter_configs", [resource])
        wait_for(lambda: self.topic_config(topic, name) == value, f"{topic} to have {name}={value}")

    def partitions(self, topic):
        admin = self.broker.admin()
        return sorted(admin.list_topics(topic, timeout=20).topics[topic].partitions)

    def _ends(self, topic, isolation):
        wanted = {TopicPartition(topic, p): OffsetSpec.latest() for p in self.partitions(topic)}
        found = self._admin("list_offsets", wanted, isolation_level=isolation)
        return {tp.partition: result.offset for tp, result in found.items()}

    def committed_ends(self, topic):
        """{partition: the offset behind what is committed by now}"""
        return self._ends(topic, IsolationLevel.READ_COMMITTED)

    def is_in_transaction(self, topic):
        """A record of it is not committed, and not aborted either."""
        return (self.committed_ends(topic) !=
                self._ends(topic, IsolationLevel.READ_UNCOMMITTED))

    def committed(self, group):
        """{(topic, partition): offset} that the group goes on from."""
        asked = [ConsumerGroupTopicPartitions(group)]
        found = self._admin("list_consumer_group_offsets", asked)[group].topic_partitions
        return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}

    def stable_ends(self, topic):
        """{partition: end offset} once no transaction is open in the topic."""
        def ends():
            last_stable = self.committed_ends(topic)
            high = self._ends(topic, IsolationLevel.READ_UNCOMMITTED)
            return last_stable if last_stable == high else None
        return wait_for(ends, f"the end of all transactions in {topic}")

    def read(self, topic, is_quiet=True):
        """Every committed record of the topic, by partition and offset; is_quiet: and no
        transaction is open, so nothing is missing (others may write all the while)."""
        ends = self.stable_ends(topic) if is_quiet else self.committed_ends(topic)
        consumer = Consumer({"bootstrap.servers": self.broker.bootstrap, "log_level": 2,
                             "group.id": "reader", "enable.auto.commit": False,
                             "isolation.level": "read_committed",
                             "enable.partition.eof": True, "auto.offset.reset": "earliest"})
        consumer.assign([TopicPartition(topic, p, 0) for p in ends])
        records, open_partitions = [], {p for p, end in ends.items() if end > 0}

        def read_on():
            for message in consumer.consume(10000, READ_SLICE_S):
                if message.error() is None:
                    records.append(record_of(message))
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    open_partitions.discard(message.partition())
                else:
                    raise KafkaException(message.error())
            return not open_partitions

        wait_for(read_on, f"the end of {topic}")
        consumer.close()
        return sorted(records, key=lambda r: (r.partition, r.offset))

    def wait_records(self, topic, condition):
        """The topic's records once condition(records) is true."""
        def fulfilled():
            records = self.read(topic)
            return records if condition(records) else None
        return wait_for(fulfilled, f"the right records in {topic}")

    def partition_of_key(self, topic, key):
        return partition_of(key, len(self.partitions(topic)))

    def produce(self, topic, rows):
        """rows: (key, value) or (key, value, {option of Producer.produce}); returns when all are
        in."""
        producer = self._producer_of_failures()
        refused = []
        for key, value, *options in rows:
            while True:
                try:
                    producer.produce(topic, key=key, value=value, **(options[0] if options else {}),
                                     on_delivery=lambda e, _: e and refused.append(e))
                    break
                except BufferError:
                    producer.poll(1)
        assert producer.flush(PRODUCE_S) == 0 and not refused, refused[:3]

    def produce_in_vain(self, topic, rows):
        """Rows for a broker that will not survive them."""
        producer = Producer({"bootstrap.servers": self.broker.bootstrap, "log_level": 2})
        for key, value in rows:
            producer.produce(topic, key=key, value=value)
        producer.flush(1)
        producer.purge()

    def _producer_of_failures(self):
        if self._producer is None:
            self._producer = Producer({
                "bootstrap.servers": self.broker.bootstrap, "log_level": 2,
                "partitioner": "murmur2_random", "enable.idempotence": True, "linger.ms": 2,
                "message.max.bytes": 6000000, "queue.buffering.max.messages": 500000})
        return self._producer


def record_of(message):
    headers = {name: value.decode() for name, value in message.headers() or []}
    return Record(message.topic(), message.partition(), message.offset(), message.timestamp()[1],
                  message.key(), message.value(), headers)


def failure(identity, **fields):
    """(key, value) of a record of the failure log."""
    return record_key(identity), json.dumps(fields_of(identity) | fields).encode()


def tombstone(identity):
    return record_key(identity), None
