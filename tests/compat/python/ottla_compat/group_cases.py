"""What consumers do as members of a group, by the classic protocol."""

import threading
from typing import Any, Optional

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import NewPartitions, NewTopic

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

Partition = tuple[str, int]


def member(lab: Lab, group: str, settings: dict[str, Any]) -> Consumer:
    defaults = {"group.id": group, "session.timeout.ms": 10_000, "heartbeat.interval.ms": 200}
    return lab.consumer({**defaults, **settings})


def assigned(consumer: Consumer) -> set[Partition]:
    return {(one.topic, one.partition) for one in consumer.assignment()}


def settle(count: int, members: list[Consumer]) -> None:
    """Lets all poll until each has some of this many partitions, and together each of them once."""

    def is_settled() -> bool:
        for one in members:
            one.poll(0.05)
        shares = [assigned(one) for one in members]
        together = set().union(*shares)
        return all(shares) and len(together) == count == sum(len(share) for share in shares)

    until(f"{len(members)} members share {count} partitions", is_settled)


@case
def a_group_goes_on_where_it_committed(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    lab.send(topic, values(30), {})
    first = member(lab, group, {})
    first.subscribe([topic])
    poll(first, 10)
    (committed,) = first.commit(asynchronous=False)
    equal((None, 10), (committed.error, committed.offset), "what the commit told")
    (asked,) = first.committed([TopicPartition(topic, 0)], timeout=PATIENCE_SECONDS)
    equal(10, asked.offset, "committed offset")
    first.close()
    second = member(lab, group, {})
    second.subscribe([topic])
    equal(list(range(10, 30)), offsets(poll(second, 20)), "offsets of the rest")
    second.close()


@case
def a_commit_in_the_background_is_reported(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    lab.send(topic, values(10), {})
    reports: list[tuple[Any, list[TopicPartition]]] = []
    settings = {"on_commit": lambda error, partitions: reports.append((error, partitions))}
    consumer = member(lab, group, settings)
    consumer.subscribe([topic])
    message = poll(consumer, 4)[-1]
    consumer.commit(message=message, asynchronous=True)

    def is_reported() -> bool:
        consumer.poll(0.05)
        return len(reports) > 0

    until("the commit is reported", is_reported)
    (error, (partition,)) = reports[0]
    equal((None, None, 4), (error, partition.error, partition.offset), "report")
    consumer.close()


@case
def offsets_are_committed_by_themselves(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    lab.send(topic, values(10), {})
    settings = {"enable.auto.commit": True, "auto.commit.interval.ms": 100}
    consumer = member(lab, group, settings)
    consumer.subscribe([topic])
    poll(consumer, 6)

    def committed() -> int:
        (one,) = consumer.committed([TopicPartition(topic, 0)], timeout=PATIENCE_SECONDS)
        return one.offset

    until("six records are committed", lambda: committed() == 6)
    poll(consumer, 4)
    consumer.close()
    after = member(lab, group, {})
    (one,) = after.committed([TopicPartition(topic, 0)], timeout=PATIENCE_SECONDS)
    equal(10, one.offset, "offset committed by closing")
    after.close()


@case
def only_stored_offsets_are_committed(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    lab.send(topic, values(10), {})
    consumer = member(lab, group, {"enable.auto.offset.store": False})
    consumer.subscribe([topic])
    messages = poll(consumer, 10)
    fails(KafkaError._NO_OFFSET, lambda: consumer.commit(asynchronous=False))
    consumer.store_offsets(message=messages[2])
    (committed,) = consumer.commit(asynchronous=False)
    equal(3, committed.offset, "committed offset")
    consumer.close()


@case
def offsets_are_committed_without_members(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    lab.send(topic, values(10), {})
    consumer = member(lab, group, {})
    (nothing,) = consumer.committed([TopicPartition(topic, 0)], timeout=PATIENCE_SECONDS)
    equal(-1001, nothing.offset, "committed offset before any commit")
    wanted = TopicPartition(topic, 0, 4, metadata="mark")
    consumer.commit(offsets=[wanted], asynchronous=False)
    (found,) = consumer.committed([TopicPartition(topic, 0)], timeout=PATIENCE_SECONDS)
    equal((4, "mark"), (found.offset, found.metadata), "offset and metadata")
    consumer.assign([TopicPartition(topic, 0)])
    equal(4, poll(consumer, 6)[0].offset(), "first record")
    consumer.close()


@case
def bad_commits_are_refused(lab: Lab) -> None:
    topic = lab.topic()
    consumer = member(lab, lab.fresh_name(), {})

    def commit(partition: int, metadata: str) -> None:
        wanted = TopicPartition(topic, partition, 1, metadata=metadata)
        (told,) = consumer.commit(offsets=[wanted], asynchronous=False)
        equal(None, told.error, "error told")

    commit(0, "x" * 4000)
    fails(KafkaError.OFFSET_METADATA_TOO_LARGE, lambda: commit(0, "x" * 5000))
    fails(KafkaError.UNKNOWN_TOPIC_OR_PART, lambda: commit(7, ""))
    consumer.close()


@case_for_each("STRATEGY", ["range", "roundrobin", "cooperative-sticky"])
def members_share_partitions_by_STRATEGY_and_take_over(lab: Lab, strategy: str) -> None:
    topic, group = lab.topic(partitions=6), lab.fresh_name()
    settings = {"partition.assignment.strategy": strategy}
    first, second = member(lab, group, settings), member(lab, group, settings)
    first.subscribe([topic])
    settle(6, [first])
    second.subscribe([topic])
    settle(6, [first, second])
    equal(3, len(assigned(second)), "partitions of the second")
    first.close()
    settle(6, [second])
    second.close()


@case
def cooperative_members_keep_what_they_have(lab: Lab) -> None:
    topic, group = lab.topic(partitions=4), lab.fresh_name()
    lab.send(topic, [{"value": b"v", "partition": one % 4} for one in range(40)], {})
    revoked: list[Partition] = []

    def on_revoke(_: Consumer, partitions: list[TopicPartition]) -> None:
        revoked.extend((one.topic, one.partition) for one in partitions)

    settings = {"partition.assignment.strategy": "cooperative-sticky"}
    first, second = member(lab, group, settings), member(lab, group, settings)
    first.subscribe([topic], on_revoke=on_revoke)
    settle(4, [first])
    before = assigned(first)
    second.subscribe([topic])
    settle(4, [first, second])
    equal(before, assigned(first) | assigned(second), "partitions of both")
    equal(assigned(second), set(revoked), "partitions given up by the first")
    first.close()
    second.close()


@case
def eager_members_are_told_of_each_assignment(lab: Lab) -> None:
    topic, group = lab.topic(partitions=2), lab.fresh_name()
    told: list[tuple[str, int]] = []
    first, second = member(lab, group, {}), member(lab, group, {})
    first.subscribe(
        [topic],
        on_assign=lambda _, partitions: told.append(("assigned", len(partitions))),
        on_revoke=lambda _, partitions: told.append(("revoked", len(partitions))),
    )
    settle(2, [first])
    second.subscribe([topic])
    settle(2, [first, second])
    equal([("assigned", 2), ("revoked", 2), ("assigned", 1)], told, "what the first was told")
    first.unsubscribe()

    def is_alone() -> bool:
        first.poll(0.05)
        second.poll(0.05)
        return len(assigned(second)) == 2

    until("the second has all partitions", is_alone)
    first.close()
    second.close()


@case
def added_partitions_are_shared_out(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    consumer = member(lab, group, {"topic.metadata.refresh.interval.ms": 300})
    consumer.subscribe([topic])
    settle(1, [consumer])
    result(lab.admin().create_partitions([NewPartitions(topic, 3)]))
    settle(3, [consumer])
    lab.send(topic, [{"value": b"v", "partition": 2}], {})
    equal(2, poll(consumer, 1)[0].partition(), "partition of the record")
    consumer.close()


@case
def a_pattern_matches_topics_that_come_later(lab: Lab) -> None:
    prefix, group = lab.fresh_name(), lab.fresh_name()
    consumer = member(lab, group, {"topic.metadata.refresh.interval.ms": 300})
    consumer.subscribe([f"^{prefix}.*"])
    for topic in [f"{prefix}-early", f"{prefix}-late"]:
        result(lab.admin().create_topics([NewTopic(topic, 1, 1)]))
        lab.wait_for_topic(lab.admin(), topic, 1)
        lab.send(topic, values(5), {})
        # Records that were not committed come again after a rebalance.
        until("a record comes", lambda: _topic_of_next(consumer) == topic)
    consumer.close()


def _topic_of_next(consumer: Consumer) -> Optional[str]:
    message = consumer.poll(0.1)
    return None if message is None or message.error() is not None else message.topic()


@case
def a_static_member_comes_back_to_its_partitions(lab: Lab) -> None:
    topic, group = lab.topic(partitions=4), lab.fresh_name()
    one, two = {"group.instance.id": "one"}, {"group.instance.id": "two"}
    first, second = member(lab, group, one), member(lab, group, two)
    for each in [first, second]:
        each.subscribe([topic])
    settle(4, [first, second])
    before, kept = assigned(first), assigned(second)
    first.close()
    again = member(lab, group, one)
    again.subscribe([topic])
    settle(4, [again, second])
    equal(before, assigned(again), "partitions of the member that came back")
    equal(kept, assigned(second), "partitions of the other")
    again.close()
    second.close()


@case
def a_static_member_is_fenced_by_its_successor(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    one = {"group.instance.id": "one"}
    old, successor = member(lab, group, one), member(lab, group, one)
    old.subscribe([topic])
    settle(1, [old])
    successor.subscribe([topic])
    settle(1, [successor])
    error = poll_error(old)
    equal(KafkaError._FATAL, error.code(), "error of the old member")
    holds("fenced" in error.str().lower(), f"{error} tells of fencing")
    successor.close()
    old.close()


@case
def members_without_a_strategy_in_common_are_refused(lab: Lab) -> None:
    topic, group = lab.topic(), lab.fresh_name()
    first = member(lab, group, {"partition.assignment.strategy": "range"})
    second = member(lab, group, {"partition.assignment.strategy": "roundrobin"})
    first.subscribe([topic])
    settle(1, [first])
    second.subscribe([topic])
    equal(KafkaError.INCONSISTENT_GROUP_PROTOCOL, poll_error(second).code(), "report")
    first.close()
    second.close()


@case
def a_session_timeout_out_of_bounds_is_refused(lab: Lab) -> None:
    consumer = member(lab, lab.fresh_name(), {"session.timeout.ms": 1_000})
    consumer.subscribe([lab.topic()])
    equal(KafkaError.INVALID_SESSION_TIMEOUT, poll_error(consumer).code(), "report")
    consumer.close()


@case
def members_in_threads_read_everything(lab: Lab) -> None:
    topic, group = lab.topic(partitions=8), lab.fresh_name()
    lab.send(topic, [{"value": b"v", "partition": one % 8} for one in range(400)], {})
    expected = {(one % 8, one // 8) for one in range(400)}
    found: set[tuple[int, int]] = set()
    done = threading.Event()

    def work(consumer: Consumer) -> None:
        consumer.subscribe([topic])
        while not done.is_set():
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                found.add((message.partition(), message.offset()))
        consumer.close()

    threads = [threading.Thread(target=work, args=[member(lab, group, {})]) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        until("all records came", lambda: len(found) >= len(expected))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    equal(expected, found, "records")
