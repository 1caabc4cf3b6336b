use super::*;

/// The value of a key and where it comes from, as `--print-config` shows it.
fn check(sources: &Sources, expected: &[&str]) {
    let printed = built(sources.clone()).config.print();
    for line in expected {
        let (setting, source) = line.split_once(" # ").unwrap();
        let found = printed
            .lines()
            .filter_map(|line| line.split_once("# "))
            .any(|(left, right)| left.trim_end() == setting && right == source);
        assert!(found, "{line} in\n{printed}");
    }
}

#[test]
fn flags_beat_the_environment_and_that_the_file_and_that_the_default() {
    let mut sources = file("");
    check(&sources, &["num.partitions=1 # default"]);
    sources = file("# first\nnum.partitions=2");
    check(&sources, &["num.partitions=2 # file server.properties:2"]);
    let variable = ("OTTLA_NUM_PARTITIONS".to_owned(), "3".to_owned());
    sources.environment.push(variable);
    check(
        &sources,
        &["num.partitions=3 # environment OTTLA_NUM_PARTITIONS"],
    );
    sources.flags.set.push("num.partitions=4".to_owned());
    check(&sources, &["num.partitions=4 # flag --set"]);
    sources.flags.set.push("num.partitions = 5".to_owned());
    check(&sources, &["num.partitions=5 # flag --set"]);
}

#[test]
fn each_flag_is_a_key() {
    let mut sources = file("listeners=PLAINTEXT://a:1\nlog.dirs=/b");
    sources.flags = Flags {
        listen: vec!["127.0.0.1:1".to_owned(), "IN://127.0.0.1:2".to_owned()],
        advertise: vec!["localhost:3".to_owned()],
        data: Some("/d".to_owned()),
        http: Some("127.0.0.1:0".to_owned()),
        node_id: Some("7".to_owned()),
        peer_listen: Some("127.0.0.1:4".to_owned()),
        peer_advertise: Some("b7:4".to_owned()),
        join: Some("b7:4,b8:4".to_owned()),
        set: Vec::new(),
    };
    check(
        &sources,
        &[
            "listeners=PLAINTEXT://127.0.0.1:1,IN://127.0.0.1:2 # flag --listen",
            "advertised.listeners=PLAINTEXT://localhost:3,IN://127.0.0.1:2 # flag --advertise",
            "log.dirs=/d # flag --data",
            "ottla.http.address=127.0.0.1:0 # flag --http",
            "node.id=7 # flag --node-id",
            "ottla.peer.listener=127.0.0.1:4 # flag --peer-listen",
            "ottla.peer.advertised=b7:4 # flag --peer-advertise",
            "ottla.peer.seeds=b7:4,b8:4 # flag --join",
        ],
    );
}

#[test]
fn a_stronger_source_wins_however_it_puts_it() {
    let mut sources = file("log.retention.ms=1000\nlog.roll.ms=7\nlog.dir=/a");
    sources.flags.set = vec!["log.retention.hours=5".to_owned()];
    let variable = ("OTTLA_LOG_DIRS".to_owned(), "/b".to_owned());
    sources.environment.push(variable);
    let built = built(sources.clone());
    assert_eq!(
        built.warnings,
        [
            "log.retention.ms (file server.properties:1) has no effect: \
             log.retention.hours (flag --set) overrides it",
            "log.dir (file server.properties:3) has no effect: \
             log.dirs (environment OTTLA_LOG_DIRS) overrides it",
        ]
    );
    let values = built.config.broker_values();
    assert!(!values.contains_key("log.retention.ms"));
    assert_eq!(values["log.retention.hours"], "5");
    assert_eq!(values["log.roll.ms"], "7");
    assert_eq!(built.config.data_dir.to_str(), Some("/b"));
}

#[test]
fn in_one_source_the_finer_unit_counts_as_in_kafka() {
    let built = built(file("log.retention.ms=1000\nlog.retention.hours=5"));
    assert_eq!(built.warnings, [""; 0]);
    let printed = built.config.print();
    assert!(printed.contains("log.retention.ms=1000 "));
    assert!(!printed.contains("log.retention.hours"));
    // DescribeConfigs shows both, and topic defaults are chosen from both.
    assert_eq!(built.config.broker_values()["log.retention.hours"], "5");
}

#[test]
fn what_a_stronger_source_replaces_need_not_be_right() {
    let mut sources = file("num.partitions=many");
    sources.flags.set = vec!["num.partitions=2".to_owned()];
    assert_eq!(built(sources).config.topics.partitions, 2);
}

#[test]
fn a_key_set_twice_in_a_file_is_mentioned() {
    let built = built(file("num.partitions=1\n\nnum.partitions=2"));
    assert_eq!(built.config.topics.partitions, 2);
    assert_eq!(
        built.warnings,
        [
            "server.properties: num.partitions is set on line 1 and again on line 3; the last one counts"
        ]
    );
}
