"""What every case needs: clients of one broker, names of its own, and checks."""

import os
import time
from typing import Any, Callable, Mapping, Optional, Sequence

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

# The longest that anything in a case may take before it counts as not happening.
PATIENCE_SECONDS = 20.0


class Lab:
    """Makes clients of one broker, and names that nobody else uses."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self._run = f"{time.time_ns():x}-{os.getpid()}"
        self._name_count = 0
        self._admin: Optional[AdminClient] = None

    def fresh_name(self) -> str:
        """A name that no other case and no earlier run uses."""
        self._name_count += 1
        return f"python-{self._run}-{self._name_count}"

    def admin(self) -> AdminClient:
        """One for the whole case: a client that nobody holds any more drops its requests."""
        if self._admin is None:
            self._admin = AdminClient(self._settings({}))
        return self._admin

    def producer(self, settings: Mapping[str, Any]) -> Producer:
        defaults = {"linger.ms": 5, "message.timeout.ms": int(PATIENCE_SECONDS * 1000)}
        return Producer(self._settings({**defaults, **settings}))

    def consumer(self, settings: Mapping[str, Any]) -> Consumer:
        """A consumer of a group of its own, unless the settings name one."""
        defaults = {
            "group.id": settings.get("group.id") or self.fresh_name(),
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
            "check.crcs": True,
        }
        return Consumer(self._settings({**defaults, **settings}))

    def _settings(self, own: Mapping[str, Any]) -> dict[str, Any]:
        return {"bootstrap.servers": self.bootstrap, "socket.timeout.ms": 15_000, **own}

    def topic(self, partitions: int = 1, configs: Optional[Mapping[str, str]] = None) -> str:
        """A new topic that clients can see."""
        name = self.fresh_name()
        admin = self.admin()
        wanted = NewTopic(name, partitions, 1, config=dict(configs or {}))
        result(admin.create_topics([wanted]))
        self.wait_for_topic(admin, name, partitions)
        return name

    def wait_for_topic(self, admin: AdminClient, name: str, partitions: int) -> None:
        """Kafka answers the creation of a topic before its brokers have heard of it."""

        def is_known() -> bool:
            described = admin.list_topics(name, timeout=PATIENCE_SECONDS).topics[name]
            leaders = [one.leader for one in described.partitions.values() if one.leader >= 0]
            return described.error is None and len(leaders) == partitions

        until("the topic is known", is_known)

    def delete_topic(self, name: str) -> None:
        """Kafka answers the deletion of a topic before its brokers have heard of it."""
        admin = self.admin()
        result(admin.delete_topics([name]))

        def is_unknown() -> bool:
            # To ask for one topic would create it.
            return name not in admin.list_topics(timeout=PATIENCE_SECONDS).topics

        until("the topic is unknown", is_unknown)

    def send(
        self, topic: str, records: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> list[Message]:
        """Sends records, to partition 0 unless they say otherwise; what was delivered, in order."""
        outcomes = self.try_send(topic, records, settings)
        for error, _ in outcomes:
            if error is not None:
                raise AssertionError(f"not delivered: {error}")
        return [message for _, message in outcomes]

    def try_send(
        self, topic: str, records: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
    ) -> list[tuple[Optional[KafkaError], Message]]:
        """Sends records and tells what came of each, in order."""
        outcomes: list[Any] = [None] * len(records)

        def keep(place: int) -> Callable[[Optional[KafkaError], Message], None]:
            def callback(error: Optional[KafkaError], message: Message) -> None:
                outcomes[place] = (error, message)

            return callback

        producer = self.producer(settings)
        for place, record in enumerate(records):
            options = {"partition": 0, **record}
            producer.produce(topic, on_delivery=keep(place), **options)
            producer.poll(0)
        equal(0, producer.flush(PATIENCE_SECONDS), "records still waiting")
        return outcomes

    def read(
        self, topic: str, count: int, settings: Optional[Mapping[str, Any]] = None
    ) -> list[Message]:
        """Reads partition 0 from its beginning until this many records have come."""
        consumer = self.consumer(settings or {})
        try:
            consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
            return poll(consumer, count)
        finally:
            consumer.close()


def poll(consumer: Consumer, count: int) -> list[Message]:
    """Polls until this many records have come, and fails when they do not."""
    messages: list[Message] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(messages) < count:
        if time.monotonic() > deadline:
            raise AssertionError(f"only {len(messages)} of {count} records came")
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error() is not None:
            raise AssertionError(f"an error instead of a record: {message.error()}")
        messages.append(message)
    return messages


def poll_error(consumer: Consumer) -> KafkaError:
    """Polls until the consumer reports an error."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        message = consumer.poll(0.1)
        if message is not None and message.error() is not None:
            return message.error()
    raise AssertionError("no error came")


def values(count: int, size: int = 10) -> list[dict[str, bytes]]:
    """Records with values of a size, compressible but all different."""
    return [{"value": f"{number}-".encode().ljust(size, b"x")} for number in range(count)]


def result(futures: Any) -> Any:
    """What came of the one thing that was asked of the admin client."""
    if isinstance(futures, dict):
        (futures,) = futures.values()
    return futures.result(timeout=PATIENCE_SECONDS)


def fails(code: int, action: Callable[[], Any]) -> KafkaError:
    """Something that must fail with this error."""
    try:
        found = action()
    except KafkaException as failure:
        error = failure.args[0]
        if error.code() == code:
            return error
        raise AssertionError(
            f"expected error {KafkaError(code).name()}, found {error}"
        ) from failure
    raise AssertionError(f"expected error {KafkaError(code).name()}, found {found!r}")


def until(what: str, condition: Callable[[], bool]) -> None:
    """Asks again until the condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"does not come to hold: {what}")
        time.sleep(0.05)


def equal(expected: Any, found: Any, what: str) -> None:
    if expected != found:
        raise AssertionError(f"{what}: expected {expected!r}, found {found!r}")


def holds(condition: bool, what: str) -> None:
    if not condition:
        raise AssertionError(f"does not hold: {what}")


def offsets(messages: Sequence[Message]) -> list[int]:
    return [message.offset() for message in messages]
