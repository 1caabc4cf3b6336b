package main

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Which partition the producer chooses, and that the broker puts the record there.
func partitionerCases() []namedCase {
	return []namedCase{
		{"keys_stay_in_their_partition", keysStay},
		{"other_hashers_deliver_too", otherHashers},
		{"round_robin_spreads_evenly", roundRobin},
		{"sticky_fills_one_partition_at_a_time", sticky},
		{"least_backup_delivers", anyPartitioner(kgo.LeastBackupPartitioner())},
		{"uniform_bytes_delivers", anyPartitioner(kgo.UniformBytesPartitioner(1_000, true, true, nil))},
		{"the_partition_asked_for_is_obeyed", manual},
		{"a_partition_that_is_not_there_is_an_error", notThere},
	}
}

// inPartitions sends records and is how many each partition got, as read back.
func inPartitions(l *lab, partitions int32, records []*kgo.Record, partitioner kgo.Partitioner) map[int32]int {
	topic := l.topic(partitions)
	l.send(topic, records, kgo.RecordPartitioner(partitioner))
	from := make(map[int32]kgo.Offset)
	for partition := range partitions {
		from[partition] = kgo.NewOffset().AtStart()
	}
	client := l.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	counts := make(map[int32]int)
	read := make(map[string]int32)
	for _, record := range l.poll(client, len(records)) {
		counts[record.Partition]++
		read[string(record.Value)] = record.Partition
	}
	for _, record := range records {
		equal(record.Partition, read[string(record.Value)], "partition told and partition read")
	}
	return counts
}

func keyed(count int) []*kgo.Record {
	records := values(count, 10)
	for number, record := range records {
		record.Key = []byte(fmt.Sprintf("key %d", number%10))
	}
	return records
}

func keysStay(l *lab) {
	records := keyed(100)
	inPartitions(l, 5, records, kgo.StickyKeyPartitioner(nil))
	partitions := make(map[string]int32)
	for _, record := range records {
		key := string(record.Key)
		before, known := partitions[key]
		holds(!known || before == record.Partition, "a key has one partition")
		partitions[key] = record.Partition
	}
}

func otherHashers(l *lab) {
	sum := func(key []byte) uint32 { return uint32(len(key)) + uint32(key[len(key)-1]) }
	for _, hasher := range []kgo.PartitionerHasher{
		kgo.KafkaHasher(sum), kgo.SaramaHasher(sum), kgo.SaramaCompatHasher(sum),
	} {
		inPartitions(l, 3, keyed(30), kgo.StickyKeyPartitioner(hasher))
	}
}

func roundRobin(l *lab) {
	counts := inPartitions(l, 4, values(40, 10), kgo.RoundRobinPartitioner())
	equal(map[int32]int{0: 10, 1: 10, 2: 10, 3: 10}, counts, "records in each partition")
}

func sticky(l *lab) {
	counts := inPartitions(l, 4, values(40, 10), kgo.StickyPartitioner())
	holds(len(counts) < 4, "a few records do not fill all partitions")
}

func anyPartitioner(partitioner kgo.Partitioner) testCase {
	return func(l *lab) {
		inPartitions(l, 4, keyed(400), partitioner)
	}
}

func manual(l *lab) {
	counts := inPartitions(l, 3, spread(30, 3), kgo.ManualPartitioner())
	equal(map[int32]int{0: 10, 1: 10, 2: 10}, counts, "records in each partition")
}

func notThere(l *lab) {
	topic := l.topic(2)
	record := &kgo.Record{Value: []byte("v"), Partition: 7}
	holds(l.trySend(topic, []*kgo.Record{record}) != nil, "a partition that is not there is refused")
}
