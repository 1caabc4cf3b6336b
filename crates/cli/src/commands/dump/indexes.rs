//! Index files as lines and as JSON.

use ottla_storage::Boundary;
use ottla_storage::inspect::IndexEntry;
use serde_json::{Value, json};

pub(super) fn line(entry: &IndexEntry) -> String {
    match entry {
        IndexEntry::Offset { offset, position } => format!("  offset {offset} position {position}"),
        IndexEntry::Time { timestamp, offset } => format!("  time {timestamp} offset {offset}"),
        IndexEntry::Raft { index, position } => format!("  raft index {index} position {position}"),
        IndexEntry::Head {
            base_offset,
            first_index,
            previous_bytes,
        } => format!(
            "  begins at offset {base_offset}, raft index {first_index}; {previous_bytes} bytes of the segment before count"
        ),
        IndexEntry::Aborted {
            producer_id,
            first_offset,
            last_offset,
        } => {
            format!("  aborted: producer {producer_id}, offsets {first_offset}..{last_offset}")
        }
    }
}

pub(super) fn to_json(entry: &IndexEntry) -> Value {
    match entry {
        IndexEntry::Offset { offset, position } => json!({"offset": offset, "position": position}),
        IndexEntry::Time { timestamp, offset } => json!({"timestamp": timestamp, "offset": offset}),
        IndexEntry::Raft { index, position } => json!({"raft_index": index, "position": position}),
        IndexEntry::Head {
            base_offset,
            first_index,
            previous_bytes,
        } => json!({
            "base_offset": base_offset,
            "first_raft_index": first_index,
            "previous_bytes": previous_bytes,
        }),
        IndexEntry::Aborted {
            producer_id,
            first_offset,
            last_offset,
        } => json!({
            "producer_id": producer_id,
            "first_offset": first_offset,
            "last_offset": last_offset,
        }),
    }
}

pub(super) fn boundary_json(boundary: &Boundary) -> Value {
    json!({
        "log_start_offset": boundary.log_start_offset,
        "next_raft_index": boundary.next_index(),
        "epochs": boundary.epochs.len(),
        "producers": boundary.producers.len(),
        "completed_transactions": boundary.completed.len(),
    })
}

pub(super) fn boundary_line(boundary: &Boundary) -> String {
    format!(
        "  log start {}, next raft index {}, {} epochs, {} producers, {} completed transactions",
        boundary.log_start_offset,
        boundary.next_index(),
        boundary.epochs.len(),
        boundary.producers.len(),
        boundary.completed.len(),
    )
}
