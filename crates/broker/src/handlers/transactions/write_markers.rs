//! WriteTxnMarkers: the ends of transactions, written to partitions that this broker leads. Coordinators of our own ask
//! otherwise; this is for tools that end what hangs.

use std::collections::BTreeMap;

use futures::future::join_all;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::write_txn_markers::WritableTxnMarker;
use ottla_protocol::messages::write_txn_markers_response::{
    self, WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
};
use ottla_protocol::messages::{StrBytes, WriteTxnMarkersRequest, WriteTxnMarkersResponse};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;
use crate::transactions::{Marker, Place, write_here};

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: WriteTxnMarkersRequest) -> Reply {
    let may = call.may(Operation::Alter, Resource::Cluster)
        || call.may(Operation::ClusterAction, Resource::Cluster);
    let markers = request.markers.into_iter().map(marker);
    let written = markers.map(|marker| {
        let written = may.then(|| write_here(call.broker, &marker));
        async move {
            let codes = match written {
                Some(written) => written.await,
                None => vec![ErrorCode::ClusterAuthorizationFailed; marker.partitions.len()],
            };
            (marker, codes)
        }
    });
    let written = join_all(written.collect::<Vec<_>>());
    Reply::later(async move {
        let response = write_txn_markers_response::WriteTxnMarkersResponse::default();
        WriteTxnMarkersResponse(response.with_markers(results(written.await)))
    })
}

fn marker(marker: WritableTxnMarker) -> Marker {
    let topics = marker.topics.into_iter();
    let partitions = topics.flat_map(|topic| {
        let name = topic.name.to_string();
        let numbers = topic.partition_indexes.into_iter();
        numbers.map(move |number| Place {
            topic: name.clone(),
            partition: number,
            leader_epoch: None,
        })
    });
    Marker {
        producer_id: marker.producer_id.0,
        producer_epoch: marker.producer_epoch,
        commits: marker.transaction_result,
        coordinator_epoch: marker.coordinator_epoch,
        version: marker.transaction_version.into(),
        as_of: None,
        partitions: partitions.collect(),
    }
}

/// One result for each producer, as clients look for it; of two for the same partition the last one.
fn results(written: Vec<(Marker, Vec<ErrorCode>)>) -> Vec<WritableTxnMarkerResult> {
    let mut producers: BTreeMap<i64, BTreeMap<String, BTreeMap<i32, ErrorCode>>> = BTreeMap::new();
    for (marker, codes) in written {
        let topics = producers.entry(marker.producer_id).or_default();
        for (place, code) in marker.partitions.into_iter().zip(codes) {
            let partitions = topics.entry(place.topic).or_default();
            partitions.insert(place.partition, code);
        }
    }
    let results = producers.into_iter().map(|(id, topics)| {
        let topics = topics.into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|(number, code)| {
                WritableTxnMarkerPartitionResult::default()
                    .with_partition_index(number)
                    .with_error_code(code.code())
            });
            WritableTxnMarkerTopicResult::default()
                .with_name(StrBytes::from_string(name).into())
                .with_partitions(partitions.collect())
        });
        WritableTxnMarkerResult::default()
            .with_producer_id(id.into())
            .with_topics(topics.collect())
    });
    results.collect()
}
