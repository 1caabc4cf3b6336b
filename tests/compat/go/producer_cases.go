package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What the producer does: what it writes is read back, and each record's promise is kept.
func producerCases() []namedCase {
	return []namedCase{
		{"keys_values_and_headers_survive", headersSurvive},
		{"null_and_empty_keys_and_values_survive", nullsSurvive},
		{"create_time_is_kept", createTime},
		{"log_append_time_is_set_by_the_broker", logAppendTime},
		{"codec_none_is_read_back", codecIsReadBack(0, kgo.NoCompression())},
		{"codec_gzip_is_read_back", codecIsReadBack(1, kgo.GzipCompression())},
		{"codec_snappy_is_read_back", codecIsReadBack(2, kgo.SnappyCompression())},
		{"codec_lz4_is_read_back", codecIsReadBack(3, kgo.Lz4Compression())},
		{"codec_zstd_is_read_back", codecIsReadBack(4, kgo.ZstdCompression())},
		{"acks_none_delivers", acksDeliver(kgo.NoAck())},
		{"acks_leader_delivers", acksDeliver(kgo.LeaderAck())},
		{"acks_all_delivers", acksDeliver(kgo.AllISRAcks())},
		{"promises_are_kept_in_order", promisesInOrder},
		{"many_goroutines_share_a_producer", manyGoroutines},
		{"an_idempotent_producer_writes_each_record_once", idempotent},
		{"idempotent_producers_do_not_disturb_each_other", twoIdempotent},
		{"a_producer_gets_an_id", producerID},
		{"a_big_record_survives", bigRecord},
		{"a_record_over_the_topics_limit_is_refused", overTopicsLimit},
		{"a_record_over_the_producers_limit_is_not_sent", overProducersLimit},
		{"a_timestamp_out_of_bounds_is_refused", timestampBounds},
		{"a_keyless_record_on_a_compacted_topic_is_refused", keylessCompacted},
		{"no_more_in_sync_replicas_are_required_than_there_are_replicas", minInSync},
		{"an_unknown_topic_is_created_when_allowed", autoCreation},
		{"an_unknown_topic_is_reported", unknownTopic},
		{"a_recreated_topic_is_new", recreatedTopic},
	}
}

func headersSurvive(l *lab) {
	topic := l.topic(1)
	headers := []kgo.RecordHeader{
		{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte("2")}, {Key: "", Value: []byte{}},
	}
	l.send(topic, []*kgo.Record{{Key: []byte("key"), Value: []byte("wört"), Headers: headers}})
	record := l.read(topic, 1)[0]
	equal("key", string(record.Key), "key")
	equal("wört", string(record.Value), "value")
	equal(headers, record.Headers, "headers")
}

func nullsSurvive(l *lab) {
	topic := l.topic(1)
	pairs := [][2][]byte{{nil, nil}, {{}, {}}, {[]byte("k"), nil}, {nil, []byte("v")}, {{}, nil}}
	var records []*kgo.Record
	for _, pair := range pairs {
		records = append(records, kgo.KeySliceRecord(pair[0], pair[1]))
	}
	l.send(topic, records)
	for place, record := range l.read(topic, len(pairs)) {
		equal(pairs[place], [2][]byte{record.Key, record.Value}, "key and value")
	}
}

func createTime(l *lab) {
	topic := l.topic(1)
	now := time.Now().Truncate(time.Millisecond)
	records := values(3, 10)
	for place, back := range []time.Duration{0, time.Minute, time.Millisecond} {
		records[place].Timestamp = now.Add(-back)
	}
	l.send(topic, records)
	for place, record := range l.read(topic, 3) {
		holds(records[place].Timestamp.Equal(record.Timestamp), "the timestamp is kept")
		equal(int8(0), record.Attrs.TimestampType(), "kind of timestamp")
	}
}

func logAppendTime(l *lab) {
	topic := l.topic(1, "message.timestamp.type=LogAppendTime")
	before := time.Now().Add(-time.Second)
	l.send(topic, []*kgo.Record{{Value: []byte("v"), Timestamp: time.UnixMilli(1_000)}})
	record := l.read(topic, 1)[0]
	equal(int8(1), record.Attrs.TimestampType(), "kind of timestamp")
	after := time.Now().Add(time.Second)
	holds(record.Timestamp.After(before) && record.Timestamp.Before(after), "the time is the broker's")
}

// codecIsReadBack takes the codec by its number in batches, too.
func codecIsReadBack(number uint8, codec kgo.CompressionCodec) testCase {
	return func(l *lab) {
		topic := l.topic(1)
		records := values(2_000, 300)
		l.send(topic, records, kgo.ProducerBatchCompression(codec), kgo.ProducerLinger(20*time.Millisecond))
		read := l.read(topic, len(records))
		equal(texts(records), texts(read), "values")
		equal(number, read[0].Attrs.CompressionType(), "codec of the batch")
	}
}

func acksDeliver(acks kgo.Acks) testCase {
	return func(l *lab) {
		topic := l.topic(1)
		records := values(500, 50)
		l.send(topic, records, kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
		if acks != kgo.NoAck() {
			equal(consecutive(0, 500), offsets(records), "offsets told")
		}
		equal(consecutive(0, 500), offsets(l.read(topic, 500)), "offsets read")
	}
}

func promisesInOrder(l *lab) {
	topic := l.topic(1)
	client := l.client(kgo.DefaultProduceTopic(topic), kgo.ProducerBatchMaxBytes(1_000))
	var told []int64
	for _, record := range values(1_000, 50) {
		client.Produce(l.ctx, record, func(record *kgo.Record, err error) {
			must(err, "producing")
			told = append(told, record.Offset)
		})
	}
	must(client.Flush(l.ctx), "flushing")
	equal(consecutive(0, 1_000), told, "offsets told")
}

func manyGoroutines(l *lab) {
	topic := l.topic(4)
	client := l.client(kgo.DefaultProduceTopic(topic))
	var workers sync.WaitGroup
	failures := make(chan error, 8)
	for worker := range 8 {
		workers.Go(func() {
			for number := range 50 {
				key := fmt.Sprintf("%d/%d", worker, number)
				if err := client.ProduceSync(l.ctx, kgo.KeyStringRecord(key, "v")).FirstErr(); err != nil {
					failures <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failures)
	must(<-failures, "producing")
	ends := got(l.admin.ListEndOffsets(l.ctx, topic))
	total := int64(0)
	for _, end := range ends[topic] {
		total += end.Offset
	}
	equal(int64(400), total, "records in all partitions")
}

func idempotent(l *lab) {
	topic := l.topic(1)
	records := values(5_000, 100)
	l.send(topic, records, kgo.ProducerBatchMaxBytes(5_000))
	equal(consecutive(0, 5_000), offsets(records), "offsets told")
	read := l.read(topic, 5_000)
	equal(texts(records), texts(read), "values")
	holds(read[0].ProducerID >= 0, "the batches carry a producer id")
}

func twoIdempotent(l *lab) {
	topic := l.topic(1)
	for turn := range int64(3) {
		records := values(10, 10)
		l.send(topic, records)
		equal(consecutive(turn*10, 10), offsets(records), "offsets told")
	}
}

func producerID(l *lab) {
	first, epoch, err := l.client().ProducerID(l.ctx)
	must(err, "the first id")
	holds(first >= 0 && epoch >= 0, "an id and an epoch are given out")
	second, _, err := l.client().ProducerID(l.ctx)
	must(err, "the second id")
	holds(first != second, "each producer has an id of its own")
}

func bigRecord(l *lab) {
	topic := l.topic(1)
	value := make([]byte, 900_000)
	for place := range value {
		value[place] = byte(place % 251)
	}
	l.send(topic, []*kgo.Record{kgo.SliceRecord(value)}, kgo.ProducerBatchCompression(kgo.NoCompression()))
	holds(string(value) == string(l.read(topic, 1)[0].Value), "the value is read back")
}

func overTopicsLimit(l *lab) {
	topic := l.topic(1, "max.message.bytes=1000")
	uncompressed := kgo.ProducerBatchCompression(kgo.NoCompression())
	fails(kerr.MessageTooLarge, l.trySend(topic, values(1, 2_000), uncompressed), "a large record")
	l.send(topic, values(1, 500), uncompressed)
	equal(int64(0), l.read(topic, 1)[0].Offset, "offset of what fits")
}

func overProducersLimit(l *lab) {
	topic := l.topic(1)
	fails(kerr.MessageTooLarge, l.trySend(topic, values(1, 5_000), kgo.ProducerBatchMaxBytes(2_000)), "a large record")
}

func timestampBounds(l *lab) {
	topic := l.topic(1, "message.timestamp.before.max.ms=10000")
	old := &kgo.Record{Value: []byte("v"), Timestamp: time.Now().Add(-time.Minute)}
	fails(kerr.InvalidTimestamp, l.trySend(topic, []*kgo.Record{old}), "an old record")
	l.send(topic, values(1, 10))
}

func keylessCompacted(l *lab) {
	topic := l.topic(1, "cleanup.policy=compact")
	fails(kerr.InvalidRecord, l.trySend(topic, values(1, 10)), "a record without a key")
	l.send(topic, []*kgo.Record{kgo.KeyStringRecord("k", "v")})
}

func minInSync(l *lab) {
	topic := l.topic(1, "min.insync.replicas=2")
	l.send(topic, values(1, 10), kgo.RequiredAcks(kgo.AllISRAcks()))
	equal(consecutive(0, 1), offsets(l.read(topic, 1)), "offsets")
}

func autoCreation(l *lab) {
	topic := l.freshName()
	client := l.client(kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic(topic))
	records := values(3, 10)
	must(client.ProduceSync(l.ctx, records...).FirstErr(), "producing")
	equal(consecutive(0, 3), offsets(l.read(topic, 3)), "offsets")
}

func unknownTopic(l *lab) {
	topic := l.freshName()
	err := l.trySend(topic, values(1, 10), kgo.UnknownTopicRetries(2))
	fails(kerr.UnknownTopicOrPartition, err, "an unknown topic")
	holds(!got(l.admin.ListTopics(l.ctx)).Has(topic), "nothing came of it")
}

func recreatedTopic(l *lab) {
	topic := l.topic(1)
	l.send(topic, values(5, 10))
	l.deleteTopic(topic)
	got(l.admin.CreateTopic(l.ctx, 1, 1, nil, topic))
	l.waitForTopic(topic, 1)
	l.send(topic, []*kgo.Record{kgo.StringRecord("new")})
	record := l.read(topic, 1)[0]
	equal(int64(0), record.Offset, "offset of the first record")
	equal("new", string(record.Value), "value of the first record")
}
