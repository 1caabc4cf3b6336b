//! `ottla health`.

use ottla_tests::ports::free_port;
use ottla_tests::{Broker, Suite};

use crate::run::{offline, ottla};

pub(crate) fn add(suite: &mut Suite) {
    suite
        .case("a_broker_that_answers_is_healthy", healthy)
        .case("the_second_port_says_whether_it_is_ready", ready)
        .case("where_nobody_listens_nobody_is_healthy", unhealthy);
}

fn healthy(broker: &Broker) {
    let told = ottla(broker, &["health"]).succeed();
    assert_eq!(told.lines().len(), 1, "{told}");
    told.says("is healthy");
}

fn ready(broker: &Broker) {
    // The second port is one of the system's choice, which the log names.
    let log = broker.log();
    let at = http_address(&log);
    offline(&["health", "--http", &at])
        .succeed()
        .says("is healthy: ready");
    // The Kafka port speaks no HTTP.
    offline(&["health", "--http", &broker.bootstrap(), "--timeout", "5s"]).refuse();
}

fn http_address(log: &str) -> String {
    let line = log
        .lines()
        .find(|line| line.contains("/readyz") || line.contains("http"));
    let line = line.unwrap_or_else(|| panic!("no line about the second port: {log}"));
    let begin = line.find("127.0.0.1:").expect("an address");
    let rest = &line[begin..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
    rest[..end.unwrap_or(rest.len())].to_owned()
}

fn unhealthy(_: &Broker) {
    let nobody = format!("127.0.0.1:{}", free_port());
    let refused = offline(&["health", "-b", &nobody, "--timeout", "2s"]).refuse();
    assert!(refused.stderr.contains("is not healthy"), "{refused}");
}
