//! Clients of three brokers in three racks: who reads what from where (KIP-392).
//!
//! Java's cases are in `compat/java/RackCases.java`; kcat stands for librdkafka.

use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ottla_client::admin::NewTopic;
use ottla_tests::client::connect_to;
use ottla_tests::java::{self, JavaCases};
use ottla_tests::scrape::metric;
use ottla_tests::{Broker, Cluster, Need, Settings, Tool, trial, wait};

const JAVA_CASES: &[&str] = &[
    "a_consumer_reads_from_the_broker_in_its_rack",
    "committed_reads_are_the_same_in_each_rack",
    "new_partitions_have_a_replica_in_each_rack",
];
/// It waits for its broker to die.
const JAVA_TAKE_OVER: &str = "a_consumer_goes_on_when_the_broker_in_its_rack_dies";
const BROKERS: usize = 3;
const FROM_FOLLOWER: &str = "ottla_fetched_bytes_total{from=\"follower\"}";
/// How long anything may take that is going to happen.
const PATIENCE: Duration = Duration::from_secs(60);
const TOPIC: &str = "racks";
const RECORDS: usize = 100;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let java = Need::JavaSuites.missing();
    let kcat = Need::Program("kcat").missing();
    let trials = vec![
        trial_of("every_java_case_is_listed_here", java.clone(), listed),
        trial_of("java_clients_use_the_racks", java.clone(), java_cases),
        trial_of(
            "a_java_consumer_goes_on_when_the_broker_in_its_rack_dies",
            java,
            java_take_over,
        ),
        trial_of("kcat_reads_from_the_broker_in_its_rack", kcat, kcat_reads),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial_of(name: &str, missing: Option<String>, body: fn() -> Result<(), String>) -> Trial {
    trial::unless_missing(name, missing, move || match body() {
        Ok(()) => Ok(Completion::Completed),
        Err(reason) => Err(Failed::from(reason)),
    })
}

/// Brokers in the racks r1, r2 and r3.
fn three_racks() -> Result<Cluster, String> {
    Cluster::start_each(BROKERS, |number| {
        let selector = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
        Settings::default()
            .with("broker.rack", &format!("r{number}"))
            .with("replica.selector.class", selector)
    })
}

fn listed() -> Result<(), String> {
    let listed = [JAVA_CASES, &[JAVA_TAKE_OVER]].concat();
    assert_eq!(java::rack_case_names()?, listed);
    Ok(())
}

fn java_cases() -> Result<(), String> {
    let mut cluster = three_racks()?;
    let mut jvm = JavaCases::start(&cluster.bootstrap())?;
    JAVA_CASES.iter().for_each(|name| jvm.run(name));
    let mut served = Vec::new();
    for broker in cluster.brokers() {
        served.push(metric(broker, FROM_FOLLOWER)?);
    }
    // One of the three led the partition.
    let as_followers = served.iter().filter(|bytes| **bytes > 1_000_000.0);
    assert_eq!(as_followers.count(), BROKERS - 1, "{served:?}");
    Ok(())
}

fn java_take_over() -> Result<(), String> {
    let mut cluster = three_racks()?;
    let mut jvm = JavaCases::start(&cluster.bootstrap())?;
    std::thread::scope(|scope| {
        let case = scope.spawn(|| jvm.run(JAVA_TAKE_OVER));
        let has_read = |broker: &Broker| metric(broker, FROM_FOLLOWER).is_ok_and(|it| it > 0.0);
        let near = wait::poll(PATIENCE, || cluster.brokers().iter().position(has_read));
        if let Some(near) = near {
            cluster.brokers()[near].kill();
        }
        if let Err(said) = case.join() {
            return Err(trial::words(&*said).to_owned());
        }
        near.map(|_| ())
            .ok_or_else(|| "nobody read from a follower".to_owned())
    })
}

/// Creates the topic; the index of a broker that does not lead it.
fn create_topic(cluster: &Cluster) -> usize {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    runtime.block_on(async {
        let client = connect_to(&cluster.bootstrap()).await;
        let topic = NewTopic {
            name: TOPIC.to_owned(),
            partitions: Some(1),
            replication_factor: Some(3),
            ..NewTopic::default()
        };
        let created = client.admin().create_topics(&[topic], false).await;
        let created = created.and_then(|mut outcomes| outcomes.remove(0));
        created.unwrap_or_else(|error| panic!("cannot create {TOPIC}: {error}"));
        let described = client.admin().describe_topic(TOPIC).await;
        let described = described.unwrap_or_else(|error| panic!("{TOPIC}: {error}"));
        let leader = described.partitions[0].leader.expect("it was waited for");
        (0..BROKERS)
            .find(|index| index + 1 != usize::try_from(leader.0).expect("brokers have numbers"))
            .expect("one of three leads")
    })
}

fn kcat(cluster: &Cluster) -> Tool {
    // The old librdkafka in distributions waits for its socket to be refused over IPv6 first.
    let bootstrap = cluster.bootstrap();
    Tool::program("kcat").args(["-b", &bootstrap, "-X", "broker.address.family=v4"])
}

fn produce(cluster: &Cluster, numbers: std::ops::Range<usize>) {
    let lines: String = numbers.map(|number| format!("record {number}\n")).collect();
    let produced = kcat(cluster).args(["-P", "-t", TOPIC, "-p", "0"]);
    produced.stdin(lines).succeed();
}

/// kcat in the rack of a broker, from the topic's beginning until it has so many records.
fn consume(cluster: &Cluster, near: usize, count: usize) -> Tool {
    let rack = format!("client.rack=r{}", near + 1);
    let from = ["-C", "-t", TOPIC, "-p", "0", "-o", "beginning", "-q", "-X"];
    let tool = kcat(cluster).args(from);
    tool.args([rack.as_str(), "-c", &count.to_string()])
}

fn expected(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("record {number}"))
        .collect()
}

fn kcat_reads() -> Result<(), String> {
    let mut cluster = three_racks()?;
    let near = create_topic(&cluster);
    produce(&cluster, 0..RECORDS);
    let read = consume(&cluster, near, RECORDS).succeed();
    assert_eq!(read.lines(), expected(RECORDS));
    assert!(metric(&cluster.brokers()[near], FROM_FOLLOWER)? > 0.0);
    Ok(())
}
