"""What a consumer does with partitions that it assigns itself; no group has members here."""

import time

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    Message,
    TopicPartition,
)

from .cases import case, case_for_each
from .lab import (
    PATIENCE_SECONDS,
    Lab,
    equal,
    fails,
    holds,
    offsets,
    poll,
    poll_error,
    result,
    until,
    values,
)


@case
def reading_begins_at_the_offset_asked_for(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(20), {})
    consumer = lab.consumer({})
    consumer.assign([TopicPartition(topic, 0, 13)])
    equal(list(range(13, 20)), offsets(poll(consumer, 7)), "offsets")
    consumer.close()


@case
def reading_from_the_end_gives_only_what_is_new(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(5), {})
    consumer = lab.consumer({})
    consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
    _only_new_records_come(lab, consumer, topic)
    consumer.close()


def _only_new_records_come(lab: Lab, consumer: Consumer, topic: str) -> None:
    """Of a topic that had five records; what is sent before the end is looked up may be skipped."""
    found: list[Message] = []

    def is_come() -> bool:
        lab.send(topic, [{"value": b"new"}], {})
        message = consumer.poll(0.2)
        if message is not None:
            found.append(message)
        return len(found) > 0

    until("a new record comes", is_come)
    holds(found[0].offset() >= 5, f"offset {found[0].offset()} is of a new record")
    equal(b"new", found[0].value(), "value of the record")


@case
def seek_goes_to_the_record_asked_for(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(100), {"linger.ms": 50})
    consumer = lab.consumer({})
    consumer.assign([TopicPartition(topic, 0, 0)])
    poll(consumer, 10)
    for offset in [57, 3, 99]:
        consumer.seek(TopicPartition(topic, 0, offset))
        equal(offset, poll(consumer, 1)[0].offset(), "offset after a seek")
    consumer.close()


@case
def the_position_follows_what_was_consumed(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(10), {})
    consumer = lab.consumer({})
    partition = TopicPartition(topic, 0)
    consumer.assign([TopicPartition(topic, 0, 0)])
    for count, position in [(4, 4), (6, 10)]:
        poll(consumer, count)
        equal(position, consumer.position([partition])[0].offset, "position")
    consumer.close()


@case
def a_paused_partition_gives_nothing_until_resumed(lab: Lab) -> None:
    topic = lab.topic(partitions=2)
    both = [TopicPartition(topic, number, 0) for number in range(2)]
    consumer = lab.consumer({})
    consumer.assign(both)
    consumer.pause(both[:1])
    lab.send(topic, [{"value": b"v", "partition": number % 2} for number in range(20)], {})
    equal({1}, {message.partition() for message in poll(consumer, 10)}, "partitions not paused")
    equal(None, consumer.poll(0.5), "record of the paused partition")
    consumer.resume(both[:1])
    resumed = poll(consumer, 10)
    equal({0}, {message.partition() for message in resumed}, "partitions resumed")
    equal(list(range(10)), offsets(resumed), "offsets of the resumed partition")
    consumer.close()


@case
def records_come_many_at_a_time(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(1_000), {})
    consumer = lab.consumer({})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[int] = []

    def is_complete() -> bool:
        found.extend(offsets(consumer.consume(300, timeout=0.2)))
        return len(found) >= 1_000

    until("all records came", is_complete)
    equal(list(range(1_000)), found, "offsets")
    consumer.close()


@case
def the_end_of_a_partition_is_reported(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(3), {})
    consumer = lab.consumer({"enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    poll(consumer, 3)
    equal(KafkaError._PARTITION_EOF, poll_error(consumer).code(), "report")
    lab.send(topic, values(1), {})
    equal(3, poll(consumer, 1)[0].offset(), "offset of the next record")
    consumer.close()


def _consumer_beyond_the_end(lab: Lab, topic: str, reset: str) -> Consumer:
    lab.send(topic, values(5), {})
    consumer = lab.consumer({"auto.offset.reset": reset})
    consumer.assign([TopicPartition(topic, 0, 1_000)])
    return consumer


@case
def an_offset_out_of_range_resets_to_earliest(lab: Lab) -> None:
    consumer = _consumer_beyond_the_end(lab, lab.topic(), "earliest")
    equal([0, 1, 2, 3, 4], offsets(poll(consumer, 5)), "offsets after the reset")
    consumer.close()


@case
def an_offset_out_of_range_resets_to_latest(lab: Lab) -> None:
    topic = lab.topic()
    consumer = _consumer_beyond_the_end(lab, topic, "latest")
    _only_new_records_come(lab, consumer, topic)
    consumer.close()


@case
def an_offset_out_of_range_is_an_error_when_wanted(lab: Lab) -> None:
    consumer = _consumer_beyond_the_end(lab, lab.topic(), "error")
    equal(KafkaError._AUTO_OFFSET_RESET, poll_error(consumer).code(), "report")
    consumer.close()


@case
def without_a_committed_offset_reset_to_error_is_an_error(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(5), {})
    consumer = lab.consumer({"auto.offset.reset": "error"})
    consumer.assign([TopicPartition(topic, 0)])
    equal(KafkaError._AUTO_OFFSET_RESET, poll_error(consumer).code(), "report")
    consumer.close()


@case_for_each("LEVEL", ["read_committed", "read_uncommitted"])
def plain_records_are_read_with_isolation_LEVEL(lab: Lab, level: str) -> None:
    topic = lab.topic()
    lab.send(topic, values(200), {})
    found = lab.read(topic, 200, {"isolation.level": level})
    equal(list(range(200)), offsets(found), "offsets")


@case
def a_waiting_fetch_ends_when_data_comes(lab: Lab) -> None:
    topic = lab.topic()
    consumer = lab.consumer({"fetch.wait.max.ms": 10_000, "fetch.min.bytes": 1})
    consumer.assign([TopicPartition(topic, 0, 0)])
    equal(None, consumer.poll(0.5), "record before any was sent")
    lab.send(topic, values(1), {})
    sent = time.monotonic()
    poll(consumer, 1)
    holds(time.monotonic() - sent < 5.0, "the fetch woke up")
    consumer.close()


@case
def tiny_fetch_sizes_still_make_progress(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(50, 1_000), {"batch.num.messages": 5})
    found = lab.read(topic, 50, {"fetch.message.max.bytes": 1, "fetch.max.bytes": 1_000_000})
    equal(list(range(50)), offsets(found), "offsets")


@case
def many_partitions_are_read_together(lab: Lab) -> None:
    count = 40
    topic = lab.topic(partitions=count)
    lab.send(topic, [{"value": b"v", "partition": number % count} for number in range(400)], {})
    consumer = lab.consumer({})
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(count)])
    found = {(message.partition(), message.offset()) for message in poll(consumer, 400)}
    equal({(number % count, number // count) for number in range(400)}, found, "records")
    consumer.close()


@case
def partitions_are_assigned_and_unassigned_one_by_one(lab: Lab) -> None:
    first, second = lab.topic(), lab.topic()
    lab.send(first, values(3), {})
    lab.send(second, values(4), {})
    consumer = lab.consumer({})
    consumer.incremental_assign([TopicPartition(first, 0, 0)])
    equal({first}, {message.topic() for message in poll(consumer, 3)}, "topic of the records")
    consumer.incremental_assign([TopicPartition(second, 0, 1)])
    equal([1, 2, 3], offsets(poll(consumer, 3)), "offsets of the second")
    consumer.incremental_unassign([TopicPartition(first, 0)])
    lab.send(first, values(1), {})
    equal(None, consumer.poll(0.5), "record of what is not assigned any more")
    equal([second], [one.topic for one in consumer.assignment()], "assignment")
    consumer.close()


@case
def an_unknown_topic_is_reported_to_a_subscriber(lab: Lab) -> None:
    consumer = lab.consumer({"topic.metadata.propagation.max.ms": 100})
    consumer.subscribe([lab.fresh_name()])
    equal(KafkaError.UNKNOWN_TOPIC_OR_PART, poll_error(consumer).code(), "report")
    consumer.close()


@case
def a_topic_that_is_deleted_is_reported_to_a_subscriber(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(2), {})
    consumer = lab.consumer({"topic.metadata.refresh.interval.ms": 300})
    consumer.subscribe([topic])
    poll(consumer, 2)
    result(lab.admin().delete_topics([topic]))
    equal(KafkaError.UNKNOWN_TOPIC_OR_PART, poll_error(consumer).code(), "report")
    consumer.close()


@case
def topics_and_partitions_are_listed(lab: Lab) -> None:
    topic = lab.topic(partitions=3)
    consumer = lab.consumer({})
    everything = consumer.list_topics(timeout=PATIENCE_SECONDS)
    holds(topic in everything.topics, "the topic is listed")
    one = consumer.list_topics(topic, timeout=PATIENCE_SECONDS)
    equal({0, 1, 2}, set(one.topics[topic].partitions), "partitions")
    for partition in one.topics[topic].partitions.values():
        holds(partition.leader in one.brokers, "the leader is a broker")
        equal([partition.leader], partition.replicas, "replicas")
        equal([partition.leader], partition.isrs, "in-sync replicas")
    unknown = lab.fresh_name()
    answer = consumer.list_topics(unknown, timeout=PATIENCE_SECONDS).topics[unknown]
    equal(KafkaError.UNKNOWN_TOPIC_OR_PART, answer.error.code(), "error of an unknown topic")
    fails(KafkaError._UNKNOWN_PARTITION, lambda: _watermarks(consumer, TopicPartition(topic, 9)))
    consumer.close()


def _watermarks(consumer: Consumer, partition: TopicPartition) -> object:
    return consumer.get_watermark_offsets(partition, timeout=2.0)
