//! Damage that was found while a log is in use.
//!
//! Who meets it rings, and whoever cannot do without what is damaged waits until it is mended.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ottla_platform::work::blocking;
use ottla_storage::{Identity, is_damage};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::shared::Shared;

const RETRY: Duration = Duration::from_millis(200);

/// The logs of a directory in which somebody has met damage.
#[derive(Default)]
pub(crate) struct Damaged {
    logs: Mutex<BTreeSet<Identity>>,
    found: Notify,
}

impl Damaged {
    pub(crate) fn tell(&self, log: Identity) {
        if self.logs.lock().insert(log) {
            self.found.notify_one();
        }
    }

    /// Waits until there is one; all there are.
    pub(crate) async fn take(&self) -> BTreeSet<Identity> {
        loop {
            let logs = std::mem::take(&mut *self.logs.lock());
            if !logs.is_empty() {
                return logs;
            }
            self.found.notified().await;
        }
    }
}

/// Reads the log, on a thread that may block, as soon as what is damaged there is mended, unless the group
/// is ended before. openraft would stop the group for good.
///
/// # Errors
/// The disk fails, or the log is closed.
pub(crate) async fn when_whole<T: Send + 'static>(
    shared: &Arc<Shared>,
    read: impl Fn(&Shared) -> io::Result<T> + Clone + Send + 'static,
) -> io::Result<T> {
    loop {
        let (read, of) = (read.clone(), Arc::clone(shared));
        let result = blocking(move || read(&of)).await?;
        let is_damaged = result.as_ref().is_err_and(is_damage);
        if !is_damaged || shared.log.is_closed() || shared.is_ended() {
            return result;
        }
        shared.tell_damage();
        sleep(RETRY).await;
    }
}
