"""How offsets are looked up: by time, at both ends, and by every specification."""

import time

from confluent_kafka import IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import OffsetSpec

from .cases import case
from .lab import PATIENCE_SECONDS, Lab, equal, fails, result, values


@case
def watermarks_are_queried(lab: Lab) -> None:
    topic = lab.topic()
    partition = TopicPartition(topic, 0)
    consumer = lab.consumer({})
    equal((0, 0), consumer.get_watermark_offsets(partition, PATIENCE_SECONDS), "of nothing")
    lab.send(topic, values(20), {})
    equal((0, 20), consumer.get_watermark_offsets(partition, PATIENCE_SECONDS), "of 20 records")
    result(lab.admin().delete_records([TopicPartition(topic, 0, 7)]))
    equal((7, 20), consumer.get_watermark_offsets(partition, PATIENCE_SECONDS), "of what is left")
    consumer.close()


@case
def watermarks_are_learnt_from_fetches(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(20), {})
    consumer = lab.consumer({})
    consumer.assign([TopicPartition(topic, 0, 5)])
    equal(5, consumer.poll(PATIENCE_SECONDS).offset(), "offset of the first record")
    known = consumer.get_watermark_offsets(TopicPartition(topic, 0), cached=True)
    equal(20, known[1], "end")
    consumer.close()


@case
def offsets_for_times_finds_the_first_record_not_before(lab: Lab) -> None:
    topic = lab.topic()
    start_ms = int(time.time() * 1000) - 100_000
    records = [{"value": b"v", "timestamp": start_ms + 10 * number} for number in range(1_000)]
    lab.send(topic, records, {"batch.num.messages": 50})
    consumer = lab.consumer({})
    for time_ms, expected in [
        (start_ms - 5, 0),
        (start_ms, 0),
        (start_ms + 1, 1),
        (start_ms + 5_000, 500),
        (start_ms + 9_990, 999),
        (start_ms + 9_991, -1),
    ]:
        asked = [TopicPartition(topic, 0, time_ms)]
        (found,) = consumer.offsets_for_times(asked, timeout=PATIENCE_SECONDS)
        equal((None, expected), (found.error, found.offset), f"offset {time_ms - start_ms} ms in")
    consumer.close()


@case
def offsets_for_times_of_a_partition_that_is_not_there(lab: Lab) -> None:
    topic = lab.topic()
    consumer = lab.consumer({})
    asked = [TopicPartition(topic, 5, 0)]
    fails(
        KafkaError._UNKNOWN_PARTITION,
        lambda: consumer.offsets_for_times(asked, timeout=PATIENCE_SECONDS),
    )
    consumer.close()


@case
def offsets_are_listed_by_every_specification(lab: Lab) -> None:
    topic = lab.topic()
    now_ms = int(time.time() * 1000)
    backs_ms = [30_000, 10_000, 20_000]
    lab.send(topic, [{"value": b"v", "timestamp": now_ms - back} for back in backs_ms], {})
    admin = lab.admin()

    def listed(specification: OffsetSpec) -> tuple[int, int]:
        asked = {TopicPartition(topic, 0): specification}
        found = result(admin.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED))
        return found.offset, found.timestamp

    equal((0, -1), listed(OffsetSpec.earliest()), "earliest")
    equal((3, -1), listed(OffsetSpec.latest()), "latest")
    equal((1, now_ms - 10_000), listed(OffsetSpec.max_timestamp()), "greatest timestamp")
    equal((1, now_ms - 10_000), listed(OffsetSpec.for_timestamp(now_ms - 25_000)), "by time")
    equal((-1, -1), listed(OffsetSpec.for_timestamp(now_ms)), "by a time after all")


@case
def offsets_of_many_partitions_are_listed_at_once(lab: Lab) -> None:
    topic = lab.topic(partitions=10)
    records = [{"value": b"v", "partition": one} for one in range(10) for _ in range(one)]
    lab.send(topic, records, {})
    asked = {TopicPartition(topic, one): OffsetSpec.latest() for one in range(10)}
    listed = lab.admin().list_offsets(asked)
    for partition, future in listed.items():
        equal(partition.partition, future.result(PATIENCE_SECONDS).offset, f"end of {partition}")


@case
def deleting_records_moves_the_beginning(lab: Lab) -> None:
    topic = lab.topic()
    lab.send(topic, values(20), {})
    admin = lab.admin()

    def deleted_before(offset: int) -> int:
        return result(admin.delete_records([TopicPartition(topic, 0, offset)])).low_watermark

    equal(7, deleted_before(7), "low watermark")
    equal(7, lab.read(topic, 13)[0].offset(), "first record left")
    equal(7, deleted_before(3), "low watermark after a lower offset")
    fails(KafkaError.OFFSET_OUT_OF_RANGE, lambda: deleted_before(21))
    equal(20, deleted_before(-1), "low watermark after deleting all")
    lab.send(topic, values(1), {})
    equal(20, lab.read(topic, 1)[0].offset(), "next record")
    unknown = TopicPartition(topic, 5, 1)
    fails(KafkaError._NOENT, lambda: result(admin.delete_records([unknown])))
