# SPDX-License-Identifier: Apache-2.0
"""Transactions whose end was lost, as a broker that is killed may leave them: made on purpose.

A commit of offsets in a transaction that its coordinator knows nothing of; the broker must not ask
the coordinator (Broker.believe_producers()). No library sends that, so it is written out here, as
Kafka's protocol has it (kafka.apache.org/protocol: InitProducerId, TxnOffsetCommit,
DescribeTransactions).
"""
import socket
import struct

from waiting import wait_for

INIT_PRODUCER_ID, TXN_OFFSET_COMMIT, DESCRIBE_TRANSACTIONS = 22, 28, 65
TIMEOUT_S, TRANSACTION_TIMEOUT_MS = 30, 60000


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def compact(value):
    """As newer versions have strings: behind their length and one, seven bits a byte."""
    rest, n = len(value) + 1, b""
    while rest > 127:
        n += bytes([rest & 127 | 128])
        rest >>= 7
    return n + bytes([rest]) + value.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def read_exactly(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        assert more, "the broker closed the connection"
        data += more
    return data


def ask(broker, key, version, body, tags=b""):
    """The answer behind its header and throttle time. tags: b"\\0" for versions that have them."""
    host, port = broker.bootstrap.split(":")
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        request = struct.pack(">hhi", key, version, 1) + text("crr-tests") + tags + body + tags
        connection.sendall(struct.pack(">i", len(request)) + request)
        size, = struct.unpack(">i", read_exactly(connection, 4))
        return read_exactly(connection, size)[4 + len(tags) + 4:]


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
