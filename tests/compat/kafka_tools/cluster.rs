//! kafka-cluster and kafka-broker-api-versions.

use std::collections::BTreeMap;

use ottla_tests::{Broker, Finished, Suite, Tool};

use crate::tool;

/// What every broker of ours and Kafka's must offer, as `oldest to newest` or one number.
const SERVED: &[(&str, &str)] = &[
    ("Produce(0)", "0 to 13"),
    ("Fetch(1)", "4 to 18"),
    ("ListOffsets(2)", "1 to 11"),
    ("Metadata(3)", "0 to 13"),
    ("OffsetCommit(8)", "2 to 10"),
    ("OffsetFetch(9)", "1 to 10"),
    ("FindCoordinator(10)", "0 to 6"),
    ("JoinGroup(11)", "0 to 9"),
    ("Heartbeat(12)", "0 to 4"),
    ("LeaveGroup(13)", "0 to 5"),
    ("SyncGroup(14)", "0 to 5"),
    ("DescribeGroups(15)", "0 to 6"),
    ("ListGroups(16)", "0 to 5"),
    ("ApiVersions(18)", "0 to 5"),
    ("CreateTopics(19)", "2 to 7"),
    ("DeleteTopics(20)", "1 to 6"),
    ("DeleteRecords(21)", "0 to 2"),
    ("InitProducerId(22)", "0 to 5"),
    ("OffsetForLeaderEpoch(23)", "2 to 4"),
    ("DescribeConfigs(32)", "1 to 4"),
    ("AlterConfigs(33)", "0 to 2"),
    ("DescribeLogDirs(35)", "1 to 5"),
    ("CreatePartitions(37)", "0 to 3"),
    ("DeleteGroups(42)", "0 to 3"),
    ("ElectLeaders(43)", "0 to 2"),
    ("IncrementalAlterConfigs(44)", "0 to 1"),
    ("AlterPartitionReassignments(45)", "0 to 1"),
    ("ListPartitionReassignments(46)", "0"),
    ("OffsetDelete(47)", "0"),
    ("DescribeQuorum(55)", "0 to 2"),
    ("DescribeCluster(60)", "0 to 2"),
    ("UnregisterBroker(64)", "0"),
    ("ListConfigResources(74)", "0 to 1"),
    ("DescribeTopicPartitions(75)", "0"),
    ("AddRaftVoter(80)", "0 to 1"),
    ("RemoveRaftVoter(81)", "0"),
];

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("cluster_tells_the_same_id_twice", cluster_id)
        .case("cluster_lists_the_endpoint", endpoints)
        .case("broker_api_versions_lists_what_is_served", api_versions);
}

fn cluster(broker: &Broker, action: &str) -> Finished {
    Tool::kafka("org.apache.kafka.tools.ClusterTool")
        .args([action, "--bootstrap-server", &broker.bootstrap()])
        .succeed()
}

fn cluster_id(broker: &Broker) {
    let first = cluster(broker, "cluster-id");
    let id = first.lines()[0]
        .strip_prefix("Cluster ID: ")
        .unwrap_or_else(|| panic!("no id in {first}"));
    assert_eq!(id.len(), 22, "a cluster id has 22 characters: {first}");
    cluster(broker, "cluster-id").prints(&first.lines());
}

fn endpoints(broker: &Broker) {
    let listing = cluster(broker, "list-endpoints");
    let fields: Vec<&str> = listing.lines()[1].split_whitespace().collect();
    assert_eq!(fields[1], "127.0.0.1", "{listing}");
    assert_eq!(fields[2], broker.port().to_string(), "{listing}");
}

fn api_versions(broker: &Broker) {
    let listing = tool("BrokerApiVersionsCommand", broker).succeed();
    listing.says(&format!("{} (id: ", broker.bootstrap()));
    let offered: BTreeMap<&str, &str> = listing
        .lines()
        .into_iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(api, versions)| (api, versions.split(" [").next().unwrap_or_default()))
        .collect();
    for (api, versions) in SERVED {
        assert_eq!(offered.get(api), Some(versions), "{api}: {listing}");
    }
}
