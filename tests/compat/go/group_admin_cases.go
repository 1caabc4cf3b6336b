package main

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What the admin client does with groups and their offsets.
func groupAdminCases() []namedCase {
	return []namedCase{
		{"a_group_with_members_is_described", groupDescribed},
		{"groups_are_listed_by_state_and_type", groupsListed},
		{"groups_are_deleted", groupsDeleted},
		{"a_group_that_is_not_there_is_not_found", groupNotThere},
		{"offsets_of_a_group_are_committed_and_fetched", groupOffsets},
		{"offsets_of_a_group_are_committed_by_topic_id", groupOffsetsByID},
		{"offsets_of_a_group_are_deleted", groupOffsetsDeleted},
		{"offsets_of_a_group_with_members_stay_as_they_are", groupOffsetsStay},
		{"offsets_of_a_deleted_topic_are_forgotten", groupOffsetsForgotten},
		{"offsets_of_many_groups_are_fetched_at_once", manyGroups},
		{"the_lag_of_a_group_is_told", groupLag},
		{"what_one_may_do_with_a_group_is_told_when_asked", groupOperations},
	}
}

// commit sets the committed offset of partition 0.
func (l *lab) commit(group, topic string, offset int64) {
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, 0, offset, -1)
	must(l.admin.CommitAllOffsets(l.ctx, group, offsets), "committing")
}

// removeInstances makes static members leave.
func (l *lab) removeInstances(group string, instances ...string) {
	for _, answer := range got(l.admin.LeaveGroup(l.ctx, kadm.LeaveGroup(group).InstanceIDs(instances...))) {
		must(answer.Err, "removing a member")
	}
}

func (l *lab) described(group string) kadm.DescribedGroup {
	return got(l.admin.DescribeGroups(l.ctx, group))[group]
}

func groupDescribed(l *lab) {
	topic, group := l.topic(2), l.freshName()
	one := l.member(group, topic, kgo.ClientID("tester"), kgo.InstanceID("one"))
	settle(2, one)
	described := l.described(group)
	must(described.Err, "describing")
	equal("Stable", described.State, "state")
	equal("consumer", described.ProtocolType, "protocol type")
	equal("cooperative-sticky", described.Protocol, "protocol")
	equal(1, len(described.Members), "members")
	found := described.Members[0]
	memberID, _ := one.GroupMetadata()
	equal(memberID, found.MemberID, "member")
	equal("one", *found.InstanceID, "group instance id")
	equal("tester", found.ClientID, "client id")
	equal("/127.0.0.1", found.ClientHost, "host")
	equal([]string{topic}, described.JoinTopics(), "subscription")
	assigned, understood := found.Assigned.AsConsumer()
	holds(understood, "the assignment is a consumer's")
	partitions := slices.Sorted(slices.Values(assigned.Topics[0].Partitions))
	equal([]int32{0, 1}, partitions, "assigned partitions")
}

func groupsListed(l *lab) {
	topic, group := l.topic(1), l.freshName()
	one := l.member(group, topic)
	settle(1, one)
	listed := got(l.admin.ListGroups(l.ctx))[group]
	equal("Stable", listed.State, "state")
	equal("consumer", listed.ProtocolType, "protocol type")
	equal("classic", listed.GroupType, "type")
	is := func(types []string, states ...string) bool {
		_, found := got(l.admin.ListGroupsByType(l.ctx, types, states...))[group]
		return found
	}
	holds(is(nil, "Stable"), "it is listed as stable")
	holds(!is(nil, "Empty"), "it is not listed as empty")
	holds(is([]string{"classic"}), "it is listed as classic")
	holds(!is([]string{"consumer"}), "it is not of the newer type")
	l.poll1(one, topic)
	one.Close()
	until("it is listed as empty", func() bool { return is(nil, "Empty") })
}

// poll1 makes the group have an offset, so that it outlives its member.
func (l *lab) poll1(one *member, topic string) {
	l.send(topic, values(1, 10))
	must(one.CommitRecords(l.ctx, l.poll(one.Client, 1)...), "committing")
}

func groupsDeleted(l *lab) {
	topic, group := l.topic(1), l.freshName()
	one := l.member(group, topic)
	settle(1, one)
	remove := func() error {
		_, err := l.admin.DeleteGroup(l.ctx, group)
		return err
	}
	fails(kerr.NonEmptyGroup, remove(), "a group with a member")
	l.poll1(one, topic)
	one.Close()
	equal("Empty", l.described(group).State, "state")
	must(remove(), "deleting")
	_, listed := got(l.admin.ListGroups(l.ctx))[group]
	holds(!listed, "it is not listed any more")
	fails(kerr.GroupIDNotFound, remove(), "deleting it again")
}

func groupNotThere(l *lab) {
	group := l.freshName()
	fails(kerr.GroupIDNotFound, l.described(group).Err, "describing")
	equal(0, len(got(l.admin.FetchOffsets(l.ctx, group))), "offsets")
}

func groupOffsets(l *lab) {
	topic, group := l.topic(3), l.freshName()
	wanted := make(kadm.Offsets)
	wanted.Add(kadm.Offset{Topic: topic, Partition: 0, At: 3, LeaderEpoch: -1, Metadata: "mark"})
	wanted.AddOffset(topic, 1, 5, -1)
	must(got(l.admin.CommitOffsets(l.ctx, group, wanted)).Error(), "committing")
	fetched := got(l.admin.FetchOffsets(l.ctx, group))
	equal(2, len(fetched[topic]), "partitions with an offset")
	equal(int64(3), fetched[topic][0].At, "offset of the first")
	equal("mark", fetched[topic][0].Metadata, "metadata of the first")
	equal(int64(5), fetched[topic][1].At, "offset of the second")
	all := got(l.admin.FetchOffsetsForTopics(l.ctx, group, topic))
	equal(int64(-1), all[topic][2].At, "offset of a partition without one")
	wrong := make(kadm.Offsets)
	wrong.AddOffset(topic, 7, 1, -1)
	fails(kerr.UnknownTopicOrPartition, got(l.admin.CommitOffsets(l.ctx, group, wrong)).Error(), "an unknown partition")
}

func groupOffsetsByID(l *lab) {
	topic, group := l.topic(1), l.freshName()
	id := got(l.admin.ListTopics(l.ctx, topic))[topic].ID
	wanted := make(kadm.OffsetsByID)
	wanted.Add(kadm.Offset{TopicID: id, At: 9, LeaderEpoch: -1})
	must(l.admin.CommitAllOffsetsByID(l.ctx, group, wanted), "committing")
	fetched := got(l.admin.FetchOffsetsByID(l.ctx, group))
	equal(int64(9), fetched[id][0].At, "offset")
}

func groupOffsetsDeleted(l *lab) {
	topic, other, group := l.topic(1), l.topic(1), l.freshName()
	l.commit(group, topic, 3)
	l.commit(group, other, 4)
	remove := func(group string) error {
		var doomed kadm.TopicsSet
		doomed.Add(topic, 0)
		answer, err := l.admin.DeleteOffsets(l.ctx, group, doomed)
		if err != nil {
			return err
		}
		return answer.Error()
	}
	one := l.member(group, topic)
	settle(1, one)
	fails(kerr.GroupSubscribedToTopic, remove(group), "a topic that a member reads")
	one.Close()
	must(remove(group), "deleting")
	fetched := got(l.admin.FetchOffsets(l.ctx, group))
	equal(1, len(fetched), "topics left")
	equal(int64(4), fetched[other][0].At, "offset of the other topic")
	fails(kerr.GroupIDNotFound, remove(l.freshName()), "a group that is not there")
}

func groupOffsetsStay(l *lab) {
	topic, group := l.topic(1), l.freshName()
	settle(1, l.member(group, topic))
	wanted := make(kadm.Offsets)
	wanted.AddOffset(topic, 0, 3, -1)
	fails(kerr.UnknownMemberID, l.admin.CommitAllOffsets(l.ctx, group, wanted), "committing from outside")
	equal(int64(-1), l.committed(group, topic), "committed offset")
}

func groupOffsetsForgotten(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.commit(group, topic, 7)
	got(l.admin.DeleteTopic(l.ctx, topic))
	until("the offset is forgotten", func() bool { return len(got(l.admin.FetchOffsets(l.ctx, group))) == 0 })
}

func manyGroups(l *lab) {
	topic := l.topic(1)
	var groups []string
	for number := range 5 {
		group := l.freshName()
		l.commit(group, topic, int64(number))
		groups = append(groups, group)
	}
	fetched := l.admin.FetchManyOffsets(l.ctx, groups...)
	for number, group := range groups {
		must(fetched[group].Err, "fetching")
		equal(int64(number), fetched[group].Fetched[topic][0].At, "offset of a group")
	}
	described := got(l.admin.DescribeGroups(l.ctx, groups...))
	for _, group := range groups {
		equal("Empty", described[group].State, "state of a group")
	}
	for _, answer := range got(l.admin.DeleteGroups(l.ctx, groups...)) {
		must(answer.Err, "deleting")
	}
}

func groupLag(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(20, 10))
	l.commit(group, topic, 13)
	lag := got(l.admin.Lag(l.ctx, group))[group]
	must(lag.Error(), "asking for the lag")
	equal(int64(7), lag.Lag.Total(), "lag")
}

func groupOperations(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.commit(group, topic, 7)
	described := got(l.admin.DescribeGroups(kadm.WithAuthorizedOps(l.ctx), group))[group]
	expected := []kadm.ACLOperation{
		kmsg.ACLOperationRead, kmsg.ACLOperationDelete, kmsg.ACLOperationDescribe,
		kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
	}
	equal(expected, described.AuthorizedOperations, "operations")
}
