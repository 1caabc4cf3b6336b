//! The client that has replicas move, leaders change, and the metadata's voters go and come.

use std::time::Duration;

use ottla_client::Client;
use ottla_client::admin::Reassignment;
use ottla_platform::sim::chance;
use ottla_protocol::NodeId;
use tokio::time::sleep;

use super::begin::in_the_end;
use super::reach::{REST, connect};
use crate::world::broker::BROKERS;
use crate::world::shared::{PARTITIONS, Phase, Shared, TOPIC, any_partition};

/// Longest pause between two requests.
const PAUSE_MS_MAX: u64 = 5_000;

/// Has them move until nothing is broken any more, and then all have all.
pub(super) async fn have_moved(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    while shared.phase() != Phase::Healed {
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
        match chance(|random| random.below(6)) {
            0 => _ = client.admin().elect_preferred_leaders().await,
            1 => change_voters(&client).await,
            _ => {
                let replicas = some_brokers();
                let moved = reassign(&client, any_partition(), replicas.clone()).await;
                tracing::debug!(?replicas, moved, "replicas are to move");
            }
        }
    }
    let last = async {
        for partition in 0..PARTITIONS {
            while !reassign(&client, partition, all_brokers()).await {
                sleep(REST).await;
            }
        }
        while !have_all(&client).await {
            sleep(REST).await;
        }
    };
    in_the_end(&shared, "all partitions have three replicas in sync", last).await;
    shared.all_moved();
    Ok(())
}

fn all_brokers() -> Vec<NodeId> {
    (1..=BROKERS).map(NodeId).collect()
}

/// Two or three, in some order.
fn some_brokers() -> Vec<NodeId> {
    let mut brokers = all_brokers();
    let (turn, count) = chance(|random| (random.below(3) as usize, 2 + random.below(2) as usize));
    brokers.rotate_left(turn);
    brokers.truncate(count);
    brokers
}

/// Whether it was accepted.
async fn reassign(client: &Client, partition: i32, replicas: Vec<NodeId>) -> bool {
    let wanted = Reassignment {
        topic: TOPIC.to_owned(),
        partition,
        replicas,
    };
    let told = client.admin().reassign(&[wanted]).await;
    told.is_ok_and(|outcomes| outcomes.iter().all(Result::is_ok))
}

async fn have_all(client: &Client) -> bool {
    let described = client.admin().describe_topic(TOPIC).await;
    described.is_ok_and(|topic| {
        let mut partitions = topic.partitions.iter();
        partitions.all(|one| one.replicas.len() == 3 && one.in_sync.len() == 3)
    })
}

/// Takes the vote on the metadata from one of three; the cluster gives it back by itself.
async fn change_voters(client: &Client) {
    let Ok(quorum) = client.admin().describe_quorum().await else {
        return;
    };
    if quorum.voters.len() < 3 {
        return;
    }
    let number = chance(|random| random.below(quorum.voters.len() as u64)) as usize;
    let removed = client.admin().remove_voter(&quorum.voters[number]).await;
    tracing::debug!(voter = ?quorum.voters[number], ?removed, "is to vote no more");
}
