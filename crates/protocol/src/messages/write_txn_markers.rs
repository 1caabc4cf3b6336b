//! WriteTxnMarkers of versions 1 and 2.
//!
//! Version 2 says by which rules each transaction ended (KIP-1228); its response has the bytes of version 1. Request:
//!
//! | field | type | versions |
//! |---|---|---|
//! | markers: producer_id | int64 | 1+ |
//! | markers: producer_epoch | int16 | 1+ |
//! | markers: transaction_result | bool | 1+ |
//! | markers: topics | as kafka-protocol has them in version 1 | 1+ |
//! | markers: coordinator_epoch | int32 | 1+ |
//! | markers: transaction_version | int8 | 2+ |
//! | tagged fields, of the markers too | | 1+ |

use std::collections::BTreeMap;

use anyhow::ensure;
use bytes::Bytes;
use kafka_protocol::messages::ProducerId;
use kafka_protocol::messages::write_txn_markers_request::{self, WritableTxnMarkerTopic};
use kafka_protocol::messages::write_txn_markers_response;
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, VersionRange,
};

use super::encoding::Encoding;
use super::newest_version::with_version_like_the_one_before;

with_version_like_the_one_before! {
    /// The response; its fields are those of the one inside.
    WriteTxnMarkersResponse(write_txn_markers_response::WriteTxnMarkersResponse), newest 2
}

/// The request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WriteTxnMarkersRequest {
    /// What to write.
    pub markers: Vec<WritableTxnMarker>,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

/// The end of one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WritableTxnMarker {
    /// Who wrote it.
    pub producer_id: ProducerId,
    /// In which epoch its marker is.
    pub producer_epoch: i16,
    /// Whether it is committed.
    pub transaction_result: bool,
    /// Where markers go.
    pub topics: Vec<WritableTxnMarkerTopic>,
    /// The epoch of its coordinator.
    pub coordinator_epoch: i32,
    /// The level of `transaction.version` by which it ended; left out below version 2.
    pub transaction_version: i8,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

const OLDEST: i16 = 1;
const NEWEST: i16 = 2;
const FIRST_WITH_TRANSACTION_VERSION: i16 = 2;
/// The version whose topics all have.
const OF_TOPICS: i16 = 1;

impl Request for WriteTxnMarkersRequest {
    const KEY: i16 = write_txn_markers_request::WriteTxnMarkersRequest::KEY;
    type Response = WriteTxnMarkersResponse;
}

impl Message for WriteTxnMarkersRequest {
    const VERSIONS: VersionRange = VersionRange {
        min: OLDEST,
        max: NEWEST,
    };
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl HeaderVersion for WriteTxnMarkersRequest {
    fn header_version(version: i16) -> i16 {
        write_txn_markers_request::WriteTxnMarkersRequest::header_version(version)
    }
}

impl Encodable for WriteTxnMarkersRequest {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        check(version)?;
        let wire = Encoding::Flexible;
        wire.put_count(buffer, self.markers.len())?;
        for marker in &self.markers {
            buffer.put_i64(marker.producer_id.0);
            buffer.put_i16(marker.producer_epoch);
            buffer.put_u8(marker.transaction_result.into());
            wire.put_count(buffer, marker.topics.len())?;
            for topic in &marker.topics {
                topic.encode(buffer, OF_TOPICS)?;
            }
            buffer.put_i32(marker.coordinator_epoch);
            if version >= FIRST_WITH_TRANSACTION_VERSION {
                buffer.put_i8(marker.transaction_version);
            }
            wire.put_tagged_fields(buffer, &marker.unknown_tagged_fields)?;
        }
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes, version)?;
        Ok(bytes.len())
    }
}

impl Decodable for WriteTxnMarkersRequest {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        check(version)?;
        let wire = Encoding::Flexible;
        Ok(WriteTxnMarkersRequest {
            markers: wire.array(buffer, |buffer| {
                Ok(WritableTxnMarker {
                    producer_id: buffer.try_get_i64()?.into(),
                    producer_epoch: buffer.try_get_i16()?,
                    transaction_result: buffer.try_get_u8()? != 0,
                    topics: wire.array(buffer, |buffer| {
                        WritableTxnMarkerTopic::decode(buffer, OF_TOPICS)
                    })?,
                    coordinator_epoch: buffer.try_get_i32()?,
                    transaction_version: match version {
                        FIRST_WITH_TRANSACTION_VERSION.. => buffer.try_get_i8()?,
                        _ => 0,
                    },
                    unknown_tagged_fields: wire.tagged_fields(buffer)?,
                })
            })?,
            unknown_tagged_fields: wire.tagged_fields(buffer)?,
        })
    }
}

fn check(version: i16) -> anyhow::Result<()> {
    ensure!(
        (OLDEST..=NEWEST).contains(&version),
        "version {version} of WriteTxnMarkers is not known"
    );
    Ok(())
}
