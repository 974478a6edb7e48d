# SPDX-License-Identifier: Apache-2.0
"""Transactions whose end was lost, as a broker that is killed may leave them: made on purpose.

Offsets and records of a transaction that its coordinator knows nothing of; the broker must not ask
the coordinator (Broker.believe_producers()). No library sends that, so it is written out here, as
Kafka's protocol has it (kafka.apache.org/protocol: Produce, InitProducerId, TxnOffsetCommit,
DescribeTransactions; and its record batches).
"""
import socket
import struct
import time

from waiting import wait_for

PRODUCE, INIT_PRODUCER_ID, TXN_OFFSET_COMMIT, DESCRIBE_TRANSACTIONS = 0, 22, 28, 65
TIMEOUT_S, TRANSACTION_TIMEOUT_MS = 30, 60000


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def seven_bits(number):
    """So many a byte, the least first; the last byte has its highest bit clear."""
    data = b""
    while number > 127:
        data += bytes([number & 127 | 128])
        number >>= 7
    return data + bytes([number])


def compact(value):
    """As newer versions have strings: behind their length and one."""
    return seven_bits(len(value) + 1) + value.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def read_exactly(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        assert more, "the broker closed the connection"
        data += more
    return data


def ask(broker, key, version, body, tags=b"", throttle_first=True):
    """The answer behind its header and throttle time, where that comes first.

    tags: b"\\0" for versions that have them.
    """
    host, port = broker.bootstrap.split(":")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        request = struct.pack(">hhi", key, version, 1) + text("crr-tests") + tags + body + tags
        connection.sendall(struct.pack(">i", len(request)) + request)
        size, = struct.unpack(">i", read_exactly(connection, 4))
        return read_exactly(connection, size)[4 + len(tags) + 4 * throttle_first:]


def new_producer(broker, transactional_id):
    """Its producer id and epoch; whoever had the transactional id is fenced."""
    def initialized():
        said = ask(broker, INIT_PRODUCER_ID, 1,
                   text(transactional_id) + struct.pack(">i", TRANSACTION_TIMEOUT_MS))
        error, producer, epoch = struct.unpack(">hqh", said)
        return None if error else (producer, epoch)
    return wait_for(initialized, f"a producer id for {transactional_id}")


def running_producer(broker, transactional_id):
    """Its producer id and epoch."""
    name = compact(transactional_id)
    said = ask(broker, DESCRIBE_TRANSACTIONS, 0, b"\x02" + name, tags=b"\0")  # an array of one
    assert said[1:3] == b"\0\0", said
    state_at = 1 + 2 + len(name)
    found = said[state_at + said[state_at] + 4 + 8:]  # behind its timeout and its begin
    return struct.unpack(">qh", found[:10])


def hang_offsets(broker, transactional_id, producer, group, topic, offsets):
    """producer: its id and epoch; offsets: by partition. They have no end."""
    partitions = [struct.pack(">iqi", partition, offset, -1) + text("")
                  for partition, offset in offsets.items()]
    body = (text(transactional_id) + text(group) + struct.pack(">qh", *producer) +
            array([text(topic) + array(partitions)]))

    def taken():
        said = ask(broker, TXN_OFFSET_COMMIT, 2, body)
        errors = struct.iter_unpack(">ih", said[4 + 2 + len(topic) + 4:])
        return [error for _, error in errors] == [0] * len(offsets)
    wait_for(taken, f"offsets of {group} to hang")


# --- records --------------------------------------------------------------------------------------

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def varint(number):
    """Of a record's fields: zigzag."""
    return seven_bits(number << 1 if number >= 0 else -2 * number - 1)


def batch_of(key, value, producer, now_ms):
    """A record batch of one record, transactional (attribute 16), its producer's first."""
    fields = (b"\0" + varint(0) + varint(0) + varint(len(key)) + key + varint(len(value)) + value +
              varint(0))
    behind_crc = struct.pack(">hiqqqhii", 16, 0, now_ms, now_ms, *producer, 0, 1) + varint(
        len(fields)) + fields
    behind_length = struct.pack(">ibI", -1, 2, crc32c(behind_crc)) + behind_crc
    return struct.pack(">qi", 0, len(behind_length)) + behind_length


def hang_record(broker, transactional_id, producer, topic, partition, key, value):
    """Nobody who reads what is committed reads it, or what comes behind it."""
    batch = batch_of(key, value, producer, int(time.time() * 1000))
    body = (text(transactional_id) + struct.pack(">hi", -1, TIMEOUT_S * 1000) +
            array([text(topic) + array([struct.pack(">ii", partition, len(batch)) + batch])]))

    def taken():
        said = ask(broker, PRODUCE, 3, body, throttle_first=False)
        error, = struct.unpack_from(">h", said, 4 + 2 + len(topic) + 4 + 4)
        return error == 0
    wait_for(taken, f"a record of {topic} to hang")
