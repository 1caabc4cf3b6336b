//! `docker run -p 9092:9092` and nothing more: a broker at localhost:9092, whose data outlives the container.

use crate::clients::Clients;
use crate::container::Started;
use crate::image::Image;

const BOOTSTRAP: &str = "localhost:9092";
const TOPIC: &str = "greetings";
const VOLUME: &str = "ottla-proof";

pub(crate) fn prove(image: &Image<'_>, clients: &Clients) {
    with_nothing_but_a_port(image, clients);
    on_a_volume(image, clients);
}

fn with_nothing_but_a_port(image: &Image<'_>, clients: &Clients) {
    let Started(broker) = &Started::run(image, &["--publish", "9092:9092"]);
    broker.wait_until_healthy();
    broker.runs_as_its_user();
    println!("alone: healthy, and of user 10001");

    let mut lines = vec!["one", "two"];
    clients.produce(BOOTSTRAP, TOPIC, &lines);
    if clients.has_kafka_tools {
        clients.kafka_produces(BOOTSTRAP, TOPIC, &["three", "four"]);
        lines.extend(["three", "four"]);
        clients.kafka_finds(BOOTSTRAP, TOPIC, &lines);
    }
    clients.finds(BOOTSTRAP, TOPIC, &lines);
    println!("alone: serves {BOOTSTRAP}");

    broker.tell("restart");
    broker.wait_until_healthy();
    clients.finds(BOOTSTRAP, TOPIC, &lines);
    println!("alone: has its records after a restart");

    broker.tell("stop");
    assert_eq!(broker.says("{{.State.ExitCode}}"), "0", "a clean stop");
    println!("alone: stops in order");
}

/// A container dies, and another one goes on with its data.
fn on_a_volume(image: &Image<'_>, clients: &Clients) {
    let options = ["--publish", "9092:9092", "--volume", "ottla-proof:/data"];
    let _volume = Volume(image);
    let lines = ["kept"];
    {
        let Started(broker) = &Started::run(image, &options);
        broker.wait_until_healthy();
        clients.produce(BOOTSTRAP, TOPIC, &lines);
        broker.tell("kill");
    }
    let Started(broker) = &Started::run(image, &options);
    broker.wait_until_healthy();
    clients.finds(BOOTSTRAP, TOPIC, &lines);
    println!("alone: another container goes on with a volume");
}

/// Removed at the end.
struct Volume<'a>(&'a Image<'a>);

impl Drop for Volume<'_> {
    fn drop(&mut self) {
        let Volume(image) = self;
        image.engine.docker(&["volume", "rm", VOLUME]).run();
    }
}
