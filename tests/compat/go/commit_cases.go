package main

import (
	"context"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// How members of a group, and others, commit offsets.
func commitCases() []namedCase {
	return []namedCase{
		{"a_group_goes_on_where_it_committed", continued},
		{"records_are_committed_by_hand", commitRecords},
		{"only_marked_records_are_committed_by_themselves", marked},
		{"what_was_polled_is_committed_by_itself", autoCommit},
		{"a_commit_in_the_background_is_reported", commitAsync},
		{"offsets_fetched_can_be_adjusted", adjusted},
		{"stable_offsets_are_fetched", stableOffsets},
		{"a_commit_of_an_old_generation_is_refused", oldGeneration},
		{"long_metadata_is_refused", longMetadata},
	}
}

func (l *lab) committed(group, topic string) int64 {
	found, known := got(l.admin.FetchOffsets(l.ctx, group)).Lookup(topic, 0)
	if !known {
		return -1
	}
	must(found.Err, "fetching the committed offset")
	return found.At
}

func continued(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(30, 10))
	first := l.member(group, topic)
	l.poll(first.Client, 10)
	must(first.CommitUncommittedOffsets(l.ctx), "committing")
	equal(int64(10), l.committed(group, topic), "committed offset")
	first.Close()
	second := l.member(group, topic)
	equal(consecutive(10, 20), offsets(l.poll(second.Client, 20)), "offsets of the rest")
}

func commitRecords(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(10, 10))
	only := l.member(group, topic)
	records := l.poll(only.Client, 10)
	for _, count := range []int{4, 10, 2} {
		must(only.CommitRecords(l.ctx, records[:count]...), "committing")
		if count != 2 {
			equal(int64(count), l.committed(group, topic), "committed offset")
		}
	}
	offset := map[string]map[int32]kgo.EpochOffset{topic: {0: {Epoch: -1, Offset: 2}}}
	only.CommitOffsetsSync(l.ctx, offset, nil)
	equal(int64(2), l.committed(group, topic), "offset committed backwards")
}

func marked(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(10, 10))
	client := l.client(
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.AutoCommitMarks(), kgo.AutoCommitInterval(100*time.Millisecond),
	)
	records := l.poll(client, 10)
	client.MarkCommitRecords(records[:6]...)
	until("the marked records are committed", func() bool { return l.committed(group, topic) == 6 })
	client.MarkCommitRecords(records[:7]...)
	client.Close()
	must(l.waitForCommit(group, topic, 7), "what is marked at the end")
}

// waitForCommit tells when nothing was committed in time.
func (l *lab) waitForCommit(group, topic string, offset int64) error {
	ctx, cancel := context.WithTimeout(l.ctx, patience)
	defer cancel()
	for l.committed(group, topic) != offset {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}

func autoCommit(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(10, 10))
	client := l.client(
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.GreedyAutoCommit(), kgo.AutoCommitInterval(100*time.Millisecond),
	)
	l.poll(client, 6)
	until("what was polled is committed", func() bool { return l.committed(group, topic) == 6 })
	l.poll(client, 4)
	client.Close()
	equal(int64(10), l.committed(group, topic), "offset committed by closing")
}

func commitAsync(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(10, 10))
	only := l.member(group, topic)
	l.poll(only.Client, 4)
	var code atomic.Int32
	code.Store(-99)
	only.CommitOffsets(l.ctx, only.UncommittedOffsets(), func(
		_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error,
	) {
		if err == nil {
			code.Store(int32(answer.Topics[0].Partitions[0].ErrorCode))
		}
	})
	until("the commit is reported", func() bool { return code.Load() != -99 })
	equal(int32(0), code.Load(), "error code")
	equal(int64(4), l.committed(group, topic), "committed offset")
}

func adjusted(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(10, 10))
	adjust := func(_ context.Context, fetched map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
		fetched[topic][0] = kgo.NewOffset().At(7)
		return fetched, nil
	}
	only := l.member(group, topic, kgo.AdjustFetchOffsetsFn(adjust))
	equal(consecutive(7, 3), offsets(l.poll(only.Client, 3)), "offsets")
}

func stableOffsets(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(10, 10))
	l.commit(group, topic, 5)
	only := l.member(group, topic, kgo.RequireStableFetchOffsets())
	equal(consecutive(5, 5), offsets(l.poll(only.Client, 5)), "offsets")
}

func oldGeneration(l *lab) {
	topic, group := l.topic(1), l.freshName()
	l.send(topic, values(10, 10))
	only := l.member(group, topic)
	settle(1, only)
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group = group
	memberID, generation := only.GroupMetadata()
	request.MemberID, request.Generation = memberID, generation+7
	asked := kmsg.NewOffsetCommitRequestTopic()
	asked.Topic = topic
	asked.TopicID = got(l.admin.ListTopics(l.ctx, topic))[topic].ID
	asked.Partitions = append(asked.Partitions, kmsg.NewOffsetCommitRequestTopicPartition())
	request.Topics = append(request.Topics, asked)
	refused := func(expected error) {
		answer := got(request.RequestWith(l.ctx, only.Client))
		fails(expected, kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode), "the commit")
	}
	refused(kerr.IllegalGeneration)
	request.MemberID = "stranger"
	refused(kerr.UnknownMemberID)
}

func longMetadata(l *lab) {
	topic, group := l.topic(1), l.freshName()
	commit := func(length int) error {
		offsets := make(kadm.Offsets)
		offsets.Add(kadm.Offset{Topic: topic, At: 1, LeaderEpoch: -1, Metadata: strings.Repeat("x", length)})
		return got(l.admin.CommitOffsets(l.ctx, group, offsets)).Error()
	}
	must(commit(4096), "metadata of the greatest length")
	fails(kerr.OffsetMetadataTooLarge, commit(4097), "longer metadata")
}
