import java.time.Duration;
import java.util.Arrays;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KGroupedStream;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.StreamJoined;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;

/**
 * An application of Kafka Streams with exactly_once_v2, until it is killed.
 *
 * <p>{@code StreamsJob BOOTSTRAP APPLICATION FOLDER}. Nothing is cached, so that each record that is counted
 * gives one update: whatever is counted twice, or lost, can be seen.
 *
 * <p>States are kept in memory, and restored from the brokers. With states on disk, Streams 4.4.0 loses results
 * by itself. A thread that is given a task whose folder is there, without offsets beside it, takes the task for
 * corrupted; here it is the instance that was not killed. When it notices that while its group rebalances,
 * TaskManager.handleCorruption has its transaction aborted without having committed its other tasks first, and these
 * go on from where they were, behind what was aborted. No broker is told of those positions before that.
 *
 * <pre>
 * lines         words of each    counts    word             how many so far
 *                                windows   word@window      how many so far in ten seconds
 * left, right   same key         joined    key              left+right
 * </pre>
 */
public final class StreamsJob {
    private static final Duration WINDOW = Duration.ofSeconds(10);
    private static final Duration LONG = Duration.ofDays(1);

    private StreamsJob() {}

    public static void main(String[] arguments) throws InterruptedException {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("application.id", arguments[1]);
        settings.put("state.dir", arguments[2]);
        settings.put("processing.guarantee", "exactly_once_v2");
        settings.put("statestore.cache.max.bytes", 0);
        settings.put("dsl.store.suppliers.class", BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
        settings.put("num.stream.threads", 2);
        settings.put("num.standby.replicas", 1);
        settings.put("replication.factor", 3);
        settings.put("default.key.serde", Serdes.StringSerde.class);
        settings.put("default.value.serde", Serdes.StringSerde.class);
        settings.put("consumer.session.timeout.ms", 6_000);
        settings.put("consumer.heartbeat.interval.ms", 1_000);
        settings.put("producer.transaction.timeout.ms", 20_000);
        KafkaStreams streams = new KafkaStreams(topology(), settings);
        streams.setUncaughtExceptionHandler(failure -> {
            failure.printStackTrace();
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        streams.start();
        Thread.currentThread().join();
    }

    private static Topology topology() {
        StreamsBuilder builder = new StreamsBuilder();
        KGroupedStream<String, String> words = builder.<String, String>stream("lines")
                .flatMapValues(line -> Arrays.asList(line.split(" ")))
                .groupBy((key, word) -> word, Grouped.as("words"));
        words.count(Named.as("count"), Materialized.as("counted"))
                .toStream()
                .mapValues(String::valueOf)
                .to("counts");
        words.windowedBy(TimeWindows.ofSizeAndGrace(WINDOW, LONG))
                .count(Named.as("count-windows"), Materialized.as("counted-windows"))
                .toStream((word, count) -> word.key() + "@" + word.window().start())
                .mapValues(String::valueOf)
                .to("windows");
        KStream<String, String> left = builder.stream("left");
        left.join(
                        builder.<String, String>stream("right"),
                        (one, other) -> one + "+" + other,
                        JoinWindows.ofTimeDifferenceAndGrace(Duration.ofHours(1), LONG),
                        StreamJoined.as("join"))
                .to("joined");
        return builder.build();
    }
}
