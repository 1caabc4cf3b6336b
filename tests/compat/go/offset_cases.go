package main

import (
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// How offsets are looked up, and how the beginning of a partition moves.
func offsetCases() []namedCase {
	return []namedCase{
		{"offsets_are_listed_by_every_specification", listedOffsets},
		{"offsets_after_a_time_are_listed", offsetsAfter},
		{"offsets_of_all_partitions_are_listed_at_once", offsetsOfAll},
		{"offsets_of_an_unknown_topic_are_an_error", offsetsOfUnknown},
		{"deleting_records_moves_the_beginning", deletedRecords},
		{"the_end_of_a_leader_epoch_is_told", leaderEpoch},
	}
}

// sendAt sends records of these ages.
func (l *lab) sendAt(topic string, now time.Time, ages ...time.Duration) {
	records := values(len(ages), 10)
	for place, age := range ages {
		records[place].Timestamp = now.Add(-age)
	}
	l.send(topic, records)
}

func listedOffsets(l *lab) {
	topic := l.topic(1)
	now := time.Now().Truncate(time.Millisecond)
	l.sendAt(topic, now, 30*time.Second, 10*time.Second, 20*time.Second)
	check := func(listed kadm.ListedOffsets, err error, offset int64, what string) kadm.ListedOffset {
		must(err, what)
		found := listed[topic][0]
		must(found.Err, what)
		equal(offset, found.Offset, what)
		return found
	}
	listed, err := l.admin.ListStartOffsets(l.ctx, topic)
	check(listed, err, 0, "start")
	listed, err = l.admin.ListEndOffsets(l.ctx, topic)
	check(listed, err, 3, "end")
	listed, err = l.admin.ListCommittedOffsets(l.ctx, topic)
	check(listed, err, 3, "last stable offset")
	listed, err = l.admin.ListLocalLogStartOffsets(l.ctx, topic)
	check(listed, err, 0, "start of the local log")
	listed, err = l.admin.ListLatestRemoteOffsets(l.ctx, topic)
	check(listed, err, -1, "end of the remote log")
	listed, err = l.admin.ListMaxTimestampOffsets(l.ctx, topic)
	greatest := check(listed, err, 1, "greatest timestamp")
	equal(now.Add(-10*time.Second).UnixMilli(), greatest.Timestamp, "greatest timestamp")
}

func offsetsAfter(l *lab) {
	topic := l.topic(1)
	now := time.Now().Truncate(time.Millisecond)
	l.sendAt(topic, now, 30*time.Second, 10*time.Second, 20*time.Second)
	after := func(age time.Duration) kadm.ListedOffset {
		found := got(l.admin.ListOffsetsAfterMilli(l.ctx, now.Add(-age).UnixMilli(), topic))[topic][0]
		must(found.Err, "listing")
		return found
	}
	for _, expected := range []struct {
		age    time.Duration
		offset int64
	}{{40 * time.Second, 0}, {30 * time.Second, 0}, {25 * time.Second, 1}, {15 * time.Second, 1}} {
		equal(expected.offset, after(expected.age).Offset, expected.age.String()+" ago")
	}
	equal(now.Add(-10*time.Second).UnixMilli(), after(25*time.Second).Timestamp, "timestamp of what was found")
	// The admin client gives the end when no record is so young.
	equal(int64(3), after(0).Offset, "after all")
}

func offsetsOfAll(l *lab) {
	topic := l.topic(10)
	records := spread(100, 10)
	l.send(topic, records[:55])
	ends := got(l.admin.ListEndOffsets(l.ctx, topic))
	equal(10, len(ends[topic]), "partitions")
	for partition, end := range ends[topic] {
		must(end.Err, "listing")
		expected := int64(5)
		if partition < 5 {
			expected = 6
		}
		equal(expected, end.Offset, "end of a partition")
	}
}

func offsetsOfUnknown(l *lab) {
	topic := l.freshName()
	found := got(l.admin.ListEndOffsets(l.ctx, topic))
	fails(kerr.UnknownTopicOrPartition, found.Error(), "an unknown topic")
}

func deletedRecords(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(20, 10))
	before := func(offset int64) kadm.DeleteRecordsResponse {
		offsets := make(kadm.Offsets)
		offsets.AddOffset(topic, 0, offset, -1)
		answer, _ := got(l.admin.DeleteRecords(l.ctx, offsets)).Lookup(topic, 0)
		return answer
	}
	equal(int64(7), before(7).LowWatermark, "low watermark")
	equal(int64(7), l.read(topic, 13)[0].Offset, "first record left")
	equal(int64(7), got(l.admin.ListStartOffsets(l.ctx, topic))[topic][0].Offset, "start")
	equal(int64(7), before(3).LowWatermark, "low watermark after a lower offset")
	fails(kerr.OffsetOutOfRange, before(21).Err, "an offset after the end")
	equal(int64(20), before(-1).LowWatermark, "low watermark after deleting all")
	l.send(topic, values(1, 10))
	equal(int64(20), l.read(topic, 1)[0].Offset, "next record")
	tooEarly := l.reader(topic, kgo.NewOffset().At(3), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	l.pollError(tooEarly, kerr.OffsetOutOfRange)
}

func leaderEpoch(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(20, 10))
	epoch := l.read(topic, 1)[0].LeaderEpoch
	request := make(kadm.OffsetForLeaderEpochRequest)
	request.Add(topic, 0, epoch)
	found := got(l.admin.OffsetForLeaderEpoch(l.ctx, request))[topic][0]
	must(found.Err, "asking for the end of the epoch")
	equal(epoch, found.LeaderEpoch, "epoch")
	equal(int64(20), found.EndOffset, "end of the epoch")
}
