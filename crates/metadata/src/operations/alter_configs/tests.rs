//! Changing configurations, on the rig.

use ottla_statemachine::rig::Rig;

use super::*;
use crate::config::{FOLLOWER_THROTTLED_RATE, LEADER_THROTTLED_RATE};
use crate::machine::{Input, Metadata, Reply};
use crate::operations::TopicLimits;
use crate::testing::{assert_refused, cluster, create_one, new_topic};

fn on(kind: ResourceType, name: &str, change: ConfigChange) -> ResourceChange {
    let name = name.to_owned();
    ResourceChange {
        resource: ConfigResource { kind, name },
        change,
    }
}

fn update(changes: &[(&str, KeyChange)]) -> ConfigChange {
    let changes = changes.iter();
    ConfigChange::Update(
        changes
            .map(|(key, change)| ((*key).into(), change.clone()))
            .collect(),
    )
}

fn set(pairs: &[(&str, &str)]) -> ConfigChange {
    let sets = pairs
        .iter()
        .map(|(key, value)| (*key, KeyChange::Set((*value).into())));
    update(&sets.collect::<Vec<_>>())
}

fn append(items: &str) -> KeyChange {
    KeyChange::Append(items.into())
}

fn subtract(items: &str) -> KeyChange {
    KeyChange::Subtract(items.into())
}

fn request(resources: Vec<ResourceChange>) -> AlterConfigs {
    AlterConfigs {
        resources,
        validate_only: false,
        broker: NodeId(1),
        defaults: Arc::new(CreationDefaults {
            is_broker_setting: |name| name == "listeners",
            ..CreationDefaults::default()
        }),
    }
}

fn ask(rig: &mut Rig<Metadata>, request: AlterConfigs) -> Vec<Result<(), Refused>> {
    match rig.ask(Input::AlterConfigs(request)) {
        Reply::AlterConfigs(outcomes) => outcomes,
        other => panic!("{other:?}"),
    }
}

fn alter(rig: &mut Rig<Metadata>, one: ResourceChange) -> Result<(), Refused> {
    ask(rig, request(vec![one])).remove(0)
}

fn shown(rig: &Rig<Metadata>, kind: ResourceType, name: &str) -> String {
    let name = name.to_owned();
    let configs = rig.hard().config(&ConfigResource { kind, name });
    let pairs = configs.into_iter().flat_map(|configs| configs.iter());
    let pairs: Vec<_> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(" ")
}

fn with_topic() -> Rig<Metadata> {
    let mut rig = cluster(1);
    create_one(&mut rig, new_topic("t", 1, 1)).unwrap();
    rig
}

#[test]
fn keys_are_set_and_taken_away_and_the_others_stay() {
    let mut rig = with_topic();
    let topic = |change| on(ResourceType::Topic, "t", change);
    alter(
        &mut rig,
        topic(set(&[("retention.ms", "5"), ("flush.ms", "7")])),
    )
    .unwrap();
    let changes = [
        ("retention.ms", KeyChange::Delete),
        ("segment.ms", KeyChange::Set(" 9 ".into())),
        ("never.was", KeyChange::Delete),
    ];
    alter(&mut rig, topic(update(&changes))).unwrap();
    assert_eq!(
        shown(&rig, ResourceType::Topic, "t"),
        "flush.ms=7 segment.ms= 9 "
    );
    let before = rig.records().len();
    alter(&mut rig, topic(set(&[("flush.ms", "7")]))).unwrap();
    assert_eq!(rig.records().len(), before, "nothing has changed");
}

#[test]
fn a_replaced_configuration_loses_what_it_does_not_name() {
    let mut rig = with_topic();
    let topic = |change| on(ResourceType::Topic, "t", change);
    alter(
        &mut rig,
        topic(set(&[("retention.ms", "5"), ("flush.ms", "7")])),
    )
    .unwrap();
    let only = Configs::from([("flush.ms".to_owned(), "8".to_owned())]);
    alter(&mut rig, topic(ConfigChange::Replace(only))).unwrap();
    assert_eq!(shown(&rig, ResourceType::Topic, "t"), "flush.ms=8");
    alter(&mut rig, topic(ConfigChange::Replace(Configs::new()))).unwrap();
    assert_eq!(shown(&rig, ResourceType::Topic, "t"), "");
}

#[test]
fn items_are_added_to_and_taken_from_lists() {
    let mut rig = with_topic();
    let key = "cleanup.policy";
    for (change, expected) in [
        (append("compact"), "cleanup.policy=delete,compact"),
        (append("compact,delete"), "cleanup.policy=delete,compact"),
        (subtract("delete,shred"), "cleanup.policy=compact"),
        (subtract("compact"), "cleanup.policy="),
        (append("delete,"), "cleanup.policy=delete"),
    ] {
        let change = update(&[(key, change)]);
        alter(&mut rig, on(ResourceType::Topic, "t", change)).unwrap();
        assert_eq!(shown(&rig, ResourceType::Topic, "t"), expected);
    }
    let change = update(&[("log.cleanup.policy", append("compact"))]);
    alter(&mut rig, on(ResourceType::Broker, "", change)).unwrap();
    let expected = "log.cleanup.policy=delete,compact";
    assert_eq!(shown(&rig, ResourceType::Broker, ""), expected);
    for (kind, name, key) in [
        (ResourceType::Topic, "t", "retention.ms"),
        (ResourceType::Topic, "t", "never.was"),
        (ResourceType::Broker, "1", "log.retention.ms"),
        (ResourceType::Group, "g", "consumer.session.timeout.ms"),
    ] {
        let refused = alter(&mut rig, on(kind, name, update(&[(key, append("1"))])));
        assert_refused(refused, ErrorCode::InvalidConfig);
    }
}

#[test]
fn what_cannot_be_is_refused_with_kafkas_code() {
    use ResourceType::{Broker, ClientMetrics, Group, Topic};
    let mut rig = with_topic();
    let before = rig.records().len();
    for (kind, name, key, value, code) in [
        (Topic, "t", "retention.ms", "-2", ErrorCode::InvalidConfig),
        (Topic, "t", "never.was", "1", ErrorCode::InvalidConfig),
        (
            Topic,
            "t",
            "remote.storage.enable",
            "true",
            ErrorCode::InvalidConfig,
        ),
        (
            Topic,
            "nope",
            "retention.ms",
            "-2",
            ErrorCode::InvalidConfig,
        ),
        (
            Topic,
            "nope",
            "retention.ms",
            "2",
            ErrorCode::UnknownTopicOrPartition,
        ),
        (
            Topic,
            "a b",
            "retention.ms",
            "2",
            ErrorCode::InvalidTopicException,
        ),
        (Topic, "", "retention.ms", "2", ErrorCode::InvalidRequest),
        (
            Broker,
            "",
            "log.retention.ms",
            "x",
            ErrorCode::InvalidRequest,
        ),
        (
            Broker,
            "",
            "log.retention.hours",
            "1",
            ErrorCode::InvalidRequest,
        ),
        (
            Broker,
            "1",
            "listeners",
            "A://:1",
            ErrorCode::InvalidRequest,
        ),
        (
            Broker,
            "x",
            "log.retention.ms",
            "1",
            ErrorCode::InvalidRequest,
        ),
        (
            Broker,
            "-1",
            "log.retention.ms",
            "1",
            ErrorCode::InvalidRequest,
        ),
        (
            Broker,
            "7",
            "log.retention.ms",
            "1",
            ErrorCode::BrokerIdNotRegistered,
        ),
        (
            Group,
            "",
            "consumer.session.timeout.ms",
            "45000",
            ErrorCode::InvalidRequest,
        ),
        (
            Group,
            "g",
            "consumer.session.timeout.ms",
            "1",
            ErrorCode::InvalidConfig,
        ),
        (
            Group,
            "g",
            "share.session.timeout.ms",
            "45000",
            ErrorCode::InvalidConfig,
        ),
        (
            ClientMetrics,
            "s",
            "interval.ms",
            "100",
            ErrorCode::InvalidConfig,
        ),
    ] {
        let refused = alter(&mut rig, on(kind, name, set(&[(key, value)])));
        assert_refused(refused, code);
    }
    assert_eq!(rig.records().len(), before);
}

#[test]
fn a_resource_is_changed_whole_or_not_at_all_whatever_becomes_of_others() {
    let mut rig = with_topic();
    let half = set(&[("flush.ms", "7"), ("retention.ms", "x")]);
    let resources = vec![
        on(ResourceType::Topic, "t", half),
        on(ResourceType::Broker, "", set(&[("log.retention.ms", "5")])),
    ];
    let outcomes = ask(&mut rig, request(resources));
    assert!(outcomes[0].is_err() && outcomes[1].is_ok(), "{outcomes:?}");
    assert_eq!(shown(&rig, ResourceType::Topic, "t"), "");
    assert_eq!(shown(&rig, ResourceType::Broker, ""), "log.retention.ms=5");
}

#[test]
fn brokers_are_checked_under_all_that_is_said_of_them() {
    let mut rig = cluster(1);
    let lag = |key, value| set(&[(key, value)]);
    let most = lag("log.cleaner.max.compaction.lag.ms", "5");
    alter(&mut rig, on(ResourceType::Broker, "1", most)).unwrap();
    let least = lag("log.cleaner.min.compaction.lag.ms", "6");
    let refused = alter(&mut rig, on(ResourceType::Broker, "", least));
    assert_refused(refused, ErrorCode::InvalidRequest);
}

#[test]
fn rates_of_throttled_replication_are_numbers_from_zero() {
    let mut rig = cluster(1);
    for rate in [LEADER_THROTTLED_RATE, FOLLOWER_THROTTLED_RATE] {
        for (broker, value) in [("", "5"), ("1", "0"), ("1", "9223372036854775807")] {
            alter(
                &mut rig,
                on(ResourceType::Broker, broker, set(&[(rate, value)])),
            )
            .unwrap();
        }
        for value in ["-1", "fast", ""] {
            let change = on(ResourceType::Broker, "", set(&[(rate, value)]));
            assert_refused(alter(&mut rig, change), ErrorCode::InvalidRequest);
        }
        let said = BrokerConfigs::of(rig.hard(), NodeId(1)).throttled_rate(rate);
        assert_eq!(said, Some(9_223_372_036_854_775_807));
        let said = BrokerConfigs::of(rig.hard(), NodeId(2)).throttled_rate(rate);
        assert_eq!(said, Some(5));
    }
}

#[test]
fn validating_writes_nothing() {
    let mut rig = with_topic();
    let before = rig.records().len();
    let change = on(ResourceType::Topic, "t", set(&[("flush.ms", "7")]));
    let request = AlterConfigs {
        validate_only: true,
        ..request(vec![change])
    };
    assert_eq!(ask(&mut rig, request), [Ok(())]);
    assert_eq!(rig.records().len(), before);
}

#[test]
fn settings_that_no_broker_has_are_kept_but_not_without_end() {
    let mut rig = with_topic();
    for broker in ["", "1"] {
        let change = set(&[("never.was", "1"), ("log.retention.ms", "7")]);
        alter(&mut rig, on(ResourceType::Broker, broker, change)).unwrap();
        let expected = "log.retention.ms=7 never.was=1";
        assert_eq!(shown(&rig, ResourceType::Broker, broker), expected);
        let change = set(&[("never.was", "2"), ("log.retention.ms", "x")]);
        let refused = alter(&mut rig, on(ResourceType::Broker, broker, change));
        assert_refused(refused, ErrorCode::InvalidRequest);
    }
    let many: Vec<String> = (0..FOREIGN_SETTINGS_MAX)
        .map(|number| format!("another.{number}"))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let refused = alter(&mut rig, on(ResourceType::Broker, "1", set(&many)));
    assert_refused(refused, ErrorCode::InvalidRequest);
    alter(&mut rig, on(ResourceType::Broker, "1", set(&many[1..]))).unwrap();
}

#[test]
fn a_request_for_too_much_is_refused_as_a_whole() {
    let mut rig = with_topic();
    let limits = TopicLimits {
        records_per_request_max: 1,
        ..TopicLimits::default()
    };
    let change = set(&[("flush.ms", "7"), ("retention.ms", "8")]);
    let request = AlterConfigs {
        defaults: Arc::new(CreationDefaults {
            limits,
            ..CreationDefaults::default()
        }),
        ..request(vec![on(ResourceType::Topic, "t", change)])
    };
    assert_refused(ask(&mut rig, request).remove(0), ErrorCode::PolicyViolation);
}
