//! The differences that are allowed, each with the reason why no client minds.

use ottla_protocol::api::ApiKey;
use serde_json::Value;

use crate::batches::CUT;

/// What is still compared of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// That both have it.
    There,
    /// Both are null, or neither is.
    Presence,
    /// Both are numbers from 0 on.
    Given,
    /// Exactly these, as Kafka and Ottla say it.
    Exactly(&'static str, &'static str),
    /// Kafka's answer has the element, Ottla's does not.
    OnlyKafka,
    /// Ottla's answer has the element, Kafka's does not.
    OnlyOttla,
}

/// An allowed difference.
pub(crate) struct Allowed {
    /// All APIs when `None`.
    pub(crate) api: Option<ApiKey>,
    /// The field; a `*` at its beginning stands for anything before, one at its end for anything after.
    pub(crate) field: &'static str,
    /// Names of elements on the way to it, such as a configuration's; empty for all.
    pub(crate) of: &'static [&'static str],
    /// The scenario whose exchanges it is about; all of them when `None`.
    pub(crate) scenario: Option<&'static str>,
    pub(crate) rule: Rule,
    pub(crate) why: &'static str,
}

/// The place in [`ALLOWED`] of an entry that was needed.
pub(crate) type Use = usize;

const fn everywhere(field: &'static str, rule: Rule, why: &'static str) -> Allowed {
    Allowed {
        api: None,
        field,
        of: &[],
        scenario: None,
        rule,
        why,
    }
}

const fn in_api(api: ApiKey, field: &'static str, rule: Rule, why: &'static str) -> Allowed {
    Allowed {
        api: Some(api),
        ..everywhere(field, rule, why)
    }
}

const fn of(names: &'static [&'static str], allowed: Allowed) -> Allowed {
    Allowed {
        of: names,
        ..allowed
    }
}

const fn only_in(scenario: &'static str, allowed: Allowed) -> Allowed {
    Allowed {
        scenario: Some(scenario),
        ..allowed
    }
}

/// Features that Ottla has no use for.
const FEATURES: &[&str] = &[
    "eligible.leader.replicas.version",
    "group.version",
    "kraft.version",
    "share.version",
    "streams.version",
];

/// All of them.
#[rustfmt::skip] // one entry, one glance
pub(crate) static ALLOWED: &[Allowed] = &[
    everywhere("*ErrorMessage", Rule::Presence, "sentences for people; each broker has its own"),
    everywhere("*ClusterId", Rule::Presence, "made up when a cluster is founded"),
    everywhere("*LeaderEpoch", Rule::Exactly("0", "1"),
        "the epoch is the term of the partition's Raft group, and the first election ends in term 1"),
    of(&["ottla.flush"], everywhere("*", Rule::OnlyOttla, "a configuration that Kafka has not")),
    of(&["min.insync.replicas"], everywhere("*ConfigSource", Rule::Exactly("3", "5"),
        "Kafka sets it for the cluster when it turns eligible leader replicas on, a feature of its replication")),
    of(&["min.insync.replicas"], in_api(ApiKey::DescribeConfigs, "*Source", Rule::Exactly("3", "5"), "see its ConfigSource")),
    of(&["min.insync.replicas"], in_api(ApiKey::DescribeConfigs, "*Synonyms[]", Rule::OnlyKafka, "see its ConfigSource")),
    in_api(ApiKey::DescribeConfigs, "*Documentation", Rule::Presence, "sentences for people; each broker has its own"),
    of(&["num.io.threads"], in_api(ApiKey::DescribeConfigs, "*Configs[]", Rule::OnlyKafka, "Ottla has no such threads")),
    in_api(ApiKey::IncrementalAlterConfigs, "Responses[].ErrorMessage", Rule::There, "a sentence for people"),
    in_api(ApiKey::IncrementalAlterConfigs, "Responses[].ErrorCode", Rule::Exactly("-1", "42"),
        "an operation that does not exist: Kafka stumbles over it, Ottla calls it invalid"),
    only_in("settings_that_only_kafka_has", in_api(ApiKey::IncrementalAlterConfigs, "Responses[].ErrorCode", Rule::Exactly("0", "42"),
        "a setting that Kafka changes while it runs, of threads or listeners: Ottla has it not, and does not act as if it had")),
    only_in("settings_of_subscriptions", in_api(ApiKey::IncrementalAlterConfigs, "Responses[].ErrorCode", Rule::Exactly("0", "40"),
        "a subscription to client metrics: Ottla does not collect them, and does not act as if it did")),
    only_in("settings_of_subscriptions", in_api(ApiKey::IncrementalAlterConfigs, "Responses[].ErrorCode", Rule::Exactly("42", "40"),
        "the same, without a name or of what subscriptions do not have: both refuse it")),
    in_api(ApiKey::ApiVersions, "ApiKeys[]", Rule::OnlyKafka, "an API that Ottla does not serve"),
    in_api(ApiKey::ApiVersions, "FinalizedFeaturesEpoch", Rule::Given, "an offset in the cluster's metadata"),
    of(FEATURES, in_api(ApiKey::ApiVersions, "FinalizedFeatures[]", Rule::OnlyKafka,
        "features of Kafka's replication and of groups that Ottla does not serve")),
    in_api(ApiKey::AlterPartitionReassignments, "*ErrorMessage", Rule::There,
        "a sentence for people; Kafka has none where nothing is under way that could be cancelled, and an empty one where nothing is asked"),
    of(&["CONTROLLER"], in_api(ApiKey::DescribeQuorum, "Nodes[].Listeners[]", Rule::OnlyKafka, "voters reach each other through the listener of controllers")),
    of(&["PEER"], in_api(ApiKey::DescribeQuorum, "Nodes[].Listeners[]", Rule::OnlyOttla, "voters reach each other through the listener of brokers")),
    in_api(ApiKey::DescribeQuorum, "*Timestamp", Rule::Given, "the broker's clock"),
    in_api(ApiKey::DescribeQuorum, "*LogEndOffset", Rule::Given, "an offset in the cluster's metadata"),
    in_api(ApiKey::DescribeQuorum, "*HighWatermark", Rule::Given, "an offset in the cluster's metadata"),
    in_api(ApiKey::DescribeQuorum, "*ReplicaDirectoryId", Rule::There, "Kafka's voters that are named in the configuration have none"),
    in_api(ApiKey::RemoveRaftVoter, "ErrorCode", Rule::Exactly("35", "127"),
        "no such voter: Kafka refuses all such changes where the voters are named in the configuration"),
    in_api(ApiKey::CreatePartitions, "Results[].ErrorMessage", Rule::There, "a sentence for people; of a topic that is not there Kafka says nothing"),
    in_api(ApiKey::Metadata, "*ErrorCode", Rule::Exactly("-1", "42"),
        "a topic with neither name nor id: Kafka stumbles over what no client sends, Ottla calls it invalid"),
    of(FEATURES, in_api(ApiKey::ApiVersions, "SupportedFeatures[]", Rule::OnlyKafka,
        "features of Kafka's replication and of groups that Ottla does not serve")),
    in_api(ApiKey::Produce, "*ErrorMessage", Rule::There, "a sentence for people; Kafka has one only for single records"),
    only_in("limits_of_records", in_api(ApiKey::Produce, "*LogAppendTimeMs", Rule::Given, "the broker's clock, of a topic with log append time")),
    only_in("records_that_are_null", in_api(ApiKey::Produce, "(the whole answer)", Rule::Exactly("never answers", "an answer"),
        "records that are null, which no client sends: Kafka stumbles and forgets the answer, Ottla says INVALID_RECORD")),
    only_in("codecs", in_api(ApiKey::Produce, "*ErrorCode", Rule::Exactly("-1", "87"),
        "Kafka has no code for what a codec cannot inflate; Ottla calls the record invalid")),
    only_in("batches_that_are_broken", in_api(ApiKey::Produce, "*ErrorCode", Rule::Exactly("-1", "76"),
        "Kafka has no code for a codec that does not exist; Ottla says that it is not supported")),
    only_in("counts_that_are_negative", everywhere("(the whole answer)", Rule::Exactly("an answer", "closes the connection"),
        "Kafka takes any negative count of what may be null for null; no client sends one but −1, and Ottla takes it for damage")),
    only_in("readers_that_do_not_exist", everywhere("*ErrorCode", Rule::Exactly("-1", "42"),
        "an isolation level that does not exist: Kafka stumbles over it, Ottla calls it invalid; both refuse all")),
    only_in("topic_partitions_of_odd_names", in_api(ApiKey::DescribeTopicPartitions, "Topics[].ErrorCode", Rule::Exactly("-1", "17"),
        "a topic without a name: without a cursor Kafka stumbles over it; with one it calls it invalid, as Ottla always does")),
    only_in("topic_partitions_of_odd_names", in_api(ApiKey::DescribeTopicPartitions, "Topics[].TopicAuthorizedOperations",
        Rule::Exactly("-2147483648", "3576"), "the same topic")),
    only_in("topics_that_a_question_creates", in_api(ApiKey::Metadata, "Topics[].ErrorCode", Rule::Exactly("3", "0"),
        "of a topic that the question creates Kafka says that it is not there, and the client asks again; Ottla answers when it is")),
    only_in("topics_that_a_question_creates", in_api(ApiKey::Metadata, "Topics[].Partitions[]", Rule::OnlyOttla, "the same topic")),
    only_in("topics_that_a_question_creates", in_api(ApiKey::Metadata, "Topics[].TopicId", Rule::There, "the same topic")),
    of(&[CUT], in_api(ApiKey::Fetch, "*Records[]", Rule::OnlyKafka,
        "Kafka cuts the last batch where the limit is, and clients leave the stump alone; Ottla sends whole batches")),
    in_api(ApiKey::Fetch, "*MaxTimestamp", Rule::Given, "the broker's clock, of a topic with log append time"),
    in_api(ApiKey::Fetch, "SessionId", Rule::Given, "made up when a session begins"),
    in_api(ApiKey::InitProducerId, "ProducerId", Rule::Given, "given out"),
    everywhere("*CoordinatorEpoch", Rule::Exactly("0", "1"), "see LeaderEpoch"),
    in_api(ApiKey::DescribeProducers, "*ErrorMessage", Rule::There, "a sentence for people; of a partition that a topic has not Kafka says nothing"),
    in_api(ApiKey::DescribeProducers, "*LastTimestamp", Rule::Given, "of the end of a transaction: the broker's clock"),
    in_api(ApiKey::DescribeTransactions, "*TransactionStartTimeMs", Rule::Given, "the broker's clock"),
    in_api(ApiKey::Fetch, "*BaseTimestamp", Rule::Given, "of the end of a transaction: the broker's clock"),
    only_in("transactions_with_an_epoch_each", in_api(ApiKey::AddPartitionsToTxn, "(the whole answer)", Rule::Exactly("never answers", "an answer"),
        "of no transaction at all, which no broker asks: Kafka forgets the answer")),
    in_api(ApiKey::DescribeLogDirs, "*PartitionSize", Rule::Given, "a log of Ottla's holds what its Raft group needs beside the records"),
    in_api(ApiKey::DescribeLogDirs, "Results[].UsableBytes", Rule::Given, "read at another moment"),
];

/// Where answers are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// Nothing of a frame that is no request.
    pub(crate) api: Option<ApiKey>,
    pub(crate) scenario: &'static str,
}

/// The entry that allows these values of a field to differ.
pub(crate) fn find(
    exchange: Exchange,
    pattern: &str,
    path: &str,
    values: (Option<&Value>, Option<&Value>),
) -> Option<Use> {
    ALLOWED.iter().position(|entry| {
        (entry.api.is_none() || entry.api == exchange.api)
            && entry.scenario.is_none_or(|only| only == exchange.scenario)
            && matches(entry.field, pattern)
            && (entry.of.is_empty() || entry.of.iter().any(|name| is_on(path, name)))
            && holds(entry.rule, values)
    })
}

fn matches(field: &str, pattern: &str) -> bool {
    match (field.strip_prefix('*'), field.strip_suffix('*')) {
        (Some(end), _) => pattern.ends_with(end),
        (_, Some(beginning)) => pattern.starts_with(beginning),
        _ => field == pattern,
    }
}

fn is_on(path: &str, name: &str) -> bool {
    path.contains(&format!("[{name}]"))
}

fn holds(rule: Rule, values: (Option<&Value>, Option<&Value>)) -> bool {
    let (kafka, ottla) = match values {
        (Some(kafka), Some(ottla)) => (kafka, ottla),
        (Some(_), None) => return matches!(rule, Rule::OnlyKafka),
        _ => return matches!(rule, Rule::OnlyOttla),
    };
    let is_given = |value: &Value| value.as_i64().is_some_and(|number| number >= 0);
    match rule {
        Rule::There => true,
        Rule::Presence => kafka.is_null() == ottla.is_null(),
        Rule::Given => is_given(kafka) && is_given(ottla),
        Rule::Exactly(one, other) => {
            let said = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            [said(kafka), said(ottla)] == [one, other]
        }
        Rule::OnlyKafka | Rule::OnlyOttla => false,
    }
}
