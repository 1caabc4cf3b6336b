//! Offsets that are committed with a transaction.

use ottla_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use ottla_protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla_protocol::messages::{
    AddOffsetsToTxnRequest, FindCoordinatorRequest, OffsetFetchRequest, TxnOffsetCommitRequest,
    offset_fetch_request,
};
use tokio::time::{Duration, Instant, sleep};

use super::support::{Level, Writer, node_with_topic};
use crate::node::testing::{PATIENCE, TestClient, TestNode, name_of, text, topic_name};

async fn node_with_group() -> (TestNode, TestClient) {
    let (node, mut client) = node_with_topic().await;
    let find = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]);
    let found = client.ask(4, &find).await;
    assert_eq!(found.coordinators[0].error_code, 0, "{found:?}");
    (node, client)
}

impl Writer {
    /// Commits an offset of partition 0 for group "g".
    async fn commit_offset(&mut self, offset: i64) -> &'static str {
        if self.level == Level::One {
            let added = self.add_offsets().await;
            if added != "NONE" {
                return added;
            }
        }
        self.commit_offset_unadded(offset, -1, "").await
    }

    async fn add_offsets(&mut self) -> &'static str {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(text(self.transactional_id).into())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_group_id(text("g").into());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = name_of(self.client.ask(3, &request).await.error_code);
            if told != "CONCURRENT_TRANSACTIONS" || Instant::now() > deadline {
                return told;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn commit_offset_unadded(
        &mut self,
        offset: i64,
        generation: i32,
        member_id: &str,
    ) -> &'static str {
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1);
        let request = TxnOffsetCommitRequest {
            transactional_id: text(self.transactional_id).into(),
            group_id: text("g").into(),
            producer_id: self.id.into(),
            producer_epoch: self.epoch,
            generation_id_or_member_epoch: generation,
            member_id: text(member_id),
            topics: vec![TxnOffsetCommitRequestTopic {
                name: topic_name("t"),
                partitions: vec![partition],
                ..TxnOffsetCommitRequestTopic::default()
            }],
            ..TxnOffsetCommitRequest::default()
        };
        let version = match self.level {
            Level::One => 4,
            Level::Two => 5,
        };
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.client.ask(version, &request).await;
            let told = name_of(told.topics[0].partitions[0].error_code);
            if told != "CONCURRENT_TRANSACTIONS" || Instant::now() > deadline {
                return told;
            }
        }
    }
}

/// What group "g" has committed for partition 0: the error and the offset.
async fn fetch(client: &mut TestClient, require_stable: bool) -> (&'static str, i64) {
    let topic = OffsetFetchRequestTopics::default()
        .with_name(topic_name("t"))
        .with_partition_indexes(vec![0]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(text("g").into())
        .with_topics(Some(vec![topic]));
    let request = offset_fetch_request::OffsetFetchRequest::default()
        .with_groups(vec![group])
        .with_require_stable(require_stable);
    let told = client.ask(8, &OffsetFetchRequest(request)).await;
    let told = &told.groups[0].topics[0].partitions[0];
    (name_of(told.error_code), told.committed_offset)
}

/// Once the transaction's marker is there.
async fn fetch_stable(client: &mut TestClient) -> (&'static str, i64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = fetch(client, true).await;
        if told.0 != "UNSTABLE_OFFSET_COMMIT" || Instant::now() > deadline {
            return told;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn offsets_of_a_transaction_count_when_it_is_committed() {
    for level in Level::BOTH {
        let (node, mut client) = node_with_group().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        assert_eq!(writer.commit_offset(5).await, "NONE", "{level:?}");
        assert_eq!(
            fetch(&mut client, true).await,
            ("UNSTABLE_OFFSET_COMMIT", -1)
        );
        assert_eq!(fetch(&mut client, false).await, ("NONE", -1));
        assert_eq!(writer.end(true).await, "NONE");
        assert_eq!(fetch_stable(&mut client).await, ("NONE", 5));
        assert_eq!(writer.commit_offset(9).await, "NONE");
        assert_eq!(writer.end(false).await, "NONE");
        assert_eq!(fetch_stable(&mut client).await, ("NONE", 5));
    }
}

#[tokio::test]
async fn a_restart_forgets_no_offset_of_an_open_transaction() {
    for level in Level::BOTH {
        let (node, _) = node_with_group().await;
        let mut writer = Writer::begin(&node, level, "tx").await;
        assert_eq!(writer.commit_offset(5).await, "NONE");
        let node = node.restarted().await;
        let mut client = node.client().await;
        writer.client = node.client().await;
        assert_eq!(
            fetch(&mut client, true).await,
            ("UNSTABLE_OFFSET_COMMIT", -1)
        );
        assert_eq!(writer.end(true).await, "NONE", "{level:?}");
        assert_eq!(fetch_stable(&mut client).await, ("NONE", 5));
    }
}

#[tokio::test]
async fn who_is_no_member_of_the_generation_commits_nothing() {
    let (node, _) = node_with_group().await;
    let mut writer = Writer::begin(&node, Level::Two, "tx").await;
    let told = writer.commit_offset_unadded(5, 3, "somebody").await;
    assert_eq!(told, "ILLEGAL_GENERATION");
    assert_eq!(writer.end(false).await, "NONE");
}

#[tokio::test]
async fn offsets_that_the_coordinator_does_not_know_of_are_refused() {
    let (node, mut client) = node_with_group().await;
    let mut writer = Writer::begin(&node, Level::One, "tx").await;
    let told = writer.commit_offset_unadded(5, -1, "").await;
    assert_eq!(told, "TRANSACTION_ABORTABLE");
    assert_eq!(fetch(&mut client, true).await, ("NONE", -1));
}

/// Clients look for the coordinator of a group only after they have added its offsets.
#[tokio::test]
async fn a_transaction_may_be_the_first_that_hears_of_groups() {
    let (node, _) = node_with_topic().await;
    let mut writer = Writer::begin(&node, Level::One, "tx").await;
    assert_eq!(writer.add_offsets().await, "NONE");
    assert_eq!(writer.end(true).await, "NONE");
}
