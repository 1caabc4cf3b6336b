//! A Produce request, written around the batches: their records are never copied.
//!
//! | part | fields | versions |
//! |---|---|---|
//! | header | API key, version, correlation id, client id, tagged fields | tagged fields 9+ |
//! | body | transactional id, acks, timeout, topics, tagged fields | tagged fields 9+ |
//! | topic | name, or id from version 13 on; partitions, tagged fields | tagged fields 9+ |
//! | partition | index, records (61 bytes of batch header, payload), tagged fields | tagged fields 9+ |
//!
//! From version 9 on lengths are varints of one more than the length (0 is null); before, they are 16-bit for
//! strings and 32-bit for arrays and records.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use ottla_protocol::TopicId;
use ottla_protocol::api::ApiKey;
use ottla_protocol::records::Batch;
use ottla_protocol::wire::put_unsigned_varint;

/// The first version with varint lengths and tagged fields.
const FIRST_FLEXIBLE: i16 = 9;
/// The first version that names topics by id.
pub(super) const FIRST_WITH_TOPIC_IDS: i16 = 13;

/// What a Produce request says, apart from its header.
pub(super) struct ProduceBody<'a> {
    pub(super) acks: i16,
    pub(super) timeout_ms: i32,
    pub(super) topics: &'a [TopicBatches],
}

/// The batches for one topic.
pub(super) struct TopicBatches {
    pub(super) name: Arc<str>,
    pub(super) id: TopicId,
    pub(super) partitions: Vec<(i32, Batch)>,
}

impl ProduceBody<'_> {
    /// The whole frame, size included, in parts.
    pub(super) fn frame(&self, version: i16, correlation_id: i32, client_id: &str) -> Vec<Bytes> {
        let mut writer = FrameParts::new(version);
        writer.head.put_i16(ApiKey::Produce.code());
        writer.head.put_i16(version);
        writer.head.put_i32(correlation_id);
        // The client id keeps its 16-bit length in every version of the header.
        let client_id = &client_id.as_bytes()[..client_id.len().min(i16::MAX as usize)];
        writer.head.put_i16(client_id.len() as i16);
        writer.head.put_slice(client_id);
        writer.tagged_fields();
        writer.null_string();
        writer.head.put_i16(self.acks);
        writer.head.put_i32(self.timeout_ms);
        writer.count(self.topics.len());
        for topic in self.topics {
            if version >= FIRST_WITH_TOPIC_IDS {
                writer.head.put_slice(topic.id.0.as_bytes());
            } else {
                writer.string(&topic.name);
            }
            writer.count(topic.partitions.len());
            for (index, batch) in &topic.partitions {
                writer.head.put_i32(*index);
                writer.records(batch);
                writer.tagged_fields();
            }
            writer.tagged_fields();
        }
        writer.tagged_fields();
        writer.finish()
    }
}

/// A frame under construction: what is written, and the payloads between.
struct FrameParts {
    is_flexible: bool,
    /// Written since the last payload.
    head: BytesMut,
    parts: Vec<Bytes>,
    size_bytes: usize,
}

impl FrameParts {
    fn new(version: i16) -> Self {
        FrameParts {
            is_flexible: version >= FIRST_FLEXIBLE,
            head: BytesMut::with_capacity(512),
            // The size's place: it is known in the end.
            parts: vec![Bytes::new()],
            size_bytes: 0,
        }
    }

    fn tagged_fields(&mut self) {
        if self.is_flexible {
            self.head.put_u8(0);
        }
    }

    fn null_string(&mut self) {
        if self.is_flexible {
            self.head.put_u8(0);
        } else {
            self.head.put_i16(-1);
        }
    }

    fn string(&mut self, text: &str) {
        // Topic names have at most 249 bytes.
        if self.is_flexible {
            put_unsigned_varint(&mut self.head, text.len() as u32 + 1);
        } else {
            self.head.put_i16(text.len() as i16);
        }
        self.head.put_slice(text.as_bytes());
    }

    fn count(&mut self, count: usize) {
        if self.is_flexible {
            put_unsigned_varint(&mut self.head, count as u32 + 1);
        } else {
            self.head.put_i32(count as i32);
        }
    }

    fn records(&mut self, batch: &Batch) {
        let size = batch.size_bytes();
        if self.is_flexible {
            put_unsigned_varint(&mut self.head, size as u32 + 1);
        } else {
            self.head.put_i32(size as i32);
        }
        self.head.put_slice(&batch.header.encode());
        self.cut();
        self.size_bytes += batch.payload.len();
        self.parts.push(batch.payload.clone());
    }

    fn cut(&mut self) {
        self.size_bytes += self.head.len();
        self.parts.push(self.head.split().freeze());
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.cut();
        // Far below the request's limit, which is far below what the field can say.
        let size = self.size_bytes as u32;
        self.parts[0] = Bytes::copy_from_slice(&size.to_be_bytes());
        self.parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_protocol::header::RequestHeader;
    use ottla_protocol::messages::{Decodable, ProduceRequest};
    use ottla_protocol::records::{BatchBuilder, Compression};
    use ottla_protocol::wire::Reader;

    fn batch(value: &[u8]) -> Batch {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(1, None, Some(value), &[]);
        builder.build().unwrap()
    }

    fn topics() -> Vec<TopicBatches> {
        let topic = |name: &str, id, partitions| TopicBatches {
            name: name.into(),
            id: TopicId(uuid::Uuid::from_u128(id)),
            partitions,
        };
        vec![
            topic("one", 1, vec![(0, batch(b"a")), (7, batch(&[9; 300]))]),
            topic("two", 2, vec![(1, batch(b""))]),
        ]
    }

    #[test]
    fn the_codec_reads_back_what_is_written_in_every_version() {
        let api = ApiKey::Produce.spec();
        for version in api.min..=api.max {
            let topics = topics();
            let body = ProduceBody {
                acks: -1,
                timeout_ms: 1234,
                topics: &topics,
            };
            let frame: Bytes = body.frame(version, 42, "me").concat().into();
            let size = u32::from_be_bytes(*frame.first_chunk().unwrap()) as usize;
            assert_eq!(size, frame.len() - 4);
            let rest = frame.slice(4..);
            let mut reader = Reader::new(&rest);
            let header = RequestHeader::read(&mut reader).unwrap();
            assert_eq!(
                (
                    header.version,
                    header.correlation_id,
                    header.client_id.as_deref()
                ),
                (version, 42, Some("me"))
            );
            let mut rest = rest.slice(reader.position()..);
            let read = ProduceRequest::decode(&mut rest, version).unwrap();
            assert!(rest.is_empty());
            check(&read, &topics, version);
        }
    }

    fn check(read: &ProduceRequest, topics: &[TopicBatches], version: i16) {
        assert_eq!(
            (read.acks, read.timeout_ms, &read.transactional_id),
            (-1, 1234, &None)
        );
        assert_eq!(read.topic_data.len(), topics.len());
        for (read, topic) in read.topic_data.iter().zip(topics) {
            if version >= FIRST_WITH_TOPIC_IDS {
                assert_eq!(read.topic_id, topic.id.0);
            } else {
                assert_eq!(read.name.0.as_str(), &*topic.name);
            }
            let records = read
                .partition_data
                .iter()
                .map(|data| (data.index, data.records.clone().unwrap()));
            let expected = topic
                .partitions
                .iter()
                .map(|(index, batch)| (*index, batch.to_bytes()));
            assert!(records.eq(expected));
        }
    }
}
