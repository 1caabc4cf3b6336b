import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Transactional producers that write the same number to several partitions at once, or to none.
 *
 * <p>{@code Transfers BOOTSTRAP TOPIC PARTITIONS PRODUCERS SEED}, until stdin ends. Says what it knows of each
 * transaction, a line each; of one of which it says no more than that it begins nobody knows how it ended:
 *
 * <pre>
 * NUMBER begins PARTITION,PARTITION
 * NUMBER is committed
 * NUMBER is aborted
 * </pre>
 */
public final class Transfers {
    private static final int COMMITS_MAX = 20;
    private static final AtomicInteger NUMBERS = new AtomicInteger();

    private final Map<String, Object> settings = new HashMap<>();
    private final String topic;
    private final int partitions;
    private final Random random;

    private Transfers(String[] arguments, int producer) {
        topic = arguments[1];
        partitions = Integer.parseInt(arguments[2]);
        random = new Random(Long.parseUnsignedLong(arguments[4]) + producer);
        settings.put("bootstrap.servers", arguments[0]);
        settings.put("transactional.id", "transfers-" + producer);
        settings.put("transaction.timeout.ms", 10_000);
        settings.put("delivery.timeout.ms", 10_000);
        settings.put("request.timeout.ms", 5_000);
        settings.put("max.block.ms", 10_000);
    }

    public static void main(String[] arguments) throws IOException {
        int producers = Integer.parseInt(arguments[3]);
        for (int number = 0; number < producers; number++) {
            Thread thread = new Thread(new Transfers(arguments, number)::run, "producer-" + number);
            thread.setDaemon(true);
            thread.start();
        }
        while (System.in.read() != -1) {
            // Nobody says anything.
        }
        stopping = true;
        for (Thread thread : Thread.getAllStackTraces().keySet()) {
            if (thread.getName().matches("producer-\\d+")) {
                join(thread);
            }
        }
        System.exit(0);
    }

    private static volatile boolean stopping;

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException wontHappen) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        KafkaProducer<String, String> producer = null;
        int left = 0;
        while (!stopping) {
            KafkaProducer<String, String> successor = begin();
            if (successor == null) {
                continue;
            }
            if (left != 0) {
                say(left, "is aborted");
                commitInVain(producer, left);
                left = 0;
            }
            close(producer);
            producer = successor;
            try {
                while (!stopping && left == 0) {
                    left = transfer(producer);
                }
            } catch (KafkaException fatal) {
                note(fatal);
            }
        }
        close(producer);
    }

    /** A producer that has fenced the one before it; null if that takes too long. */
    private KafkaProducer<String, String> begin() {
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
        try {
            producer.initTransactions();
            return producer;
        } catch (KafkaException late) {
            note(late);
            close(producer);
            return null;
        }
    }

    /** One transaction; its number if it is left as it is, to be aborted by the next producer. */
    private int transfer(KafkaProducer<String, String> producer) {
        int number = NUMBERS.incrementAndGet();
        List<Integer> all = new ArrayList<>();
        for (int partition = 0; partition < partitions; partition++) {
            all.add(partition);
        }
        Collections.shuffle(all, random);
        List<Integer> written = all.subList(0, 2 + random.nextInt(partitions - 1));
        say(number, "begins " + written.stream().map(String::valueOf).collect(Collectors.joining(",")));
        producer.beginTransaction();
        try {
            List<Future<?>> sent = new ArrayList<>();
            for (int partition : written) {
                sent.add(producer.send(new ProducerRecord<>(topic, partition, null, String.valueOf(number))));
            }
            int fate = random.nextInt(40);
            if (fate == 0) {
                producer.flush();
                return number;
            }
            if (fate < 10) {
                producer.abortTransaction();
                say(number, "is aborted");
            } else {
                commit(producer, number);
            }
            pause();
            return 0;
        } catch (TimeoutException unknown) {
            throw unknown;
        } catch (KafkaException refused) {
            note(refused);
            // Throws if it is too late for that: who comes next ends it.
            producer.abortTransaction();
            say(number, "is aborted");
            return 0;
        }
    }

    /** Asked for again while nobody answers. */
    private void commit(KafkaProducer<String, String> producer, int number) {
        for (int tried = 1; ; tried++) {
            try {
                producer.commitTransaction();
                say(number, "is committed");
                return;
            } catch (TimeoutException late) {
                if (tried == COMMITS_MAX || stopping) {
                    throw late;
                }
            }
        }
    }

    /** Whoever was fenced cannot commit any more. */
    private void commitInVain(KafkaProducer<String, String> producer, int number) {
        try {
            producer.commitTransaction();
            say(number, "is committed");
        } catch (KafkaException fenced) {
            note(fenced);
        }
    }

    private void pause() {
        try {
            Thread.sleep(random.nextInt(40));
        } catch (InterruptedException wontHappen) {
            Thread.currentThread().interrupt();
        }
    }

    private static void close(KafkaProducer<?, ?> producer) {
        if (producer != null) {
            producer.close(java.time.Duration.ZERO);
        }
    }

    private static void say(int number, String what) {
        synchronized (System.out) {
            System.out.println(number + " " + what);
        }
    }

    private static void note(Exception refusal) {
        System.err.println(Thread.currentThread().getName() + ": " + refusal);
    }
}
