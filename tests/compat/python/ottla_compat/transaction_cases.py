"""What the producer does in transactions."""

from typing import Sequence

from confluent_kafka import KafkaException, Message, Producer, TopicPartition

from .cases import case
from .lab import PATIENCE_SECONDS, Lab, equal, holds, poll

COMMITTED = {"isolation.level": "read_committed"}


def texts(messages: Sequence[Message]) -> list[bytes]:
    return [message.value() for message in messages]


def writer(lab: Lab, name: str) -> Producer:
    """A producer that fences all of its name before it."""
    producer = lab.producer({"transactional.id": name, "transaction.timeout.ms": 20_000})
    producer.init_transactions(PATIENCE_SECONDS)
    return producer


@case
def a_committed_transaction_is_read_whole(lab: Lab) -> None:
    topic = lab.topic(2)
    producer = writer(lab, lab.fresh_name())
    producer.begin_transaction()
    for number in range(100):
        producer.produce(topic, str(number), partition=number % 2)
    equal(0, producer.flush(PATIENCE_SECONDS), "records still waiting")
    consumer = lab.consumer(COMMITTED)
    consumer.assign([TopicPartition(topic, 0, 0), TopicPartition(topic, 1, 0)])
    equal(None, consumer.poll(1.0), "a record before the commit")
    producer.commit_transaction(PATIENCE_SECONDS)
    equal(100, len(poll(consumer, 100)), "records")
    consumer.close()


@case
def an_aborted_transaction_is_not_read(lab: Lab) -> None:
    topic = lab.topic()
    producer = writer(lab, lab.fresh_name())
    for value in ["a", "b", "c", "d", "e"]:
        producer.begin_transaction()
        producer.produce(topic, value, partition=0)
        if value in ("b", "d"):
            producer.flush(PATIENCE_SECONDS)
            producer.abort_transaction(PATIENCE_SECONDS)
        else:
            producer.commit_transaction(PATIENCE_SECONDS)
    equal([b"a", b"c", b"e"], texts(lab.read(topic, 3, COMMITTED)), "committed")
    uncommitted = {"isolation.level": "read_uncommitted"}
    equal([b"a", b"b", b"c", b"d", b"e"], texts(lab.read(topic, 5, uncommitted)), "all")


@case
def a_producer_is_fenced_by_its_successor(lab: Lab) -> None:
    topic = lab.topic()
    name = lab.fresh_name()
    old = writer(lab, name)
    old.begin_transaction()
    old.produce(topic, "old", partition=0)
    old.flush(PATIENCE_SECONDS)
    new = writer(lab, name)
    new.begin_transaction()
    new.produce(topic, "new", partition=0)
    try:
        old.commit_transaction(PATIENCE_SECONDS)
        raise AssertionError("the old one has committed")
    except KafkaException as error:
        holds(error.args[0].fatal(), f"it is fenced: {error}")
    new.commit_transaction(PATIENCE_SECONDS)
    equal([b"new"], texts(lab.read(topic, 1, COMMITTED)), "committed")


@case
def consumed_offsets_are_committed_with_what_was_produced(lab: Lab) -> None:
    source, target = lab.topic(), lab.topic()
    lab.send(source, [{"value": str(number)} for number in range(200)], {})
    group, name = lab.fresh_name(), lab.fresh_name()
    copied = 0
    for life in range(4):
        consumer = lab.consumer({**COMMITTED, "group.id": group})
        consumer.subscribe([source])
        producer = writer(lab, name)
        wanted = 50 if life < 3 else 200 - copied
        messages = poll(consumer, wanted)
        producer.begin_transaction()
        for message in messages:
            producer.produce(target, message.value(), partition=0)
        offsets = [TopicPartition(source, 0, messages[-1].offset() + 1)]
        metadata = consumer.consumer_group_metadata()
        producer.send_offsets_to_transaction(offsets, metadata, PATIENCE_SECONDS)
        if life == 1:
            producer.abort_transaction(PATIENCE_SECONDS)
        else:
            producer.commit_transaction(PATIENCE_SECONDS)
            copied += wanted
        consumer.close()
    expected = [str(number).encode() for number in range(200)]
    equal(expected, texts(lab.read(target, 200, COMMITTED)), "the copy")
