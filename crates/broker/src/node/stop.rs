//! From a node that serves to logs that are closed.
//!
//! Nothing that was answered is undone and nothing that is due is left out: first the doors close and
//! replies leave, then those who change the logs stop, then the logs are closed, so that the next
//! start has nothing to check.

use std::io;

use ottla_platform::work::blocking;
use ottla_replication::cluster::Cluster;

use super::handing_over;
use super::start::Node;
use super::store::{Serving, Store};

impl Node {
    /// Stops the node in order.
    ///
    /// # Errors
    /// The logs were not closed in order; the next start checks them.
    pub async fn shutdown(mut self) -> io::Result<()> {
        self.health.not_ready("stopping");
        let Store {
            directory,
            groups,
            metadata,
            peers,
            serving,
            mut scrubbing,
            control,
            ..
        } = self.store;
        let mut serving = Some(serving);
        if directory.failure().is_some() {
            // It can agree with nobody on a successor, who would need its vote: the others elect
            // leaders as soon as they hear no more of this broker.
            leave(&peers, serving.take()).await;
        } else {
            handing_over::hand_over(&self.broker).await;
        }
        // Fetches that wait are answered with what there is.
        self.broker.purgatory.stop();
        self.network.drain(self.listening).await;
        self.chores.stop().await;
        scrubbing.shutdown().await;
        self.completing.end().await;
        self.transactions.end().await;
        self.groups.end().await;
        // It may have ended by itself.
        let _ = self.followers.stop_metadata.send(());
        let _ = self.followers.metadata.await;
        // Its plans end with the runner.
        let _ = self.followers.partitions.await;
        self.followers.overseeing.abort_all();
        self.broker.partitions.close().await;
        groups.close(metadata).await?;
        leave(&peers, serving).await;
        drop(control);
        let closing = blocking(move || directory.close());
        closing.await??;
        if let Some(http) = self.http {
            let _ = http.stop.send(());
            let _ = http.task.await;
        }
        Ok(())
    }
}

/// Ends what the other brokers hear of this one.
async fn leave(peers: &Cluster, serving: Option<Serving>) {
    peers.stop();
    if let Some(serving) = serving {
        serving.end().await;
    }
}
