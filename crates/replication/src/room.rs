//! Waiting for room on the disk.
//!
//! What openraft asks of a log must not fail: the group would stop for good. A change of the log's
//! files that finds no room has changed nothing yet, so it is asked for again until there is.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ottla_platform::disk::is_exhaustion;
use ottla_platform::work::blocking;
use tokio::time::sleep;

use crate::shared::Shared;

const RETRY: Duration = Duration::from_millis(200);

/// Changes the log's files, on a thread that may block, as soon as there is room, unless the group is
/// ended before.
///
/// # Errors
/// The disk fails; or it ran full half-way of what is not a truncation, and the log is closed now.
pub(crate) async fn when_room<T: Send + 'static>(
    shared: &Arc<Shared>,
    what: &'static str,
    change: impl Fn(&Shared) -> io::Result<T> + Clone + Send + 'static,
) -> io::Result<T> {
    let mut told = false;
    loop {
        let (change, of) = (change.clone(), Arc::clone(shared));
        let result = blocking(move || change(&of)).await?;
        let is_full = matches!(&result, Err(error) if is_exhaustion(error));
        if !is_full || shared.log.is_closed() || shared.is_ended() {
            return result;
        }
        if !std::mem::replace(&mut told, true) {
            let log = shared.log.identity();
            tracing::warn!(%log, "no room on the disk: the log is {what} when there is some");
        }
        sleep(RETRY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use openraft::storage::RaftLogStorage;
    use ottla_platform::disk::Disk;
    use ottla_platform::sim::SimDisk;
    use ottla_storage::{Identity, Log, LogConfig, LogId, OnDamage, Private};
    use uuid::Uuid;

    use super::*;
    use crate::log_store::LogStore;
    use crate::testing::{format, manual_clock, open};
    use crate::types::{Member, raft_id};

    const DATA: &str = "/data";

    fn id(index: u64) -> LogId {
        LogId { term: 1, index }
    }

    /// A log with some entries of which the last finds no room on the disk.
    async fn stalled(disk: &SimDisk) -> Arc<Shared> {
        let disk_of_dir: Arc<dyn Disk> = Arc::new(disk.clone());
        format(disk_of_dir.as_ref(), Path::new(DATA), Uuid::from_u128(7));
        let dir = open(disk_of_dir, Path::new(DATA));
        let identity = Identity {
            topic_id: Uuid::from_u128(5),
            partition: 0,
            group_id: 9,
        };
        let config = LogConfig::default();
        let (log, _) = Log::open(&dir, "events-0", identity, config, OnDamage::Refuse).unwrap();
        let blanks = (0..10).map(|index| (index, Private::Blank));
        blanks.for_each(|(index, blank)| log.append_private(id(index), &blank));
        let (done, written) = tokio::sync::oneshot::channel();
        log.submit(Box::new(move |result| drop(done.send(result))));
        written.await.unwrap().unwrap();
        let used = disk.used_bytes();
        disk.set_faults(|faults| faults.capacity_bytes = Some(used + 100));
        log.append_private(id(10), &Private::Membership(vec![0; 1 << 20].into()));
        log.submit(Box::new(drop));
        while !dir.is_full() {
            tokio::task::yield_now().await;
        }
        Shared::new(
            Member(1),
            Uuid::from_u128(7),
            log,
            manual_clock(),
            Arc::default(),
        )
        .unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_log_is_cut_when_there_is_room_for_what_was_promised() {
        let disk = SimDisk::new(1);
        let shared = stalled(&disk).await;
        let mut store = LogStore(Arc::clone(&shared));
        let cutting = tokio::spawn(async move { store.truncate_after(Some(raft_id(id(4)))).await });
        sleep(2 * RETRY).await;
        assert!(!cutting.is_finished());
        disk.set_faults(|faults| faults.capacity_bytes = None);
        cutting.await.unwrap().unwrap();
        assert_eq!(shared.log.state().next_index, 5);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_group_that_ends_does_not_wait_for_room() {
        let shared = stalled(&SimDisk::new(1)).await;
        shared.end();
        let mut store = LogStore(Arc::clone(&shared));
        let cut = store.truncate_after(Some(raft_id(id(4)))).await;
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(!shared.log.is_closed());
    }
}
