use super::*;

/// What `--set` of these texts is answered with.
fn check(texts: &[&str], expected: &[&str]) {
    assert_eq!(refused(set(texts)), expected, "{texts:?}");
}

#[test]
fn unknown_keys_stop_the_start_with_the_nearest_name() {
    let lines = refused(file("log.retention.msec=1\n\nfoo=bar\n=x"));
    assert_eq!(
        lines,
        [
            " (file server.properties:4): there is no such setting",
            "foo (file server.properties:3): there is no such setting",
            "log.retention.msec (file server.properties:1): there is no such setting; \
             did you mean log.retention.ms?",
        ]
    );
    check(
        &["num.partition=1"],
        &["num.partition (flag --set): there is no such setting; did you mean num.partitions?"],
    );
}

#[test]
fn values_are_refused_with_key_source_and_reason() {
    let mut sources = file("num.partitions=0\nlog.preallocate=maybe");
    sources.environment = vec![("OTTLA_LOG_SEGMENT_BYTES".to_owned(), "1k".to_owned())];
    sources.flags.set = vec!["log.cleanup.policy=shred".to_owned()];
    assert_eq!(
        refused(sources),
        [
            "log.cleanup.policy=shred (flag --set): `shred` is not one of compact, delete",
            "log.preallocate=maybe (file server.properties:2): it is neither true nor false",
            "log.segment.bytes=1k (environment OTTLA_LOG_SEGMENT_BYTES): \
             it is not a whole number of 32 bits",
            "num.partitions=0 (file server.properties:1): it must be 1 or more",
        ]
    );
}

#[test]
fn a_replica_selector_of_ones_own_is_refused_with_those_that_there_are() {
    check(
        &["replica.selector.class=com.example.Nearest"],
        &[
            "replica.selector.class=com.example.Nearest (flag --set): `com.example.Nearest` is not \
             one of org.apache.kafka.common.replica.LeaderSelector, \
             org.apache.kafka.common.replica.RackAwareReplicaSelector",
        ],
    );
}

#[test]
fn flags_that_contradict_themselves_are_refused() {
    check(&["novalue"], &["--set novalue: write --set key=value"]);
    let mut sources = set(&["log.dirs=/a"]);
    sources.flags.data = Some("/b".to_owned());
    assert_eq!(
        refused(sources),
        ["log.dirs is given by flag --data and by --set: leave one out"]
    );
}

#[test]
fn a_file_with_a_broken_escape_is_refused_with_its_line() {
    assert_eq!(
        refused(file("a=1\nb=\\u00")),
        ["server.properties:2: \\u needs four hexadecimal digits after it"]
    );
    assert_eq!(
        refused(file("a=\\ud800")),
        ["server.properties:1: \\ud800 is half of a character: its other half is missing"]
    );
}

#[test]
fn a_node_that_could_not_work_is_refused() {
    check(
        &["node.id=1", "broker.id=2"],
        &["broker.id=2 (flag --set): node.id is 1: leave broker.id out or make them equal"],
    );
    check(
        &["broker.id=-1"],
        &["broker.id=-1 (flag --set): it must be 0 or more"],
    );
    check(
        &["process.roles=controller"],
        &[
            "process.roles=controller (flag --set): a node without the role broker would serve \
           nobody: there are no separate controllers",
        ],
    );
    check(
        &["log.dirs=/a,/b"],
        &["log.dirs=/a,/b (flag --set): only one data directory is supported so far"],
    );
    check(
        &["ottla.http.address=9680"],
        &["ottla.http.address=9680 (flag --set): `9680` has no port: write host:port"],
    );
}

#[test]
fn times_without_sense_are_refused() {
    for (text, must_be) in [
        ("log.retention.ms=0", "-1, or 1 or more"),
        ("log.retention.minutes=0", "-1, or 1 or more"),
        ("log.retention.hours=-2", "-1, or 1 or more"),
        ("log.retention.bytes=-2", "-1, or 0 or more"),
        ("log.roll.ms=0", "1 or more"),
        ("log.roll.jitter.ms=-1", "0 or more"),
        ("log.flush.scheduler.interval.ms=-1", "0 or more"),
    ] {
        check(
            &[text],
            &[&format!("{text} (flag --set): it must be {must_be}")],
        );
    }
}

#[test]
fn limits_that_fit_nothing_are_refused() {
    check(
        &["queued.max.request.bytes=10", "socket.request.max.bytes=11"],
        &[
            "queued.max.request.bytes=10 (flag --set): it must be at least \
           socket.request.max.bytes, which is 11",
        ],
    );
    for entry in ["localhost:5", "10.0.0.1", "10.0.0.1:many", "10.0.0.1:-1"] {
        check(
            &[&format!(
                "max.connections.per.ip.overrides=10.0.0.2:1,{entry}"
            )],
            &[&format!(
                "max.connections.per.ip.overrides=10.0.0.2:1,{entry} (flag --set): `{entry}` is \
                 not an IP address, a colon and a number (host names are not resolved here)"
            )],
        );
    }
}

#[test]
fn placeholders_are_refused_rather_than_taken_literally() {
    check(
        &["config.providers=file", "broker.rack=${file:/etc/rack:id}"],
        &[
            "broker.rack=${file:/etc/rack:id} (flag --set): config.providers are not supported, so \
           that ${…} cannot be replaced",
        ],
    );
    // Without providers Kafka takes it literally too.
    assert_eq!(
        built(set(&["broker.rack=${x}"])).config.rack.as_deref(),
        Some("${x}")
    );
}

#[test]
fn listeners_that_cannot_be_served_are_refused() {
    for (text, why) in [
        ("listeners=a", "`a` has no port: write host:port"),
        ("listeners=", "it must not be empty"),
        ("listeners=A://a:1,a://b:2", "two listeners are called A"),
        ("listeners=A://a:1,B://a:1", "two listeners want a:1"),
        (
            "listeners=SASL_SSL://a:1",
            "listener SASL_SSL wants SASL_SSL, but PLAINTEXT is all that is supported so far",
        ),
        (
            "security.inter.broker.protocol=SSL",
            "PLAINTEXT is all that is supported so far",
        ),
        ("inter.broker.listener.name=IN", "no listener is called IN"),
        (
            "advertised.listeners=0.0.0.0:1",
            "clients cannot connect to 0.0.0.0:1: advertise a host name or address of this machine",
        ),
        (
            "advertised.listeners=:1",
            "clients cannot connect to :1: advertise a host name or address of this machine",
        ),
        (
            "advertised.listeners=a:1,b:1",
            "b:1 is one address more than there are listeners",
        ),
        ("advertised.listeners=B://b:1", "no listener is called B"),
        (
            "advertised.listeners=PLAINTEXT://a:1,PLAINTEXT://b:1",
            "two listeners are called PLAINTEXT",
        ),
        (
            "listener.security.protocol.map=A",
            "`A` is not NAME:PROTOCOL with one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        ),
        (
            "listener.security.protocol.map=A:TLS",
            "`A:TLS` is not NAME:PROTOCOL with one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL",
        ),
    ] {
        check(&[text], &[&format!("{text} (flag --set): {why}")]);
    }
}

#[test]
fn listeners_are_judged_together_with_their_protocols() {
    check(
        &[
            "listeners=IN://a:1",
            "listener.security.protocol.map=PLAINTEXT:PLAINTEXT",
        ],
        &["listeners=IN://a:1 (flag --set): listener IN is not in listener.security.protocol.map"],
    );
    check(
        &[
            "listeners=IN://a:1",
            "listener.security.protocol.map=IN:SSL",
        ],
        &[
            "listeners=IN://a:1 (flag --set): listener IN wants SSL, but PLAINTEXT is all that is \
           supported so far",
        ],
    );
    check(
        &["listeners=C://a:1", "controller.listener.names=C"],
        &[
            "listeners=C://a:1 (flag --set): every listener is left to controllers: clients need \
           one as well",
        ],
    );
}

#[test]
fn a_wildcard_without_a_host_name_to_advertise_is_refused() {
    let mut sources = set(&["listeners=0.0.0.0:1"]);
    sources.host_name.clear();
    assert_eq!(
        refused(sources),
        [
            "listeners=0.0.0.0:1 (flag --set): listener PLAINTEXT is on every address and the host \
          name is unknown: advertise one"
        ]
    );
}
