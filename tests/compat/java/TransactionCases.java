import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.TransactionalIdNotFoundException;

/** What the Java client does in transactions. */
final class TransactionCases {
    private static final Map<String, Object> COMMITTED = Map.of("isolation.level", "read_committed");

    private TransactionCases() {}

    static void addTo(Map<String, Case> cases) {
        cases.put("a_committed_transaction_is_read_whole", TransactionCases::committed);
        cases.put("an_aborted_transaction_is_not_read", TransactionCases::aborted);
        cases.put("transactions_of_several_producers_mix", TransactionCases::mixed);
        cases.put("hundreds_of_transactions_follow_each_other", TransactionCases::many);
        cases.put("a_producer_is_fenced_by_its_successor", TransactionCases::fenced);
        cases.put("consumed_offsets_are_committed_with_what_was_produced", TransactionCases::chain);
        cases.put("offsets_of_an_aborted_transaction_are_consumed_again", TransactionCases::abortedChain);
        cases.put("a_transaction_that_takes_too_long_is_aborted", TransactionCases::timedOut);
        cases.put("a_transaction_timeout_beyond_the_brokers_is_refused", TransactionCases::timeoutTooLong);
        cases.put("transactions_are_listed_and_described", TransactionCases::told);
        cases.put("a_producer_is_fenced_by_an_admin", TransactionCases::fencedByAdmin);
        cases.put("a_hanging_transaction_is_aborted_by_an_admin", TransactionCases::abortedByAdmin);
    }

    static KafkaProducer<byte[], byte[]> writer(Lab lab, String id) {
        return writer(lab, id, Map.of());
    }

    private static KafkaProducer<byte[], byte[]> writer(Lab lab, String id, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("transactional.id", id);
        all.putIfAbsent("transaction.timeout.ms", 30_000);
        KafkaProducer<byte[], byte[]> producer = lab.producer(all);
        producer.initTransactions();
        return producer;
    }

    static ProducerRecord<byte[], byte[]> record(String topic, int partition, String value) {
        return new ProducerRecord<>(topic, partition, null, Lab.bytes(value));
    }

    static List<String> texts(Collection<ConsumerRecord<byte[], byte[]>> records) {
        return records.stream().map(record -> new String(record.value())).toList();
    }

    private static void committed(Lab lab) throws Exception {
        String topic = lab.topic(3, Map.of());
        try (KafkaProducer<byte[], byte[]> producer = writer(lab, lab.freshName())) {
            producer.beginTransaction();
            for (int number = 0; number < 300; number++) {
                producer.send(record(topic, number % 3, "v" + number));
            }
            producer.flush();
            try (KafkaConsumer<byte[], byte[]> reader = lab.consumer(COMMITTED)) {
                List<TopicPartition> all = List.of(0, 1, 2).stream()
                        .map(number -> new TopicPartition(topic, number))
                        .toList();
                reader.assign(all);
                reader.seekToBeginning(all);
                Lab.equal(0, reader.poll(Duration.ofMillis(500)).count(), "records before the commit");
                producer.commitTransaction();
                Lab.equal(300, Lab.poll(reader, 300).size(), "records");
            }
        }
    }

    private static void aborted(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        try (KafkaProducer<byte[], byte[]> producer = writer(lab, lab.freshName())) {
            for (String value : List.of("a", "b", "c", "d")) {
                producer.beginTransaction();
                producer.send(record(partition.topic(), 0, value)).get();
                if (value.equals("b") || value.equals("d")) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                }
            }
            producer.beginTransaction();
            producer.send(record(partition.topic(), 0, "e")).get();
            producer.commitTransaction();
        }
        Lab.equal(List.of("a", "c", "e"), texts(lab.read(partition, 3, COMMITTED)), "committed");
        Lab.equal(List.of("a", "b", "c", "d", "e"), texts(lab.read(partition, 5)), "all");
    }

    private static void mixed(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        List<KafkaProducer<byte[], byte[]>> producers = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            producers.add(writer(lab, lab.freshName()));
        }
        for (int turn = 0; turn < 10; turn++) {
            for (KafkaProducer<byte[], byte[]> producer : producers) {
                producer.beginTransaction();
            }
            for (int number = 0; number < 4; number++) {
                String value = turn + "-" + number;
                producers.get(number).send(record(partition.topic(), 0, value)).get();
            }
            for (int number = 3; number >= 0; number--) {
                if ((turn + number) % 2 == 0) {
                    producers.get(number).commitTransaction();
                } else {
                    producers.get(number).abortTransaction();
                }
            }
        }
        producers.forEach(KafkaProducer::close);
        List<String> expected = new ArrayList<>();
        for (int turn = 0; turn < 10; turn++) {
            for (int number = turn % 2; number < 4; number += 2) {
                expected.add(turn + "-" + number);
            }
        }
        Lab.equal(expected, texts(lab.read(partition, 20, COMMITTED)), "committed");
    }

    private static void many(Lab lab) throws Exception {
        String topic = lab.topic(2, Map.of());
        List<String> expected = new ArrayList<>();
        try (KafkaProducer<byte[], byte[]> producer = writer(lab, lab.freshName())) {
            for (int turn = 0; turn < 300; turn++) {
                producer.beginTransaction();
                producer.send(record(topic, 0, "v" + turn));
                producer.send(record(topic, 1, "w" + turn));
                if (turn % 7 == 3) {
                    producer.abortTransaction();
                } else {
                    producer.commitTransaction();
                    expected.add("v" + turn);
                }
            }
        }
        TopicPartition first = new TopicPartition(topic, 0);
        Lab.equal(expected, texts(lab.read(first, expected.size(), COMMITTED)), "committed");
    }

    private static void fenced(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        String id = lab.freshName();
        try (KafkaProducer<byte[], byte[]> old = writer(lab, id)) {
            old.beginTransaction();
            old.send(record(partition.topic(), 0, "old")).get();
            try (KafkaProducer<byte[], byte[]> next = writer(lab, id)) {
                next.beginTransaction();
                next.send(record(partition.topic(), 0, "next")).get();
                Lab.fails(ProducerFencedException.class, old::commitTransaction);
                next.commitTransaction();
            }
        }
        Lab.equal(List.of("next"), texts(lab.read(partition, 1, COMMITTED)), "committed");
    }

    private static KafkaConsumer<byte[], byte[]> member(Lab lab, String group) {
        return lab.consumer(Map.of("group.id", group, "isolation.level", "read_committed"));
    }

    /** Copies what a group has not read yet, so many records at most, in a transaction. */
    private static int copy(
            KafkaConsumer<byte[], byte[]> consumer, KafkaProducer<byte[], byte[]> producer, String to, boolean commits) {
        int count = 0;
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        producer.beginTransaction();
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(500))) {
            producer.send(new ProducerRecord<>(to, 0, record.key(), record.value()));
            offsets.put(
                    new TopicPartition(record.topic(), record.partition()),
                    new OffsetAndMetadata(record.offset() + 1));
            count += 1;
        }
        producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
        if (commits) {
            producer.commitTransaction();
        } else {
            producer.abortTransaction();
        }
        return count;
    }

    private static void chain(Lab lab) throws Exception {
        String from = lab.topic(2, Map.of());
        TopicPartition to = lab.partition();
        String group = lab.freshName();
        List<byte[]> values = Lab.values(1_000, 50);
        for (int number = 0; number < 2; number++) {
            lab.send(new TopicPartition(from, number), Map.of(), values);
        }
        String id = lab.freshName();
        int copied = 0;
        for (int life = 0; copied < 2_000; life++) {
            Lab.holds(life < 20, "all is copied by then");
            Map<String, Object> few = Map.of("group.id", group, "max.poll.records", 170);
            try (KafkaConsumer<byte[], byte[]> consumer = lab.consumer(few);
                    KafkaProducer<byte[], byte[]> producer = writer(lab, id)) {
                consumer.subscribe(List.of(from));
                for (int turn = 0; turn < 12; turn++) {
                    copied += copy(consumer, producer, to.topic(), true);
                }
            }
        }
        Lab.equal(2_000, copied, "copied");
        List<String> texts = texts(lab.read(to, 2_000, COMMITTED));
        Map<String, Long> counts = texts.stream().collect(Collectors.groupingBy(text -> text, Collectors.counting()));
        Lab.equal(1_000, counts.size(), "values");
        Lab.equal(Set.of(2L), Set.copyOf(counts.values()), "copies of each");
    }

    private static void abortedChain(Lab lab) throws Exception {
        TopicPartition from = lab.partition();
        TopicPartition to = lab.partition();
        lab.send(from, Map.of(), Lab.values(10, 10));
        String group = lab.freshName();
        String id = lab.freshName();
        for (boolean commits : List.of(false, true)) {
            int copied = 0;
            try (KafkaConsumer<byte[], byte[]> consumer = member(lab, group);
                    KafkaProducer<byte[], byte[]> producer = writer(lab, id)) {
                consumer.subscribe(List.of(from.topic()));
                for (int turn = 0; turn < 20 && copied == 0; turn++) {
                    copied = copy(consumer, producer, to.topic(), commits);
                }
            }
            Lab.equal(10, copied, "copied, committed: " + commits);
        }
        Lab.equal(10, lab.read(to, 10, COMMITTED).size(), "committed");
    }

    private static void timedOut(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        Map<String, Object> hasty = Map.of("transaction.timeout.ms", 1_000);
        try (KafkaProducer<byte[], byte[]> slow = writer(lab, lab.freshName(), hasty);
                KafkaProducer<byte[], byte[]> other = writer(lab, lab.freshName())) {
            slow.beginTransaction();
            slow.send(record(partition.topic(), 0, "late")).get();
            other.beginTransaction();
            other.send(record(partition.topic(), 0, "there")).get();
            other.commitTransaction();
            Lab.equal(List.of("there"), texts(lab.read(partition, 1, COMMITTED)), "committed");
            Exception failure = Lab.fails(Exception.class, slow::commitTransaction);
            boolean isKnown = failure instanceof ProducerFencedException
                    || failure instanceof InvalidProducerEpochException
                    || failure.getMessage().contains("transaction");
            Lab.holds(isKnown, "the producer is told: " + failure);
        }
    }

    private static void timeoutTooLong(Lab lab) throws Exception {
        Map<String, Object> patient = Map.of("transaction.timeout.ms", 900_001);
        KafkaException failure =
                Lab.fails(KafkaException.class, () -> writer(lab, lab.freshName(), patient));
        Lab.holds(failure.getMessage().contains("transaction.max.timeout.ms"), "why: " + failure);
    }

    private static void told(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        String id = lab.freshName();
        try (Admin admin = lab.admin();
                KafkaProducer<byte[], byte[]> producer = writer(lab, id)) {
            producer.beginTransaction();
            producer.send(record(partition.topic(), 0, "a")).get();
            TransactionDescription description = describe(admin, id);
            Lab.equal(TransactionState.ONGOING, description.state(), "state");
            Lab.equal(Set.of(partition), description.topicPartitions(), "partitions");
            Lab.holds(description.transactionStartTimeMs().isPresent(), "it has begun");
            ListTransactionsOptions ongoing =
                    new ListTransactionsOptions().filterStates(Set.of(TransactionState.ONGOING));
            Collection<TransactionListing> listed = admin.listTransactions(ongoing).all().get();
            Lab.holds(listed.stream().anyMatch(it -> it.transactionalId().equals(id)), "it is listed");
            ProducerState state = state(admin, partition);
            Lab.equal(description.producerId(), state.producerId(), "producer");
            Lab.equal(0L, state.currentTransactionStartOffset().getAsLong(), "start");
            producer.commitTransaction();
            Lab.equal(TransactionState.COMPLETE_COMMIT, settled(admin, id).state(), "state");
            Lab.holds(state(admin, partition).currentTransactionStartOffset().isEmpty(), "it is over");
            Lab.fails(TransactionalIdNotFoundException.class, () -> describe(admin, lab.freshName()));
        }
    }

    private static TransactionDescription describe(Admin admin, String id) throws Exception {
        return admin.describeTransactions(List.of(id)).description(id).get();
    }

    /** Once all markers are written. */
    private static TransactionDescription settled(Admin admin, String id) throws Exception {
        long deadline = System.nanoTime() + Lab.PATIENCE.toNanos();
        while (true) {
            TransactionDescription description = describe(admin, id);
            boolean isPrepared = description.state() == TransactionState.PREPARE_COMMIT
                    || description.state() == TransactionState.PREPARE_ABORT;
            if (!isPrepared || System.nanoTime() > deadline) {
                return description;
            }
            Thread.sleep(20);
        }
    }

    private static ProducerState state(Admin admin, TopicPartition partition) throws Exception {
        return admin.describeProducers(List.of(partition))
                .partitionResult(partition)
                .get()
                .activeProducers()
                .get(0);
    }

    private static void fencedByAdmin(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        String id = lab.freshName();
        try (Admin admin = lab.admin();
                KafkaProducer<byte[], byte[]> producer = writer(lab, id)) {
            producer.beginTransaction();
            producer.send(record(partition.topic(), 0, "a")).get();
            admin.fenceProducers(List.of(id)).all().get();
            Lab.fails(Exception.class, producer::commitTransaction);
        }
    }

    private static void abortedByAdmin(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        try (Admin admin = lab.admin();
                KafkaProducer<byte[], byte[]> producer = writer(lab, lab.freshName())) {
            producer.beginTransaction();
            Future<RecordMetadata> sent = producer.send(record(partition.topic(), 0, "hangs"));
            sent.get();
            ProducerState state = state(admin, partition);
            AbortTransactionSpec spec = new AbortTransactionSpec(
                    partition,
                    state.producerId(),
                    (short) state.producerEpoch(),
                    state.coordinatorEpoch().orElse(0));
            admin.abortTransaction(spec).all().get();
            Lab.holds(state(admin, partition).currentTransactionStartOffset().isEmpty(), "it is over");
        }
    }
}
