import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads a topic from beginning to end and says what is in it: the judge of the long proofs.
 *
 * <p>{@code ReadBack HOST:PORT TOPIC} prints one line per partition: {@code partition=0 first=0
 * next=10 records=10 bytes=10240 gaps=0 crc32c=1a2b3c4d}. The checksum runs over the values in the
 * order of their offsets; first and next are the beginning and end offsets at the start; gaps
 * counts places where an offset is not its predecessor's plus one.
 */
public final class ReadBack {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private ReadBack() {}

    public static void main(String[] arguments) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("enable.auto.commit", false);
        settings.put("auto.offset.reset", "none");
        settings.put("max.poll.records", 5_000);
        settings.put("max.partition.fetch.bytes", 4 << 20);
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            readTopic(consumer, arguments[1]).values().forEach(System.out::println);
        }
    }

    private static Map<Integer, Sum> readTopic(KafkaConsumer<byte[], byte[]> consumer, String topic) {
        List<TopicPartition> partitions = new ArrayList<>();
        for (PartitionInfo partition : consumer.partitionsFor(topic)) {
            partitions.add(new TopicPartition(topic, partition.partition()));
        }
        Map<TopicPartition, Long> beginnings = consumer.beginningOffsets(partitions);
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        Map<Integer, Sum> sums = new TreeMap<>();
        consumer.assign(partitions);
        for (TopicPartition partition : partitions) {
            Sum sum = new Sum(partition.partition(), beginnings.get(partition), ends.get(partition));
            sums.put(partition.partition(), sum);
            consumer.seek(partition, sum.first);
        }
        readUntilDone(consumer, sums);
        return sums;
    }

    private static void readUntilDone(KafkaConsumer<byte[], byte[]> consumer, Map<Integer, Sum> sums) {
        long lastProgress = System.nanoTime();
        while (sums.values().stream().anyMatch(Sum::isBehind)) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
                sums.get(record.partition()).add(record);
                lastProgress = System.nanoTime();
            }
            if (System.nanoTime() - lastProgress > PATIENCE.toNanos()) {
                throw new IllegalStateException("nothing came for " + PATIENCE + "; so far: " + sums.values());
            }
        }
    }

    /** What has been read of one partition. */
    private static final class Sum {
        private final int partition;
        private final long first;
        private final long next;
        private final CRC32C checksum = new CRC32C();
        private long position;
        private long records;
        private long bytes;
        private long gaps;

        Sum(int partition, long first, long next) {
            this.partition = partition;
            this.first = first;
            this.next = next;
            this.position = first;
        }

        boolean isBehind() {
            return position < next;
        }

        void add(ConsumerRecord<byte[], byte[]> record) {
            if (record.offset() != position) {
                gaps += 1;
            }
            position = record.offset() + 1;
            records += 1;
            if (record.value() != null) {
                bytes += record.value().length;
                checksum.update(record.value());
            }
        }

        @Override
        public String toString() {
            return String.format(
                    "partition=%d first=%d next=%d records=%d bytes=%d gaps=%d crc32c=%08x",
                    partition, first, next, records, bytes, gaps, checksum.getValue());
        }
    }
}
