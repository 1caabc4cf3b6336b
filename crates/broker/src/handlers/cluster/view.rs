//! The cluster as clients are shown it: brokers by the listener that was asked, partitions with their
//! leaders.

use ottla_metadata::image::{Broker, Image, Partition, Topic};
use ottla_protocol::messages::{BrokerId, StrBytes};
use ottla_protocol::{ErrorCode, NodeId};

use crate::context::Call;
use crate::leader;

/// A broker as clients reach it.
pub(super) struct BrokerView {
    pub(super) id: BrokerId,
    pub(super) host: StrBytes,
    pub(super) port: i32,
    pub(super) rack: Option<StrBytes>,
    pub(super) is_fenced: bool,
}

/// A partition as clients are told of it.
pub(super) struct PartitionView {
    pub(super) error: ErrorCode,
    pub(super) leader: BrokerId,
    pub(super) leader_epoch: i32,
    pub(super) replicas: Vec<BrokerId>,
    pub(super) in_sync: Vec<BrokerId>,
    pub(super) offline: Vec<BrokerId>,
}

/// Brokers that have the caller's listener, by id; with `fenced` also those that are out of service.
pub(super) fn brokers(call: Call<'_>, image: &Image, fenced: bool) -> Vec<BrokerView> {
    let brokers = image.brokers().filter(|broker| fenced || !broker.fenced);
    brokers
        .filter_map(|broker| broker_view(call, broker))
        .collect()
}

fn broker_view(call: Call<'_>, broker: &Broker) -> Option<BrokerView> {
    let endpoint = broker.endpoint(&call.peer.listener)?;
    Some(BrokerView {
        id: wire_id(broker.id),
        host: StrBytes::from_string(endpoint.host.clone()),
        port: i32::from(endpoint.port),
        rack: broker.rack.clone().map(StrBytes::from_string),
        is_fenced: broker.fenced,
    })
}

/// Whom clients take for the controller: any broker answers for it, this one as well as another.
pub(super) fn controller(call: Call<'_>, brokers: &[BrokerView]) -> BrokerId {
    let own = wire_id(call.broker.node_id);
    let is_shown = brokers.iter().any(|broker| broker.id == own);
    if is_shown {
        own
    } else {
        brokers
            .first()
            .map_or(wire_id(NodeId::NONE), |broker| broker.id)
    }
}

/// A topic's partition. While its leader is not known, or cannot be reached through the caller's
/// listener, it has the error that says so and no leader.
pub(super) fn partition(
    call: Call<'_>,
    image: &Image,
    topic: &Topic,
    number: i32,
    partition: &Partition,
) -> PartitionView {
    let led = leader::of(call.broker, topic, number);
    let leader = led.as_ref().map(|leader| leader.node);
    let leader_epoch = led.as_ref().map_or(0, |leader| leader.epoch);
    let leading = leader
        .and_then(|id| image.broker(id))
        .filter(|broker| !broker.fenced);
    let reachable = leading.filter(|broker| broker.endpoint(&call.peer.listener).is_some());
    let error = match (leading, reachable) {
        (_, Some(_)) => ErrorCode::None,
        (Some(_), None) => ErrorCode::ListenerNotFound,
        (None, None) => ErrorCode::LeaderNotAvailable,
    };
    let is_up = |id: &&NodeId| {
        image.broker(**id).is_some_and(|broker| broker.is_active()) && call.broker.is_alive(**id)
    };
    let keeps_up = led.map(|leader| leader.in_sync).unwrap_or_default();
    let is_in_sync = |id: &&NodeId| keeps_up.contains(id) && is_up(id);
    let replicas = &partition.replicas;
    PartitionView {
        error,
        leader: wire_id(reachable.map_or(NodeId::NONE, |broker| broker.id)),
        leader_epoch,
        replicas: replicas.iter().copied().map(wire_id).collect(),
        in_sync: replicas
            .iter()
            .filter(is_in_sync)
            .copied()
            .map(wire_id)
            .collect(),
        offline: replicas
            .iter()
            .filter(|id| !is_up(id))
            .copied()
            .map(wire_id)
            .collect(),
    }
}

pub(super) fn wire_id(id: NodeId) -> BrokerId {
    BrokerId(id.0)
}
