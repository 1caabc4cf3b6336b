import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;

/** What Java clients do with three brokers in three racks: broker 1 in rack "r1", and so on. */
final class RackCases {
    private static final int BROKERS = 3;
    private static final int RECORDS = 200;
    private static final int RECORDS_AFTER = 20;
    private static final int RECORD_BYTES = 10_000;

    private RackCases() {}

    static void addTo(Map<String, Case> cases) {
        cases.put("a_consumer_reads_from_the_broker_in_its_rack", RackCases::nearest);
        cases.put("committed_reads_are_the_same_in_each_rack", RackCases::committed);
        cases.put("new_partitions_have_a_replica_in_each_rack", RackCases::spread);
        cases.put("a_consumer_goes_on_when_the_broker_in_its_rack_dies", RackCases::takeOver);
    }

    private static void nearest(Lab lab) throws Exception {
        TopicPartition partition = new TopicPartition(lab.topic(1, BROKERS, Map.of()), 0);
        lab.send(partition, Map.of(), Lab.values(RECORDS, RECORD_BYTES));
        for (int broker = 1; broker <= BROKERS; broker++) {
            Map<String, Object> settings = Map.of("client.rack", "r" + broker, "max.partition.fetch.bytes", 65_536);
            try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(settings)) {
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                int before = RECORDS + broker - 1;
                List<ConsumerRecord<byte[], byte[]>> read = Lab.poll(consumer, before);
                Lab.consecutive(0, read.stream().map(ConsumerRecord::offset).toList());
                lab.send(partition, Map.of(), Lab.values(1, RECORD_BYTES));
                Lab.equal((long) before, Lab.poll(consumer, 1).get(0).offset(), "what comes while it waits");
                double near = bytesFrom(consumer, broker);
                Lab.holds(near > 0.9 * RECORDS * RECORD_BYTES, near + " bytes came from broker " + broker);
            }
        }
    }

    private static void committed(Lab lab) throws Exception {
        TopicPartition partition = new TopicPartition(lab.topic(1, BROKERS, Map.of()), 0);
        Map<String, Object> settings = new HashMap<>();
        settings.put("isolation.level", "read_committed");
        try (KafkaProducer<byte[], byte[]> producer = TransactionCases.writer(lab, lab.freshName())) {
            for (String value : List.of("a", "b", "c", "d")) {
                producer.beginTransaction();
                producer.send(TransactionCases.record(partition.topic(), 0, value)).get();
                if (value.equals("b")) {
                    producer.abortTransaction();
                } else if (!value.equals("d")) {
                    producer.commitTransaction();
                }
            }
            List<KafkaConsumer<byte[], byte[]>> consumers = new ArrayList<>();
            try {
                for (int broker = 1; broker <= BROKERS; broker++) {
                    settings.put("client.rack", "r" + broker);
                    KafkaConsumer<byte[], byte[]> consumer = lab.consumer(settings);
                    consumers.add(consumer);
                    consumer.assign(List.of(partition));
                    consumer.seekToBeginning(List.of(partition));
                    Lab.equal(List.of("a", "c"), TransactionCases.texts(Lab.poll(consumer, 2)), "in rack " + broker);
                    Lab.equal(0, consumer.poll(Duration.ofMillis(500)).count(), "what is not committed");
                }
                producer.commitTransaction();
                for (KafkaConsumer<byte[], byte[]> consumer : consumers) {
                    Lab.equal(List.of("d"), TransactionCases.texts(Lab.poll(consumer, 1)), "after the commit");
                }
            } finally {
                consumers.forEach(KafkaConsumer::close);
            }
        }
    }

    /** Somebody kills the broker in the consumer's rack as soon as it was read from. */
    private static void takeOver(Lab lab) throws Exception {
        TopicPartition partition = new TopicPartition(lab.topic(1, BROKERS, Map.of()), 0);
        try (var admin = lab.admin()) {
            var described = admin.describeTopics(List.of(partition.topic())).allTopicNames().get();
            int leader = described.get(partition.topic()).partitions().get(0).leader().id();
            int near = leader % BROKERS + 1;
            try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of("client.rack", "r" + near))) {
                consumer.assign(List.of(partition));
                consumer.seekToBeginning(List.of(partition));
                long deadline = System.nanoTime() + 2 * Lab.PATIENCE.toNanos();
                long read = 0;
                int left = RECORDS_AFTER;
                while (left > 0) {
                    Lab.holds(System.nanoTime() < deadline, "broker " + near + " dies");
                    lab.send(partition, Map.of(), Lab.values(1, 100));
                    Lab.equal(read, Lab.poll(consumer, 1).get(0).offset(), "next offset");
                    read += 1;
                    boolean isThere = admin.describeCluster().nodes().get().stream().anyMatch(it -> it.id() == near);
                    left = isThere ? RECORDS_AFTER : left - 1;
                }
            }
        }
    }

    private static double bytesFrom(KafkaConsumer<byte[], byte[]> consumer, int broker) {
        double bytes = 0;
        for (Map.Entry<MetricName, ? extends Metric> entry : consumer.metrics().entrySet()) {
            MetricName name = entry.getKey();
            if (name.group().equals("consumer-node-metrics")
                    && name.name().equals("incoming-byte-total")
                    && ("node-" + broker).equals(name.tags().get("node-id"))) {
                bytes += (Double) entry.getValue().metricValue();
            }
        }
        return bytes;
    }

    private static void spread(Lab lab) throws Exception {
        String topic = lab.topic(6, 2, Map.of());
        try (var admin = lab.admin()) {
            var partitions = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions();
            Lab.equal(6, partitions.size(), "partitions");
            for (var partition : partitions) {
                List<String> racks = partition.replicas().stream().map(node -> node.rack()).distinct().toList();
                Lab.equal(2, racks.size(), "racks of " + partition);
            }
        }
    }
}
