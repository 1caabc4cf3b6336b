//! How clients reach the cluster: with our own client, and little patience.

use std::time::Duration;

use ottla_client::backoff::Backoff;
use ottla_client::{Address, Client, ClientConfig};
use ottla_platform::seed::Random;
use ottla_platform::sim::chance;
use tokio::time::sleep;

use crate::world::broker::{BROKERS, CLIENT_PORT, host};
use crate::world::shared::{Phase, Shared};

/// Before what failed is tried again.
pub(super) const REST: Duration = Duration::from_millis(200);

/// A client of the cluster, as soon as a broker answers, and at the beginning all are there that are to begin. What
/// it makes the cluster create has as many replicas as there are brokers: one of two that loses its disk leaves no
/// majority.
pub(super) async fn connect(shared: &Shared) -> Client {
    loop {
        let all = match shared.phase() {
            Phase::Begins => shared.replication_factor().unwrap_or(1),
            Phase::Disturbed | Phase::Healed => 1,
        };
        match Client::connect(config()).await {
            Ok(client) if client.view().brokers.len() >= all.unsigned_abs().into() => {
                return client;
            }
            Ok(_) => tracing::debug!("not all brokers are there"),
            Err(error) => tracing::debug!(%error, "no broker answers"),
        }
        sleep(REST).await;
    }
}

fn config() -> ClientConfig {
    let brokers = (1..=BROKERS).map(|broker| Address::new(host(broker), CLIENT_PORT));
    ClientConfig {
        connect_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(2),
        call_timeout: Duration::from_secs(5),
        backoff: Backoff {
            first: Duration::from_millis(20),
            longest: Duration::from_millis(500),
        },
        seed: Some(chance(Random::next_u64)),
        ..ClientConfig::new(brokers.collect())
    }
}
