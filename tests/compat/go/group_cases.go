package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What consumers do as members of a group, by the classic protocol.
func groupCases() []namedCase {
	return []namedCase{
		{"members_share_partitions_cooperatively_and_take_over", shareBy(kgo.CooperativeStickyBalancer())},
		{"members_share_partitions_by_sticky_and_take_over", shareBy(kgo.StickyBalancer())},
		{"members_share_partitions_by_range_and_take_over", shareBy(kgo.RangeBalancer())},
		{"members_share_partitions_by_roundrobin_and_take_over", shareBy(kgo.RoundRobinBalancer())},
		{"cooperative_members_keep_what_they_have", cooperative},
		{"many_members_read_everything", manyMembers},
		{"a_rebalance_can_be_forced", forced},
		{"a_member_that_leaves_is_replaced_at_once", leaving},
		{"added_partitions_are_shared_out", addedPartitions},
		{"a_pattern_of_a_group_matches_topics_that_come_later", groupPattern},
		{"a_static_member_comes_back_to_its_partitions", staticMember},
		{"a_static_member_is_fenced_by_its_successor", staticFenced},
		{"a_static_member_leaves_when_an_admin_says_so", staticRemoved},
		{"members_without_a_balancer_in_common_are_refused", inconsistent},
		{"a_session_timeout_out_of_bounds_is_refused", sessionTimeout},
	}
}

type partitionName struct {
	topic     string
	partition int32
}

// member is a consumer of a group that knows what it is assigned.
type member struct {
	*kgo.Client
	lock     sync.Mutex
	assigned map[partitionName]bool
	// revoked is all that was ever taken away from it.
	revoked map[partitionName]bool
}

func (l *lab) member(group, topic string, options ...kgo.Opt) *member {
	m := &member{assigned: make(map[partitionName]bool), revoked: make(map[partitionName]bool)}
	defaults := []kgo.Opt{
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(10 * time.Second), kgo.HeartbeatInterval(200 * time.Millisecond),
		kgo.OnPartitionsAssigned(m.assign), kgo.OnPartitionsRevoked(m.revoke), kgo.OnPartitionsLost(m.revoke),
	}
	m.Client = l.client(append(defaults, options...)...)
	return m
}

func (m *member) assign(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	for topic, partitions := range topics {
		for _, partition := range partitions {
			m.assigned[partitionName{topic, partition}] = true
		}
	}
}

func (m *member) revoke(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	for topic, partitions := range topics {
		for _, partition := range partitions {
			delete(m.assigned, partitionName{topic, partition})
			m.revoked[partitionName{topic, partition}] = true
		}
	}
}

func (m *member) share() map[partitionName]bool {
	m.lock.Lock()
	defer m.lock.Unlock()
	return maps.Clone(m.assigned)
}

func (m *member) everRevoked() map[partitionName]bool {
	m.lock.Lock()
	defer m.lock.Unlock()
	return maps.Clone(m.revoked)
}

// settle waits until each member has some of this many partitions, and together each of them once.
func settle(count int, members ...*member) {
	until(fmt.Sprintf("%d members share %d partitions", len(members), count), func() bool {
		together, total := make(map[partitionName]bool), 0
		for _, one := range members {
			share := one.share()
			if len(share) == 0 {
				return false
			}
			maps.Copy(together, share)
			total += len(share)
		}
		return len(together) == count && total == count
	})
}

func shareBy(balancer kgo.GroupBalancer) testCase {
	return func(l *lab) {
		topic, group := l.topic(6), l.freshName()
		first := l.member(group, topic, kgo.Balancers(balancer))
		settle(6, first)
		second := l.member(group, topic, kgo.Balancers(balancer))
		settle(6, first, second)
		equal(3, len(second.share()), "partitions of the second")
		first.Close()
		settle(6, second)
		described := got(l.admin.DescribeGroups(l.ctx, group))[group]
		equal(balancer.ProtocolName(), described.Protocol, "protocol of the group")
	}
}

func cooperative(l *lab) {
	topic, group := l.topic(4), l.freshName()
	first := l.member(group, topic)
	settle(4, first)
	second := l.member(group, topic)
	settle(4, first, second)
	equal(2, len(first.share()), "partitions of the first")
	equal(second.share(), first.everRevoked(), "what the first gave up the second has")
	equal(0, len(second.everRevoked()), "what the second gave up")
}

func manyMembers(l *lab) {
	topic, group := l.topic(8), l.freshName()
	l.send(topic, spread(400, 8))
	type place struct {
		partition int32
		offset    int64
	}
	var lock sync.Mutex
	found := make(map[place]bool)
	ctx, cancel := context.WithCancel(l.ctx)
	var readers sync.WaitGroup
	for range 4 {
		one := l.member(group, topic)
		readers.Go(func() {
			for ctx.Err() == nil {
				records := one.PollFetches(ctx).Records()
				lock.Lock()
				for _, record := range records {
					found[place{record.Partition, record.Offset}] = true
				}
				lock.Unlock()
			}
		})
	}
	until("all records came", func() bool {
		lock.Lock()
		defer lock.Unlock()
		return len(found) == 400
	})
	cancel()
	readers.Wait()
}

func forced(l *lab) {
	topic, group := l.topic(2), l.freshName()
	only := l.member(group, topic)
	settle(2, only)
	_, before := only.GroupMetadata()
	only.ForceRebalance()
	until("there is a later generation", func() bool {
		_, generation := only.GroupMetadata()
		return generation > before
	})
	settle(2, only)
}

func leaving(l *lab) {
	topic, group := l.topic(2), l.freshName()
	first, second := l.member(group, topic), l.member(group, topic)
	settle(2, first, second)
	left := time.Now()
	must(first.LeaveGroupContext(l.ctx), "leaving")
	settle(2, second)
	holds(time.Since(left) < 5*time.Second, "nobody waited for the session to end")
}

func addedPartitions(l *lab) {
	topic, group := l.topic(1), l.freshName()
	only := l.member(group, topic, kgo.MetadataMaxAge(300*time.Millisecond))
	settle(1, only)
	got(l.admin.UpdatePartitions(l.ctx, 3, topic))
	settle(3, only)
	l.send(topic, []*kgo.Record{{Value: []byte("v"), Partition: 2}})
	equal(int32(2), l.poll(only.Client, 1)[0].Partition, "partition of the record")
}

func groupPattern(l *lab) {
	prefix, group := l.freshName(), l.freshName()
	only := l.member(group, "^"+prefix+"-.*", kgo.ConsumeRegex(), kgo.MetadataMaxAge(300*time.Millisecond))
	for count, name := range []string{"early", "late"} {
		topic := prefix + "-" + name
		got(l.admin.CreateTopic(l.ctx, 1, 1, nil, topic))
		settle(count+1, only)
		l.waitForTopic(topic, 1)
		l.send(topic, values(5, 10))
		for _, record := range l.poll(only.Client, 5) {
			equal(topic, record.Topic, "topic of the record")
		}
	}
}

func staticMember(l *lab) {
	topic, group := l.topic(4), l.freshName()
	first := l.member(group, topic, kgo.InstanceID("one"))
	settle(4, first)
	second := l.member(group, topic, kgo.InstanceID("two"))
	settle(4, first, second)
	_, generation := second.GroupMetadata()
	before := first.share()
	first.Close()
	again := l.member(group, topic, kgo.InstanceID("one"))
	settle(4, again, second)
	equal(before, again.share(), "partitions of the member that came back")
	_, after := second.GroupMetadata()
	equal(generation, after, "generation")
}

func staticFenced(l *lab) {
	topic, group := l.topic(1), l.freshName()
	old := l.member(group, topic, kgo.InstanceID("one"))
	settle(1, old)
	successor := l.member(group, topic, kgo.InstanceID("one"))
	settle(1, successor)
	l.pollError(old.Client, kerr.FencedInstanceID)
}

func staticRemoved(l *lab) {
	topic, group := l.topic(2), l.freshName()
	first, second := l.member(group, topic, kgo.InstanceID("one")), l.member(group, topic, kgo.InstanceID("two"))
	settle(2, first, second)
	first.Close() // a static member stays in the group when its client closes
	equal(2, len(got(l.admin.DescribeGroups(l.ctx, group))[group].Members), "members")
	l.removeInstances(group, "one")
	settle(2, second)
}

func inconsistent(l *lab) {
	topic, group := l.topic(1), l.freshName()
	first := l.member(group, topic, kgo.Balancers(kgo.RangeBalancer()))
	settle(1, first)
	second := l.member(group, topic, kgo.Balancers(kgo.RoundRobinBalancer()))
	l.pollError(second.Client, kerr.InconsistentGroupProtocol)
}

func sessionTimeout(l *lab) {
	only := l.member(l.freshName(), l.topic(1), kgo.SessionTimeout(time.Second))
	l.pollError(only.Client, kerr.InvalidSessionTimeout)
}
