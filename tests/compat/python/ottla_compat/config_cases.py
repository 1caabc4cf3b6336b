"""What the admin client does with configurations."""

import warnings
from typing import Any

from confluent_kafka import KafkaError
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ResourceType,
)

from .cases import case
from .lab import Lab, equal, fails, holds, result, until, values


def _entries(admin: AdminClient, kind: ResourceType, name: str) -> dict[str, ConfigEntry]:
    return result(admin.describe_configs([ConfigResource(kind, name)]))


def _value(admin: AdminClient, topic: str, key: str) -> str:
    return _entries(admin, ResourceType.TOPIC, topic)[key].value


def _source(entry: ConfigEntry) -> ConfigSource:
    return ConfigSource(entry.source)


def _alter(admin: AdminClient, topic: str, changes: list[tuple], **options: Any) -> None:
    """Changes are operations with a key and a value each."""
    entries = [
        ConfigEntry(key, value, incremental_operation=operation)
        for operation, key, value in changes
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    result(admin.incremental_alter_configs([resource], **options))


@case
def configs_of_a_topic_are_described(lab: Lab) -> None:
    admin = lab.admin()
    topic = lab.topic(configs={"retention.ms": "1234567", "cleanup.policy": "compact,delete"})
    entries = _entries(admin, ResourceType.TOPIC, topic)
    for key, value, source in [
        ("retention.ms", "1234567", ConfigSource.DYNAMIC_TOPIC_CONFIG),
        ("cleanup.policy", "compact,delete", ConfigSource.DYNAMIC_TOPIC_CONFIG),
        ("segment.bytes", "1073741824", ConfigSource.DEFAULT_CONFIG),
        ("compression.type", "producer", ConfigSource.DEFAULT_CONFIG),
    ]:
        entry = entries[key]
        equal((value, source), (entry.value, _source(entry)), key)
        equal(source == ConfigSource.DEFAULT_CONFIG, entry.is_default, f"{key} is a default")
        equal((False, False), (entry.is_read_only, entry.is_sensitive), f"flags of {key}")
    fails(
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        lambda: _entries(admin, ResourceType.TOPIC, lab.fresh_name()),
    )


@case
def configs_of_a_broker_are_described(lab: Lab) -> None:
    admin = lab.admin()
    (node,) = result(admin.describe_cluster()).nodes
    entries = _entries(admin, ResourceType.BROKER, str(node.id))
    equal("1048588", entries["message.max.bytes"].value, "message.max.bytes")
    holds(entries["node.id"].is_read_only, "node.id is read-only")
    equal(str(node.id), entries["node.id"].value, "node.id")


@case
def configs_are_altered_key_by_key(lab: Lab) -> None:
    admin = lab.admin()
    topic = lab.topic(configs={"retention.ms": "1000", "flush.messages": "7"})
    _alter(
        admin,
        topic,
        [
            (AlterConfigOpType.SET, "retention.ms", "2000"),
            (AlterConfigOpType.DELETE, "flush.messages", None),
        ],
    )
    until("the new value", lambda: _value(admin, topic, "retention.ms") == "2000")
    equal("9223372036854775807", _value(admin, topic, "flush.messages"), "flush.messages")


@case
def lists_grow_and_shrink(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic()
    key = "cleanup.policy"
    for operation, value, expected in [
        (AlterConfigOpType.APPEND, "compact", "delete,compact"),
        (AlterConfigOpType.SUBTRACT, "delete", "compact"),
        (AlterConfigOpType.DELETE, None, "delete"),
    ]:
        _alter(admin, topic, [(operation, key, value)])
        until(f"{key} is {expected}", lambda: _value(admin, topic, key) == expected)


@case
def altered_configs_are_obeyed(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic()
    large = [{"value": b"x" * 5_000}]
    lab.send(topic, large, {})
    _alter(admin, topic, [(AlterConfigOpType.SET, "max.message.bytes", "1000")])

    def is_refused() -> bool:
        ((error, _),) = lab.try_send(topic, large, {})
        return error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE

    until("the limit holds", is_refused)


@case
def bad_changes_are_refused_as_a_whole(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic(configs={"retention.ms": "1000"})
    for key, value in [("retention.ms", "soon"), ("no.such.config", "1")]:
        changes = [
            (AlterConfigOpType.SET, "flush.messages", "7"),
            (AlterConfigOpType.SET, key, value),
        ]
        fails(KafkaError.INVALID_CONFIG, lambda: _alter(admin, topic, changes))
    append = [(AlterConfigOpType.APPEND, "retention.ms", "1")]
    fails(KafkaError.INVALID_CONFIG, lambda: _alter(admin, topic, append))
    unknown = [(AlterConfigOpType.SET, "retention.ms", "1")]
    fails(
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        lambda: _alter(admin, lab.fresh_name(), unknown),
    )
    equal("1000", _value(admin, topic, "retention.ms"), "retention.ms")
    equal("9223372036854775807", _value(admin, topic, "flush.messages"), "flush.messages")


@case
def changes_can_be_validated_alone(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic()
    change = [(AlterConfigOpType.SET, "retention.ms", "77")]
    _alter(admin, topic, change, validate_only=True)
    equal("604800000", _value(admin, topic, "retention.ms"), "retention.ms")


@case
def of_many_resources_each_gets_its_own_answer(lab: Lab) -> None:
    admin, topic, unknown = lab.admin(), lab.topic(), lab.fresh_name()
    resources = []
    for name in [topic, unknown]:
        entry = ConfigEntry("retention.ms", "5", incremental_operation=AlterConfigOpType.SET)
        resources.append(ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry]))
    answers = admin.incremental_alter_configs(resources)
    equal(None, answers[resources[0]].result(), "answer for the topic")
    fails(KafkaError.UNKNOWN_TOPIC_OR_PART, lambda: answers[resources[1]].result())
    until("the new value", lambda: _value(admin, topic, "retention.ms") == "5")


@case
def the_old_request_replaces_all_configs(lab: Lab) -> None:
    admin = lab.admin()
    topic = lab.topic(configs={"retention.ms": "1000"})
    resource = ConfigResource(ResourceType.TOPIC, topic, set_config={"flush.messages": "7"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        result(admin.alter_configs([resource]))
    until("the new value", lambda: _value(admin, topic, "flush.messages") == "7")
    equal("604800000", _value(admin, topic, "retention.ms"), "what was not named")
    lab.send(topic, values(1), {})
