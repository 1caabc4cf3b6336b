//! Requests read and responses written.

use std::hint::black_box;

use bytes::{BufMut, Bytes, BytesMut};
use criterion::Criterion;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::{Encodable, MetadataRequest, ProduceRequest};
use ottla_protocol::records::Compression;
use ottla_protocol::request::decode_request;

use crate::records::batch;

/// A whole frame without its length: header version 2 and a body.
fn frame(api_key: i16, version: i16, body: &impl Encodable) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(api_key);
    bytes.put_i16(version);
    bytes.put_i32(7); // correlation id
    bytes.put_i16(5);
    bytes.put_slice(b"bench");
    bytes.put_u8(0); // no tagged fields
    body.encode(&mut bytes, version)
        .expect("the version has what is in it");
    bytes.freeze()
}

fn produce(records: Bytes) -> Bytes {
    const VERSION: i16 = 13;
    let partition = PartitionProduceData::default().with_records(Some(records));
    let topic = TopicProduceData::default().with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(30_000)
        .with_topic_data(vec![topic]);
    frame(0, VERSION, &request)
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("requests");
    let frame_of_batch = produce(batch(1_024, Compression::None).to_bytes());
    group.bench_function("read a Produce of 64 KiB", |bencher| {
        bencher.iter(|| decode_request(black_box(frame_of_batch.clone())));
    });
    let frame_of_metadata = frame(3, 12, &MetadataRequest::default().with_topics(None));
    group.bench_function("read a Metadata", |bencher| {
        bencher.iter(|| decode_request(black_box(frame_of_metadata.clone())));
    });
    group.finish();
}
