//! Batches and raft-only frames, as lines and as JSON.

use ottla_protocol::records::{Batch, Record};
use ottla_storage::inspect::FoundFrame;
use ottla_storage::{Frame, Private};
use serde_json::{Map, Value, json};

use crate::encoding::insert_bytes;

/// A line about a frame.
pub(super) fn line(found: &FoundFrame) -> String {
    let header = &found.frame.header;
    let crc = match &found.crc {
        Ok(()) => "crc ok".to_owned(),
        Err(error) => format!("crc WRONG: {error}"),
    };
    let at = format!(
        "  @{} {} bytes, epoch {}",
        found.position,
        found.frame.size_bytes(),
        header.partition_leader_epoch
    );
    if let Some(private) = private_name(&found.frame) {
        return format!(
            "{at}, raft-only before offset {}: {private}, {crc}",
            header.base_offset
        );
    }
    let last = header.next_offset() - 1;
    let mut text = format!(
        "{at}, offsets {}..{last}, {} records, {}, time {}..{}",
        header.base_offset,
        header.record_count,
        codec(found),
        header.base_timestamp,
        header.max_timestamp,
    );
    if header.producer_id >= 0 {
        text.push_str(&format!(
            ", producer {} epoch {} sequence {}",
            header.producer_id, header.producer_epoch, header.base_sequence
        ));
    }
    if header.attributes.is_transactional() {
        text.push_str(", transactional");
    }
    if header.attributes.is_control() {
        text.push_str(", control");
    }
    format!("{text}, {crc}")
}

/// All about a frame.
pub(super) fn to_json(found: &FoundFrame) -> Map<String, Value> {
    let header = &found.frame.header;
    let value = json!({
        "position": found.position,
        "bytes": found.frame.size_bytes(),
        "base_offset": header.base_offset,
        "leader_epoch": header.partition_leader_epoch,
        "crc_ok": found.crc.is_ok(),
    });
    let mut object = match value {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    if let Some(private) = private_name(&found.frame) {
        object.insert("raft_only".to_owned(), private.into());
        return object;
    }
    let more = [
        ("last_offset", json!(header.next_offset() - 1)),
        ("records", json!(header.record_count)),
        ("codec", json!(codec(found))),
        ("base_timestamp", json!(header.base_timestamp)),
        ("max_timestamp", json!(header.max_timestamp)),
        ("producer_id", json!(header.producer_id)),
        ("producer_epoch", json!(header.producer_epoch)),
        ("base_sequence", json!(header.base_sequence)),
        ("transactional", json!(header.attributes.is_transactional())),
        ("control", json!(header.attributes.is_control())),
    ];
    object.extend(more.map(|(name, value)| (name.to_owned(), value)));
    object
}

/// What a raft-only frame says; `None` for a Kafka batch.
fn private_name(frame: &Frame) -> Option<String> {
    Some(match frame.as_private()? {
        Err(error) => error.to_string(),
        Ok((index, private)) => match private {
            Private::Blank => format!("blank at raft index {index}"),
            Private::Membership(members) => {
                format!(
                    "membership of {} bytes at raft index {index}",
                    members.len()
                )
            }
            Private::LogStart { offset } => format!("log start {offset} at raft index {index}"),
            Private::Void => format!("void at raft index {index}"),
            Private::Gap => format!(
                "{} compacted frames from raft index {index} on",
                frame.indexes()
            ),
        },
    })
}

fn codec(found: &FoundFrame) -> String {
    let codec = found.frame.header.attributes.compression();
    codec.map_or("unknown codec".to_owned(), |codec| {
        format!("{codec:?}").to_lowercase()
    })
}

/// The records of a frame, if they are to be read: not of raft-only ones, which have none.
pub(super) fn records(frame: &Frame, limit_bytes: usize) -> Result<Vec<Record>, String> {
    if frame.is_private() {
        return Ok(Vec::new());
    }
    let batch = Batch::from(frame.clone());
    let records = batch
        .records(limit_bytes)
        .map_err(|error| error.to_string())?;
    let all = records.collect::<Result<Vec<Record>, _>>();
    all.map_err(|error| error.to_string())
}

pub(super) fn record_line(record: &Record, decoded: Option<&Value>) -> String {
    let shown = match decoded {
        Some(decoded) => decoded.to_string(),
        None => {
            let text = |bytes: &Option<bytes::Bytes>| match bytes {
                None => "null".to_owned(),
                Some(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            };
            format!("key {} value {}", text(&record.key), text(&record.value))
        }
    };
    format!(
        "    offset {} time {} {shown}",
        record.offset, record.timestamp
    )
}

pub(super) fn record_json(record: &Record, decoded: Option<Value>) -> Value {
    let mut object = Map::new();
    object.insert("offset".to_owned(), record.offset.into());
    object.insert("timestamp".to_owned(), record.timestamp.into());
    match decoded {
        Some(decoded) => {
            object.insert("decoded".to_owned(), decoded);
        }
        None => {
            insert_bytes(&mut object, "key", record.key.as_deref());
            insert_bytes(&mut object, "value", record.value.as_deref());
            let headers = record.headers.iter().map(|header| {
                let mut told = Map::new();
                insert_bytes(&mut told, "name", Some(&header.key));
                insert_bytes(&mut told, "value", header.value.as_deref());
                Value::Object(told)
            });
            object.insert("headers".to_owned(), headers.collect());
        }
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use ottla_storage::LogId;

    use super::*;

    #[test]
    fn raft_only_frames_are_called_what_they_are() {
        let id = LogId { term: 3, index: 7 };
        for (private, name) in [
            (Private::Blank, "blank at raft index 7"),
            (Private::Void, "void at raft index 7"),
            (
                Private::LogStart { offset: 5 },
                "log start 5 at raft index 7",
            ),
        ] {
            let frame = Frame::private(id, 2, &private);
            let found = FoundFrame {
                position: 10,
                crc: frame.verify_crc(),
                frame,
            };
            let text = line(&found);
            assert!(text.starts_with("  @10 "), "{text}");
            assert!(text.contains(name) && text.ends_with("crc ok"), "{text}");
            assert_eq!(to_json(&found)["raft_only"], name);
            assert_eq!(records(&found.frame, 1), Ok(Vec::new()));
        }
    }
}
