package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What a consumer does outside any group.
func consumerCases() []namedCase {
	return []namedCase{
		{"reading_begins_at_the_offset_asked_for", fromOffset},
		{"reading_begins_relative_to_the_end", fromRelative},
		{"reading_begins_at_a_timestamp", fromTimestamp},
		{"reading_from_the_end_gives_only_what_is_new", fromEnd},
		{"an_offset_out_of_range_resets", outOfRangeResets},
		{"an_offset_out_of_range_is_an_error_without_a_reset", outOfRangeFails},
		{"offsets_can_be_set_while_reading", setOffsets},
		{"paused_partitions_give_nothing_until_resumed", pauseAndResume},
		{"partitions_are_added_and_removed_while_reading", addAndRemove},
		{"a_pattern_matches_topics_that_come_later", pattern},
		{"whole_topics_are_read", wholeTopics},
		{"plain_records_are_read_committed", isolation(kgo.ReadCommitted())},
		{"plain_records_are_read_uncommitted", isolation(kgo.ReadUncommitted())},
		{"a_waiting_fetch_ends_when_data_comes", waitingFetch},
		{"tiny_fetch_sizes_still_make_progress", tinyFetches},
		{"many_partitions_share_a_fetch_session", manyPartitions()},
		{"many_partitions_are_read_without_a_session", manyPartitions(kgo.DisableFetchSessions())},
		{"fetches_are_limited_in_number", manyPartitions(kgo.MaxConcurrentFetches(1))},
		{"an_unknown_topic_is_reported_to_its_reader", unknownTopicRead},
		{"a_deleted_topic_is_reported_to_its_reader", deletedTopicRead},
		{"the_high_watermark_comes_with_a_fetch", highWatermark},
	}
}

func fromOffset(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(20, 10))
	client := l.reader(topic, kgo.NewOffset().At(13))
	equal(consecutive(13, 7), offsets(l.poll(client, 7)), "offsets")
}

func fromRelative(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(20, 10))
	equal(consecutive(15, 5), offsets(l.poll(l.reader(topic, kgo.NewOffset().AtEnd().Relative(-5)), 5)), "before the end")
	equal(consecutive(4, 16), offsets(l.poll(l.reader(topic, kgo.NewOffset().AtStart().Relative(4)), 16)), "after the start")
}

func fromTimestamp(l *lab) {
	topic := l.topic(1)
	start := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	records := values(100, 10)
	for number, record := range records {
		record.Timestamp = start.Add(time.Duration(number) * time.Second / 2)
	}
	l.send(topic, records, kgo.ProducerBatchMaxBytes(600))
	from := kgo.NewOffset().AfterMilli(start.UnixMilli() + 10_001)
	equal(consecutive(21, 79), offsets(l.poll(l.reader(topic, from), 79)), "offsets")
}

func fromEnd(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(5, 10))
	l.onlyNewRecordsCome(l.reader(topic, kgo.NewOffset().AtEnd()), topic)
}

// onlyNewRecordsCome is for a topic that had five records; what is sent before the client has looked
// up the end may be skipped.
func (l *lab) onlyNewRecordsCome(client *kgo.Client, topic string) {
	found := make(chan *kgo.Record, 1)
	go func() {
		fetches := client.PollRecords(l.ctx, 1)
		if records := fetches.Records(); len(records) == 1 {
			found <- records[0]
		}
	}()
	until("a new record comes", func() bool {
		l.send(topic, []*kgo.Record{kgo.StringRecord("new")})
		return len(found) == 1
	})
	record := <-found
	holds(record.Offset >= 5, fmt.Sprintf("offset %d is of a new record", record.Offset))
	equal("new", string(record.Value), "value of the record")
}

func outOfRangeResets(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(5, 10))
	early := l.reader(topic, kgo.NewOffset().At(1_000), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	equal(consecutive(0, 5), offsets(l.poll(early, 5)), "offsets after a reset to the start")
	late := l.reader(topic, kgo.NewOffset().At(1_000), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()))
	l.onlyNewRecordsCome(late, topic)
}

func outOfRangeFails(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(5, 10))
	client := l.reader(topic, kgo.NewOffset().At(1_000), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	l.pollError(client, kerr.OffsetOutOfRange)
}

func setOffsets(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(100, 10))
	client := l.reader(topic, kgo.NewOffset().AtStart())
	l.poll(client, 10)
	for _, offset := range []int64{57, 3, 99} {
		client.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {0: {Epoch: -1, Offset: offset}}})
		equal(offset, l.poll(client, 1)[0].Offset, "offset of the next record")
	}
}

func pauseAndResume(l *lab) {
	topic := l.topic(2)
	start := kgo.NewOffset().AtStart()
	client := l.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: start, 1: start}}))
	paused := map[string][]int32{topic: {0}}
	client.PauseFetchPartitions(paused)
	l.send(topic, spread(20, 2))
	for _, record := range l.poll(client, 10) {
		equal(int32(1), record.Partition, "partition that is not paused")
	}
	l.pollNothing(client, "records of the paused partition")
	client.ResumeFetchPartitions(paused)
	equal(consecutive(0, 10), offsets(l.poll(client, 10)), "offsets of the resumed partition")
}

func addAndRemove(l *lab) {
	first, second := l.topic(1), l.topic(1)
	l.send(first, values(3, 10))
	l.send(second, values(4, 10))
	client := l.reader(first, kgo.NewOffset().AtStart())
	l.poll(client, 3)
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{second: {0: kgo.NewOffset().At(1)}})
	equal(consecutive(1, 3), offsets(l.poll(client, 3)), "offsets of the second")
	client.RemoveConsumePartitions(map[string][]int32{first: {0}})
	l.send(first, values(1, 10))
	l.pollNothing(client, "records of what was removed")
}

func pattern(l *lab) {
	prefix := l.freshName()
	client := l.client(
		kgo.ConsumeRegex(), kgo.ConsumeTopics("^"+prefix+"-.*"), kgo.MetadataMaxAge(300*time.Millisecond),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
	)
	for _, topic := range []string{prefix + "-early", prefix + "-late"} {
		got(l.admin.CreateTopic(l.ctx, 1, 1, nil, topic))
		l.waitForTopic(topic, 1)
		l.send(topic, values(5, 10))
		for _, record := range l.poll(client, 5) {
			equal(topic, record.Topic, "topic of the record")
		}
	}
}

func wholeTopics(l *lab) {
	first, second := l.topic(3), l.topic(2)
	l.send(first, spread(30, 3))
	l.send(second, spread(20, 2))
	client := l.client(kgo.ConsumeTopics(first, second), kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()))
	counts := make(map[string]int)
	for _, record := range l.poll(client, 50) {
		counts[record.Topic]++
	}
	equal(map[string]int{first: 30, second: 20}, counts, "records of each topic")
}

func isolation(level kgo.IsolationLevel) testCase {
	return func(l *lab) {
		topic := l.topic(1)
		l.send(topic, values(200, 10))
		equal(consecutive(0, 200), offsets(l.read(topic, 200, kgo.FetchIsolationLevel(level))), "offsets")
	}
}

func waitingFetch(l *lab) {
	topic := l.topic(1)
	client := l.reader(topic, kgo.NewOffset().AtStart(), kgo.FetchMaxWait(20*time.Second))
	l.pollNothing(client, "records before any was sent")
	l.send(topic, values(1, 10))
	sent := time.Now()
	l.poll(client, 1)
	holds(time.Since(sent) < 5*time.Second, "the fetch woke up")
}

func tinyFetches(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(50, 1_000), kgo.ProducerBatchMaxBytes(5_000))
	read := l.read(topic, 50, kgo.FetchMaxBytes(1), kgo.FetchMaxPartitionBytes(1))
	equal(consecutive(0, 50), offsets(read), "offsets")
}

func manyPartitions(options ...kgo.Opt) testCase {
	const count = 40
	return func(l *lab) {
		topic := l.topic(count)
		start := kgo.ConsumeStartOffset(kgo.NewOffset().AtStart())
		client := l.client(append([]kgo.Opt{kgo.ConsumeTopics(topic), start}, options...)...)
		for round := range int64(3) {
			l.send(topic, spread(count, count))
			for _, record := range l.poll(client, count) {
				equal(round, record.Offset, "offset of a round")
			}
		}
	}
}

func unknownTopicRead(l *lab) {
	client := l.client(kgo.ConsumeTopics(l.freshName()), kgo.KeepRetryableFetchErrors())
	l.pollError(client, kerr.UnknownTopicOrPartition)
}

func deletedTopicRead(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(2, 10))
	client := l.reader(topic, kgo.NewOffset().AtStart(), kgo.KeepRetryableFetchErrors())
	l.poll(client, 2)
	got(l.admin.DeleteTopic(l.ctx, topic))
	// The broker that led the partition may first say that it does so no more.
	until("the topic is said to be unknown", func() bool {
		for _, found := range client.PollFetches(l.ctx).Errors() {
			if errors.Is(found.Err, kerr.UnknownTopicOrPartition) || errors.Is(found.Err, kerr.UnknownTopicID) {
				return true
			}
			fails(kerr.NotLeaderForPartition, found.Err, "an error on the way")
		}
		return false
	})
}

func highWatermark(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(20, 10))
	client := l.reader(topic, kgo.NewOffset().At(12))
	partition := client.PollFetches(l.ctx)[0].Topics[0].Partitions[0]
	must(partition.Err, "fetching")
	equal(int64(20), partition.HighWatermark, "high watermark")
	equal(int64(20), partition.LastStableOffset, "last stable offset")
	equal(int64(0), partition.LogStartOffset, "start of the log")
}
