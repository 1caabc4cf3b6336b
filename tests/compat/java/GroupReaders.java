import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Members of one group that read a topic while its brokers come and go, and commit what they read.
 *
 * <p>{@code GroupReaders HOST:PORT TOPIC MEMBERS SEED ENDS}. They read until the file ENDS exists and they have
 * read up to the end offsets in it, a line with commas. Now and then one leaves and another comes, so that
 * partitions are taken up where the group's offsets say. Nothing may be skipped, and nothing may come again
 * that lies before an offset whose commit the broker has acknowledged. Prints one line with counts; what is
 * wrong goes to stderr and makes the exit code 1.
 */
public final class GroupReaders {
    /** How long the rest may take once the end is known. */
    private static final long PATIENCE_MS = 300_000;

    private final String bootstrap;
    private final String topic;
    private final Path ends;
    /** By partition: all before it was read, and the highest offset of an acknowledged commit. */
    private final Map<Integer, Long> read = new HashMap<>();
    private final Map<Integer, Long> committed = new HashMap<>();
    private final List<String> wrong = new ArrayList<>();
    private long records;
    private long repeated;
    private long commits;
    private long assignments;

    private GroupReaders(String bootstrap, String topic, Path ends) {
        this.bootstrap = bootstrap;
        this.topic = topic;
        this.ends = ends;
    }

    public static void main(String[] arguments) throws Exception {
        GroupReaders readers = new GroupReaders(arguments[0], arguments[1], Path.of(arguments[4]));
        readers.run(Integer.parseInt(arguments[2]), new Random(Long.parseUnsignedLong(arguments[3])));
        readers.wrong.forEach(System.err::println);
        System.out.printf("records=%d repeated=%d commits=%d assignments=%d wrong=%d%n",
                readers.records, readers.repeated, readers.commits, readers.assignments, readers.wrong.size());
        System.exit(readers.wrong.isEmpty() ? 0 : 1);
    }

    private void run(int count, Random random) throws Exception {
        List<Member> members = new ArrayList<>();
        for (int number = 0; number < count; number++) {
            members.add(new Member());
        }
        long nextChange = now();
        while (!Files.exists(ends)) {
            Thread.sleep(200);
            if (now() >= nextChange) {
                nextChange = now() + 5_000 + random.nextInt(10_000);
                members.remove(random.nextInt(members.size())).end();
                members.add(new Member());
            }
        }
        List<Long> wanted = new ArrayList<>();
        for (String end : Files.readString(ends).trim().split(",")) {
            wanted.add(Long.parseLong(end));
        }
        long deadline = now() + PATIENCE_MS;
        while (!hasRead(wanted) && now() < deadline) {
            Thread.sleep(100);
        }
        synchronized (this) {
            if (!hasRead(wanted)) {
                wrong.add("read up to " + read + ", not " + wanted);
            }
        }
        for (Member member : members) {
            member.end();
        }
    }

    private static long now() {
        return System.nanoTime() / 1_000_000;
    }

    private synchronized boolean hasRead(List<Long> wanted) {
        for (int partition = 0; partition < wanted.size(); partition++) {
            if (read.getOrDefault(partition, 0L) < wanted.get(partition)) {
                return false;
            }
        }
        return true;
    }

    private synchronized void take(ConsumerRecord<byte[], byte[]> record) {
        long next = read.getOrDefault(record.partition(), 0L);
        if (record.offset() > next) {
            wrong.add("partition " + record.partition() + ": " + record.offset() + " came after " + (next - 1));
        }
        if (record.offset() < committed.getOrDefault(record.partition(), 0L)) {
            wrong.add("partition " + record.partition() + ": " + record.offset() + " came again, "
                    + committed.get(record.partition()) + " was committed");
        }
        records += 1;
        if (record.offset() < next) {
            repeated += 1;
        }
        read.put(record.partition(), Math.max(next, record.offset() + 1));
    }

    private synchronized void committed(Map<TopicPartition, OffsetAndMetadata> offsets) {
        commits += 1;
        offsets.forEach((partition, offset) ->
                committed.merge(partition.partition(), offset.offset(), Math::max));
    }

    private synchronized void assigned(int partitions) {
        assignments += partitions;
    }

    private synchronized void failed(String name, Exception failure) {
        wrong.add(name + ": " + failure);
    }

    /** One consumer with a thread of its own. */
    private final class Member extends Thread implements ConsumerRebalanceListener {
        private volatile boolean isEnding;

        Member() {
            setDaemon(true);
            start();
        }

        void end() throws InterruptedException {
            isEnding = true;
            join(60_000);
        }

        @Override
        public void run() {
            Map<String, Object> settings = new HashMap<>();
            settings.put("bootstrap.servers", bootstrap);
            settings.put("group.id", "readers");
            settings.put("enable.auto.commit", false);
            settings.put("auto.offset.reset", "earliest");
            // A member whose leaving got lost is waited for that long by each new coordinator, and brokers go
            // more often than the default, 45 s, ends.
            settings.put("session.timeout.ms", 6_000);
            settings.put("heartbeat.interval.ms", 1_000);
            try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(
                    settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
                consumer.subscribe(List.of(topic), this);
                while (!isEnding) {
                    ConsumerRecords<byte[], byte[]> polled = consumer.poll(Duration.ofMillis(200));
                    if (!polled.isEmpty()) {
                        read(consumer, polled);
                    }
                }
            } catch (Exception failure) {
                failed(getName(), failure);
            }
        }

        /**
         * Commits after what it read. A commit that the broker did not acknowledge in time, or that came after
         * the partitions went to somebody else, promises nothing.
         */
        private void read(KafkaConsumer<byte[], byte[]> consumer, ConsumerRecords<byte[], byte[]> polled) {
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (ConsumerRecord<byte[], byte[]> record : polled) {
                take(record);
                offsets.put(new TopicPartition(topic, record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
            }
            try {
                consumer.commitSync(offsets);
                committed(offsets);
            } catch (RetriableException | RebalanceInProgressException | CommitFailedException unacknowledged) {
                // Whoever has the partitions next begins at an earlier offset.
            }
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            assigned(partitions.size());
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {}
    }
}
