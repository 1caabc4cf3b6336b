//! Kafka's tools on a cluster of three brokers of Ottla. What they expect of such a cluster is in their
//! code: Apache Kafka itself runs with one broker here.

use std::fs;
use std::time::{Duration, Instant};

use ottla_tests::{Broker, Cluster, Finished, Settings, Suite, Tool};
use tempfile::TempDir;

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("partitions_of_three_brokers_are_moved_and_led", partitions)
        .case(
            "the_quorum_of_three_brokers_is_described_and_changed",
            quorum,
        );
}

const PATIENCE: Duration = Duration::from_secs(60);

fn three() -> Cluster {
    let settings = Settings::default().with("offsets.topic.num.partitions", "3");
    Cluster::start(3, settings).expect("three brokers found a cluster")
}

/// A tool, told where all brokers are.
fn tool(class: &str, at: &str, arguments: &[&str]) -> Tool {
    Tool::kafka(&format!("org.apache.kafka.tools.{class}"))
        .args(["--bootstrap-server", at])
        .args(arguments)
}

/// Runs a tool again until it says this.
fn until_it_says(text: &str, run: impl Fn() -> Finished) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = run();
        if told.stdout.contains(text) {
            return;
        }
        assert!(Instant::now() < deadline, "no {text:?} in time: {told}");
    }
}

fn partitions(_: &Broker) {
    let cluster = three();
    let at = cluster.bootstrap();
    let topics = |arguments: &[&str]| tool("TopicCommand", &at, arguments).succeed();
    topics(&[
        "--create",
        "--topic",
        "t",
        "--replica-assignment",
        "1:2,2:3",
    ]);
    let describe = || topics(&["--describe", "--topic", "t"]);
    until_it_says("Leader: 1\tReplicas: 1,2\tIsr: 1,2", describe);
    let under = topics(&["--describe", "--under-replicated-partitions"]);
    assert!(under.stdout.trim().is_empty(), "{under}");

    let folder = TempDir::new().expect("a folder can be made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    };
    let reassign =
        |arguments: &[&str]| tool("reassign.ReassignPartitionsCommand", &at, arguments).succeed();
    let move_all = file("move.json", r#"{"version":1,"topics":[{"topic":"t"}]}"#);
    reassign(&[
        "--generate",
        "--topics-to-move-json-file",
        &move_all,
        "--broker-list",
        "1,3",
    ])
    .says("Proposed partition reassignment configuration");
    let moved = file(
        "moved.json",
        r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[3,2]},
            {"topic":"t","partition":1,"replicas":[1,3]}]}"#,
    );
    reassign(&["--execute", "--reassignment-json-file", &moved])
        .says("Successfully started partition reassignments for t-0,t-1");
    let verify = || reassign(&["--verify", "--reassignment-json-file", &moved]);
    until_it_says("Reassignment of partition t-0 is completed.", verify);
    until_it_says("Reassignment of partition t-1 is completed.", verify);
    reassign(&["--list"]).says("No partition reassignments found.");
    reassign(&["--cancel", "--reassignment-json-file", &moved])
        .says("None of the specified partition reassignments are active.");

    let elect = ["--election-type", "preferred", "--all-topic-partitions"];
    // Who has just come may lead as soon as it is known to keep up.
    until_it_says("Replicas: 3,2\tIsr: 3,2", describe);
    until_it_says("Replicas: 1,3\tIsr: 1,3", describe);
    tool("LeaderElectionCommand", &at, &elect).succeed();
    until_it_says("Leader: 3\tReplicas: 3,2", describe);
    until_it_says("Leader: 1\tReplicas: 1,3", describe);
}

fn quorum(_: &Broker) {
    let mut cluster = three();
    let first: Vec<String> = cluster.brokers().iter().map(Broker::bootstrap).collect();
    let metadata =
        |at: &str, arguments: &[&str]| tool("MetadataQuorumCommand", at, arguments).succeed();
    for at in &first {
        let status = metadata(at, &["describe", "--status"]);
        status.says("LeaderId:").says("CurrentObservers:       []");
        assert_eq!(status.stdout.matches("directoryId").count(), 3, "{status}");
    }
    let replication = || metadata(&first[0], &["describe", "--replication"]);
    let told = replication();
    let row = |told: &Finished| -> Vec<String> {
        let rows = told.lines().into_iter();
        let mut rows = rows.map(|row| row.split_whitespace().map(str::to_owned).collect());
        rows.find(|row: &Vec<String>| row.first().is_some_and(|id| id == "3"))
            .unwrap_or_else(|| panic!("no broker 3: {told}"))
    };
    let third = row(&told);
    assert!(matches!(&*third[6], "Leader" | "Follower"), "{told}");
    let remove = [
        "remove-controller",
        "--controller-id",
        "3",
        "--controller-directory-id",
        &third[1],
    ];
    metadata(&first[0], &remove).says("Removed KRaft controller 3");
    assert_eq!(row(&replication())[6], "Observer");
    Tool::kafka("org.apache.kafka.tools.ClusterTool")
        .args(["unregister", "--id", "3", "--bootstrap-server", &first[0]])
        .succeed()
        .says("Broker 3 is no longer registered.");
    let left = Tool::kafka("org.apache.kafka.tools.ClusterTool")
        .args(["list-endpoints", "--bootstrap-server", &first[0]])
        .succeed();
    assert_eq!(left.lines().len(), 3, "a head and two brokers: {left}");
}
