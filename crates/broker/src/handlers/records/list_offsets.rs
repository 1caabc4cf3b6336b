//! ListOffsets: the first and last offsets of partitions, and offsets by time.
//!
//! | timestamp | asks for | from version |
//! |---|---|---|
//! | ≥ 0 | the first record at or after it | 1 |
//! | −1 | the end of what the reader may see | 1 |
//! | −2 | the log start | 1 |
//! | −3 | the record with the largest timestamp | 7 |
//! | −4 | the start of what is on local disks: the log start, while nothing is elsewhere | 8 |
//! | −5 | the end of what is in tiered storage: nothing is | 9 |
//! | −6 | the start of what is not yet in tiered storage: unknown without one | 11 |
//!
//! Searching by time reads the log, on a thread that may block. A leader that has not heard a majority
//! lately confirms afterwards that it still leads: what a deposed one tells may be old.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use ottla_metadata::image::Image;
use ottla_platform::work::blocking;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use ottla_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse, TopicName};
use ottla_replication::{Isolation, Partition};
use ottla_storage::TimestampOffset;

use super::placement::{check_epoch, isolation, known_epoch, leader_by_name};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;
use crate::partitions::Replica;

/// Versions that carry leader epochs.
const FIRST_WITH_LEADER_EPOCH: i16 = 4;
/// Replica id of a consumer; others see beyond the high watermark.
const CONSUMER: i32 = -1;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ListOffsetsRequest) -> Reply {
    let request = request.0;
    let isolation = match isolation(request.isolation_level) {
        Ok(isolation) => isolation,
        Err(code) => return Reply::now(refused(request.topics, code)),
    };
    let image = call.image();
    let mut work = Work {
        reader: Reader {
            version: call.version(),
            isolation: (request.replica_id.0 == CONSUMER).then_some(isolation),
        },
        repeated: repeated(&request.topics),
        places: BTreeMap::new(),
        topics: Vec::new(),
        searches: Vec::new(),
        doubtful: Vec::new(),
    };
    for topic in request.topics {
        work.take(call, &image, topic);
    }
    if work.searches.is_empty() && work.doubtful.is_empty() {
        return Reply::now(response(work.topics));
    }
    let (version, doubtful) = (call.version(), std::mem::take(&mut work.doubtful));
    Reply::later(async move {
        let searched = blocking(move || work.searched()).await;
        // Fails only when the runtime ends, and nobody waits for an answer then.
        let mut response = searched.unwrap_or_default();
        confirm(&mut response, doubtful, version).await;
        response
    })
}

/// Withdraws what is told of partitions that this broker does not lead any more.
async fn confirm(response: &mut ListOffsetsResponse, doubtful: Vec<Doubtful>, version: i16) {
    let confirming = doubtful.iter().map(|it| it.leader.confirm_leading());
    let confirmed = join_all(confirming).await;
    for (
        Doubtful {
            topic, partition, ..
        },
        leads,
    ) in doubtful.iter().zip(confirmed)
    {
        let topics = &mut response.0.topics;
        let answer = topics
            .get_mut(*topic)
            .and_then(|it| it.partitions.get_mut(*partition));
        if let (false, Some(answer)) = (leads, answer) {
            fill(answer, version, ErrorCode::NotLeaderOrFollower, NOWHERE);
        }
    }
}

/// The whole request refused: every partition with the error.
fn refused(topics: Vec<ListOffsetsTopic>, code: ErrorCode) -> ListOffsetsResponse {
    let topics = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            ListOffsetsPartitionResponse::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code.code())
        });
        ListOffsetsTopicResponse::default()
            .with_partitions(partitions.collect())
            .with_name(topic.name)
    });
    response(topics.collect())
}

/// Partitions that a request names more than once, and whether that was told.
fn repeated(topics: &[ListOffsetsTopic]) -> BTreeMap<(TopicName, i32), bool> {
    let mut seen = BTreeSet::new();
    let mut repeated = BTreeMap::new();
    for topic in topics {
        for partition in &topic.partitions {
            let key = (topic.name.clone(), partition.partition_index);
            if !seen.insert(key.clone()) {
                repeated.insert(key, false);
            }
        }
    }
    repeated
}

/// What the asker may know.
#[derive(Clone, Copy)]
struct Reader {
    version: i16,
    /// `None` sees all there is.
    isolation: Option<Isolation>,
}

struct Work {
    reader: Reader,
    /// They are refused, once each.
    repeated: BTreeMap<(TopicName, i32), bool>,
    /// Where the topics are among the answers.
    places: BTreeMap<TopicName, usize>,
    topics: Vec<ListOffsetsTopicResponse>,
    searches: Vec<Search>,
    doubtful: Vec<Doubtful>,
}

/// An answer of a leader that must make sure that it is one.
struct Doubtful {
    topic: usize,
    partition: usize,
    leader: Partition,
}

/// A search by time, and where its answer goes.
struct Search {
    topic: usize,
    partition: usize,
    replica: Replica,
    wanted: ByTime,
}

#[derive(Clone, Copy)]
enum ByTime {
    AtOrAfter(i64),
    Largest,
}

/// What is asked of a partition, or known of it.
enum Step {
    Known(Replica, Position),
    Search(Replica, ByTime),
}

/// An answer; −1 stands for nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Position {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

const NOWHERE: Position = Position {
    timestamp: -1,
    offset: -1,
    leader_epoch: -1,
};

impl Work {
    /// Each partition is answered once, and each topic that has any.
    fn take(&mut self, call: Call<'_>, image: &Image, topic: ListOffsetsTopic) {
        let allowed = call.may(Operation::Describe, Resource::Topic(&topic.name));
        for partition in topic.partitions {
            let key = (topic.name.clone(), partition.partition_index);
            let step = match self.repeated.get_mut(&key) {
                Some(true) => continue,
                _ if !allowed => Err(ErrorCode::TopicAuthorizationFailed),
                Some(told) => {
                    *told = true;
                    Err(ErrorCode::InvalidRequest)
                }
                None => self.reader.start(call, image, &topic.name, &partition),
            };
            self.answer(&topic.name, partition.partition_index, step);
        }
    }

    fn answer(&mut self, topic: &TopicName, partition: i32, step: Result<Step, ErrorCode>) {
        let place = *self.places.entry(topic.clone()).or_insert_with(|| {
            let answers = ListOffsetsTopicResponse::default().with_name(topic.clone());
            self.topics.push(answers);
            self.topics.len() - 1
        });
        let answers = &mut self.topics[place].partitions;
        let (code, position) = match step {
            Err(code) => (code, NOWHERE),
            Ok(Step::Known(replica, position)) => {
                if !replica.partition.leads_for_certain() {
                    self.doubtful.push(Doubtful {
                        topic: place,
                        partition: answers.len(),
                        leader: replica.partition,
                    });
                }
                (ErrorCode::None, position)
            }
            Ok(Step::Search(replica, wanted)) => {
                // It takes a while.
                self.doubtful.push(Doubtful {
                    topic: place,
                    partition: answers.len(),
                    leader: replica.partition.clone(),
                });
                self.searches.push(Search {
                    topic: place,
                    partition: answers.len(),
                    replica,
                    wanted,
                });
                (ErrorCode::None, NOWHERE)
            }
        };
        let mut answer = ListOffsetsPartitionResponse::default().with_partition_index(partition);
        fill(&mut answer, self.reader.version, code, position);
        answers.push(answer);
    }

    /// Blocks.
    fn searched(mut self) -> ListOffsetsResponse {
        for search in std::mem::take(&mut self.searches) {
            let answer = &mut self.topics[search.topic].partitions[search.partition];
            let (code, position) = match self.reader.search(&search.replica, search.wanted) {
                Ok(position) => (ErrorCode::None, position),
                Err(code) => (code, NOWHERE),
            };
            fill(answer, self.reader.version, code, position);
        }
        response(self.topics)
    }
}

fn response(topics: Vec<ListOffsetsTopicResponse>) -> ListOffsetsResponse {
    let response = ottla_protocol::messages::list_offsets_response::ListOffsetsResponse::default();
    ListOffsetsResponse(response.with_topics(topics))
}

impl Reader {
    fn start(
        &self,
        call: Call<'_>,
        image: &Image,
        topic: &str,
        partition: &ListOffsetsPartition,
    ) -> Result<Step, ErrorCode> {
        let timestamp = partition.timestamp;
        if !self.knows(timestamp) {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let replica = leader_by_name(call, image, topic, partition.partition_index)?;
        check_epoch(&replica, known_epoch(partition.current_leader_epoch))?;
        Ok(match timestamp {
            -1 => {
                let end = self.end(&replica);
                Step::Known(replica, end)
            }
            -2 | -4 => {
                let start = start(&replica);
                Step::Known(replica, start)
            }
            -3 => Step::Search(replica, ByTime::Largest),
            -5 | -6 => Step::Known(replica, NOWHERE),
            _ => Step::Search(replica, ByTime::AtOrAfter(timestamp)),
        })
    }

    /// Whether the version gives this timestamp a meaning.
    fn knows(&self, timestamp: i64) -> bool {
        let first = match timestamp {
            0.. | -1 | -2 => 1,
            -3 => 7,
            -4 => 8,
            -5 => 9,
            -6 => 11,
            _ => return false,
        };
        self.version >= first
    }

    fn end_offset(&self, replica: &Replica) -> i64 {
        let watermarks = replica.partition.watermarks();
        match self.isolation {
            Some(isolation) => watermarks.readable_end(isolation),
            None => watermarks.log_end_offset,
        }
    }

    fn end(&self, replica: &Replica) -> Position {
        Position {
            timestamp: -1,
            offset: self.end_offset(replica),
            leader_epoch: replica.partition.leader_epoch(),
        }
    }

    /// Blocks.
    fn search(&self, replica: &Replica, wanted: ByTime) -> Result<Position, ErrorCode> {
        let log = replica.partition.log();
        let below = self.end_offset(replica);
        let found = match wanted {
            ByTime::AtOrAfter(timestamp) => log.offset_for_timestamp(timestamp, below),
            ByTime::Largest => log.max_timestamp(below),
        };
        let found = found.map_err(|error| {
            tracing::warn!(log = %log.identity(), %error, "a search by time failed");
            ErrorCode::KafkaStorageError
        })?;
        Ok(found.map_or(
            NOWHERE,
            |TimestampOffset {
                 timestamp,
                 offset,
                 leader_epoch,
             }| Position {
                timestamp,
                offset,
                leader_epoch,
            },
        ))
    }
}

fn start(replica: &Replica) -> Position {
    let offset = replica.partition.watermarks().log_start_offset;
    let leader_epoch = replica.partition.log().epoch_for_offset(offset);
    Position {
        timestamp: -1,
        offset,
        leader_epoch,
    }
}

fn fill(
    answer: &mut ListOffsetsPartitionResponse,
    version: i16,
    code: ErrorCode,
    position: Position,
) {
    answer.error_code = code.code();
    answer.timestamp = position.timestamp;
    answer.offset = position.offset;
    if version >= FIRST_WITH_LEADER_EPOCH {
        answer.leader_epoch = position.leader_epoch;
    }
}
