"""What the producer does: what it writes is read back, and each delivery is reported."""

import time

from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    KafkaError,
    TopicPartition,
    murmur2,
)
from confluent_kafka.admin import NewTopic

from .cases import case, case_for_each
from .lab import PATIENCE_SECONDS, Lab, equal, fails, holds, offsets, poll, result, values


@case
def keys_values_and_headers_survive(lab: Lab) -> None:
    topic = lab.topic()
    headers = [("a", b"1"), ("b", None), ("a", b"2"), ("c", b"")]
    lab.send(topic, [{"key": b"key", "value": "wört", "headers": headers}], {})
    (message,) = lab.read(topic, 1)
    equal(b"key", message.key(), "key")
    equal("wört".encode(), message.value(), "value")
    equal(headers, message.headers(), "headers")


@case
def null_and_empty_keys_and_values_survive(lab: Lab) -> None:
    topic = lab.topic()
    pairs = [(None, None), (b"", b""), (b"k", None), (None, b"v"), (b"", None)]
    lab.send(topic, [{"key": key, "value": value} for key, value in pairs], {})
    found = [(message.key(), message.value()) for message in lab.read(topic, len(pairs))]
    equal(pairs, found, "keys and values")


@case
def create_time_is_kept(lab: Lab) -> None:
    topic = lab.topic()
    now_ms = int(time.time() * 1000)
    times = [now_ms, now_ms - 60_000, now_ms - 1]
    lab.send(topic, [{"value": b"v", "timestamp": one} for one in times], {})
    found = [message.timestamp() for message in lab.read(topic, 3)]
    equal([(TIMESTAMP_CREATE_TIME, one) for one in times], found, "timestamps")


@case
def log_append_time_is_set_by_the_broker(lab: Lab) -> None:
    topic = lab.topic(configs={"message.timestamp.type": "LogAppendTime"})
    before_ms = int(time.time() * 1000) - 1_000
    lab.send(topic, [{"value": b"v", "timestamp": 1_000}], {})
    kind, time_ms = lab.read(topic, 1)[0].timestamp()
    equal(TIMESTAMP_LOG_APPEND_TIME, kind, "kind of timestamp")
    after_ms = int(time.time() * 1000) + 1_000
    holds(before_ms <= time_ms <= after_ms, "the time is the broker's")


@case_for_each("CODEC", ["none", "gzip", "snappy", "lz4", "zstd"])
def codec_CODEC_is_read_back(lab: Lab, codec: str) -> None:
    topic = lab.topic()
    records = values(2_000, 300)
    lab.send(topic, records, {"compression.type": codec, "linger.ms": 20})
    found = [message.value() for message in lab.read(topic, len(records))]
    equal([record["value"] for record in records], found, "values")


@case_for_each("ACKS", ["0", "1", "all"])
def acks_ACKS_delivers(lab: Lab, acks: str) -> None:
    topic = lab.topic()
    sent = lab.send(topic, values(500, 50), {"acks": acks})
    if acks != "0":
        equal(list(range(500)), offsets(sent), "offsets told")
    equal(list(range(500)), offsets(lab.read(topic, 500)), "offsets read")


@case_for_each("CODEC", ["none", "zstd"])
def an_idempotent_producer_writes_each_record_once_with_CODEC(lab: Lab, codec: str) -> None:
    topic = lab.topic()
    settings = {"enable.idempotence": True, "compression.type": codec, "batch.num.messages": 100}
    records = values(5_000, 100)
    sent = lab.send(topic, records, settings)
    equal(list(range(5_000)), offsets(sent), "offsets told")
    found = [message.value() for message in lab.read(topic, 5_000)]
    equal([record["value"] for record in records], found, "values")


@case
def idempotent_producers_do_not_disturb_each_other(lab: Lab) -> None:
    topic = lab.topic()
    for turn in range(3):
        sent = lab.send(topic, values(10), {"enable.idempotence": True})
        equal(list(range(turn * 10, turn * 10 + 10)), offsets(sent), "offsets told")


@case
def delivery_reports_tell_where_each_record_is(lab: Lab) -> None:
    topic = lab.topic(partitions=3)
    records = [{"value": b"v", "key": str(n).encode(), "partition": n % 3} for n in range(30)]
    for place, message in enumerate(lab.send(topic, records, {})):
        equal(topic, message.topic(), "topic")
        equal(place % 3, message.partition(), "partition")
        equal(place // 3, message.offset(), "offset")
        equal(str(place).encode(), message.key(), "key")
        holds(message.latency() >= 0, "a latency is measured")


@case
def a_batch_of_messages_is_delivered(lab: Lab) -> None:
    topic = lab.topic()
    told = []
    producer = lab.producer({})
    messages = [{"key": f"k{n}".encode(), "value": f"v{n}".encode()} for n in range(100)]
    taken = producer.produce_batch(
        topic, messages, partition=0, on_delivery=lambda error, message: told.append(error)
    )
    equal(100, taken, "messages taken")
    equal(0, producer.flush(PATIENCE_SECONDS), "messages still waiting")
    equal([None] * 100, told, "errors told")
    found = [{"key": one.key(), "value": one.value()} for one in lab.read(topic, 100)]
    equal(messages, found, "messages")


@case
def keys_go_to_the_partition_of_their_hash(lab: Lab) -> None:
    topic = lab.topic(partitions=5)
    keys = [f"key {n}".encode() for n in range(50)]
    records = [{"key": key, "value": b"v", "partition": -1} for key in keys]
    sent = lab.send(topic, records, {"partitioner": "murmur2_random"})
    expected = [murmur2(key, 5) for key in keys]
    equal(expected, [message.partition() for message in sent], "partitions told")
    consumer = lab.consumer({})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(5)])
    found = {message.key(): message.partition() for message in poll(consumer, 50)}
    equal(dict(zip(keys, expected)), found, "partitions read")
    consumer.close()


@case
def a_big_record_survives(lab: Lab) -> None:
    topic = lab.topic()
    value = bytes(n % 251 for n in range(900_000))
    lab.send(topic, [{"value": value}], {})
    equal(value, lab.read(topic, 1)[0].value(), "value")


@case
def a_record_over_the_topics_limit_is_refused(lab: Lab) -> None:
    topic = lab.topic(configs={"max.message.bytes": "1000"})
    ((error, message),) = lab.try_send(topic, [{"value": b"x" * 2_000}], {})
    equal(KafkaError.MSG_SIZE_TOO_LARGE, error.code(), "error")
    equal(b"x" * 2_000, message.value(), "value of the report")
    lab.send(topic, [{"value": b"x" * 500}], {})
    equal(0, lab.read(topic, 1)[0].offset(), "offset of what fits")


@case
def a_record_over_the_producers_limit_is_not_sent(lab: Lab) -> None:
    producer = lab.producer({"message.max.bytes": 2_000})
    topic = lab.topic()
    fails(KafkaError.MSG_SIZE_TOO_LARGE, lambda: producer.produce(topic, b"x" * 5_000))


@case
def a_timestamp_out_of_bounds_is_refused(lab: Lab) -> None:
    topic = lab.topic(configs={"message.timestamp.before.max.ms": "10000"})
    now_ms = int(time.time() * 1000)
    ((error, _),) = lab.try_send(topic, [{"value": b"v", "timestamp": now_ms - 60_000}], {})
    equal(KafkaError.INVALID_TIMESTAMP, error.code(), "error")
    lab.send(topic, [{"value": b"v", "timestamp": now_ms}], {})


@case
def a_keyless_record_on_a_compacted_topic_is_refused(lab: Lab) -> None:
    topic = lab.topic(configs={"cleanup.policy": "compact"})
    ((error, _),) = lab.try_send(topic, [{"value": b"v"}], {})
    equal(KafkaError.INVALID_RECORD, error.code(), "error")
    lab.send(topic, [{"key": b"k", "value": b"v"}], {})


@case
def no_more_in_sync_replicas_are_required_than_there_are_replicas(lab: Lab) -> None:
    topic = lab.topic(configs={"min.insync.replicas": "2"})
    lab.send(topic, values(1), {"retries": 0, "acks": "all"})
    equal([0], offsets(lab.read(topic, 1)), "offsets")


@case
def an_unknown_topic_is_created_on_first_use(lab: Lab) -> None:
    topic = lab.fresh_name()
    lab.send(topic, values(3), {})
    equal([0, 1, 2], offsets(lab.read(topic, 3)), "offsets")


@case
def an_unknown_topic_that_may_not_be_created_is_reported(lab: Lab) -> None:
    topic = lab.fresh_name()
    settings = {"allow.auto.create.topics": False, "topic.metadata.propagation.max.ms": 500}
    ((error, message),) = lab.try_send(topic, [{"value": b"v"}], settings)
    equal(KafkaError.UNKNOWN_TOPIC_OR_PART, error.code(), "error")
    equal(b"v", message.value(), "value of the report")
    listed = lab.admin().list_topics(timeout=PATIENCE_SECONDS).topics
    holds(topic not in listed, "nothing came of it")


@case
def an_unknown_partition_is_reported(lab: Lab) -> None:
    topic = lab.topic(partitions=2)
    ((error, _),) = lab.try_send(topic, [{"value": b"v", "partition": 7}], {})
    equal(KafkaError._UNKNOWN_PARTITION, error.code(), "error")


@case
def what_was_written_to_a_deleted_topic_is_not_in_its_successor(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(5), {})
    admin = lab.admin()
    lab.delete_topic(topic)
    result(admin.create_topics([NewTopic(topic, 1, 1)]))
    lab.wait_for_topic(admin, topic, 1)
    lab.send(topic, [{"value": b"new"}], {})
    (message,) = lab.read(topic, 1)
    equal((0, b"new"), (message.offset(), message.value()), "first record")
