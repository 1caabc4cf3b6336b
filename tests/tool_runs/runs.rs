//! The runs: what Kafka's scripts for the command line can do, as lines for their classes.
//!
//! In a line `{at}` is the option with the broker's address, `{address}` the address, `{folder}` where the files of
//! `side` are, `{log}` the folder of partition 0 of topic `lines`. The names are those of Kafka's scripts.

/// How what is said is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// Line by line.
    Lines,
    /// As a set of lines: the tool takes them from a hash table.
    AnyOrder,
    /// Without numbers: rates and sizes.
    NoNumbers,
}

/// Lines that are run one after the other, by both brokers.
pub(crate) struct Run {
    pub(crate) name: &'static str,
    pub(crate) lines: &'static [&'static str],
    pub(crate) stdin: &'static str,
    pub(crate) view: View,
    /// What Ottla would have to serve, and does not: then nothing is compared, and the tool has to fail clearly.
    pub(crate) lacks: &'static [&'static str],
}

const fn run(name: &'static str, lines: &'static [&'static str]) -> Run {
    Run {
        name,
        lines,
        stdin: "",
        view: View::Lines,
        lacks: &[],
    }
}

impl Run {
    const fn stdin(self, stdin: &'static str) -> Run {
        Run { stdin, ..self }
    }

    const fn any_order(self) -> Run {
        Run {
            view: View::AnyOrder,
            ..self
        }
    }

    const fn no_numbers(self) -> Run {
        Run {
            view: View::NoNumbers,
            ..self
        }
    }

    const fn lacks(self, apis: &'static [&'static str]) -> Run {
        Run {
            lacks: apis,
            ..self
        }
    }
}

const TELEMETRY: &[&str] = &["GetTelemetrySubscriptions", "PushTelemetry"];

/// All of them.
#[rustfmt::skip] // one run, one glance
pub(crate) static ALL: &[Run] = &[
    run("kafka-broker-api-versions", &["BrokerApiVersionsCommand {at}"]),

    run("kafka-topics --create", &[
        "TopicCommand {at} --create --topic created --partitions 3 --replication-factor 1 --config retention.ms=60000",
        "TopicCommand {at} --describe --topic created",
    ]),
    run("kafka-topics --create, what is there", &["TopicCommand {at} --create --topic lines"]),
    run("kafka-topics --create, a bad name", &["TopicCommand {at} --create --topic bad/name"]),
    run("kafka-topics --create, too many replicas", &["TopicCommand {at} --create --topic wide --replication-factor 3"]),
    run("kafka-topics --create, a bad config", &["TopicCommand {at} --create --topic odd --config cleanup.policy=burn"]),
    run("kafka-topics --list", &["TopicCommand {at} --list"]),
    run("kafka-topics --describe", &["TopicCommand {at} --describe"]),
    run("kafka-topics --describe, what is not there", &["TopicCommand {at} --describe --topic never-was"]),
    run("kafka-topics --describe --topics-with-overrides", &["TopicCommand {at} --describe --topics-with-overrides"]),
    run("kafka-topics --alter --partitions", &[
        "TopicCommand {at} --alter --topic grows --partitions 4",
        "TopicCommand {at} --describe --topic grows",
    ]),
    run("kafka-topics --alter --partitions, fewer", &["TopicCommand {at} --alter --topic pair --partitions 1"]),
    run("kafka-topics --delete", &[
        "TopicCommand {at} --delete --topic doomed",
        "TopicCommand {at} --delete --topic doomed",
    ]),

    run("kafka-console-producer", &[
        "ConsoleProducer {at} --topic written",
        "consumer.ConsoleConsumer {at} --topic written --partition 0 --offset earliest --max-messages 5 --timeout-ms 30000",
    ]).stdin("one\ntwo\n"),
    run("kafka-console-producer, acks=all, idempotent, zstd", &[
        "ConsoleProducer {at} --topic squeezed --compression-codec zstd --command-property acks=all --command-property enable.idempotence=true",
        "consumer.ConsoleConsumer {at} --topic squeezed --partition 0 --offset earliest --max-messages 2 --timeout-ms 30000",
    ]).stdin("one\ntwo\n"),
    run("kafka-console-consumer --group", &[
        "consumer.ConsoleConsumer {at} --topic lines --group reads-four --from-beginning --max-messages 4 --timeout-ms 30000",
        "consumer.group.ConsumerGroupCommand {at} --describe --group reads-four",
    ]),
    run("kafka-console-consumer --group, consumer protocol", &[
        "consumer.ConsoleConsumer {at} --topic lines --group new --command-property group.protocol=consumer --max-messages 4 --timeout-ms 20000",
    ]).lacks(&["ConsumerGroupHeartbeat"]),
    run("kafka-console-consumer --partition --isolation-level read_committed", &[
        "consumer.ConsoleConsumer {at} --topic lines --partition 0 --offset 7 --isolation-level read_committed --max-messages 3 --timeout-ms 30000 --formatter-property print.offset=true --formatter-property print.timestamp=true",
    ]),
    run("kafka-console-share-consumer", &[
        "consumer.ConsoleShareConsumer {at} --topic lines --group shares --max-messages 1 --timeout-ms 20000",
    ]).lacks(&["ShareGroupHeartbeat", "ShareFetch", "ShareAcknowledge"]),

    run("kafka-consumer-groups --list", &["consumer.group.ConsumerGroupCommand {at} --list"]).any_order(),
    run("kafka-consumer-groups --describe --offsets", &[
        "consumer.group.ConsumerGroupCommand {at} --describe --offsets --group left",
        "consumer.group.ConsumerGroupCommand {at} --describe --offsets --group reading",
        "consumer.group.ConsumerGroupCommand {at} --describe --offsets --group never-was",
    ]),
    run("kafka-consumer-groups --describe --members --verbose", &[
        "consumer.group.ConsumerGroupCommand {at} --describe --members --verbose --group reading",
    ]),
    run("kafka-consumer-groups --describe --state --all-groups", &[
        "consumer.group.ConsumerGroupCommand {at} --describe --state --all-groups",
    ]).any_order(),
    run("kafka-consumer-groups --reset-offsets --to-earliest", &[
        "consumer.group.ConsumerGroupCommand {at} --reset-offsets --to-earliest --topic lines --execute --group earliest",
        "consumer.group.ConsumerGroupCommand {at} --describe --offsets --group earliest",
    ]),
    run("kafka-consumer-groups --reset-offsets --to-datetime", &[
        "consumer.group.ConsumerGroupCommand {at} --reset-offsets --to-datetime 2023-11-14T22:13:22.500Z --topic lines --execute --group datetime",
        "consumer.group.ConsumerGroupCommand {at} --describe --offsets --group datetime",
    ]),
    run("kafka-consumer-groups --reset-offsets --from-file", &[
        "consumer.group.ConsumerGroupCommand {at} --reset-offsets --from-file {folder}/offsets.csv --dry-run --group left",
    ]),
    run("kafka-consumer-groups --reset-offsets, of a group with members", &[
        "consumer.group.ConsumerGroupCommand {at} --reset-offsets --to-earliest --topic lines --execute --group reading",
    ]),
    run("kafka-consumer-groups --delete-offsets", &[
        "consumer.group.ConsumerGroupCommand {at} --delete-offsets --topic lines --group forgetful",
        "consumer.group.ConsumerGroupCommand {at} --delete-offsets --topic lines --group reading",
    ]),
    run("kafka-consumer-groups --validate-regex", &["consumer.group.ConsumerGroupCommand {at} --validate-regex li.*"]),
    run("kafka-consumer-groups --delete", &[
        "consumer.group.ConsumerGroupCommand {at} --delete --group doomed",
        "consumer.group.ConsumerGroupCommand {at} --delete --group doomed",
        "consumer.group.ConsumerGroupCommand {at} --delete --group reading",
    ]),

    run("kafka-share-groups --list", &["consumer.group.ShareGroupCommand {at} --list"]),
    run("kafka-share-groups --describe --offsets", &["consumer.group.ShareGroupCommand {at} --describe --offsets --group shares"])
        .lacks(&["ShareGroupDescribe", "DescribeShareGroupOffsets"]),
    run("kafka-share-groups --describe --members", &["consumer.group.ShareGroupCommand {at} --describe --members --group shares"])
        .lacks(&["ShareGroupDescribe"]),
    run("kafka-share-groups --reset-offsets", &["consumer.group.ShareGroupCommand {at} --reset-offsets --to-earliest --topic lines --execute --group shares"])
        .lacks(&["ShareGroupDescribe", "AlterShareGroupOffsets"]),
    run("kafka-share-groups --delete-offsets", &["consumer.group.ShareGroupCommand {at} --delete-offsets --topic lines --group shares"])
        .lacks(&["DeleteShareGroupOffsets"]),
    run("kafka-share-groups --delete", &["consumer.group.ShareGroupCommand {at} --delete --group shares"]),
    run("kafka-streams-groups --list", &["streams.StreamsGroupCommand {at} --list"]),
    run("kafka-groups --list", &["GroupsCommand {at} --list"]).any_order(),

    run("kafka-configs --describe, a topic", &[
        "ConfigCommand {at} --describe --entity-type topics --entity-name pair",
        "ConfigCommand {at} --describe --entity-type topics --entity-name pair --all",
    ]),
    run("kafka-configs --alter, a topic", &[
        "ConfigCommand {at} --alter --entity-type topics --entity-name altered --add-config cleanup.policy=[compact,delete],segment.ms=70000",
        "ConfigCommand {at} --describe --entity-type topics --entity-name altered",
    ]),
    run("kafka-configs --alter, a topic, a bad config", &["ConfigCommand {at} --alter --entity-type topics --entity-name altered --add-config never.was=1"]),
    run("kafka-configs --describe --all, a broker", &["ConfigCommand {at} --describe --entity-type brokers --entity-name 1 --all"]),
    run("kafka-configs --alter, the default of brokers", &[
        "ConfigCommand {at} --alter --entity-type brokers --entity-default --add-config log.roll.ms=604800000",
        "ConfigCommand {at} --describe --entity-type brokers --entity-default",
        "ConfigCommand {at} --alter --entity-type brokers --entity-default --delete-config log.roll.ms",
    ]),
    run("kafka-configs --describe, the loggers of a broker", &["ConfigCommand {at} --describe --entity-type broker-loggers --entity-name 1"]),
    run("kafka-configs --alter, the loggers of a broker", &[
        "ConfigCommand {at} --alter --entity-type broker-loggers --entity-name 1 --add-config never.was=INFO",
        "ConfigCommand {at} --alter --entity-type broker-loggers --entity-name 1 --add-config root=WARN",
    ]),
    run("kafka-configs --alter, a group", &[
        "ConfigCommand {at} --alter --entity-type groups --entity-name altered --add-config consumer.session.timeout.ms=50000",
        "ConfigCommand {at} --describe --entity-type groups --entity-name altered",
    ]),
    run("kafka-configs --alter, a share group", &["ConfigCommand {at} --alter --entity-type groups --entity-name shares --add-config share.auto.offset.reset=earliest"])
        .lacks(&["ShareGroupHeartbeat"]),
    run("kafka-configs --describe, groups", &["ConfigCommand {at} --describe --entity-type groups"]).any_order(),
    run("kafka-configs --alter, a user's quota and password", &["ConfigCommand {at} --alter --entity-type users --entity-name ann --add-config consumer_byte_rate=1000,SCRAM-SHA-256=[password=secret]"]),
    run("kafka-configs --alter, a user's quota", &["ConfigCommand {at} --alter --entity-type users --entity-name ann --add-config consumer_byte_rate=1000"])
        .lacks(&["DescribeClientQuotas", "AlterClientQuotas"]),
    run("kafka-configs --alter, a user's password", &["ConfigCommand {at} --alter --entity-type users --entity-name ann --add-config SCRAM-SHA-256=[password=secret]"])
        .lacks(&["AlterUserScramCredentials"]),
    run("kafka-configs --describe, users", &["ConfigCommand {at} --describe --entity-type users"])
        .lacks(&["DescribeClientQuotas", "DescribeUserScramCredentials"]),
    run("kafka-configs --alter, an address", &["ConfigCommand {at} --alter --entity-type ips --entity-name 10.0.0.1 --add-config connection_creation_rate=5"])
        .lacks(&["DescribeClientQuotas", "AlterClientQuotas"]),
    run("kafka-configs --describe, client metrics", &["ConfigCommand {at} --describe --entity-type client-metrics"]),

    run("kafka-client-metrics --list", &["ClientMetricsCommand {at} --list"]),
    run("kafka-client-metrics --describe", &["ClientMetricsCommand {at} --describe --name watch"]),
    run("kafka-client-metrics --alter", &["ClientMetricsCommand {at} --alter --name watch --metrics org.apache.kafka.producer. --interval 30000"])
        .lacks(TELEMETRY),
    run("kafka-client-metrics --delete", &["ClientMetricsCommand {at} --delete --name watch"]).lacks(TELEMETRY),

    run("kafka-acls --add", &["AclCommand {at} --add --allow-principal User:ann --operation Read --topic lines"])
        .lacks(&["CreateAcls", "DescribeAcls"]),
    run("kafka-acls --list", &["AclCommand {at} --list"]).lacks(&["DescribeAcls"]),
    run("kafka-acls --remove", &["AclCommand {at} --remove --force --topic lines"]).lacks(&["DeleteAcls"]),

    run("kafka-cluster cluster-id", &["ClusterTool cluster-id {at}"]),
    run("kafka-cluster list-endpoints", &["ClusterTool list-endpoints {at}"]),
    run("kafka-cluster list-endpoints, of controllers, asked of a broker", &["ClusterTool list-endpoints --bootstrap-controller {address}"]),
    run("kafka-cluster unregister", &["ClusterTool unregister --id 7 {at}"]),
    run("kafka-delegation-tokens --describe", &["DelegationTokenCommand {at} --describe --command-config {folder}/few.properties"])
        .lacks(&["DescribeDelegationToken"]),
    run("kafka-features describe", &["FeatureCommand {at} describe"]),
    run("kafka-features version-mapping", &["FeatureCommand version-mapping"]),
    run("kafka-features upgrade --dry-run", &[
        "FeatureCommand {at} upgrade --dry-run --feature transaction.version=2",
        "FeatureCommand {at} upgrade --dry-run --feature transaction.version=9",
        "FeatureCommand {at} upgrade --dry-run --feature never.version=1",
    ]),
    run("kafka-features downgrade and upgrade", &[
        "FeatureCommand {at} downgrade --feature transaction.version=1",
        "FeatureCommand {at} upgrade --feature transaction.version=2",
        "FeatureCommand {at} disable --feature never.version",
    ]),

    run("kafka-get-offsets --time latest", &["GetOffsetShell {at} --exclude-internal-topics --time -1"]),
    run("kafka-get-offsets --time earliest", &["GetOffsetShell {at} --exclude-internal-topics --time -2"]),
    run("kafka-get-offsets --time max-timestamp", &["GetOffsetShell {at} --topic lines --time -3"]),
    run("kafka-get-offsets --time earliest-local", &["GetOffsetShell {at} --exclude-internal-topics --time -4"]),
    run("kafka-get-offsets --time latest-tiered", &["GetOffsetShell {at} --topic lines --time -5"]),
    run("kafka-get-offsets --time earliest-pending-upload", &["GetOffsetShell {at} --topic lines --time -6"]),
    run("kafka-get-offsets --time, a time", &["GetOffsetShell {at} --topic lines --time 1700000003500"]),
    run("kafka-get-offsets, what is not there", &["GetOffsetShell {at} --topic never-was"]),
    run("kafka-delete-records", &[
        "DeleteRecordsCommand {at} --offset-json-file {folder}/delete.json",
        "GetOffsetShell {at} --topic cut --time -2",
    ]),
    run("kafka-e2e-latency", &["EndToEndLatency {at} --topic latency --num-records 20 --producer-acks all --record-size 100"]).no_numbers(),
    run("kafka-leader-election", &["LeaderElectionCommand {at} --election-type preferred --topic lines --partition 0"]),
    run("kafka-log-dirs --describe", &["LogDirsCommand {at} --describe --topic-list lines"]).no_numbers(),
    run("kafka-metadata-quorum describe --status", &["MetadataQuorumCommand {at} describe --status"]),
    run("kafka-metadata-quorum describe --replication", &["MetadataQuorumCommand {at} describe --replication"]),
    run("kafka-metadata-quorum describe --status, of controllers, asked of a broker", &["MetadataQuorumCommand --bootstrap-controller {address} describe --status"]),
    run("kafka-metadata-quorum remove-controller", &["MetadataQuorumCommand {at} remove-controller --controller-id 1 --controller-directory-id 2L1JNk4lQHqS1Ar4eDCgRw"]),

    run("kafka-producer-perf-test", &[
        "ProducerPerformance {at} --topic perf --num-records 1000 --record-size 100 --throughput -1",
        "GetOffsetShell {at} --topic perf",
    ]).no_numbers(),
    run("kafka-producer-perf-test --transactional-id", &[
        "ProducerPerformance {at} --topic perf --num-records 1000 --record-size 100 --throughput -1 --transactional-id t --transaction-duration-ms 100 --command-property max.block.ms=5000",
    ]).no_numbers(),
    run("kafka-consumer-perf-test", &["ConsumerPerformance {at} --topic lines --group perf --num-records 10 --timeout 30000"]).no_numbers(),
    run("kafka-share-consumer-perf-test", &["ShareConsumerPerformance {at} --topic lines --group shares --num-records 10 --timeout 10000"])
        .lacks(&["ShareGroupHeartbeat", "ShareFetch"]),
    run("kafka-verifiable-producer", &["VerifiableProducer {at} --topic verified --max-messages 20"]),

    run("kafka-reassign-partitions --generate", &["reassign.ReassignPartitionsCommand {at} --generate --topics-to-move-json-file {folder}/move.json --broker-list 1"]),
    run("kafka-reassign-partitions --execute --throttle", &["reassign.ReassignPartitionsCommand {at} --execute --throttle 1000000 --reassignment-json-file {folder}/moved.json"]),
    run("kafka-reassign-partitions --verify", &["reassign.ReassignPartitionsCommand {at} --verify --reassignment-json-file {folder}/moved.json"]),
    run("kafka-reassign-partitions --list", &["reassign.ReassignPartitionsCommand {at} --list"]),
    run("kafka-reassign-partitions --cancel", &["reassign.ReassignPartitionsCommand {at} --cancel --reassignment-json-file {folder}/moved.json"]),
    run("kafka-replica-verification", &["ReplicaVerificationTool --help"]),

    run("kafka-transactions list", &["TransactionsCommand {at} list"]).no_numbers(),
    run("kafka-transactions list --duration-filter --transactional-id-pattern", &[
        "TransactionsCommand {at} list --duration-filter 1",
        "TransactionsCommand {at} list --transactional-id-pattern t.*",
        "TransactionsCommand {at} list --transactional-id-pattern [",
    ]).no_numbers(),
    run("kafka-transactions describe", &["TransactionsCommand {at} describe --transactional-id t"]).no_numbers(),
    run("kafka-transactions describe, what is not there", &["TransactionsCommand {at} describe --transactional-id never-was"]),
    run("kafka-transactions describe-producers", &["TransactionsCommand {at} describe-producers --topic perf --partition 0"]).no_numbers(),
    run("kafka-transactions find-hanging", &[
        "TransactionsCommand {at} find-hanging --broker-id 1",
        "TransactionsCommand {at} find-hanging --topic perf",
    ]),
    run("kafka-transactions abort", &["TransactionsCommand {at} abort --topic perf --partition 0 --start-offset 1000000"]),
    run("kafka-transactions forceTerminateTransaction", &[
        "TransactionsCommand {at} forceTerminateTransaction --transactionalId t",
        "TransactionsCommand {at} describe --transactional-id t",
    ]).no_numbers(),

    run("kafka-streams-application-reset", &[
        "StreamsResetter {at} --application-id application --input-topics lines",
        "consumer.group.ConsumerGroupCommand {at} --describe --offsets --group application",
    ]),
    run("kafka-dump-log", &["DumpLogSegments --files {log}/00000000000000000000.log --print-data-log"]).no_numbers(),
    run("client-compatibility-test", &[
        "ClientCompatibilityTest {at} --topic empty --offsets-for-times-supported true --cluster-id-supported true --expect-record-too-large-exception false --num-cluster-nodes 1 --create-topics-supported true --describe-acls-supported true --describe-configs-supported true --idempotent-producer-supported true",
    ]).lacks(&["DescribeAcls"]),
];
