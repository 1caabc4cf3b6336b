import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.GroupSubscribedToTopicException;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;

/** What the Java consumer and admin client do with groups, by the classic protocol. */
final class GroupCases {
    private GroupCases() {}

    static void addTo(Map<String, Case> cases) {
        cases.put("a_group_goes_on_where_it_committed", GroupCases::continued);
        cases.put("members_share_partitions_and_take_over", GroupCases::shared);
        cases.put("cooperative_members_keep_what_they_have", GroupCases::cooperative);
        cases.put("a_static_member_comes_back_to_its_partitions", GroupCases::staticMember);
        cases.put("a_static_member_is_fenced_by_its_successor", GroupCases::fenced);
        cases.put("a_member_that_was_pushed_out_cannot_commit", GroupCases::pushedOut);
        cases.put("offsets_are_committed_without_members", GroupCases::withoutMembers);
        cases.put("long_metadata_is_refused", GroupCases::longMetadata);
        cases.put("groups_are_listed_described_and_deleted", GroupCases::administered);
        cases.put("group_offsets_are_altered_and_deleted", GroupCases::alteredOffsets);
        cases.put("offsets_of_a_deleted_topic_are_forgotten", GroupCases::deletedTopic);
        cases.put("bad_groups_are_refused", GroupCases::badGroups);
    }

    private static KafkaConsumer<byte[], byte[]> member(Lab lab, String group, Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.put("group.id", group);
        all.putIfAbsent("session.timeout.ms", 10_000);
        all.putIfAbsent("heartbeat.interval.ms", 500);
        return lab.consumer(all);
    }

    /** Lets all poll until what they are assigned together is this many partitions, each once. */
    private static void settle(int partitions, List<KafkaConsumer<byte[], byte[]>> members) {
        long deadline = System.nanoTime() + Lab.PATIENCE.toNanos();
        while (System.nanoTime() < deadline) {
            members.forEach(member -> member.poll(Duration.ofMillis(100)));
            List<TopicPartition> all = new ArrayList<>();
            members.forEach(member -> all.addAll(member.assignment()));
            boolean each = members.stream().noneMatch(member -> member.assignment().isEmpty());
            if (each && all.size() == partitions && new HashSet<>(all).size() == partitions) {
                return;
            }
        }
        throw new AssertionError("the members do not share " + partitions + " partitions");
    }

    private static void continued(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        String group = lab.freshName();
        lab.send(partition, Map.of("batch.size", 0), Lab.values(30, 10));
        try (KafkaConsumer<byte[], byte[]> member = member(lab, group, Map.of("max.poll.records", 10))) {
            member.subscribe(List.of(partition.topic()));
            Lab.equal(10, Lab.poll(member, 10).size(), "first records");
            member.commitSync();
            OffsetAndMetadata committed = member.committed(Set.of(partition)).get(partition);
            Lab.equal(10L, committed.offset(), "committed offset");
        }
        try (KafkaConsumer<byte[], byte[]> member = member(lab, group, Map.of())) {
            member.subscribe(List.of(partition.topic()));
            List<ConsumerRecord<byte[], byte[]>> rest = Lab.poll(member, 20);
            Lab.consecutive(10, rest.stream().map(ConsumerRecord::offset).toList());
        }
    }

    private static void shared(Lab lab) throws Exception {
        String topic = lab.topic(6, Map.of());
        String group = lab.freshName();
        KafkaConsumer<byte[], byte[]> first = member(lab, group, Map.of());
        try (KafkaConsumer<byte[], byte[]> second = member(lab, group, Map.of())) {
            first.subscribe(List.of(topic));
            settle(6, List.of(first));
            second.subscribe(List.of(topic));
            settle(6, List.of(first, second));
            Lab.equal(3, second.assignment().size(), "half of the partitions");
            first.close();
            settle(6, List.of(second));
        }
    }

    private static void cooperative(Lab lab) throws Exception {
        String topic = lab.topic(4, Map.of());
        String group = lab.freshName();
        Map<String, Object> sticky = Map.of(
                "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor");
        try (KafkaConsumer<byte[], byte[]> first = member(lab, group, sticky);
                KafkaConsumer<byte[], byte[]> second = member(lab, group, sticky)) {
            first.subscribe(List.of(topic));
            settle(4, List.of(first));
            Set<TopicPartition> before = new HashSet<>(first.assignment());
            second.subscribe(List.of(topic));
            settle(4, List.of(first, second));
            Lab.holds(before.containsAll(first.assignment()), "what the first has now it had before");
            Lab.equal(2, second.assignment().size(), "partitions of the second");
        }
    }

    private static void staticMember(Lab lab) throws Exception {
        String topic = lab.topic(4, Map.of());
        String group = lab.freshName();
        Map<String, Object> one = Map.of("group.instance.id", "one", "session.timeout.ms", 30_000);
        Map<String, Object> two = Map.of("group.instance.id", "two", "session.timeout.ms", 30_000);
        KafkaConsumer<byte[], byte[]> first = member(lab, group, one);
        try (KafkaConsumer<byte[], byte[]> second = member(lab, group, two)) {
            first.subscribe(List.of(topic));
            second.subscribe(List.of(topic));
            settle(4, List.of(first, second));
            int generation = second.groupMetadata().generationId();
            Set<TopicPartition> before = new HashSet<>(first.assignment());
            first.close();
            try (KafkaConsumer<byte[], byte[]> again = member(lab, group, one)) {
                again.subscribe(List.of(topic));
                settle(4, List.of(again, second));
                Lab.equal(before, again.assignment(), "partitions of the member that came back");
                Lab.equal(generation, second.groupMetadata().generationId(), "generation");
            }
        }
    }

    private static void fenced(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of());
        String group = lab.freshName();
        Map<String, Object> one = Map.of("group.instance.id", "one");
        KafkaConsumer<byte[], byte[]> old = member(lab, group, one);
        try (KafkaConsumer<byte[], byte[]> successor = member(lab, group, one)) {
            old.subscribe(List.of(topic));
            settle(1, List.of(old));
            successor.subscribe(List.of(topic));
            settle(1, List.of(successor));
            Lab.fails(FencedInstanceIdException.class, () -> {
                long deadline = System.nanoTime() + Lab.PATIENCE.toNanos();
                while (System.nanoTime() < deadline) {
                    old.poll(Duration.ofMillis(100));
                }
            });
        } finally {
            old.close(org.apache.kafka.clients.consumer.CloseOptions.timeout(Duration.ofSeconds(1)));
        }
    }

    private static void pushedOut(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        String group = lab.freshName();
        lab.send(partition, Map.of(), Lab.values(10, 10));
        Map<String, Object> slow = Map.of("max.poll.interval.ms", 1_000);
        try (KafkaConsumer<byte[], byte[]> member = member(lab, group, slow);
                Admin admin = lab.admin()) {
            member.subscribe(List.of(partition.topic()));
            Lab.poll(member, 10);
            long deadline = System.nanoTime() + Lab.PATIENCE.toNanos();
            while (description(admin, group).members().size() > 0) {
                Lab.holds(System.nanoTime() < deadline, "the slow member leaves in time");
                Thread.sleep(200);
            }
            Lab.fails(CommitFailedException.class, member::commitSync);
        }
    }

    private static void withoutMembers(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        String group = lab.freshName();
        lab.send(partition, Map.of(), Lab.values(10, 10));
        try (KafkaConsumer<byte[], byte[]> consumer = member(lab, group, Map.of())) {
            consumer.assign(List.of(partition));
            Lab.equal(null, consumer.committed(Set.of(partition)).get(partition), "nothing is committed yet");
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(4, "mark")));
            OffsetAndMetadata committed = consumer.committed(Set.of(partition)).get(partition);
            Lab.equal(4L, committed.offset(), "offset");
            Lab.equal("mark", committed.metadata(), "metadata");
        }
        try (KafkaConsumer<byte[], byte[]> consumer = member(lab, group, Map.of())) {
            consumer.assign(List.of(partition));
            Lab.equal(4L, Lab.poll(consumer, 6).get(0).offset(), "first record");
        }
    }

    private static void longMetadata(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        try (KafkaConsumer<byte[], byte[]> consumer = member(lab, lab.freshName(), Map.of())) {
            consumer.assign(List.of(partition));
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(0, "x".repeat(4096))));
            Lab.fails(OffsetMetadataTooLarge.class, () ->
                    consumer.commitSync(Map.of(partition, new OffsetAndMetadata(0, "x".repeat(4097)))));
        }
    }

    private static ConsumerGroupDescription description(Admin admin, String group) throws Exception {
        return admin.describeConsumerGroups(List.of(group)).describedGroups().get(group)
                .get(Lab.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    private static <T> T done(KafkaFuture<T> future) throws Exception {
        return future.get(Lab.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    private static void administered(Lab lab) throws Exception {
        String topic = lab.topic(2, Map.of());
        String group = lab.freshName();
        try (Admin admin = lab.admin()) {
            Lab.fails(GroupIdNotFoundException.class, () -> description(admin, group));
            try (KafkaConsumer<byte[], byte[]> member = member(lab, group, Map.of("client.id", "tester"))) {
                member.subscribe(List.of(topic));
                settle(2, List.of(member));
                ConsumerGroupDescription described = description(admin, group);
                Lab.equal(GroupState.STABLE, described.groupState(), "state");
                Lab.equal("range", described.partitionAssignor(), "assignor");
                Lab.equal(1, described.members().size(), "members");
                described.members().forEach(one -> {
                    Lab.equal("tester", one.clientId(), "client id");
                    Lab.equal("/127.0.0.1", one.host(), "host");
                    Lab.equal(2, one.assignment().topicPartitions().size(), "assigned partitions");
                });
                Collection<GroupListing> listed = done(admin.listGroups().all());
                GroupListing own = listed.stream().filter(one -> one.groupId().equals(group)).findFirst().get();
                Lab.equal(GroupState.STABLE, own.groupState().get(), "listed state");
                Lab.equal("consumer", own.protocol(), "listed protocol");
                Lab.fails(GroupNotEmptyException.class, () ->
                        done(admin.deleteConsumerGroups(List.of(group)).all()));
                member.commitSync();
            }
            Lab.equal(GroupState.EMPTY, description(admin, group).groupState(), "state without members");
            done(admin.deleteConsumerGroups(List.of(group)).all());
            Lab.fails(GroupIdNotFoundException.class, () ->
                    done(admin.deleteConsumerGroups(List.of(group)).all()));
            Lab.holds(done(admin.listGroups().all()).stream().noneMatch(one -> one.groupId().equals(group)),
                    "it is not listed any more");
        }
    }

    private static void alteredOffsets(Lab lab) throws Exception {
        String topic = lab.topic(2, Map.of());
        TopicPartition zero = new TopicPartition(topic, 0);
        TopicPartition one = new TopicPartition(topic, 1);
        String group = lab.freshName();
        try (Admin admin = lab.admin()) {
            Map<TopicPartition, OffsetAndMetadata> wanted =
                    Map.of(zero, new OffsetAndMetadata(3), one, new OffsetAndMetadata(5));
            done(admin.alterConsumerGroupOffsets(group, wanted).all());
            Lab.equal(wanted, done(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()),
                    "offsets as altered");
            try (KafkaConsumer<byte[], byte[]> member = member(lab, group, Map.of())) {
                member.subscribe(List.of(topic));
                settle(2, List.of(member));
                Lab.fails(GroupSubscribedToTopicException.class, () ->
                        done(admin.deleteConsumerGroupOffsets(group, Set.of(zero)).partitionResult(zero)));
            }
            done(admin.deleteConsumerGroupOffsets(group, Set.of(zero)).all());
            Map<TopicPartition, OffsetAndMetadata> left =
                    done(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
            Lab.equal(Set.of(one), left.keySet(), "what is left");
        }
    }

    private static void deletedTopic(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        String group = lab.freshName();
        try (Admin admin = lab.admin()) {
            done(admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(7))).all());
            done(admin.deleteTopics(List.of(partition.topic())).all());
            long deadline = System.nanoTime() + Lab.PATIENCE.toNanos();
            while (!done(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()).isEmpty()) {
                Lab.holds(System.nanoTime() < deadline, "the offset is forgotten in time");
                Thread.sleep(100);
            }
        }
    }

    private static void badGroups(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        try (Admin admin = lab.admin()) {
            Lab.fails(GroupIdNotFoundException.class, () ->
                    done(admin.deleteConsumerGroups(List.of("")).all()));
            Lab.fails(GroupIdNotFoundException.class, () ->
                    done(admin.deleteConsumerGroupOffsets(lab.freshName(), Set.of(partition)).all()));
        }
    }
}
