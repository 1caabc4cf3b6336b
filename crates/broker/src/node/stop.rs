//! From a node that serves to logs that are closed.
//!
//! Nothing that was answered is undone and nothing that is due is left out: first the doors close and
//! replies leave, then those who change the logs stop, then the logs are closed, so that the next
//! start has nothing to check.

use std::io;

use super::handing_over;
use super::start::Node;
use super::store::Store;
use ottla_platform::work::blocking;

impl Node {
    /// Stops the node in order.
    ///
    /// # Errors
    /// The logs were not closed in order; the next start checks them.
    pub async fn shutdown(mut self) -> io::Result<()> {
        self.health.not_ready("stopping");
        handing_over::hand_over(&self.broker).await;
        // Fetches that wait are answered with what there is.
        self.broker.purgatory.stop();
        self.network.drain(self.listening).await;
        self.chores.stop().await;
        self.groups.end().await;
        // It may have ended by itself.
        let _ = self.followers.stop_metadata.send(());
        let _ = self.followers.metadata.await;
        // Its plans end with the runner.
        let _ = self.followers.partitions.await;
        self.followers.overseeing.abort_all();
        self.broker.partitions.close().await;
        let Store {
            directory,
            groups,
            metadata,
            peers,
            serving,
            control,
            ..
        } = self.store;
        groups.close(metadata).await?;
        peers.stop();
        serving.end().await;
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
