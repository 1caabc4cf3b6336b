use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::api::ApiKey;
use crate::wire::put_unsigned_varint;
use crate::wire_vectors::{Vector, read_vectors};

fn walk_request(api: ApiKey, version: i16, body: &[u8]) -> Result<usize, Violation> {
    walk(api.spec().request, version, body).map_err(|error| error.violation)
}

#[test]
fn null_is_refused_where_its_version_does_not_allow_it() {
    let null_topics = (-1i32).to_be_bytes();
    assert_eq!(
        walk_request(ApiKey::Metadata, 0, &null_topics),
        Err(Violation::Null)
    );
    assert_eq!(walk_request(ApiKey::Metadata, 1, &null_topics), Ok(4));
}

#[test]
fn lengths_below_minus_one_are_refused() {
    let topics = (-2i32).to_be_bytes();
    assert_eq!(
        walk_request(ApiKey::Metadata, 1, &topics),
        Err(Violation::NegativeLength { length: -2 })
    );
    let name = b"\0\0\0\x01\xff\xfe";
    assert_eq!(
        walk_request(ApiKey::Metadata, 1, name),
        Err(Violation::NegativeLength { length: -2 })
    );
}

#[test]
fn a_count_that_the_rest_cannot_hold_is_refused() {
    let counted = Err(Violation::CountBeyondEnd { count: 3, left: 2 });
    assert_eq!(walk_request(ApiKey::Metadata, 1, b"\0\0\0\x03ab"), counted);
}

#[test]
fn elements_of_a_fixed_size_are_counted_by_their_bytes() {
    // One topic "t", 1 partition, factor 1, one assignment of partition 0 to so many brokers.
    let head = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\x01\0\0\0\x01\0\0\0\0";
    let with = |brokers: i32, bytes: usize| {
        let mut body = BytesMut::from(&head[..]);
        body.put_i32(brokers);
        body.put_bytes(0, bytes);
        walk_request(ApiKey::CreateTopics, 2, &body)
    };
    assert_eq!(
        with(3, 11),
        Err(Violation::CountBeyondEnd { count: 3, left: 11 })
    );
    let no_configs_and_timeout = 4 + 4 + 1;
    assert!(with(3, 12 + no_configs_and_timeout).is_ok());
}

#[test]
fn more_elements_than_the_budget_are_refused() {
    let count = ELEMENTS_MAX + 1;
    let mut body = BytesMut::new();
    body.put_slice(b"\0\0\0\x01\0\x01t\0\0\0\x01\0\x01\0\0\0\x01\0\0\0\0");
    body.put_u32(count);
    body.put_bytes(0, 4 * count as usize);
    assert_eq!(
        walk_request(ApiKey::CreateTopics, 2, &body),
        Err(Violation::TooManyElements)
    );
}

#[test]
fn small_elements_that_grow_when_decoded_are_refused() {
    // A topic of Metadata version 9 is two bytes here: an empty name, no tagged fields.
    let count = 950_000;
    let mut body = BytesMut::new();
    put_unsigned_varint(&mut body, count + 1);
    for _ in 0..count {
        body.put_slice(b"\x01\0");
    }
    body.put_slice(b"\0\0\0\0");
    assert_eq!(
        walk_request(ApiKey::Metadata, 9, &body),
        Err(Violation::TooLargeDecoded)
    );
}

#[test]
fn many_unknown_tagged_fields_are_refused() {
    let count = 200_000;
    let mut body = BytesMut::from(&b"\x02a\x02b"[..]);
    put_unsigned_varint(&mut body, count);
    for _ in 0..count {
        body.put_slice(b"\x63\0");
    }
    assert_eq!(
        walk_request(ApiKey::ApiVersions, 3, &body),
        Err(Violation::TooLargeDecoded)
    );
}

#[test]
fn strings_over_kafkas_limit_are_refused() {
    let mut body = BytesMut::new();
    put_unsigned_varint(&mut body, STRING_BYTES_MAX as u32 + 2);
    body.put_bytes(b'a', STRING_BYTES_MAX + 10);
    let refused = Err(Violation::StringTooLong {
        size_bytes: STRING_BYTES_MAX + 1,
    });
    assert_eq!(walk_request(ApiKey::ApiVersions, 3, &body), refused);
}

/// A Fetch of version 17 without topics, then these tagged fields.
fn fetch_with_tags(tags: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 4 + 4 + 4 + 1 + 4 + 4];
    body.extend_from_slice(b"\x01\x01\x01");
    body.extend_from_slice(tags);
    body
}

#[test]
fn a_known_tagged_field_must_be_as_long_as_it_says() {
    let right = fetch_with_tags(b"\x01\0\x03\x03id");
    assert_eq!(walk_request(ApiKey::Fetch, 17, &right), Ok(right.len()));
    let wrong = walk_request(ApiKey::Fetch, 17, &fetch_with_tags(b"\x01\0\x04\x03id\0"));
    assert_eq!(
        wrong,
        Err(Violation::TagSizeMismatch {
            size_bytes: 4,
            taken_bytes: 3
        })
    );
}

#[test]
fn a_tagged_field_of_a_later_version_is_refused() {
    let mut body = fetch_with_tags(b"\x01\x01\x0d\0\0\0\x01\0\0\0\0\0\0\0\x02\0");
    assert_eq!(walk_request(ApiKey::Fetch, 17, &body), Ok(body.len()));
    // Version 14 has the replica id in front.
    body.splice(0..0, [0; 4]);
    assert_eq!(
        walk_request(ApiKey::Fetch, 14, &body),
        Err(Violation::TagNotInVersion { tag: 1 })
    );
}

#[test]
fn unknown_tagged_fields_are_passed_over_in_any_order() {
    let body = fetch_with_tags(b"\x03\x63\x02ab\x05\0\x63\x01c");
    assert_eq!(walk_request(ApiKey::Fetch, 17, &body), Ok(body.len()));
}

#[test]
fn a_nullable_struct_is_null_or_there() {
    let with_cursor = |cursor: &[u8]| {
        let body = [b"\x01\0\0\0\x05", cursor].concat();
        walk_request(ApiKey::DescribeTopicPartitions, 0, &body)
    };
    assert_eq!(with_cursor(b"\xff\0"), Ok(7));
    assert_eq!(with_cursor(b"\x01\x02t\0\0\0\x03\0\0"), Ok(14));
    assert_eq!(
        with_cursor(b"\x02\x02t\0\0\0\x03\0\0"),
        Err(Violation::NeitherNullNorPresent { byte: 2 })
    );
}

#[test]
fn bytes_behind_the_end_are_left_alone() {
    assert_eq!(walk_request(ApiKey::Metadata, 1, b"\0\0\0\0rest"), Ok(4));
}

/// What a peer could do to bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    /// Overwrite with what lengths and counts look like at their extremes.
    Extreme(prop::sample::Index, &'static [u8]),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let extremes = prop::sample::select(vec![
        &b"\xff\xff\xff\xff\x0f"[..],
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xfe",
        b"\x80\x80\x80\x80\x10",
        b"\x80\x80\x80\x80\x80",
        b"\xff\xff\xff\xff",
        b"\x7f\xff",
        b"\xff\xff",
        b"\0",
    ]);
    let mutation = prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (
            any::<prop::sample::Index>(),
            prop::collection::vec(any::<u8>(), 1..9)
        )
            .prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (any::<prop::sample::Index>(), 1..9usize)
            .prop_map(|(at, count)| Mutation::Remove(at, count)),
        (any::<prop::sample::Index>(), extremes)
            .prop_map(|(at, bytes)| Mutation::Extreme(at, bytes)),
    ];
    prop::collection::vec(mutation, 1..4)
}

fn mutated(original: &[u8], mutations: &[Mutation]) -> Bytes {
    let mut bytes = original.to_vec();
    for mutation in mutations {
        match mutation {
            Mutation::Set(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Mutation::Set(..) => {}
            Mutation::Insert(at, more) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Mutation::Remove(at, count) => {
                let at = at.index(bytes.len() + 1);
                let end = bytes.len().min(at + count);
                bytes.drain(at..end);
            }
            Mutation::Extreme(at, extreme) => {
                let at = at.index(bytes.len() + 1);
                let end = bytes.len().min(at + extreme.len());
                bytes.splice(at..end, extreme.iter().copied());
            }
        }
    }
    bytes.into()
}

fn vectors_with_codec() -> Vec<Vector> {
    let mut vectors = read_vectors();
    vectors.retain(|vector| vector.codec().is_some());
    vectors
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// The walk and the codecs agree on where every field lies, so that what the walk has seen is all that is there.
    /// Text that is not UTF-8 is the one thing that the walk leaves to the codecs.
    #[test]
    fn what_the_walk_accepts_decodes_to_the_same_end(
        mut vector in prop::sample::select(vectors_with_codec()),
        mutations in mutations(),
    ) {
        vector.body = mutated(&vector.body, &mutations);
        let codec = vector.codec().unwrap();
        if let Ok(taken_bytes) = walk(vector.shape(codec), vector.version, &vector.body) {
            match vector.left_after_decoding(codec) {
                Ok(left_bytes) => prop_assert_eq!(taken_bytes + left_bytes, vector.body.len()),
                Err(error) => prop_assert!(error.to_string().contains("utf-8"), "{error}"),
            }
        }
    }

    #[test]
    fn any_bytes_walk_without_panic(
        row in 0..crate::shape::table::ALL.len(),
        version in -1..20i16,
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let walked = walk(crate::shape::table::ALL[row].shape, version, &body);
        prop_assert!(walked.is_err() || walked.is_ok_and(|size_bytes| size_bytes <= body.len()));
    }
}
