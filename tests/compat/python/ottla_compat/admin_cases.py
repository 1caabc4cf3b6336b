"""What the admin client does with the cluster and its topics."""

from typing import Any, Optional

from confluent_kafka import KafkaError, TopicCollection, Uuid
from confluent_kafka.admin import (
    AclOperation,
    AdminClient,
    NewPartitions,
    NewTopic,
)

from .cases import case
from .lab import PATIENCE_SECONDS, Lab, equal, fails, holds, offsets, result, values


def _described(admin: AdminClient, topic: str, **options: Any) -> Any:
    return result(admin.describe_topics(TopicCollection([topic]), **options))


def _listed(admin: AdminClient) -> set[str]:
    return set(admin.list_topics(timeout=PATIENCE_SECONDS).topics)


@case
def a_topic_is_created_described_and_deleted(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic(partitions=3)
    description = _described(admin, topic)
    equal((topic, False), (description.name, description.is_internal), "name and kind")
    equal([0, 1, 2], [one.id for one in description.partitions], "partitions")
    for partition in description.partitions:
        leader = partition.leader.id
        equal([leader], [node.id for node in partition.replicas], "replicas")
        equal([leader], [node.id for node in partition.isr], "in-sync replicas")
    holds(description.topic_id != Uuid(0, 0), "there is a topic id")
    lab.delete_topic(topic)
    holds(topic not in _listed(admin), "the topic is gone")
    unknown = KafkaError.UNKNOWN_TOPIC_OR_PART
    fails(unknown, lambda: _described(admin, topic))
    fails(unknown, lambda: result(admin.delete_topics([topic])))


@case
def a_recreated_topic_has_another_id(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic()
    before = _described(admin, topic).topic_id
    lab.delete_topic(topic)
    result(admin.create_topics([NewTopic(topic, 1, 1)]))
    lab.wait_for_topic(admin, topic, 1)
    holds(before != _described(admin, topic).topic_id, "the id is another")


@case
def a_topic_gets_the_brokers_defaults(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.fresh_name()
    result(admin.create_topics([NewTopic(topic)]))
    lab.wait_for_topic(admin, topic, 1)
    (partition,) = _described(admin, topic).partitions
    equal(1, len(partition.replicas), "replicas")


@case
def replica_assignments_are_obeyed(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.fresh_name()
    (node,) = result(admin.describe_cluster()).nodes
    assigned = NewTopic(topic, 2, replica_assignment=[[node.id], [node.id]])
    result(admin.create_topics([assigned]))
    lab.wait_for_topic(admin, topic, 2)
    stranger = NewTopic(lab.fresh_name(), 1, replica_assignment=[[node.id + 77]])
    fails(
        KafkaError.INVALID_REPLICA_ASSIGNMENT,
        lambda: result(admin.create_topics([stranger])),
    )


@case
def validating_creates_nothing(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.fresh_name()
    result(admin.create_topics([NewTopic(topic, 1, 1)], validate_only=True))
    holds(topic not in _listed(admin), "nothing was created")
    bad = NewTopic(topic, 1, 1, config={"retention.ms": "soon"})
    fails(
        KafkaError.INVALID_CONFIG,
        lambda: result(admin.create_topics([bad], validate_only=True)),
    )


@case
def bad_topics_are_refused(lab: Lab) -> None:
    admin, existing, topic = lab.admin(), lab.topic(), lab.fresh_name()

    def refused(code: int, name: str, replicas: int = 1, config: Optional[dict] = None) -> None:
        wanted = NewTopic(name, 1, replicas, config=config or {})
        fails(code, lambda: result(admin.create_topics([wanted])))

    refused(KafkaError.TOPIC_ALREADY_EXISTS, existing)
    for name in ["bad/name", "..", "n" * 250]:
        refused(KafkaError.TOPIC_EXCEPTION, name)
    refused(KafkaError.INVALID_REPLICATION_FACTOR, topic, replicas=5)
    for key, value in [
        ("no.such.config", "1"),
        ("retention.ms", "-2"),
        ("cleanup.policy", "burn"),
        ("compression.type", "brotli"),
        ("min.insync.replicas", "0"),
        ("message.timestamp.type", "Yesterday"),
    ]:
        refused(KafkaError.INVALID_CONFIG, topic, config={key: value})


@case
def of_many_topics_each_gets_its_own_answer(lab: Lab) -> None:
    admin, existing, topic = lab.admin(), lab.topic(), lab.fresh_name()
    wanted = [NewTopic(existing, 1, 1), NewTopic(topic, 2, 1)]
    answers = admin.create_topics(wanted)
    equal(None, answers[topic].result(PATIENCE_SECONDS), "answer for the new topic")
    fails(
        KafkaError.TOPIC_ALREADY_EXISTS,
        lambda: answers[existing].result(PATIENCE_SECONDS),
    )
    lab.wait_for_topic(admin, topic, 2)
    deleted = admin.delete_topics([topic, lab.fresh_name()])
    codes = []
    for future in deleted.values():
        failure = future.exception(PATIENCE_SECONDS)
        codes.append(failure and failure.args[0].code())
    equal([None, KafkaError.UNKNOWN_TOPIC_OR_PART], codes, "answers to the deletion")


@case
def partitions_are_added(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic()
    lab.send(topic, values(3), {})

    def grow(name: str, count: int, **options: Any) -> None:
        result(admin.create_partitions([NewPartitions(name, count)], **options))

    grow(topic, 3, validate_only=True)
    equal(1, len(_described(admin, topic).partitions), "partitions after validating")
    grow(topic, 3)
    lab.wait_for_topic(admin, topic, 3)
    lab.send(topic, [{"value": b"v", "partition": 2}], {})
    equal([0, 1, 2], offsets(lab.read(topic, 3)), "old records")
    fails(KafkaError.INVALID_PARTITIONS, lambda: grow(topic, 3))
    fails(KafkaError.INVALID_PARTITIONS, lambda: grow(topic, 2))
    fails(KafkaError.UNKNOWN_TOPIC_OR_PART, lambda: grow(lab.fresh_name(), 3))


@case
def the_cluster_is_described(lab: Lab) -> None:
    admin = lab.admin()
    cluster = result(admin.describe_cluster())
    (node,) = cluster.nodes
    equal(node.id, cluster.controller.id, "controller")
    equal(lab.bootstrap, f"{node.host}:{node.port}", "address")
    equal(22, len(cluster.cluster_id), "length of the cluster id")
    metadata = admin.list_topics(timeout=PATIENCE_SECONDS)
    equal(cluster.cluster_id, metadata.cluster_id, "cluster id of the metadata")
    equal([node.id], list(metadata.brokers), "brokers of the metadata")
    equal(cluster.cluster_id, admin.cluster_id(timeout=PATIENCE_SECONDS), "cluster id alone")
    equal(None, cluster.authorized_operations, "operations that nobody asked for")


@case
def what_one_may_do_is_told_when_asked(lab: Lab) -> None:
    admin, topic = lab.admin(), lab.topic()
    cluster = result(admin.describe_cluster(include_authorized_operations=True))
    expected = {
        AclOperation.CREATE,
        AclOperation.ALTER,
        AclOperation.DESCRIBE,
        AclOperation.CLUSTER_ACTION,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
        AclOperation.IDEMPOTENT_WRITE,
    }
    equal(expected, set(cluster.authorized_operations or []), "of the cluster")
    description = _described(admin, topic, include_authorized_operations=True)
    expected = {
        AclOperation.READ,
        AclOperation.WRITE,
        AclOperation.CREATE,
        AclOperation.DELETE,
        AclOperation.ALTER,
        AclOperation.DESCRIBE,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
    }
    equal(expected, set(description.authorized_operations or []), "of a topic")
