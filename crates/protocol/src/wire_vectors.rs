//! Everything the Java implementation was seen to write, read and written again by this one.
//!
//! The vectors hold every API of Kafka 4.4 in every version. Shapes are held against all of them, codecs against
//! those of the APIs served.

use std::io::Read as _;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::read::GzDecoder;

use crate::api::{ApiKey, ApiSpec, for_each_api};
use crate::fetch;
use crate::header::RequestHeader;
use crate::messages::*;
use crate::request::decode_request;
use crate::response::{Response, encode_response};
use crate::shape::{Shape, table, walk};

/// One message on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Vector {
    pub(crate) is_request: bool,
    pub(crate) api_key: i16,
    pub(crate) version: i16,
    name: String,
    pub(crate) body: Bytes,
}

impl Vector {
    /// The shape of its body.
    pub(crate) fn shape(&self, codec: &Codec) -> &'static Shape {
        self.side(codec).shape
    }

    /// Decodes it and says how many bytes are left.
    pub(crate) fn left_after_decoding(&self, codec: &Codec) -> anyhow::Result<usize> {
        (self.side(codec).left_after_decoding)(self)
    }

    /// What reads and writes it, if anything here does.
    pub(crate) fn codec(&self) -> Option<&'static Codec> {
        codecs().find(|codec| {
            codec.key == self.api_key && (codec.min..=codec.max).contains(&self.version)
        })
    }

    fn side<'a>(&self, codec: &'a Codec) -> &'a Side {
        if self.is_request {
            &codec.request
        } else {
            &codec.response
        }
    }

    fn served_by(&self) -> Option<&'static ApiSpec> {
        ApiSpec::find(self.api_key).filter(|api| api.serves(self.version))
    }
}

pub(crate) fn read_vectors() -> Vec<Vector> {
    let packed = include_bytes!("../tests/data/kafka-4.4-vectors.tsv.gz");
    let mut text = String::new();
    GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    text.lines().map(read_vector).collect()
}

fn read_vector(line: &str) -> Vector {
    let columns: Vec<&str> = line.split('\t').collect();
    let digits = columns[5].as_bytes();
    let hex = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let side = if columns[0] == "Q" {
        "request"
    } else {
        "response"
    };
    Vector {
        is_request: columns[0] == "Q",
        api_key: columns[1].parse().unwrap(),
        version: columns[2].parse().unwrap(),
        name: format!(
            "{side} of API {} version {} sample {}",
            columns[1], columns[2], columns[3]
        ),
        body: digits.chunks(2).map(hex).collect(),
    }
}

/// An API as its row has it, and its message types behind functions.
pub(crate) struct Codec {
    name: &'static str,
    key: i16,
    min: i16,
    max: i16,
    advertised_min: i16,
    first_flexible: i16,
    key_of_codec: i16,
    request: Side,
    response: Side,
}

/// A message type of an API.
struct Side {
    shape: &'static Shape,
    versions: VersionRange,
    size_bytes: usize,
    header_version: fn(i16) -> i16,
    rewritten: fn(&Vector) -> Bytes,
    left_after_decoding: fn(&Vector) -> anyhow::Result<usize>,
}

impl Side {
    const fn of<T: Encodable + Decodable + Message + HeaderVersion>(shape: &'static Shape) -> Self {
        Side {
            shape,
            versions: T::VERSIONS,
            size_bytes: size_of::<T>(),
            header_version: T::header_version,
            rewritten: rewritten_as::<T>,
            left_after_decoding: left_after_decoding_as::<T>,
        }
    }
}

/// Those of all rows.
fn codecs() -> impl Iterator<Item = &'static Codec> {
    CODECS.iter()
}

macro_rules! define_codecs {
    ($(
        $(#[doc = $purpose:literal])+
        $name:ident = $key:literal, $request:ident => $response:ident,
        $min:literal ..= $max:literal, advertised $advertised:literal, flexible $flexible:literal;
    )+) => {
        static CODECS: &[Codec] = &[$(
            Codec {
                name: stringify!($name),
                key: $key,
                min: $min,
                max: $max,
                advertised_min: $advertised,
                first_flexible: $flexible,
                key_of_codec: $request::KEY,
                request: Side::of::<$request>(&table::$request),
                response: Side::of::<$response>(&table::$response),
            },
        )+];
    };
}

for_each_api!(define_codecs);

fn rewritten_as<T: Encodable + Decodable>(vector: &Vector) -> Bytes {
    let mut body = vector.body.clone();
    let message = T::decode(&mut body, vector.version).expect(&vector.name);
    assert!(body.is_empty(), "{} was not read to its end", vector.name);
    let mut written = BytesMut::new();
    message
        .encode(&mut written, vector.version)
        .expect(&vector.name);
    assert_eq!(
        message.compute_size(vector.version).unwrap(),
        written.len(),
        "{}",
        vector.name
    );
    written.freeze()
}

fn left_after_decoding_as<T: Decodable>(vector: &Vector) -> anyhow::Result<usize> {
    let mut body = vector.body.clone();
    T::decode(&mut body, vector.version)?;
    Ok(body.len())
}

#[test]
fn every_version_of_every_codec_has_vectors() {
    let vectors = read_vectors();
    for api in codecs() {
        for version in api.min..=api.max {
            for is_request in [true, false] {
                let matching = vectors.iter().filter(|vector| {
                    (vector.is_request, vector.api_key, vector.version)
                        == (is_request, api.key, version)
                });
                assert_eq!(
                    matching.count(),
                    4,
                    "{} version {version}, request: {is_request}",
                    api.name
                );
            }
        }
    }
}

#[test]
fn every_vector_with_a_codec_is_written_as_it_was_read() {
    for vector in read_vectors() {
        if let Some(codec) = vector.codec() {
            let rewritten = (vector.side(codec).rewritten)(&vector);
            assert_eq!(rewritten, vector.body, "{}", vector.name);
        }
    }
}

#[test]
fn the_walk_accepts_every_vector_of_every_api_to_its_last_byte() {
    let mut accepted = 0;
    for vector in read_vectors() {
        let Some(row) = table::ALL.iter().find(|row| {
            (row.api_key, row.is_request) == (vector.api_key, vector.is_request)
                && row.versions.contain(vector.version)
        }) else {
            continue;
        };
        let walked = walk(row.shape, vector.version, &vector.body);
        assert_eq!(walked, Ok(vector.body.len()), "{}", vector.name);
        accepted += 1;
    }
    assert_eq!(accepted, VECTORS_OF_BROKER_APIS);
}

/// All but those of the APIs that only controllers serve.
const VECTORS_OF_BROKER_APIS: usize = 2280;

#[test]
fn the_walk_refuses_every_vector_that_is_cut_short() {
    for vector in read_vectors() {
        let Some(codec) = vector.codec() else {
            continue;
        };
        let shape = vector.shape(codec);
        for end in 0..vector.body.len() {
            assert!(
                walk(shape, vector.version, &vector.body[..end]).is_err(),
                "{} cut at {end}",
                vector.name
            );
        }
    }
}

#[test]
fn every_request_vector_comes_through_as_a_frame() {
    for vector in read_vectors().iter().filter(|vector| vector.is_request) {
        let Some(api) = vector.served_by() else {
            continue;
        };
        let sent = RequestHeader {
            api,
            version: vector.version,
            correlation_id: 42,
            client_id: Some("vectors".to_owned()),
        };
        let mut frame = BytesMut::new();
        sent.write(&mut frame).unwrap();
        frame.put_slice(&vector.body);
        let (header, request) = decode_request(frame.freeze()).expect(&vector.name);
        assert_eq!((header, request.api()), (sent, api.key));
    }
}

#[test]
fn every_fetch_response_is_written_by_hand_as_kafka_writes_it() {
    let mut compared = 0;
    for vector in read_vectors() {
        if (vector.is_request, vector.api_key) != (false, ApiKey::Fetch.code()) {
            continue;
        }
        let mut known = FetchResponse::decode(&mut vector.body.clone(), vector.version).unwrap();
        let had_null_records = give_null_records_zero_bytes(&mut known);
        let mut expected = BytesMut::new();
        known.encode(&mut expected, vector.version).unwrap();
        assert!(had_null_records || expected == vector.body);

        let header = RequestHeader {
            api: ApiKey::Fetch.spec(),
            version: vector.version,
            correlation_id: 7,
            client_id: None,
        };
        let frame = encode_response(&header, Response::Fetch(as_sent(known)))
            .unwrap()
            .to_bytes();
        let header_bytes = if vector.version >= 12 {
            4 + 4 + 1
        } else {
            4 + 4
        };
        assert_eq!(
            frame[..4],
            u32::try_from(frame.len() - 4).unwrap().to_be_bytes()
        );
        assert_eq!(frame[header_bytes..], expected, "{}", vector.name);
        compared += 1;
    }
    assert_eq!(compared, 4 * 15);
}

/// What a broker of ours never sends.
fn give_null_records_zero_bytes(response: &mut FetchResponse) -> bool {
    let mut found = false;
    for partition in response
        .responses
        .iter_mut()
        .flat_map(|topic| &mut topic.partitions)
    {
        found |= partition.records.is_none();
        partition.records.get_or_insert_default();
    }
    found
}

/// kafka-protocol's response as ours, its records cut in two to see that slices join.
fn as_sent(known: FetchResponse) -> fetch::FetchResponse {
    fetch::FetchResponse {
        throttle_time_ms: known.throttle_time_ms,
        error_code: known.error_code,
        session_id: known.session_id,
        topics: known.responses.into_iter().map(topic_as_sent).collect(),
        node_endpoints: known
            .node_endpoints
            .into_iter()
            .map(|endpoint| fetch::NodeEndpoint {
                node_id: endpoint.node_id.0,
                host: endpoint.host.to_string(),
                port: endpoint.port,
                rack: endpoint.rack.map(|rack| rack.to_string()),
            })
            .collect(),
    }
}

fn topic_as_sent(known: fetch_response::FetchableTopicResponse) -> fetch::FetchTopic {
    fetch::FetchTopic {
        topic: known.topic.to_string(),
        topic_id: known.topic_id.into(),
        partitions: known
            .partitions
            .into_iter()
            .map(partition_as_sent)
            .collect(),
    }
}

fn partition_as_sent(known: fetch_response::PartitionData) -> fetch::FetchPartition {
    let mut records = known.records.unwrap_or_default();
    let first_half = records.split_to(records.len() / 2);
    fetch::FetchPartition {
        partition_index: known.partition_index,
        error_code: known.error_code,
        high_watermark: known.high_watermark,
        last_stable_offset: known.last_stable_offset,
        log_start_offset: known.log_start_offset,
        aborted_transactions: known.aborted_transactions.map(|aborted| {
            aborted
                .into_iter()
                .map(|transaction| fetch::AbortedTransaction {
                    producer_id: transaction.producer_id.0,
                    first_offset: transaction.first_offset,
                })
                .collect()
        }),
        preferred_read_replica: known.preferred_read_replica.0,
        diverging_epoch: present(&known.diverging_epoch).map(|epoch| fetch::EpochEndOffset {
            epoch: epoch.epoch,
            end_offset: epoch.end_offset,
        }),
        current_leader: present(&known.current_leader).map(|leader| fetch::LeaderIdAndEpoch {
            leader_id: leader.leader_id.0,
            leader_epoch: leader.leader_epoch,
        }),
        snapshot_id: present(&known.snapshot_id).map(|snapshot| fetch::SnapshotId {
            end_offset: snapshot.end_offset,
            epoch: snapshot.epoch,
        }),
        records: fetch::RecordSlices(vec![first_half, records]),
    }
}

/// kafka-protocol shows an absent tagged struct as its default.
fn present<T: Default + PartialEq>(value: &T) -> Option<&T> {
    (*value != T::default()).then_some(value)
}

#[test]
fn the_table_of_apis_agrees_with_kafkas_schemas_and_with_the_codecs() {
    for api in codecs() {
        let row = table::ALL
            .iter()
            .find(|row| row.api_key == api.key && row.is_request)
            .unwrap();
        assert_eq!(row.shape.name, format!("{}Request", api.name));
        assert_eq!(api.request.shape.name, format!("{}Request", api.name));
        assert_eq!(api.response.shape.name, format!("{}Response", api.name));
        assert_eq!(
            (row.versions.first, api.first_flexible),
            (api.min, row.shape.first_flexible),
            "{}",
            api.name
        );
        let flexible_response = api.response.shape.first_flexible;
        assert_eq!(api.first_flexible, flexible_response, "{}", api.name);
        let has_unstable_version = api.key == ApiKey::InitProducerId.code();
        assert_eq!(
            row.versions.last - i16::from(has_unstable_version),
            api.max,
            "{}",
            api.name
        );
        assert!(api.advertised_min <= api.min);

        assert_eq!(api.key_of_codec, api.key);
        for versions in [api.request.versions, api.response.versions] {
            assert!(
                versions.min <= api.min && api.max <= versions.max,
                "{}: {versions}",
                api.name
            );
        }
    }
}

#[test]
fn headers_are_those_that_the_codecs_claim() {
    for api in codecs() {
        for version in api.min..=api.max {
            let flexible = version >= api.first_flexible;
            // A client must be able to read the versions of a broker that is older than itself.
            let flexible_header = flexible && api.key != ApiKey::ApiVersions.code();
            let expected = (1 + i16::from(flexible), i16::from(flexible_header));
            let claimed = (
                (api.request.header_version)(version),
                (api.response.header_version)(version),
            );
            assert_eq!(claimed, expected, "{} version {version}", api.name);
            if let Some(spec) = ApiSpec::find(api.key) {
                let served = (
                    spec.request_header_version(version),
                    spec.response_header_version(version),
                );
                assert_eq!(served, expected, "{} version {version}", api.name);
            }
        }
    }
}

#[test]
fn the_table_is_ordered() {
    assert!(CODECS.is_sorted_by(|one, next| one.key < next.key));
}

#[test]
fn shapes_do_not_underestimate_the_memory_of_what_is_decoded() {
    for api in codecs() {
        for side in [&api.request, &api.response] {
            let estimate_bytes = side.shape.body.decoded_bytes;
            assert!(
                side.size_bytes <= estimate_bytes as usize,
                "{}: {} > {estimate_bytes}",
                api.name,
                side.size_bytes
            );
        }
    }
}
