//! The Fetch response, versions 4 to 18, as the broker sends it.
//!
//! It is written by hand because it is the one response that carries data: record batches stay slices of the log,
//! and only what stands between them is written.
//!
//! | field | type | versions |
//! |---|---|---|
//! | throttle_time_ms | int32 | 4+ |
//! | error_code, session_id | int16, int32 | 7+ |
//! | topics[]: topic | string | 4–12 |
//! | topics[]: topic_id | uuid | 13+ |
//! | partitions[]: partition_index, error_code, high_watermark, last_stable_offset | int32, int16, int64, int64 | 4+ |
//! | partitions[]: log_start_offset | int64 | 5+ |
//! | partitions[]: aborted_transactions[] | producer_id int64, first_offset int64; may be null | 4+ |
//! | partitions[]: preferred_read_replica | int32 | 11+ |
//! | partitions[]: records | bytes | 4+ |
//! | partitions[]: tags 0 diverging_epoch, 1 current_leader, 2 snapshot_id | | 12+ |
//! | tag 0 node_endpoints[] | | 16+ |
//!
//! From version 12 on lengths are compact and every struct ends with its tagged fields. A partition without records
//! has zero bytes of them, never null: librdkafka takes null for a broken response.

use bytes::{BufMut, Bytes, BytesMut};

use crate::outgoing::FrameWriter;
use crate::response::EncodeError;
use crate::types::TopicId;
use crate::wire::put_unsigned_varint;

/// What a Fetch answers with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchResponse {
    /// How long the client is held back for its quota.
    pub throttle_time_ms: i32,
    /// An error of the fetch as a whole.
    pub error_code: i16,
    /// The fetch session, 0 for none.
    pub session_id: i32,
    /// The topics answered for.
    pub topics: Vec<FetchTopic>,
    /// Where the leaders named in partitions are to be found.
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// A topic in a [`FetchResponse`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic {
    /// Its name; versions to 12.
    pub topic: String,
    /// Its id; versions from 13.
    pub topic_id: TopicId,
    /// The partitions answered for.
    pub partitions: Vec<FetchPartition>,
}

/// A partition in a [`FetchResponse`].
#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    /// Which partition.
    pub partition_index: i32,
    /// Its error.
    pub error_code: i16,
    /// The end of what is committed.
    pub high_watermark: i64,
    /// The end of what is decided: no transaction below it is open.
    pub last_stable_offset: i64,
    /// The start of the log.
    pub log_start_offset: i64,
    /// Transactions whose records in this response are to be dropped; `None` unless read_committed was asked for.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// The replica to read from instead; −1 for none.
    pub preferred_read_replica: i32,
    /// Where the fetcher's log and this one part, if they do.
    pub diverging_epoch: Option<EpochEndOffset>,
    /// Who leads, if the client seems not to know.
    pub current_leader: Option<LeaderIdAndEpoch>,
    /// The snapshot to fetch instead.
    pub snapshot_id: Option<SnapshotId>,
    /// Whole record batches.
    pub records: RecordSlices,
}

impl Default for FetchPartition {
    fn default() -> Self {
        FetchPartition {
            partition_index: 0,
            error_code: 0,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted_transactions: None,
            preferred_read_replica: -1,
            diverging_epoch: None,
            current_leader: None,
            snapshot_id: None,
            records: RecordSlices::default(),
        }
    }
}

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AbortedTransaction {
    /// Its producer.
    pub producer_id: i64,
    /// Its first offset in the partition.
    pub first_offset: i64,
}

/// A leader epoch and where it ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EpochEndOffset {
    /// The largest epoch that both logs have.
    pub epoch: i32,
    /// Its end in this log.
    pub end_offset: i64,
}

/// A leader and its epoch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeaderIdAndEpoch {
    /// The leader's node id, −1 if unknown.
    pub leader_id: i32,
    /// Its epoch.
    pub leader_epoch: i32,
}

/// A snapshot's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SnapshotId {
    /// The offset behind it.
    pub end_offset: i64,
    /// Its epoch.
    pub epoch: i32,
}

/// Where a node is to be found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NodeEndpoint {
    /// Which node.
    pub node_id: i32,
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: i32,
    /// Its rack.
    pub rack: Option<String>,
}

/// Whole record batches as slices of the log, one after the other.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RecordSlices(pub Vec<Bytes>);

impl RecordSlices {
    /// Bytes of all slices.
    pub fn size_bytes(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }
}

impl From<Bytes> for RecordSlices {
    fn from(slice: Bytes) -> Self {
        RecordSlices(vec![slice])
    }
}

impl FetchResponse {
    /// Writes the body behind the header in `frame`.
    pub(crate) fn encode(self, frame: &mut FrameWriter, version: i16) -> Result<(), EncodeError> {
        frame.buffer().reserve(self.head_bytes_expected());
        let mut writer = Writer {
            frame,
            version,
            flexible: version >= 12,
        };
        writer.buffer().put_i32(self.throttle_time_ms);
        if version >= 7 {
            writer.buffer().put_i16(self.error_code);
            writer.buffer().put_i32(self.session_id);
        }
        writer.count(self.topics.len())?;
        for topic in self.topics {
            writer.topic(topic)?;
        }
        if version >= 16 && !self.node_endpoints.is_empty() {
            writer.node_endpoints(&self.node_endpoints)?;
        } else {
            writer.no_tagged_fields();
        }
        Ok(())
    }

    /// About the bytes that are written between slices, so that the buffer rarely grows on the way.
    fn head_bytes_expected(&self) -> usize {
        const PARTITION_BYTES: usize = 64;
        const TOPIC_BYTES: usize = 32;
        let topic_bytes = |topic: &FetchTopic| {
            topic.partitions.len() * PARTITION_BYTES + topic.topic.len() + TOPIC_BYTES
        };
        self.topics.iter().map(topic_bytes).sum()
    }
}

struct Writer<'a> {
    frame: &'a mut FrameWriter,
    version: i16,
    flexible: bool,
}

impl Writer<'_> {
    fn topic(&mut self, topic: FetchTopic) -> Result<(), EncodeError> {
        if self.version >= 13 {
            self.buffer().put_slice(topic.topic_id.0.as_bytes());
        } else {
            self.string(&topic.topic)?;
        }
        self.count(topic.partitions.len())?;
        for partition in topic.partitions {
            self.partition(partition)?;
        }
        self.no_tagged_fields();
        Ok(())
    }

    fn partition(&mut self, partition: FetchPartition) -> Result<(), EncodeError> {
        self.buffer().put_i32(partition.partition_index);
        self.buffer().put_i16(partition.error_code);
        self.buffer().put_i64(partition.high_watermark);
        self.buffer().put_i64(partition.last_stable_offset);
        if self.version >= 5 {
            self.buffer().put_i64(partition.log_start_offset);
        }
        self.aborted_transactions(partition.aborted_transactions.as_deref())?;
        if self.version >= 11 {
            self.buffer().put_i32(partition.preferred_read_replica);
        }
        self.count(partition.records.size_bytes())?;
        for slice in partition.records.0 {
            self.frame.insert(slice);
        }
        if self.flexible {
            self.partition_tags(
                partition.diverging_epoch,
                partition.current_leader,
                partition.snapshot_id,
            );
        }
        Ok(())
    }

    fn aborted_transactions(
        &mut self,
        aborted: Option<&[AbortedTransaction]>,
    ) -> Result<(), EncodeError> {
        let Some(aborted) = aborted else {
            self.null_count();
            return Ok(());
        };
        self.count(aborted.len())?;
        for transaction in aborted {
            self.buffer().put_i64(transaction.producer_id);
            self.buffer().put_i64(transaction.first_offset);
            self.no_tagged_fields();
        }
        Ok(())
    }

    /// Each is a tag, the size of what follows, the struct's fields and its own, empty, tagged fields.
    fn partition_tags(
        &mut self,
        diverging_epoch: Option<EpochEndOffset>,
        current_leader: Option<LeaderIdAndEpoch>,
        snapshot_id: Option<SnapshotId>,
    ) {
        let count = [
            diverging_epoch.is_some(),
            current_leader.is_some(),
            snapshot_id.is_some(),
        ];
        let buffer = self.buffer();
        buffer.put_u8(count.into_iter().map(u8::from).sum());
        if let Some(EpochEndOffset { epoch, end_offset }) = diverging_epoch {
            buffer.put_slice(&[0, 13]);
            buffer.put_i32(epoch);
            buffer.put_i64(end_offset);
            buffer.put_u8(0);
        }
        if let Some(LeaderIdAndEpoch {
            leader_id,
            leader_epoch,
        }) = current_leader
        {
            buffer.put_slice(&[1, 9]);
            buffer.put_i32(leader_id);
            buffer.put_i32(leader_epoch);
            buffer.put_u8(0);
        }
        if let Some(SnapshotId { end_offset, epoch }) = snapshot_id {
            buffer.put_slice(&[2, 13]);
            buffer.put_i64(end_offset);
            buffer.put_i32(epoch);
            buffer.put_u8(0);
        }
    }

    /// The one tagged field of the whole: its size stands before it, so it is written aside first.
    fn node_endpoints(&mut self, endpoints: &[NodeEndpoint]) -> Result<(), EncodeError> {
        let mut aside = BytesMut::new();
        put_count(&mut aside, true, endpoints.len())?;
        for endpoint in endpoints {
            aside.put_i32(endpoint.node_id);
            put_count(&mut aside, true, endpoint.host.len())?;
            aside.put_slice(endpoint.host.as_bytes());
            aside.put_i32(endpoint.port);
            match &endpoint.rack {
                Some(rack) => {
                    put_count(&mut aside, true, rack.len())?;
                    aside.put_slice(rack.as_bytes());
                }
                None => aside.put_u8(0),
            }
            aside.put_u8(0);
        }
        let size_bytes =
            u32::try_from(aside.len()).map_err(|_| EncodeError::TooLong { count: aside.len() })?;
        let buffer = self.buffer();
        buffer.put_slice(&[1, 0]);
        put_unsigned_varint(buffer, size_bytes);
        buffer.put_slice(&aside);
        Ok(())
    }

    fn buffer(&mut self) -> &mut BytesMut {
        self.frame.buffer()
    }

    fn count(&mut self, count: usize) -> Result<(), EncodeError> {
        let flexible = self.flexible;
        put_count(self.buffer(), flexible, count)
    }

    fn null_count(&mut self) {
        if self.flexible {
            self.buffer().put_u8(0);
        } else {
            self.buffer().put_i32(-1);
        }
    }

    fn string(&mut self, text: &str) -> Result<(), EncodeError> {
        if self.flexible {
            self.count(text.len())?;
        } else {
            let length = i16::try_from(text.len())
                .map_err(|_| EncodeError::TooLong { count: text.len() })?;
            self.buffer().put_i16(length);
        }
        self.buffer().put_slice(text.as_bytes());
        Ok(())
    }

    fn no_tagged_fields(&mut self) {
        if self.flexible {
            self.buffer().put_u8(0);
        }
    }
}

fn put_count(buffer: &mut BytesMut, compact: bool, count: usize) -> Result<(), EncodeError> {
    let checked = i32::try_from(count).map_err(|_| EncodeError::TooLong { count })?;
    if compact {
        put_unsigned_varint(buffer, checked.unsigned_abs() + 1);
    } else {
        buffer.put_i32(checked);
    }
    Ok(())
}
