import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Consumers of one group that come, leave and die at random.
 *
 * <p>{@code Churn HOST:PORT TOPIC PARTITIONS CONSUMERS SECONDS SEED}. No partition may be assigned to two
 * members in one generation, and none may be without an owner for longer than the timeouts explain. Prints
 * one line with counts at the end; what is wrong goes to stderr and makes the exit code 1.
 */
public final class Churn {
    private static final int SESSION_MS = 6_000;
    private static final int REBALANCE_MS = 8_000;
    /**
     * A member that dies is missed for a session; while others wait for it to join, more may die, but no
     * longer than a rebalance may take; and the leader may die before it has assigned anything, once more.
     */
    private static final long UNOWNED_MS_MAX = SESSION_MS + 2 * (REBALANCE_MS + SESSION_MS) + 2_000;

    private final String bootstrap;
    private final String topic;
    private final Map<Integer, Map<Integer, String>> generations = new HashMap<>();
    private final Map<Integer, String> owners = new HashMap<>();
    private final long[] unownedSince;
    private final List<String> wrong = new ArrayList<>();
    private long longestUnowned;
    private int lastGeneration;
    private int joined;
    private int left;
    private int killed;

    private Churn(String bootstrap, String topic, int partitions) {
        this.bootstrap = bootstrap;
        this.topic = topic;
        this.unownedSince = new long[partitions];
        // Nobody is late before the first assignment is there.
        java.util.Arrays.fill(unownedSince, Long.MAX_VALUE);
    }

    public static void main(String[] arguments) throws Exception {
        Churn churn = new Churn(arguments[0], arguments[1], Integer.parseInt(arguments[2]));
        int consumers = Integer.parseInt(arguments[3]);
        Duration time = Duration.ofSeconds(Long.parseLong(arguments[4]));
        churn.run(consumers, time, new Random(Long.parseUnsignedLong(arguments[5])));
        churn.wrong.forEach(System.err::println);
        System.out.printf(
                "joined=%d left=%d killed=%d generations=%d longest_unowned_ms=%d allowed_ms=%d wrong=%d%n",
                churn.joined, churn.left, churn.killed, churn.lastGeneration,
                churn.longestUnowned, UNOWNED_MS_MAX, churn.wrong.size());
        System.exit(churn.wrong.isEmpty() ? 0 : 1);
    }

    private void run(int consumers, Duration time, Random random) throws Exception {
        List<Member> members = new ArrayList<>();
        for (int number = 0; number < consumers; number++) {
            members.add(start());
        }
        // The first assignment takes what it takes on a busy machine.
        long settled = System.nanoTime() + Duration.ofMinutes(2).toNanos();
        while (owned() == 0 && System.nanoTime() < settled) {
            Thread.sleep(100);
        }
        long begun = now();
        synchronized (this) {
            java.util.Arrays.fill(unownedSince, begun);
        }
        while (now() - begun < time.toMillis()) {
            Thread.sleep(500 + random.nextInt(2_500));
            Member victim = members.remove(random.nextInt(members.size()));
            victim.end(random.nextInt(3) == 0 ? Member.KILLED : Member.LEFT);
            members.add(start());
            look();
        }
        look();
        for (Member member : members) {
            member.end(Member.QUIT);
        }
    }

    private Member start() {
        joined += 1;
        Member member = new Member("member-" + joined);
        member.start();
        return member;
    }

    private static long now() {
        return System.nanoTime() / 1_000_000;
    }

    private synchronized int owned() {
        return owners.size();
    }

    /** Holds the time that partitions without an owner have been so against what is allowed. */
    private synchronized void look() {
        for (int partition = 0; partition < unownedSince.length; partition++) {
            if (!owners.containsKey(partition)) {
                unowned(partition, now() - unownedSince[partition]);
            }
        }
    }

    private void unowned(int partition, long milliseconds) {
        longestUnowned = Math.max(longestUnowned, milliseconds);
        if (milliseconds > UNOWNED_MS_MAX) {
            wrong.add("partition " + partition + " had no owner for " + milliseconds + " ms");
        }
    }

    private synchronized void assigned(String member, int generation, Collection<TopicPartition> partitions) {
        lastGeneration = Math.max(lastGeneration, generation);
        Map<Integer, String> assignment = generations.computeIfAbsent(generation, unused -> new HashMap<>());
        for (TopicPartition one : partitions) {
            String other = assignment.put(one.partition(), member);
            if (other != null && !other.equals(member)) {
                wrong.add("generation " + generation + " gives partition " + one.partition()
                        + " to " + other + " and to " + member);
            }
            if (!owners.containsKey(one.partition())) {
                unowned(one.partition(), now() - unownedSince[one.partition()]);
            }
            owners.put(one.partition(), member);
        }
        generations.keySet().removeIf(old -> old < lastGeneration - 100);
    }

    private synchronized void gone(String member) {
        for (int partition = 0; partition < unownedSince.length; partition++) {
            if (owners.remove(partition, member)) {
                unownedSince[partition] = now();
            }
        }
    }

    /** One consumer with a thread of its own. */
    private final class Member extends Thread implements ConsumerRebalanceListener {
        static final int RUNNING = 0;
        static final int LEFT = 1;
        static final int KILLED = 2;
        static final int QUIT = 3;

        private volatile int state = RUNNING;
        private KafkaConsumer<byte[], byte[]> consumer;

        Member(String name) {
            super(name);
            setDaemon(true);
        }

        void end(int how) throws InterruptedException {
            if (how == LEFT) {
                left += 1;
            } else if (how == KILLED) {
                killed += 1;
            }
            state = how;
            if (how != QUIT) {
                join(30_000);
            }
        }

        @Override
        public void run() {
            consumer = new KafkaConsumer<>(Map.of(
                    "bootstrap.servers", bootstrap,
                    "group.id", "churn",
                    "client.id", getName(),
                    "enable.auto.commit", false,
                    "session.timeout.ms", SESSION_MS,
                    "heartbeat.interval.ms", 1_000,
                    "max.poll.interval.ms", REBALANCE_MS,
                    "receive.buffer.bytes", 32_768,
                    "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor"),
                    new ByteArrayDeserializer(), new ByteArrayDeserializer());
            consumer.subscribe(List.of(topic), this);
            while (state == RUNNING) {
                consumer.poll(Duration.ofMillis(200));
            }
            gone(getName());
            // Who is killed says nothing to anybody.
            CloseOptions silently = CloseOptions
                    .groupMembershipOperation(CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP)
                    .withTimeout(Duration.ZERO);
            consumer.close(state == KILLED ? silently : CloseOptions.timeout(Duration.ofSeconds(5)));
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            assigned(getName(), consumer.groupMetadata().generationId(), partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            gone(getName());
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            gone(getName());
        }
    }
}
