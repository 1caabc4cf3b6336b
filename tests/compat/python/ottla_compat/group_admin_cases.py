"""What the admin client does with groups and their offsets."""

import warnings
from typing import Any, Optional

from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    ConsumerGroupType,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AclOperation, AdminClient

from .cases import case
from .group_cases import member, settle
from .lab import PATIENCE_SECONDS, Lab, equal, fails, holds, result, until


def _described(admin: AdminClient, group: str, **options: Any) -> Any:
    return result(admin.describe_consumer_groups([group], **options))


def _listed(admin: AdminClient, group: str, **filters: Any) -> Optional[Any]:
    listed = result(admin.list_consumer_groups(**filters))
    equal([], listed.errors, "errors of the listing")
    return next((one for one in listed.valid if one.group_id == group), None)


def _offsets(admin: AdminClient, group: str, asked: Optional[list] = None) -> dict:
    request = ConsumerGroupTopicPartitions(group, asked)
    found = result(admin.list_consumer_group_offsets([request])).topic_partitions
    return {(one.topic, one.partition): one.offset for one in found}


def _alter(admin: AdminClient, group: str, wanted: list[TopicPartition]) -> None:
    request = ConsumerGroupTopicPartitions(group, wanted)
    answer = result(admin.alter_consumer_group_offsets([request]))
    for partition in answer.topic_partitions:
        if partition.error is not None:
            raise KafkaException(partition.error)


@case
def a_group_with_a_member_is_described(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(partitions=2), lab.fresh_name()
    consumer = member(lab, group, {"client.id": "tester", "group.instance.id": "one"})
    consumer.subscribe([topic])
    settle(2, [consumer])
    description = _described(admin, group)
    equal(group, description.group_id, "group")
    equal(ConsumerGroupState.STABLE, description.state, "state")
    equal(ConsumerGroupType.CLASSIC, description.type, "type")
    equal("range", description.partition_assignor, "assignor")
    equal(False, description.is_simple_consumer_group, "is a simple group")
    address = f"{description.coordinator.host}:{description.coordinator.port}"
    equal(lab.bootstrap, address, "coordinator")
    (one,) = description.members
    equal(consumer.memberid(), one.member_id, "member")
    equal("tester", one.client_id, "client id")
    equal("one", one.group_instance_id, "group instance id")
    equal("/127.0.0.1", one.host, "host")
    assigned = [(part.topic, part.partition) for part in one.assignment.topic_partitions]
    equal([(topic, 0), (topic, 1)], sorted(assigned), "assigned partitions")
    consumer.close()


@case
def groups_are_listed_by_state_and_type(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(), lab.fresh_name()
    consumer = member(lab, group, {})
    consumer.subscribe([topic])
    settle(1, [consumer])
    listed = _listed(admin, group)
    equal(ConsumerGroupState.STABLE, listed.state, "state")
    equal(ConsumerGroupType.CLASSIC, listed.type, "type")
    stable, empty = {ConsumerGroupState.STABLE}, {ConsumerGroupState.EMPTY}
    holds(_listed(admin, group, states=stable) is not None, "it is listed as stable")
    holds(_listed(admin, group, states=empty) is None, "it is not listed as empty")
    classic, consumers = {ConsumerGroupType.CLASSIC}, {ConsumerGroupType.CONSUMER}
    holds(_listed(admin, group, types=classic) is not None, "it is listed as classic")
    holds(_listed(admin, group, types=consumers) is None, "it is not of the newer type")
    consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    consumer.close()
    until("it is listed as empty", lambda: _listed(admin, group, states=empty) is not None)


@case
def the_old_listing_describes_members_too(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(), lab.fresh_name()
    consumer = member(lab, group, {"client.id": "tester"})
    consumer.subscribe([topic])
    settle(1, [consumer])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        (found,) = admin.list_groups(group, timeout=PATIENCE_SECONDS)
    equal("Stable", found.state, "state")
    equal(("consumer", "range"), (found.protocol_type, found.protocol), "protocol")
    equal(["tester"], [one.client_id for one in found.members], "members")
    consumer.close()


@case
def groups_are_deleted(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(), lab.fresh_name()
    consumer = member(lab, group, {})
    consumer.subscribe([topic])
    settle(1, [consumer])
    consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
    fails(KafkaError.NON_EMPTY_GROUP, lambda: result(admin.delete_consumer_groups([group])))
    consumer.close()
    until("the group is empty", lambda: _described(admin, group).state == ConsumerGroupState.EMPTY)
    result(admin.delete_consumer_groups([group]))
    holds(_listed(admin, group) is None, "it is not listed any more")
    fails(KafkaError.GROUP_ID_NOT_FOUND, lambda: result(admin.delete_consumer_groups([group])))


@case
def a_group_that_is_not_there_is_described_as_dead(lab: Lab) -> None:
    admin, group = lab.admin(), lab.fresh_name()
    equal(ConsumerGroupState.DEAD, _described(admin, group).state, "state")
    equal({}, _offsets(admin, group), "offsets")


@case
def offsets_of_a_group_are_altered_and_listed(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(partitions=3), lab.fresh_name()
    _alter(admin, group, [TopicPartition(topic, 0, 3), TopicPartition(topic, 1, 5)])
    equal({(topic, 0): 3, (topic, 1): 5}, _offsets(admin, group), "all offsets")
    asked = [TopicPartition(topic, 1), TopicPartition(topic, 2)]
    equal({(topic, 1): 5, (topic, 2): -1001}, _offsets(admin, group, asked), "offsets asked for")
    _alter(admin, group, [TopicPartition(topic, 0, 0)])
    equal(0, _offsets(admin, group)[(topic, 0)], "offset altered again")


@case
def offsets_of_a_group_with_members_stay_as_they_are(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(), lab.fresh_name()
    consumer = member(lab, group, {})
    consumer.subscribe([topic])
    settle(1, [consumer])
    fails(
        KafkaError.UNKNOWN_MEMBER_ID,
        lambda: _alter(admin, group, [TopicPartition(topic, 0, 3)]),
    )
    equal({}, _offsets(admin, group), "offsets")
    consumer.close()


@case
def offsets_of_a_deleted_topic_are_forgotten(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(), lab.fresh_name()
    _alter(admin, group, [TopicPartition(topic, 0, 7)])
    result(admin.delete_topics([topic]))
    until("the offset is forgotten", lambda: _offsets(admin, group) == {})


@case
def what_one_may_do_with_a_group_is_told_when_asked(lab: Lab) -> None:
    admin, topic, group = lab.admin(), lab.topic(), lab.fresh_name()
    _alter(admin, group, [TopicPartition(topic, 0, 7)])
    description = _described(admin, group, include_authorized_operations=True)
    expected = {
        AclOperation.READ,
        AclOperation.DELETE,
        AclOperation.DESCRIBE,
        AclOperation.DESCRIBE_CONFIGS,
        AclOperation.ALTER_CONFIGS,
    }
    equal(expected, set(description.authorized_operations or []), "operations")
