//! DescribeLogDirs.

use std::path::Path;

use ottla_protocol::messages::describe_log_dirs::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsResponse,
    DescribeLogDirsResult,
};
use ottla_protocol::messages::{DescribeLogDirsRequest, describe_log_dirs_request};

use crate::authorize::{Gate, Operation};
use crate::node::testing::{TestNode, batch, topic_name};

fn request(topics: Option<&[(&str, &[i32])]>) -> DescribeLogDirsRequest {
    let topics = topics.map(|topics| {
        let topics = topics.iter().map(|(name, partitions)| {
            DescribableLogDirTopic::default()
                .with_topic(topic_name(name))
                .with_partitions(partitions.to_vec())
        });
        topics.collect()
    });
    describe_log_dirs_request::DescribeLogDirsRequest::default()
        .with_topics(topics)
        .into()
}

fn partitions(result: &DescribeLogDirsResult) -> Vec<(&str, &DescribeLogDirsPartition)> {
    let topics = result.topics.iter();
    topics
        .flat_map(|topic| topic.partitions.iter().map(|one| (&**topic.name, one)))
        .collect()
}

#[tokio::test]
async fn the_directory_tells_what_it_holds_and_how_full_its_volume_is() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 2, &[]).await;
    client.create("u", 1, &[]).await;
    assert_eq!(client.produce("t", 1, batch(&["x"])).await.error_code, 0);
    for version in 1..=5 {
        let response = client.ask(version, &request(None)).await;
        let [result] = &response.results[..] else {
            panic!("{response:?}")
        };
        assert_eq!((response.error_code, result.error_code), (0, 0));
        assert!(Path::new(&*result.log_dir).is_absolute());
        let told = version >= 4;
        assert_eq!(result.total_bytes > 0, told);
        assert_eq!(result.usable_bytes > 0, told);
        assert!(result.usable_bytes <= result.total_bytes && !result.is_cordoned);
        let partitions = partitions(result);
        let named = partitions
            .iter()
            .map(|(topic, one)| (*topic, one.partition_index));
        assert_eq!(named.collect::<Vec<_>>(), [("t", 0), ("t", 1), ("u", 0)]);
        assert!(partitions[1].1.partition_size > partitions[0].1.partition_size);
        assert!(
            partitions
                .iter()
                .all(|(_, one)| one.offset_lag == 0 && !one.is_future_key)
        );
    }
}

#[tokio::test]
async fn only_the_partitions_asked_for_are_told_of() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 2, &[]).await;
    client.create("u", 1, &[]).await;
    for (asked, expected) in [
        (&[("t", &[1, 7][..]), ("nope", &[0])][..], &[("t", 1)][..]),
        (&[], &[]),
    ] {
        let response = client.ask(5, &request(Some(asked))).await;
        let found: Vec<_> = partitions(&response.results[0])
            .iter()
            .map(|(topic, one)| (*topic, one.partition_index))
            .collect();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn directories_are_described_to_those_who_may_see_them() {
    let node = TestNode::start_behind(Gate::refusing(&[Operation::Describe]), &[]).await;
    let mut client = node.client().await;
    let response = client.ask(5, &request(None)).await;
    let refused = DescribeLogDirsResponse {
        error_code: 31,
        ..DescribeLogDirsResponse::default()
    };
    assert_eq!(response, refused);
}
