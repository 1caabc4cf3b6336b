import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.AlterConfigsOptions;
import org.apache.kafka.clients.admin.AlterConfigsResult;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSource;
import org.apache.kafka.clients.admin.ConfigEntry.ConfigSynonym;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.ListConfigResourcesOptions;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ReplicaInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.config.ConfigResource.Type;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidRequestException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** What the Java admin client does with configurations and log directories. */
final class ConfigCases {
    private ConfigCases() {}

    private static final int NODE = 1;

    static void addTo(Map<String, Case> cases) {
        cases.put("configs_are_altered_key_by_key", ConfigCases::keyByKey);
        cases.put("altered_configs_are_obeyed", ConfigCases::obeyed);
        cases.put("config_lists_grow_and_shrink", ConfigCases::lists);
        cases.put("bad_config_changes_are_refused_one_by_one", ConfigCases::refusals);
        cases.put("config_changes_can_be_validated_alone", ConfigCases::validated);
        cases.put("broker_defaults_are_inherited_by_topics", ConfigCases::inherited);
        cases.put("group_configs_are_altered", ConfigCases::groups);
        cases.put("log_levels_are_altered", ConfigCases::levels);
        cases.put("config_resources_are_listed", ConfigCases::listed);
        cases.put("log_dirs_are_described", ConfigCases::logDirs);
    }

    private static void keyByKey(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of("retention.ms", "5000"));
        try (Admin admin = lab.admin()) {
            alter(admin, Type.TOPIC, topic, set("flush.ms", "7"), delete("retention.ms"));
            await(admin, Type.TOPIC, topic, "flush.ms", "7 DYNAMIC_TOPIC_CONFIG flush.ms=7@DYNAMIC_TOPIC_CONFIG");
            await(admin, Type.TOPIC, topic, "retention.ms", "604800000 DEFAULT_CONFIG");
        }
    }

    private static void obeyed(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        List<byte[]> large = List.of(new byte[5_000]);
        lab.send(partition, Map.of(), large);
        try (Admin admin = lab.admin()) {
            alter(admin, Type.TOPIC, partition.topic(), set("max.message.bytes", "1000"));
            eventually("too large", () -> {
                try {
                    lab.send(partition, Map.of(), large);
                    return false;
                } catch (ExecutionException failure) {
                    return failure.getCause() instanceof RecordTooLargeException;
                }
            });
        }
    }

    private static void lists(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of());
        String key = "cleanup.policy";
        try (Admin admin = lab.admin()) {
            alter(admin, Type.TOPIC, topic, op(key, OpType.APPEND, "compact,delete"));
            awaitValue(admin, Type.TOPIC, topic, key, "delete,compact");
            alter(admin, Type.TOPIC, topic, op(key, OpType.SUBTRACT, "delete"));
            awaitValue(admin, Type.TOPIC, topic, key, "compact");
            alter(admin, Type.TOPIC, topic, op(key, OpType.SUBTRACT, "compact"));
            awaitValue(admin, Type.TOPIC, topic, key, "");
        }
    }

    private static void refusals(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of());
        try (Admin admin = lab.admin()) {
            ConfigResource good = new ConfigResource(Type.TOPIC, topic);
            ConfigResource unknown = new ConfigResource(Type.TOPIC, lab.freshName());
            ConfigResource impossible = new ConfigResource(Type.TOPIC, "not a name");
            Collection<AlterConfigOp> change = List.of(set("flush.ms", "7"));
            AlterConfigsResult result = admin.incrementalAlterConfigs(
                    Map.of(good, change, unknown, change, impossible, change));
            result.values().get(good).get();
            Lab.fails(UnknownTopicOrPartitionException.class, () -> result.values().get(unknown).get());
            Lab.fails(InvalidTopicException.class, () -> result.values().get(impossible).get());
            refuse(InvalidConfigurationException.class, admin, Type.TOPIC, topic, set("flush.ms", "x"));
            refuse(InvalidConfigurationException.class, admin, Type.TOPIC, topic, set("never.was", "1"));
            refuse(InvalidConfigurationException.class, admin, Type.TOPIC, topic, op("flush.ms", OpType.APPEND, "1"));
            refuse(InvalidRequestException.class, admin, Type.TOPIC, topic, set("flush.ms", null));
            refuse(InvalidRequestException.class, admin, Type.TOPIC, topic, set("flush.ms", "1"), delete("flush.ms"));
            refuse(InvalidRequestException.class, admin, Type.BROKER, "", set("log.retention.hours", "1"));
            refuse(InvalidRequestException.class, admin, Type.BROKER, "", set("log.retention.ms", "0"));
            refuse(InvalidRequestException.class, admin, Type.GROUP, "", set("consumer.session.timeout.ms", "50000"));
            alter(admin, Type.TOPIC, topic, delete("never.was"));
        }
    }

    private static void validated(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of());
        try (Admin admin = lab.admin()) {
            AlterConfigsOptions only = new AlterConfigsOptions().validateOnly(true);
            ConfigResource resource = new ConfigResource(Type.TOPIC, topic);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(set("flush.ms", "7"))), only).all().get();
            Lab.fails(InvalidConfigurationException.class, () -> admin.incrementalAlterConfigs(
                    Map.of(resource, List.of(set("flush.ms", "x"))), only).all().get());
            Lab.equal("9223372036854775807", entry(admin, Type.TOPIC, topic, "flush.ms").value(), "flush.ms");
        }
    }

    private static void inherited(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of());
        String key = "log.index.interval.bytes";
        String all = key + "=5000@DYNAMIC_DEFAULT_BROKER_CONFIG";
        String own = key + "=6000@DYNAMIC_BROKER_CONFIG";
        String initial = key + "=4096@DEFAULT_CONFIG";
        String node = Integer.toString(NODE);
        try (Admin admin = lab.admin()) {
            alter(admin, Type.BROKER, "", set(key, "5000"));
            String shown = "5000 DYNAMIC_DEFAULT_BROKER_CONFIG " + all;
            await(admin, Type.BROKER, "", key, shown);
            await(admin, Type.TOPIC, topic, "index.interval.bytes", shown + " " + initial);
            alter(admin, Type.BROKER, node, set(key, "6000"));
            String both = "6000 DYNAMIC_BROKER_CONFIG " + own + " " + all + " " + initial;
            await(admin, Type.BROKER, node, key, both);
            await(admin, Type.TOPIC, topic, "index.interval.bytes", both);
            Lab.equal(false, entry(admin, Type.BROKER, node, key).isReadOnly(), "can be changed");
            NewTopic later = new NewTopic(lab.freshName(), 1, (short) 1);
            ConfigEntry told = admin.createTopics(List.of(later)).config(later.name()).get().get("index.interval.bytes");
            Lab.equal("6000", told.value(), "told at creation");
            Lab.equal(ConfigSource.DYNAMIC_BROKER_CONFIG, told.source(), "source told at creation");
            alter(admin, Type.BROKER, node, delete(key));
            alter(admin, Type.BROKER, "", delete(key));
            await(admin, Type.TOPIC, topic, "index.interval.bytes", "4096 DEFAULT_CONFIG " + initial);
        }
    }

    private static void groups(Lab lab) throws Exception {
        String group = lab.freshName();
        String key = "consumer.session.timeout.ms";
        String initial = "group." + key + "=45000@DEFAULT_CONFIG";
        try (Admin admin = lab.admin()) {
            await(admin, Type.GROUP, group, key, "45000 DEFAULT_CONFIG " + initial);
            alter(admin, Type.GROUP, group, set(key, "50000"));
            await(admin, Type.GROUP, group, key,
                    "50000 DYNAMIC_GROUP_CONFIG " + key + "=50000@DYNAMIC_GROUP_CONFIG " + initial);
            refuse(InvalidConfigurationException.class, admin, Type.GROUP, group, set(key, "60001"));
            refuse(InvalidConfigurationException.class, admin, Type.GROUP, group, set("never.was", "1"));
            alter(admin, Type.GROUP, group, delete(key));
            await(admin, Type.GROUP, group, key, "45000 DEFAULT_CONFIG " + initial);
        }
    }

    private static void levels(Lab lab) throws Exception {
        String node = Integer.toString(NODE);
        try (Admin admin = lab.admin()) {
            alter(admin, Type.BROKER_LOGGER, node, set("root", "WARN"));
            await(admin, Type.BROKER_LOGGER, node, "root", "WARN DYNAMIC_BROKER_LOGGER_CONFIG");
            alter(admin, Type.BROKER_LOGGER, node, set("root", "INFO"));
            refuse(InvalidConfigurationException.class, admin, Type.BROKER_LOGGER, node, set("root", "info"));
            refuse(InvalidConfigurationException.class, admin, Type.BROKER_LOGGER, node, set("never.was", "INFO"));
            refuse(InvalidRequestException.class, admin, Type.BROKER_LOGGER, node, delete("root"));
            refuse(InvalidRequestException.class, admin, Type.BROKER_LOGGER, node, op("root", OpType.APPEND, "INFO"));
        }
    }

    private static void listed(Lab lab) throws Exception {
        String topic = lab.topic(1, Map.of());
        String group = lab.freshName();
        String node = Integer.toString(NODE);
        try (Admin admin = lab.admin()) {
            alter(admin, Type.GROUP, group, set("consumer.heartbeat.interval.ms", "6000"));
            eventually("all are listed", () -> admin.listConfigResources().all().get().containsAll(List.of(
                    new ConfigResource(Type.TOPIC, topic),
                    new ConfigResource(Type.BROKER, node),
                    new ConfigResource(Type.BROKER_LOGGER, node),
                    new ConfigResource(Type.GROUP, group))));
            Collection<ConfigResource> groups = admin.listConfigResources(Set.of(Type.GROUP), new ListConfigResourcesOptions())
                    .all().get();
            Lab.holds(groups.stream().allMatch(one -> one.type() == Type.GROUP), "groups alone");
            alter(admin, Type.GROUP, group, delete("consumer.heartbeat.interval.ms"));
            eventually("the group is not listed any more", () -> !admin.listConfigResources().all().get()
                    .contains(new ConfigResource(Type.GROUP, group)));
        }
    }

    private static void logDirs(Lab lab) throws Exception {
        TopicPartition partition = lab.partition();
        lab.send(partition, Map.of(), Lab.values(5, 100));
        try (Admin admin = lab.admin()) {
            Map<String, LogDirDescription> dirs =
                    admin.describeLogDirs(List.of(NODE)).allDescriptions().get().get(NODE);
            Lab.equal(1, dirs.size(), "directories");
            LogDirDescription dir = dirs.values().iterator().next();
            Lab.equal(null, dir.error(), "error");
            Lab.holds(dir.totalBytes().getAsLong() >= dir.usableBytes().getAsLong(), "total and usable bytes");
            ReplicaInfo replica = dir.replicaInfos().get(partition);
            Lab.holds(replica.size() > 500, "the replica's size");
            Lab.equal(0L, replica.offsetLag(), "offset lag");
            Lab.equal(false, replica.isFuture(), "is future");
        }
    }

    private static AlterConfigOp set(String key, String value) {
        return op(key, OpType.SET, value);
    }

    private static AlterConfigOp delete(String key) {
        return op(key, OpType.DELETE, null);
    }

    private static AlterConfigOp op(String key, OpType type, String value) {
        return new AlterConfigOp(new ConfigEntry(key, value), type);
    }

    private static void alter(Admin admin, Type type, String name, AlterConfigOp... ops) throws Exception {
        admin.incrementalAlterConfigs(Map.of(new ConfigResource(type, name), List.of(ops))).all().get();
    }

    private static <E extends Exception> void refuse(
            Class<E> kind, Admin admin, Type type, String name, AlterConfigOp... ops) throws Exception {
        Lab.fails(kind, () -> alter(admin, type, name, ops));
    }

    private static ConfigEntry entry(Admin admin, Type type, String name, String key) throws Exception {
        ConfigResource resource = new ConfigResource(type, name);
        DescribeConfigsOptions options = new DescribeConfigsOptions().includeSynonyms(true);
        return admin.describeConfigs(List.of(resource), options).all().get().get(resource).get(key);
    }

    /** Waits until an entry is as expected: value, source, and its synonyms; brokers follow changes a moment later. */
    private static void await(Admin admin, Type type, String name, String key, String expected) throws Exception {
        List<String> seen = new ArrayList<>();
        try {
            eventually(key, () -> {
                ConfigEntry entry = entry(admin, type, name, key);
                String shown = entry == null ? "nothing" : shown(entry);
                seen.add(shown);
                return shown.equals(expected);
            });
        } catch (AssertionError late) {
            Lab.equal(expected, seen.get(seen.size() - 1), key);
        }
    }

    private static void awaitValue(Admin admin, Type type, String name, String key, String value) throws Exception {
        eventually(key + "=" + value, () -> entry(admin, type, name, key).value().equals(value));
    }

    private static String shown(ConfigEntry entry) {
        String synonyms = entry.synonyms().stream().map(ConfigCases::shown).collect(Collectors.joining());
        return entry.value() + " " + entry.source() + synonyms;
    }

    private static String shown(ConfigSynonym synonym) {
        return " " + synonym.name() + "=" + synonym.value() + "@" + synonym.source();
    }

    private interface Condition {
        boolean holds() throws Exception;
    }

    private static void eventually(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + Lab.PATIENCE.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("never happened: " + what);
            }
            Thread.sleep(50);
        }
    }
}
