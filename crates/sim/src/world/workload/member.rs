//! A member of a group, which shares the partitions with the others as Kafka's consumers do (classic
//! protocol): joins, is given partitions or gives them, and commits for what it owns while it may.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_client::{Address, Client, Connection, ConnectionOptions};
use ottla_platform::sim::chance;
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::join_group_response::JoinGroupResponse;
use ottla_protocol::messages::offset_commit_request::{
    self, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla_protocol::messages::{
    GroupId, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, OffsetCommitRequest, StrBytes,
    SyncGroupRequest, TopicName,
};
use tokio::time::{Instant, sleep};

use super::begin::LAST_MAX;
use super::reach::{REST, connect};
use crate::history::{self, Event};
use crate::world::shared::{PARTITIONS, Phase, Shared, TOPIC};

const GROUP: &str = "shared";
/// The shortest that brokers allow.
const SESSION_MS: i32 = 6_000;
const REBALANCE_MS: i32 = 4_000;
const HEARTBEAT: Duration = Duration::from_millis(300);
/// Longer than a join waits for the others.
const REQUEST_MAX: Duration = Duration::from_secs(15);
const RESPONSE_BYTES_MAX: usize = 1 << 20;
/// One heartbeat of so many is followed by an orderly leave.
const LEAVES_ONE_OF: u64 = 60;
/// The last versions without tagged fields.
const JOIN_VERSION: i16 = 3;
const SYNC_VERSION: i16 = 3;
const HEARTBEAT_VERSION: i16 = 3;
const COMMIT_VERSION: i16 = 7;
const LEAVE_VERSION: i16 = 2;

/// Takes part until nothing is broken any more and every partition has an owner that commits.
pub(super) async fn take_part(shared: Shared, number: history::Client) -> turmoil::Result {
    let client = connect(&shared).await;
    let mut member = Member {
        shared,
        number,
        id: StrBytes::default(),
        generation: -1,
        committed: 0,
    };
    let mut ends_at = None;
    loop {
        member.live_once(&client, &mut ends_at).await;
        if member.shared.all_owned() {
            return Ok(());
        }
        if ends_at.is_some_and(|at| Instant::now() > at) {
            member
                .shared
                .stuck("a partition has no member of the group that commits for it".to_owned());
            return Ok(());
        }
        sleep(REST).await;
    }
}

struct Member {
    shared: Shared,
    number: history::Client,
    id: StrBytes,
    generation: i32,
    committed: i64,
}

impl Member {
    /// One generation, or less; why it ended.
    async fn live_once(&mut self, client: &Client, ends_at: &mut Option<Instant>) -> Option<()> {
        let coordinator = client.admin().find_coordinator(GROUP).await.ok()?;
        let connection = reach(&coordinator.address).await?;
        let owned = self.join(&connection).await?;
        loop {
            sleep(HEARTBEAT).await;
            if self.shared.phase() == Phase::Healed {
                let end = *ends_at.get_or_insert_with(|| Instant::now() + LAST_MAX);
                if self.shared.all_owned() || Instant::now() > end {
                    return None;
                }
            }
            for partition in &owned {
                self.commit(&connection, *partition).await?;
            }
            if chance(|random| random.below(LEAVES_ONE_OF)) == 0 {
                return self.leave(&connection).await;
            }
            let request = HeartbeatRequest::default()
                .with_group_id(group())
                .with_generation_id(self.generation)
                .with_member_id(self.id.clone());
            let told = connection.call_in(&request, HEARTBEAT_VERSION).await.ok()?;
            self.look(told.error_code)?;
        }
    }

    /// Joins, and what it owns then.
    async fn join(&mut self, connection: &Connection) -> Option<Vec<i32>> {
        let question = self.shared.new_question();
        let member = self.number;
        self.shared.saw(Event::Joins { member, question });
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("any"))
            .with_metadata(subscription());
        let request = JoinGroupRequest::default()
            .with_group_id(group())
            .with_session_timeout_ms(SESSION_MS)
            .with_rebalance_timeout_ms(REBALANCE_MS)
            .with_member_id(self.id.clone())
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        let joined = connection.call_in(&request, JOIN_VERSION).await.ok()?;
        self.look(joined.error_code)?;
        self.id = joined.member_id.clone();
        self.generation = joined.generation_id;
        let request = SyncGroupRequest::default()
            .with_group_id(group())
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
            .with_assignments(assignments(&joined));
        let synced = connection.call_in(&request, SYNC_VERSION).await.ok()?;
        self.look(synced.error_code)?;
        let partitions = read_assignment(synced.assignment);
        self.shared.saw(Event::Owns {
            member,
            question,
            generation: self.generation,
            partitions: partitions.clone(),
        });
        Some(partitions)
    }

    async fn commit(&mut self, connection: &Connection, partition: i32) -> Option<()> {
        self.committed += 1;
        let (question, generation) = (self.shared.new_question(), self.generation);
        self.shared.saw(Event::CommitsAs {
            question,
            generation,
        });
        let committed = OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(self.committed)
            .with_committed_metadata(Some(StrBytes::default()));
        let topic = OffsetCommitRequestTopic::default()
            .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
            .with_partitions(vec![committed]);
        let request = offset_commit_request::OffsetCommitRequest::default()
            .with_group_id(group())
            .with_generation_id_or_member_epoch(generation)
            .with_member_id(self.id.clone())
            .with_topics(vec![topic]);
        let request = OffsetCommitRequest::from(request);
        let told = connection.call_in(&request, COMMIT_VERSION).await.ok()?;
        self.look(told.topics.first()?.partitions.first()?.error_code)?;
        self.shared.saw(Event::CommittedAs { question });
        if self.shared.phase() == Phase::Healed {
            self.shared.owned_in_the_end(partition);
        }
        Some(())
    }

    async fn leave(&mut self, connection: &Connection) -> Option<()> {
        let request = LeaveGroupRequest::default()
            .with_group_id(group())
            .with_member_id(self.id.clone());
        let told = connection.call_in(&request, LEAVE_VERSION).await;
        tracing::debug!(member = self.number, ?told, "leaves the group");
        self.id = StrBytes::default();
        None
    }

    /// Whether it may go on. A member that is not known any more forgets who it was.
    fn look(&mut self, code: i16) -> Option<()> {
        const UNKNOWN_MEMBER_ID: i16 = 25;
        if code == UNKNOWN_MEMBER_ID {
            self.id = StrBytes::default();
        }
        (code == 0).then_some(())
    }
}

async fn reach(address: &Address) -> Option<Connection> {
    let options = ConnectionOptions {
        client_id: GROUP.to_owned(),
        connect_timeout: Duration::from_secs(1),
        request_timeout: REQUEST_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
    };
    Connection::connect(address, options).await.ok()
}

fn group() -> GroupId {
    GroupId(StrBytes::from_static_str(GROUP))
}

/// What the leader of a generation gives each; nothing from others.
fn assignments(joined: &JoinGroupResponse) -> Vec<SyncGroupRequestAssignment> {
    let ids: Vec<_> = joined
        .members
        .iter()
        .map(|member| &member.member_id)
        .collect();
    let mut given: BTreeMap<_, Vec<i32>> = ids.iter().map(|id| (*id, Vec::new())).collect();
    for (partition, id) in (0..PARTITIONS).zip(ids.iter().cycle()) {
        given.entry(id).or_default().push(partition);
    }
    let assignment = |(id, partitions): (&StrBytes, Vec<i32>)| {
        SyncGroupRequestAssignment::default()
            .with_member_id(id.clone())
            .with_assignment(assignment(&partitions))
    };
    given.into_iter().map(assignment).collect()
}

/// A consumer's subscription, version 0: the version, topics, no more.
fn subscription() -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    put_topic(&mut bytes);
    bytes.put_i32(-1);
    bytes.freeze()
}

/// A consumer's assignment, version 0: the version, topics with partitions, no more.
fn assignment(partitions: &[i32]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(1);
    put_topic(&mut bytes);
    bytes.put_i32(partitions.len() as i32);
    partitions.iter().for_each(|number| bytes.put_i32(*number));
    bytes.put_i32(-1);
    bytes.freeze()
}

fn put_topic(bytes: &mut BytesMut) {
    bytes.put_i16(TOPIC.len() as i16);
    bytes.put_slice(TOPIC.as_bytes());
}

/// The partitions of an assignment that was made here.
fn read_assignment(mut bytes: Bytes) -> Vec<i32> {
    let before_count = 2 + 4 + 2 + TOPIC.len();
    if bytes.len() < before_count + 4 {
        return Vec::new();
    }
    bytes.advance(before_count);
    let count = bytes.get_i32();
    (0..count).map_while(|_| bytes.try_get_i32().ok()).collect()
}
