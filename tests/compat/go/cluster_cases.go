package main

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What the admin client learns about the cluster.
func clusterCases() []namedCase {
	return []namedCase{
		{"the_cluster_is_described", cluster},
		{"what_one_may_do_with_the_cluster_is_told_when_asked", clusterOperations},
		{"the_coordinator_of_groups_is_found", coordinator},
		{"log_dirs_are_described", logDirs},
		{"no_reassignments_are_under_way", reassignments},
		{"a_ping_is_answered", ping},
	}
}

func cluster(l *lab) {
	metadata := got(l.admin.BrokerMetadata(l.ctx))
	equal(1, len(metadata.Brokers), "brokers")
	broker := metadata.Brokers[0]
	equal(l.bootstrap, fmt.Sprintf("%s:%d", broker.Host, broker.Port), "address")
	equal(22, len(metadata.Cluster), "length of the cluster id")
	request := kmsg.NewPtrDescribeClusterRequest()
	described := got(request.RequestWith(l.ctx, l.client()))
	equal(metadata.Cluster, described.ClusterID, "cluster id")
	equal(broker.NodeID, described.ControllerID, "controller")
	equal(1, len(described.Brokers), "brokers described")
	equal(broker.NodeID, described.Brokers[0].NodeID, "broker described")
}

func clusterOperations(l *lab) {
	request := kmsg.NewPtrDescribeClusterRequest()
	request.IncludeClusterAuthorizedOperations = true
	described := got(request.RequestWith(l.ctx, l.client()))
	expected := []kadm.ACLOperation{
		kmsg.ACLOperationCreate, kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe,
		kmsg.ACLOperationClusterAction, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
		kmsg.ACLOperationIdempotentWrite,
	}
	equal(expected, kadm.DecodeACLOperations(described.ClusterAuthorizedOperations), "operations")
}

func coordinator(l *lab) {
	names := []string{l.freshName(), l.freshName()}
	found := l.admin.FindGroupCoordinators(l.ctx, names...)
	for _, name := range names {
		must(found[name].Err, "finding the coordinator")
		equal(l.bootstrap, fmt.Sprintf("%s:%d", found[name].Host, found[name].Port), "address")
	}
}

func logDirs(l *lab) {
	topic := l.topic(2)
	l.send(topic, spread(100, 2))
	var asked kadm.TopicsSet
	asked.Add(topic, 0, 1)
	dirs := got(l.admin.DescribeAllLogDirs(l.ctx, asked)).Sorted()
	equal(1, len(dirs), "log dirs")
	must(dirs[0].Err, "describing")
	holds(dirs[0].TotalBytes > 0 && dirs[0].UsableBytes > 0, "the volume has a size")
	equal(2, len(dirs[0].Topics[topic]), "partitions")
	for _, partition := range dirs[0].Topics[topic] {
		holds(partition.Size > 0, "a partition has a size")
		equal(int64(0), partition.OffsetLag, "lag of a partition")
		equal(false, partition.IsFuture, "is to replace another")
	}
}

func reassignments(l *lab) {
	var asked kadm.TopicsSet
	asked.Add(l.topic(1), 0)
	equal(0, len(got(l.admin.ListPartitionReassignments(l.ctx, asked))), "reassignments")
	equal(0, len(got(l.admin.ListPartitionReassignments(l.ctx, nil))), "reassignments of all topics")
}

func ping(l *lab) {
	must(l.client().Ping(l.ctx), "pinging")
}
