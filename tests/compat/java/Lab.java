import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** What every case needs: clients of one broker, topics of its own, and checks. */
public final class Lab {
    /** The longest that anything in a case may take before it counts as not happening. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    private final String bootstrap;
    private final String run = Long.toString(System.nanoTime(), 36);
    private int topicCount;

    Lab(String bootstrap) {
        this.bootstrap = bootstrap;
    }

    Admin admin() {
        return Admin.create(Map.of(
                "bootstrap.servers", bootstrap,
                "default.api.timeout.ms", (int) PATIENCE.toMillis(),
                "request.timeout.ms", 10_000));
    }

    KafkaProducer<byte[], byte[]> producer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("bootstrap.servers", bootstrap);
        all.putIfAbsent("delivery.timeout.ms", (int) PATIENCE.toMillis());
        all.putIfAbsent("request.timeout.ms", 10_000);
        all.putIfAbsent("max.block.ms", (int) PATIENCE.toMillis());
        return new KafkaProducer<>(all, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /** A consumer of assigned partitions; there is no group. */
    KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("bootstrap.servers", bootstrap);
        all.put("enable.auto.commit", false);
        all.putIfAbsent("auto.offset.reset", "earliest");
        all.putIfAbsent("default.api.timeout.ms", (int) PATIENCE.toMillis());
        return new KafkaConsumer<>(all, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    /** A name that no other case and no earlier run uses. */
    String freshName() {
        topicCount += 1;
        return "java-" + run + "-" + topicCount;
    }

    /** A new topic with these settings. */
    String topic(int partitions, Map<String, String> configs) throws Exception {
        return topic(partitions, 1, configs);
    }

    /** The same with so many replicas. */
    String topic(int partitions, int replicas, Map<String, String> configs) throws Exception {
        String name = freshName();
        try (Admin admin = admin()) {
            NewTopic topic = new NewTopic(name, partitions, (short) replicas).configs(configs);
            admin.createTopics(List.of(topic)).all().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }
        return name;
    }

    /** A new topic of one partition with the broker's settings, as that partition. */
    TopicPartition partition() throws Exception {
        return new TopicPartition(topic(1, Map.of()), 0);
    }

    /** Sends values and waits for all of them; the answer has their metadata in order. */
    List<RecordMetadata> send(TopicPartition to, Map<String, Object> settings, List<byte[]> values)
            throws Exception {
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (byte[] value : values) {
            records.add(new ProducerRecord<>(to.topic(), to.partition(), null, value));
        }
        return sendRecords(settings, records);
    }

    List<RecordMetadata> sendRecords(
            Map<String, Object> settings, List<ProducerRecord<byte[], byte[]>> records) throws Exception {
        List<RecordMetadata> sent = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = producer(settings)) {
            List<Future<RecordMetadata>> pending = new ArrayList<>();
            for (ProducerRecord<byte[], byte[]> record : records) {
                pending.add(producer.send(record));
            }
            producer.flush();
            for (Future<RecordMetadata> one : pending) {
                sent.add(one.get(PATIENCE.toSeconds(), TimeUnit.SECONDS));
            }
        }
        return sent;
    }

    /** Reads a partition from its beginning until this many records have come. */
    List<ConsumerRecord<byte[], byte[]>> read(TopicPartition from, int count) {
        return read(from, count, Map.of());
    }

    List<ConsumerRecord<byte[], byte[]>> read(TopicPartition from, int count, Map<String, Object> settings) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(settings)) {
            consumer.assign(List.of(from));
            consumer.seekToBeginning(List.of(from));
            return poll(consumer, count);
        }
    }

    /** Polls until this many records have come, and fails when they do not. */
    static List<ConsumerRecord<byte[], byte[]>> poll(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (records.size() < count) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("only " + records.size() + " of " + count + " records came");
            }
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }

    static byte[] bytes(String text) {
        return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    /** Values "0", "1", … of a size, compressible but all different. */
    static List<byte[]> values(int count, int size) {
        List<byte[]> values = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            String text = number + "-";
            values.add(bytes(text + "x".repeat(Math.max(0, size - text.length()))));
        }
        return values;
    }

    static void equal(Object expected, Object found, String what) {
        if (!Objects.deepEquals(expected, found)) {
            throw new AssertionError(what + ": expected " + expected + ", found " + found);
        }
    }

    static void holds(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError("does not hold: " + what);
        }
    }

    /** The offsets must be first, first + 1, … */
    static void consecutive(long first, Collection<Long> offsets) {
        long expected = first;
        for (long offset : offsets) {
            equal(expected, offset, "offset");
            expected += 1;
        }
    }

    /** Something that must fail with this exception, itself or as its cause. */
    static <E extends Exception> E fails(Class<E> kind, Action action) throws Exception {
        try {
            action.run();
        } catch (Exception failure) {
            Throwable reason = failure instanceof ExecutionException ? failure.getCause() : failure;
            if (kind.isInstance(reason)) {
                return kind.cast(reason);
            }
            throw new AssertionError("expected " + kind.getSimpleName() + ", found " + reason, reason);
        }
        throw new AssertionError("expected " + kind.getSimpleName() + ", found success");
    }

    /** Anything that may throw. */
    @FunctionalInterface
    interface Action {
        void run() throws Exception;
    }
}
