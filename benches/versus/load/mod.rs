//! The load, made by our own client whoever the broker is. It shares the machine's cores with the broker, but
//! what it uses itself is not counted.

pub(crate) mod bulk;
pub(crate) mod paced;
pub(crate) mod reading;
pub(crate) mod topics;
pub(crate) mod transactions;
mod values;

use ottla_client::producer::Delivery;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::latencies::Latencies;

/// Waits for deliveries in the order in which they were sent, and notes how long each took. Ends with the
/// channel.
async fn collect(mut sent: mpsc::Receiver<(Instant, Delivery)>) -> Latencies {
    let mut latencies = Latencies::default();
    while let Some((begun, delivery)) = sent.recv().await {
        let outcome = delivery.wait().await;
        outcome.unwrap_or_else(|error| panic!("a record was not delivered: {error}"));
        latencies.add(begun.elapsed());
    }
    latencies
}
