use super::*;

struct Planned {
    /// `NAME://bind advertised`, with port 4444 bound wherever any would do.
    listeners: Vec<String>,
    notes: Vec<String>,
    warnings: Vec<String>,
}

fn plan(listen: &[&str], advertise: &[&str], sets: &[&str]) -> Planned {
    let mut sources = set(sets);
    sources.flags.listen = listen.iter().map(|text| (*text).to_owned()).collect();
    sources.flags.advertise = advertise.iter().map(|text| (*text).to_owned()).collect();
    let Built {
        config,
        notes,
        warnings,
    } = built(sources);
    let listeners = config
        .listeners
        .iter()
        .map(|listener| format!("{listener} {}", listener.advertised(4444)))
        .collect();
    Planned {
        listeners,
        notes,
        warnings,
    }
}

fn check(listen: &[&str], advertise: &[&str], expected: &[&str]) {
    let planned = plan(listen, advertise, &[]);
    assert_eq!(planned.listeners, expected, "{listen:?} {advertise:?}");
}

#[test]
fn a_listener_advertises_itself() {
    check(&[], &[], &["PLAINTEXT://127.0.0.1:9092 127.0.0.1:9092"]);
    check(&["[::1]:1"], &[], &["PLAINTEXT://[::1]:1 [::1]:1"]);
    check(&["in://a:1"], &[], &["IN://a:1 a:1"]);
}

#[test]
fn any_port_is_advertised_as_the_one_bound() {
    check(
        &["127.0.0.1:0"],
        &[],
        &["PLAINTEXT://127.0.0.1:0 127.0.0.1:4444"],
    );
    check(
        &["127.0.0.1:0", "B://127.0.0.1:0"],
        &["localhost:0", "B://localhost:5"],
        &[
            "PLAINTEXT://127.0.0.1:0 localhost:4444",
            "B://127.0.0.1:0 localhost:5",
        ],
    );
}

#[test]
fn listeners_without_names_get_them() {
    check(
        &["a:1", "b:1", "X://c:1", "d:1"],
        &[],
        &[
            "PLAINTEXT://a:1 a:1",
            "PLAINTEXT_2://b:1 b:1",
            "X://c:1 c:1",
            "PLAINTEXT_3://d:1 d:1",
        ],
    );
}

#[test]
fn addresses_are_advertised_by_name_or_in_order() {
    check(
        &["A://a:1", "B://b:2", "C://c:3"],
        &["x:9", "A://y:8"],
        &["A://a:1 y:8", "B://b:2 x:9", "C://c:3 c:3"],
    );
    check(&["EXTERNAL://a:1"], &["x:9"], &["EXTERNAL://a:1 x:9"]);
}

#[test]
fn a_listener_on_every_address_advertises_the_host_name_and_says_so() {
    for (listen, bind) in [
        (":1", ":1"),
        ("0.0.0.0:1", "0.0.0.0:1"),
        ("[::]:1", "[::]:1"),
    ] {
        let planned = plan(&[listen], &[], &[]);
        assert_eq!(planned.listeners, [format!("PLAINTEXT://{bind} myhost:1")]);
        assert_eq!(
            planned.notes,
            [
                "listener PLAINTEXT is on every address and advertises myhost:1; \
              --advertise changes that"
            ]
        );
    }
    let planned = plan(&["0.0.0.0:1"], &["broker:1"], &[]);
    assert_eq!(planned.notes, [""; 0]);
}

#[test]
fn advertising_what_only_this_machine_reaches_is_warned_about() {
    let planned = plan(&["127.0.0.1:1"], &["broker:1"], &[]);
    assert_eq!(
        planned.warnings,
        [
            "listener PLAINTEXT advertises broker:1 but listens on 127.0.0.1:1, which only this \
          machine reaches"
        ]
    );
    assert_eq!(
        plan(&["127.0.0.1:1"], &["localhost:1"], &[]).warnings,
        [""; 0]
    );
}

#[test]
fn listeners_of_controllers_are_left_out() {
    let planned = plan(
        &["CONTROLLER://:2", "PLAINTEXT://a:1"],
        &["b:1"],
        &["controller.listener.names=controller"],
    );
    assert_eq!(planned.listeners, ["PLAINTEXT://a:1 b:1"]);
    assert_eq!(
        planned.notes,
        ["listener CONTROLLER://:2 is left out: controllers need none of their own here"]
    );
}

#[test]
fn protocols_of_listeners_that_are_not_used_do_not_matter() {
    let planned = plan(
        &["IN://a:1", "CONTROLLER://a:2"],
        &[],
        &[
            "controller.listener.names=CONTROLLER",
            "listener.security.protocol.map=in:plaintext, OUT:SASL_SSL,CONTROLLER:SSL",
        ],
    );
    assert_eq!(planned.listeners, ["IN://a:1 a:1"]);
}

#[test]
fn brokers_meet_on_the_listener_named_for_it_or_the_plain_one() {
    let inter_broker = |sets: &[&str]| built(set(sets)).config.inter_broker_listener;
    assert_eq!(
        inter_broker(&["listeners=A://a:1,PLAINTEXT://b:1"]),
        "PLAINTEXT"
    );
    assert_eq!(inter_broker(&["listeners=A://a:1,B://b:1"]), "A");
    assert_eq!(
        inter_broker(&["listeners=A://a:1,B://b:1", "inter.broker.listener.name=b"]),
        "B"
    );
}
