import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidReplicaAssignmentException;
import org.apache.kafka.common.errors.InvalidReplicationFactorException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the Java admin client does. */
final class AdminCases {
    private AdminCases() {}

    static void addTo(Map<String, Case> cases) {
        cases.put("a_topic_is_created_described_and_deleted", AdminCases::lifeOfATopic);
        cases.put("defaults_and_configs_are_told_at_creation", AdminCases::toldAtCreation);
        cases.put("assignments_are_obeyed", AdminCases::assignments);
        cases.put("validate_only_creates_nothing", AdminCases::validateOnly);
        cases.put("bad_topics_are_refused", AdminCases::badTopics);
        cases.put("partitions_are_added", AdminCases::addedPartitions);
        cases.put("configs_are_described", AdminCases::describedConfigs);
        cases.put("broker_configs_are_described", AdminCases::describedBrokerConfigs);
        cases.put("records_are_deleted", AdminCases::deletedRecords);
        cases.put("offsets_are_listed_by_every_specification", AdminCases::listedOffsets);
        cases.put("a_recreated_topic_is_new", AdminCases::recreatedTopic);
        cases.put("topics_are_described_and_deleted_by_id", AdminCases::byId);
        cases.put("the_cluster_is_described", AdminCases::cluster);
        cases.put("no_reassignments_are_under_way", AdminCases::reassignments);
        cases.put("many_topics_are_created_at_once", AdminCases::manyTopics);
    }

    private static void lifeOfATopic(Lab lab) throws Exception {
        String topic = lab.freshName();
        try (Admin admin = lab.admin()) {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
            TopicDescription description = describeNew(admin, topic);
            Lab.equal(3, description.partitions().size(), "partitions");
            Lab.equal(false, description.isInternal(), "internal");
            Lab.holds(!description.topicId().equals(Uuid.ZERO_UUID), "there is a topic id");
            Lab.holds(admin.listTopics().names().get().contains(topic), "the topic is listed");
            admin.deleteTopics(List.of(topic)).all().get();
            Lab.holds(!admin.listTopics().names().get().contains(topic), "the topic is gone");
            Lab.fails(UnknownTopicOrPartitionException.class, () -> describe(admin, topic));
            Lab.fails(
                    UnknownTopicOrPartitionException.class,
                    () -> admin.deleteTopics(List.of(topic)).all().get());
        }
    }

    private static void toldAtCreation(Lab lab) throws Exception {
        String topic = lab.freshName();
        try (Admin admin = lab.admin()) {
            NewTopic wanted = new NewTopic(topic, Optional.of(2), Optional.empty())
                    .configs(Map.of("retention.ms", "123456", "cleanup.policy", "compact,delete"));
            CreateTopicsResult result = admin.createTopics(List.of(wanted));
            Lab.equal(2, result.numPartitions(topic).get(), "partitions told");
            Lab.equal(1, result.replicationFactor(topic).get(), "replication factor told");
            Config told = result.config(topic).get();
            Lab.equal("123456", told.get("retention.ms").value(), "retention told");
            Lab.equal("compact,delete", told.get("cleanup.policy").value(), "policy told");
            Lab.equal(result.topicId(topic).get(), describeNew(admin, topic).topicId(), "topic id");
        }
    }

    private static void assignments(Lab lab) throws Exception {
        try (Admin admin = lab.admin()) {
            int node = admin.describeCluster().nodes().get().iterator().next().id();
            String topic = lab.freshName();
            NewTopic wanted = new NewTopic(topic, Map.of(0, List.of(node), 1, List.of(node)));
            admin.createTopics(List.of(wanted)).all().get();
            Lab.equal(2, describeNew(admin, topic).partitions().size(), "partitions");
            NewTopic gap = new NewTopic(lab.freshName(), Map.of(0, List.of(node), 2, List.of(node)));
            refused(InvalidReplicaAssignmentException.class, admin, gap);
            NewTopic stranger = new NewTopic(lab.freshName(), Map.of(0, List.of(node + 77)));
            refused(InvalidReplicaAssignmentException.class, admin, stranger);
        }
    }

    private static void validateOnly(Lab lab) throws Exception {
        String topic = lab.freshName();
        CreateTopicsOptions only = new CreateTopicsOptions().validateOnly(true);
        try (Admin admin = lab.admin()) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1)), only).all().get();
            Lab.holds(!admin.listTopics().names().get().contains(topic), "nothing was created");
            NewTopic bad = new NewTopic(topic, 1, (short) 1).configs(Map.of("retention.ms", "soon"));
            Lab.fails(
                    InvalidConfigurationException.class,
                    () -> admin.createTopics(List.of(bad), only).all().get());
        }
    }

    private static void badTopics(Lab lab) throws Exception {
        try (Admin admin = lab.admin()) {
            String existing = lab.topic(1, Map.of());
            refused(TopicExistsException.class, admin, new NewTopic(existing, 1, (short) 1));
            refused(InvalidTopicException.class, admin, new NewTopic("bad/name", 1, (short) 1));
            refused(InvalidTopicException.class, admin, new NewTopic("..", 1, (short) 1));
            refused(InvalidTopicException.class, admin, new NewTopic("n".repeat(250), 1, (short) 1));
            String topic = lab.freshName();
            refused(InvalidPartitionsException.class, admin, new NewTopic(topic, 0, (short) 1));
            refused(InvalidReplicationFactorException.class, admin, new NewTopic(topic, 1, (short) 5));
            for (Map.Entry<String, String> config : badConfigs().entrySet()) {
                NewTopic bad = new NewTopic(topic, 1, (short) 1).configs(Map.of(config.getKey(), config.getValue()));
                refused(InvalidConfigurationException.class, admin, bad);
            }
        }
    }

    private static Map<String, String> badConfigs() {
        return Map.of(
                "no.such.config", "1",
                "retention.ms", "-2",
                "cleanup.policy", "burn",
                "compression.type", "brotli",
                "segment.bytes", "1",
                "min.insync.replicas", "0",
                "min.cleanable.dirty.ratio", "1.5",
                "message.timestamp.type", "Yesterday",
                "max.message.bytes", "");
    }

    private static void addedPartitions(Lab lab) throws Exception {
        TopicPartition before = lab.partition();
        TopicPartition added = new TopicPartition(before.topic(), 2);
        lab.send(before, Map.of(), Lab.values(3, 10));
        try (Admin admin = lab.admin()) {
            admin.createPartitions(Map.of(before.topic(), NewPartitions.increaseTo(3))).all().get();
            lab.send(added, Map.of(), Lab.values(4, 10));
            Lab.equal(3, lab.read(before, 3).size(), "old records");
            Lab.equal(4, lab.read(added, 4).size(), "new records");
            Lab.equal(3, describeNew(admin, before.topic()).partitions().size(), "partitions");
            Lab.fails(
                    InvalidPartitionsException.class,
                    () -> admin.createPartitions(Map.of(before.topic(), NewPartitions.increaseTo(3)))
                            .all()
                            .get());
            Lab.fails(
                    UnknownTopicOrPartitionException.class,
                    () -> admin.createPartitions(Map.of(lab.freshName(), NewPartitions.increaseTo(3)))
                            .all()
                            .get());
        }
    }

    private static void describedConfigs(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of("retention.ms", "1000", "flush.messages", "7"));
        try (Admin admin = lab.admin()) {
            Config config = config(admin, new ConfigResource(ConfigResource.Type.TOPIC, topic));
            checkEntry(config.get("retention.ms"), "1000", ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG);
            checkEntry(config.get("flush.messages"), "7", ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG);
            checkEntry(config.get("segment.bytes"), "1073741824", ConfigEntry.ConfigSource.DEFAULT_CONFIG);
            checkEntry(config.get("cleanup.policy"), "delete", ConfigEntry.ConfigSource.DEFAULT_CONFIG);
            Lab.holds(config.entries().size() >= 37, "all 37 topic configs are described");
            for (ConfigEntry entry : config.entries()) {
                Lab.equal(false, entry.isSensitive(), entry.name() + " sensitive");
                Lab.equal(false, entry.isReadOnly(), entry.name() + " read-only");
            }
            Lab.fails(
                    UnknownTopicOrPartitionException.class,
                    () -> config(admin, new ConfigResource(ConfigResource.Type.TOPIC, lab.freshName())));
        }
    }

    private static void describedBrokerConfigs(Lab lab) throws Exception {
        try (Admin admin = lab.admin()) {
            int node = admin.describeCluster().nodes().get().iterator().next().id();
            ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, Integer.toString(node));
            Config config = config(admin, broker);
            Lab.equal("1048588", config.get("message.max.bytes").value(), "message.max.bytes");
            Lab.equal(true, config.get("node.id").isReadOnly(), "node.id is read-only");
        }
    }

    private static void deletedRecords(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of(), Lab.values(20, 10));
        try (Admin admin = lab.admin();
                KafkaConsumer<byte[], byte[]> consumer = lab.consumer(Map.of())) {
            Lab.equal(7L, deleteBefore(admin, partition, 7), "low watermark");
            Lab.equal(7L, consumer.beginningOffsets(List.of(partition)).get(partition), "beginning");
            Lab.equal(7L, lab.read(partition, 13).get(0).offset(), "first record left");
            Lab.equal(7L, deleteBefore(admin, partition, 3), "a lower offset changes nothing");
            Lab.equal(20L, deleteBefore(admin, partition, -1), "low watermark after deleting all");
            Lab.equal(20L, consumer.endOffsets(List.of(partition)).get(partition), "end");
            Lab.fails(OffsetOutOfRangeException.class, () -> deleteBefore(admin, partition, 21));
            lab.send(partition, Map.of(), Lab.values(1, 10));
            Lab.equal(20L, lab.read(partition, 1).get(0).offset(), "next record");
        }
    }

    private static void listedOffsets(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        long now = System.currentTimeMillis();
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        for (long back : new long[] {30_000, 10_000, 20_000}) {
            records.add(new ProducerRecord<>(partition.topic(), 0, now - back, null, Lab.bytes("v")));
        }
        lab.sendRecords(Map.of(), records);
        try (Admin admin = lab.admin()) {
            Lab.equal(0L, list(admin, partition, OffsetSpec.earliest()).offset(), "earliest");
            Lab.equal(3L, list(admin, partition, OffsetSpec.latest()).offset(), "latest");
            Lab.equal(0L, list(admin, partition, OffsetSpec.earliestLocal()).offset(), "earliest local");
            Lab.equal(-1L, list(admin, partition, OffsetSpec.latestTiered()).offset(), "latest tiered");
            ListOffsetsResultInfo greatest = list(admin, partition, OffsetSpec.maxTimestamp());
            Lab.equal(1L, greatest.offset(), "greatest timestamp's offset");
            Lab.equal(now - 10_000, greatest.timestamp(), "greatest timestamp");
            ListOffsetsResultInfo byTime = list(admin, partition, OffsetSpec.forTimestamp(now - 25_000));
            Lab.equal(1L, byTime.offset(), "first not before");
            Lab.equal(-1L, list(admin, partition, OffsetSpec.forTimestamp(now)).offset(), "none");
        }
    }

    private static void recreatedTopic(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of(), Lab.values(5, 10));
        try (Admin admin = lab.admin()) {
            Uuid first = describeNew(admin, partition.topic()).topicId();
            admin.deleteTopics(List.of(partition.topic())).all().get();
            admin.createTopics(List.of(new NewTopic(partition.topic(), 1, (short) 1))).all().get();
            Lab.holds(!first.equals(describeNew(admin, partition.topic()).topicId()), "the id is another");
        }
        lab.send(partition, Map.of(), List.of(Lab.bytes("new")));
        Lab.equal(0L, lab.read(partition, 1).get(0).offset(), "offset of the first record");
        Lab.equal(Lab.bytes("new"), lab.read(partition, 1).get(0).value(), "value of the first record");
    }

    private static void byId(Lab lab) throws Exception {
        String topic = lab.topic(2, Map.of());
        try (Admin admin = lab.admin()) {
            Uuid id = describeNew(admin, topic).topicId();
            TopicCollection ids = TopicCollection.ofTopicIds(List.of(id));
            Lab.equal(topic, admin.describeTopics(ids).allTopicIds().get().get(id).name(), "name");
            admin.deleteTopics(ids).all().get();
            Lab.holds(!admin.listTopics().names().get().contains(topic), "the topic is gone");
            Lab.fails(UnknownTopicIdException.class, () -> admin.deleteTopics(ids).all().get());
        }
    }

    private static void cluster(Lab lab) throws Exception {
        try (Admin admin = lab.admin()) {
            DescribeClusterResult cluster = admin.describeCluster();
            Lab.equal(1, cluster.nodes().get().size(), "nodes");
            Lab.equal(cluster.nodes().get().iterator().next(), cluster.controller().get(), "controller");
            Lab.equal(22, cluster.clusterId().get().length(), "length of the cluster id");
            Lab.holds(admin.describeFeatures().featureMetadata().get() != null, "features are described");
        }
    }

    private static void reassignments(Lab lab) throws Exception {
        try (Admin admin = lab.admin()) {
            Lab.equal(Map.of(), admin.listPartitionReassignments().reassignments().get(), "reassignments");
        }
    }

    private static void manyTopics(Lab lab) throws Exception {
        List<NewTopic> topics = new ArrayList<>();
        for (int index = 0; index < 100; index++) {
            topics.add(new NewTopic(lab.freshName(), 2, (short) 1));
        }
        Set<String> names = topics.stream().map(NewTopic::name).collect(Collectors.toSet());
        try (Admin admin = lab.admin()) {
            admin.createTopics(topics).all().get();
            Lab.equal(100, admin.describeTopics(names).allTopicNames().get().size(), "described");
            admin.deleteTopics(names).all().get();
        }
    }

    private static TopicDescription describe(Admin admin, String topic) throws Exception {
        return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    }

    /** For a topic just created: Kafka answers the creation before every broker has heard of it. */
    private static TopicDescription describeNew(Admin admin, String topic) throws Exception {
        long deadline = System.nanoTime() + Lab.PATIENCE.toNanos();
        while (true) {
            try {
                return describe(admin, topic);
            } catch (ExecutionException failure) {
                if (!(failure.getCause() instanceof UnknownTopicOrPartitionException)
                        || System.nanoTime() > deadline) {
                    throw failure;
                }
            }
        }
    }

    private static Config config(Admin admin, ConfigResource resource) throws Exception {
        return admin.describeConfigs(List.of(resource)).all().get().get(resource);
    }

    private static void checkEntry(ConfigEntry entry, String value, ConfigEntry.ConfigSource source) {
        Lab.equal(value, entry.value(), entry.name());
        Lab.equal(source, entry.source(), "source of " + entry.name());
    }

    private static long deleteBefore(Admin admin, TopicPartition partition, long offset) throws Exception {
        Map<TopicPartition, RecordsToDelete> wanted = Map.of(partition, RecordsToDelete.beforeOffset(offset));
        return admin.deleteRecords(wanted).lowWatermarks().get(partition).get().lowWatermark();
    }

    private static ListOffsetsResultInfo list(Admin admin, TopicPartition partition, OffsetSpec specification)
            throws ExecutionException, InterruptedException {
        return admin.listOffsets(Map.of(partition, specification)).partitionResult(partition).get();
    }

    private static <E extends Exception> void refused(Class<E> kind, Admin admin, NewTopic topic) throws Exception {
        Lab.fails(kind, () -> admin.createTopics(List.of(topic)).all().get());
    }
}
