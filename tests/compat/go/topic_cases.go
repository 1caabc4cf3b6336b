package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What the admin client does with topics.
func topicCases() []namedCase {
	return []namedCase{
		{"a_topic_is_created_listed_and_deleted", topicLife},
		{"a_topic_gets_the_brokers_defaults", topicDefaults},
		{"topics_are_asked_for_by_id", topicByID},
		{"replica_assignments_are_obeyed", replicaAssignments},
		{"validating_creates_nothing", validateOnly},
		{"bad_topics_are_refused", badTopics},
		{"many_topics_are_created_and_deleted_at_once", manyTopics},
		{"partitions_are_added", partitionsAdded},
		{"what_one_may_do_with_a_topic_is_told_when_asked", topicOperations},
		{"topics_are_described_page_by_page", topicPages},
	}
}

func topicLife(l *lab) {
	topic := l.freshName()
	created := got(l.admin.CreateTopic(l.ctx, 3, 1, configMap("retention.ms=123456"), topic))
	equal(int32(3), created.NumPartitions, "partitions told")
	equal(int16(1), created.ReplicationFactor, "replication factor told")
	retention := created.Configs["retention.ms"]
	equal("123456", retention.MaybeValue(), "retention told")
	l.waitForTopic(topic, 3)
	detail := got(l.admin.ListTopics(l.ctx, topic))[topic]
	equal(created.ID, detail.ID, "topic id")
	equal([]int32{0, 1, 2}, detail.Partitions.Numbers(), "partitions")
	for _, partition := range detail.Partitions.Sorted() {
		equal([]int32{partition.Leader}, partition.Replicas, "replicas")
		equal([]int32{partition.Leader}, partition.ISR, "in-sync replicas")
		equal(0, len(partition.OfflineReplicas), "offline replicas")
	}
	deleted := got(l.admin.DeleteTopic(l.ctx, topic))
	equal(topic, deleted.Topic, "topic deleted")
	// The client answers from its own memory for a moment.
	until("the topic is gone", func() bool { return !got(l.admin.ListTopics(l.ctx)).Has(topic) })
	until("a deleted topic is unknown", func() bool {
		return errors.Is(got(l.admin.ListTopics(l.ctx, topic))[topic].Err, kerr.UnknownTopicOrPartition)
	})
	_, err := l.admin.DeleteTopic(l.ctx, topic)
	fails(kerr.UnknownTopicOrPartition, err, "deleting it again")
}

func topicDefaults(l *lab) {
	created := got(l.admin.CreateTopic(l.ctx, -1, -1, nil, l.freshName()))
	equal(int32(1), created.NumPartitions, "partitions")
	equal(int16(1), created.ReplicationFactor, "replication factor")
}

func topicByID(l *lab) {
	topic := l.topic(2)
	id := got(l.admin.ListTopics(l.ctx, topic))[topic].ID
	ask := func(id [16]byte) kmsg.MetadataResponseTopic {
		request := kmsg.NewPtrMetadataRequest()
		asked := kmsg.NewMetadataRequestTopic()
		asked.TopicID = id
		request.Topics = append(request.Topics, asked)
		return got(request.RequestWith(l.ctx, l.client())).Topics[0]
	}
	found := ask(id)
	must(kerr.ErrorForCode(found.ErrorCode), "asking by id")
	equal(topic, *found.Topic, "name")
	equal(2, len(found.Partitions), "partitions")
	fails(kerr.UnknownTopicID, kerr.ErrorForCode(ask([16]byte{1, 2, 3}).ErrorCode), "an unknown id")

	request := kmsg.NewPtrDeleteTopicsRequest()
	doomed := kmsg.NewDeleteTopicsRequestTopic()
	doomed.TopicID = id
	request.Topics = append(request.Topics, doomed)
	deleted := got(request.RequestWith(l.ctx, l.client())).Topics[0]
	must(kerr.ErrorForCode(deleted.ErrorCode), "deleting by id")
	until("the id of a deleted topic is unknown", func() bool {
		return errors.Is(kerr.ErrorForCode(ask(id).ErrorCode), kerr.UnknownTopicID)
	})
}

func replicaAssignments(l *lab) {
	node := got(l.admin.ListBrokers(l.ctx))[0].NodeID
	create := func(topic string, replicas map[int32][]int32) error {
		request := kmsg.NewPtrCreateTopicsRequest()
		wanted := kmsg.NewCreateTopicsRequestTopic()
		wanted.Topic, wanted.NumPartitions, wanted.ReplicationFactor = topic, -1, -1
		for partition, brokers := range replicas {
			assigned := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
			assigned.Partition, assigned.Replicas = partition, brokers
			wanted.ReplicaAssignment = append(wanted.ReplicaAssignment, assigned)
		}
		request.Topics = append(request.Topics, wanted)
		request.TimeoutMillis = 10_000
		return kerr.ErrorForCode(got(request.RequestWith(l.ctx, l.client())).Topics[0].ErrorCode)
	}
	topic := l.freshName()
	must(create(topic, map[int32][]int32{0: {node}, 1: {node}}), "two partitions")
	l.waitForTopic(topic, 2)
	for what, replicas := range map[string]map[int32][]int32{
		"a gap":         {0: {node}, 2: {node}},
		"a stranger":    {0: {node + 77}},
		"a node twice":  {0: {node, node}},
		"nobody at all": {0: {}},
	} {
		fails(kerr.InvalidReplicaAssignment, create(l.freshName(), replicas), what)
	}
}

func validateOnly(l *lab) {
	topic := l.freshName()
	must(got(l.admin.ValidateCreateTopics(l.ctx, 1, 1, nil, topic)).Error(), "validating")
	holds(!got(l.admin.ListTopics(l.ctx)).Has(topic), "nothing was created")
	bad := got(l.admin.ValidateCreateTopics(l.ctx, 1, 1, configMap("retention.ms=soon"), topic))
	fails(kerr.InvalidConfig, bad[topic].Err, "a bad config")
}

func badTopics(l *lab) {
	existing, topic := l.topic(1), l.freshName()
	refused := func(expected error, topic string, partitions int32, replicas int16, configs ...string) {
		_, err := l.admin.CreateTopic(l.ctx, partitions, replicas, configMap(configs...), topic)
		fails(expected, err, fmt.Sprint(topic, partitions, replicas, configs))
	}
	refused(kerr.TopicAlreadyExists, existing, 1, 1)
	for _, name := range []string{"bad/name", "..", "", strings.Repeat("n", 250)} {
		refused(kerr.InvalidTopicException, name, 1, 1)
	}
	refused(kerr.InvalidPartitions, topic, 0, 1)
	refused(kerr.InvalidReplicationFactor, topic, 1, 5)
	refused(kerr.InvalidReplicationFactor, topic, 1, 0)
	for _, config := range []string{
		"no.such.config=1", "retention.ms=-2", "cleanup.policy=burn", "compression.type=brotli",
		"min.insync.replicas=0", "min.cleanable.dirty.ratio=1.5", "message.timestamp.type=Yesterday",
	} {
		refused(kerr.InvalidConfig, topic, 1, 1, config)
	}
}

func manyTopics(l *lab) {
	var names []string
	for range 50 {
		names = append(names, l.freshName())
	}
	existing := l.topic(1)
	created := got(l.admin.CreateTopics(l.ctx, 2, 1, nil, append(names, existing)...))
	for _, name := range names {
		must(created[name].Err, "creating")
	}
	fails(kerr.TopicAlreadyExists, created[existing].Err, "a topic that is there already")
	for _, name := range names {
		l.waitForTopic(name, 2)
	}
	unknown := l.freshName()
	deleted := got(l.admin.DeleteTopics(l.ctx, append(names, unknown)...))
	for _, name := range names {
		must(deleted[name].Err, "deleting")
	}
	fails(kerr.UnknownTopicOrPartition, deleted[unknown].Err, "a topic that is not there")
}

func partitionsAdded(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(3, 10))
	must(got(l.admin.ValidateUpdatePartitions(l.ctx, 3, topic)).Error(), "validating")
	equal(1, len(got(l.admin.ListTopics(l.ctx, topic))[topic].Partitions), "partitions after validating")
	must(got(l.admin.UpdatePartitions(l.ctx, 3, topic)).Error(), "growing to 3")
	l.waitForTopic(topic, 3)
	must(got(l.admin.CreatePartitions(l.ctx, 2, topic)).Error(), "growing by 2")
	l.waitForTopic(topic, 5)
	l.send(topic, spread(5, 5))
	equal(consecutive(0, 4), offsets(l.read(topic, 4)), "offsets of the first partition")
	for _, count := range []int{5, 2} {
		fails(kerr.InvalidPartitions, got(l.admin.UpdatePartitions(l.ctx, count, topic))[topic].Err, "no growth")
	}
}

func topicOperations(l *lab) {
	topic := l.topic(1)
	equal(0, len(got(l.admin.ListTopics(l.ctx, topic))[topic].AuthorizedOperations), "operations not asked for")
	detail := got(l.admin.ListTopics(kadm.WithAuthorizedOps(l.ctx), topic))[topic]
	expected := []kadm.ACLOperation{
		kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDelete,
		kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe, kmsg.ACLOperationDescribeConfigs,
		kmsg.ACLOperationAlterConfigs,
	}
	equal(expected, detail.AuthorizedOperations, "operations")
}

func topicPages(l *lab) {
	topic := l.topic(5)
	request := kmsg.NewPtrDescribeTopicPartitionsRequest()
	asked := kmsg.NewDescribeTopicPartitionsRequestTopic()
	asked.Topic = topic
	request.Topics = append(request.Topics, asked)
	request.ResponsePartitionLimit = 2
	var found []int32
	for page := 0; ; page++ {
		holds(page < 5, "the pages come to an end")
		answer := got(request.RequestWith(l.ctx, l.client()))
		must(kerr.ErrorForCode(answer.Topics[0].ErrorCode), "a page")
		for _, partition := range answer.Topics[0].Partitions {
			found = append(found, partition.Partition)
		}
		if answer.NextCursor == nil {
			break
		}
		request.Cursor = &kmsg.DescribeTopicPartitionsRequestCursor{
			Topic: answer.NextCursor.Topic, Partition: answer.NextCursor.Partition,
		}
	}
	equal([]int32{0, 1, 2, 3, 4}, found, "partitions of all pages")
}
