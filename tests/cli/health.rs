//! `ottla health`.

use ottla_tests::ports::free_port;
use ottla_tests::scrape::http_address;
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
    let at = http_address(broker).unwrap_or_else(|reason| panic!("{reason}"));
    offline(&["health", "--http", &at])
        .succeed()
        .says("is healthy: ready");
    // The Kafka port speaks no HTTP.
    offline(&["health", "--http", &broker.bootstrap(), "--timeout", "5s"]).refuse();
}

fn unhealthy(_: &Broker) {
    let nobody = format!("127.0.0.1:{}", free_port());
    let refused = offline(&["health", "-b", &nobody, "--timeout", "2s"]).refuse();
    assert!(refused.stderr.contains("is not healthy"), "{refused}");
}
