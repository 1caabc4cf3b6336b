import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/** What the Java consumer does with assigned partitions. */
final class ConsumerCases {
    private ConsumerCases() {}

    static void addTo(Map<String, Case> cases) {
        cases.put("seek_goes_to_the_record_asked_for", ConsumerCases::seek);
        cases.put("seek_into_a_batch_gives_the_record_asked_for", ConsumerCases::seekIntoBatch);
        cases.put("beginning_and_end_offsets_are_right", ConsumerCases::beginningAndEnd);
        cases.put("offsets_for_times_finds_the_first_record_not_before", ConsumerCases::offsetsForTimes);
        cases.put("an_offset_out_of_range_is_reported", ConsumerCases::outOfRange);
        cases.put("an_offset_out_of_range_resets_to_earliest", ConsumerCases::outOfRangeResets);
        cases.put("read_committed_reads_plain_data", ConsumerCases::readCommitted);
        cases.put("a_waiting_fetch_ends_when_data_comes", ConsumerCases::waitingFetch);
        cases.put("tiny_fetch_sizes_still_make_progress", ConsumerCases::tinyFetches);
        cases.put("many_partitions_share_one_fetch_session", ConsumerCases::manyPartitions);
        cases.put("partitions_can_be_exchanged_in_a_fetch_session", ConsumerCases::exchangedPartitions);
        cases.put("partitions_and_topics_are_listed", ConsumerCases::listing);
    }

    private static void seek(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of("batch.size", 0), Lab.values(50, 10));
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            consumer.assign(List.of(partition));
            for (long offset : new long[] {30, 7, 49}) {
                consumer.seek(partition, offset);
                Lab.equal(offset, Lab.poll(consumer, 1).get(0).offset(), "first record after seek");
            }
            consumer.seekToEnd(List.of(partition));
            Lab.equal(50L, consumer.position(partition), "position at the end");
        }
    }

    private static void seekIntoBatch(Lab lab) throws Exception {
        for (String codec : List.of("none", "zstd")) {
            TopicPartition partition = lab.partition();
            lab.send(partition, Map.of("linger.ms", 100, "compression.type", codec), Lab.values(100, 10));
            try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
                consumer.assign(List.of(partition));
                consumer.seek(partition, 42);
                List<ConsumerRecord<byte[], byte[]>> read = Lab.poll(consumer, 58);
                Lab.consecutive(42, read.stream().map(ConsumerRecord::offset).toList());
            }
        }
    }

    private static void beginningAndEnd(Lab lab) throws Exception {
        String topic = lab.topic(3, Map.of());
        List<TopicPartition> partitions = new ArrayList<>();
        Map<TopicPartition, Long> beginnings = new HashMap<>();
        Map<TopicPartition, Long> ends = new HashMap<>();
        for (int index = 0; index < 3; index++) {
            TopicPartition partition = new TopicPartition(topic, index);
            partitions.add(partition);
            beginnings.put(partition, 0L);
            ends.put(partition, index * 10L);
            lab.send(partition, Map.of(), Lab.values(index * 10, 10));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            Lab.equal(beginnings, consumer.beginningOffsets(partitions), "beginning offsets");
            Lab.equal(ends, consumer.endOffsets(partitions), "end offsets");
            TopicPartition last = partitions.get(2);
            consumer.assign(List.of(last));
            Lab.poll(consumer, 1);
            long end = consumer.position(last) + consumer.currentLag(last).orElse(-1);
            Lab.equal(20L, end, "position and lag together");
        }
    }

    private static void offsetsForTimes(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        long start = System.currentTimeMillis() - 1_000_000;
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (int index = 0; index < 1_000; index++) {
            records.add(new ProducerRecord<>(partition.topic(), 0, start + index * 10L, null, new byte[100]));
        }
        lab.sendRecords(Map.of("batch.size", 1_000), records);
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            checkTime(consumer, partition, start - 5, 0L);
            checkTime(consumer, partition, start, 0L);
            checkTime(consumer, partition, start + 1, 1L);
            checkTime(consumer, partition, start + 5_000, 500L);
            checkTime(consumer, partition, start + 9_990, 999L);
            checkTime(consumer, partition, start + 9_991, null);
        }
    }

    private static void checkTime(
            KafkaConsumer<byte[], byte[]> consumer, TopicPartition partition, long time, Long expected) {
        OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, time)).get(partition);
        Lab.equal(expected, found == null ? null : found.offset(), "offset for time");
        Lab.holds(found == null || found.timestamp() >= time, "the timestamp found is not before");
    }

    private static void outOfRange(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of(), Lab.values(5, 10));
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of("auto.offset.reset", "none"))) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 1_000);
            OffsetOutOfRangeException failure =
                    Lab.fails(OffsetOutOfRangeException.class, () -> Lab.poll(consumer, 1));
            Lab.equal(Map.of(partition, 1_000L), failure.offsetOutOfRangePartitions(), "partitions");
        }
    }

    private static void outOfRangeResets(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of(), Lab.values(5, 10));
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            consumer.assign(List.of(partition));
            consumer.seek(partition, 1_000);
            Lab.equal(0L, Lab.poll(consumer, 5).get(0).offset(), "offset after the reset");
        }
    }

    private static void readCommitted(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of(), Lab.values(200, 10));
        Map<String, Object> settings = Map.of("isolation.level", "read_committed");
        List<ConsumerRecord<byte[], byte[]>> read = lab.read(partition, 200, settings);
        Lab.consecutive(0, read.stream().map(ConsumerRecord::offset).toList());
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(settings)) {
            Lab.equal(200L, consumer.endOffsets(List.of(partition)).get(partition), "last stable offset");
        }
    }

    private static void waitingFetch(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        Map<String, Object> settings = Map.of("fetch.max.wait.ms", 20_000, "request.timeout.ms", 40_000);
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(settings)) {
            consumer.assign(List.of(partition));
            Lab.equal(0, consumer.poll(Duration.ofMillis(500)).count(), "records before any was sent");
            lab.send(partition, Map.of(), List.of(Lab.bytes("v")));
            long sent = System.nanoTime();
            Lab.poll(consumer, 1);
            long waited = Duration.ofNanos(System.nanoTime() - sent).toMillis();
            Lab.holds(waited < 5_000, "the fetch woke up, it took " + waited + " ms");
        }
    }

    private static void tinyFetches(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of("batch.size", 5_000), Lab.values(100, 1_000));
        Map<String, Object> settings = Map.of("max.partition.fetch.bytes", 1, "fetch.max.bytes", 1);
        List<ConsumerRecord<byte[], byte[]>> read = lab.read(partition, 100, settings);
        Lab.consecutive(0, read.stream().map(ConsumerRecord::offset).toList());
    }

    private static void manyPartitions(Lab lab) throws Exception {
        int count = 40;
        String topic = lab.topic(count, Map.of());
        List<TopicPartition> partitions = new ArrayList<>();
        for (int index = 0; index < count; index++) {
            partitions.add(new TopicPartition(topic, index));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            consumer.assign(partitions);
            for (int round = 0; round < 3; round++) {
                List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
                for (int index = round; index < count; index += round + 1) {
                    records.add(new ProducerRecord<>(topic, index, null, Lab.bytes("round " + round)));
                }
                lab.sendRecords(Map.of(), records);
                List<ConsumerRecord<byte[], byte[]>> read = Lab.poll(consumer, records.size());
                Lab.equal(records.size(), read.size(), "records of a round");
                for (ConsumerRecord<byte[], byte[]> record : read) {
                    Lab.equal(Lab.bytes("round " + round), record.value(), "value");
                }
            }
        }
    }

    private static void exchangedPartitions(Lab lab) throws Exception {
        TopicPartition first = lab.partition();
        TopicPartition second = lab.partition();
        lab.send(first, Map.of(), Lab.values(3, 10));
        lab.send(second, Map.of(), Lab.values(4, 10));
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            consumer.assign(List.of(first));
            Lab.equal(3, Lab.poll(consumer, 3).size(), "records of the first");
            consumer.assign(List.of(second));
            Lab.equal(4, Lab.poll(consumer, 4).size(), "records of the second");
            consumer.assign(List.of(first, second));
            consumer.seek(first, 2);
            consumer.seek(second, 3);
            Lab.equal(2, Lab.poll(consumer, 2).size(), "records of both");
        }
    }

    private static void listing(Lab lab) throws Exception {
        String topic = lab.topic(3, Map.of());
        try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            List<PartitionInfo> partitions = consumer.partitionsFor(topic);
            Lab.equal(3, partitions.size(), "partitions");
            for (PartitionInfo partition : partitions) {
                Lab.equal(1, partition.inSyncReplicas().length, "in-sync replicas");
                Lab.holds(partition.leader() != null, "there is a leader");
            }
            Lab.holds(consumer.listTopics().containsKey(topic), "the topic is listed");
        }
    }
}
