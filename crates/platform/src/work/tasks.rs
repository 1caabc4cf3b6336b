//! The simulated form: tasks of the node's one runtime, which die with it.
//!
//! A round of work happens at one moment, after a seeded time: so a crash falls before a write,
//! between a write and its sync, or after both.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::Next;
use crate::sim::{Conditions, chance};

/// Whether a thread may wait for what another does.
pub const HAS_THREADS: bool = false;

/// Work rarely takes longer than this.
const USUAL_MICROS: u64 = 2_000;
/// And never longer than this.
const LONGEST_MICROS: u64 = 30_000;
/// One of so many is slow.
const SLOW_ONE_OF: u64 = 50;

/// How often a thread that stands still looks whether it may go on.
const STOPPED_LOOK: Duration = Duration::from_millis(10);

/// As long as work takes on this host now.
async fn take_time() {
    let micros = chance(|random| match random.below(SLOW_ONE_OF) {
        0 => random.below(LONGEST_MICROS),
        _ => random.below(USUAL_MICROS),
    });
    let Some(conditions) = Conditions::here() else {
        return sleep(Duration::from_micros(micros)).await;
    };
    sleep(Duration::from_micros(micros) * conditions.slowness()).await;
    while conditions.is_stopped() {
        sleep(STOPPED_LOOK).await;
    }
}

/// Whether a moment's wait may be had here rather than in a task that takes its time. By chance, and not
/// on a host that stands still.
pub fn may_wait_here() -> bool {
    let is_stopped = Conditions::here().is_some_and(|it| it.is_stopped());
    !is_stopped && chance(|random| random.below(2) == 0)
}

/// Runs what blocks, after a while. It runs also if nobody waits for it any more.
///
/// # Errors
/// It panicked, or the node ends.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let done = tokio::spawn(async move {
        take_time().await;
        work()
    });
    done.await.map_err(io::Error::other)
}

/// Wakes a worker. Rung while the worker works, it is heard afterwards.
#[derive(Debug, Default)]
pub struct Bell(Notify);

impl Bell {
    /// Wakes the worker.
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// A task that does rounds of work, one whenever its bell was rung.
pub struct Worker {
    round: Arc<dyn Fn() -> Next + Send + Sync>,
    task: JoinHandle<()>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Worker").field(&self.task).finish()
    }
}

impl Worker {
    /// Starts one; the first round comes soon.
    ///
    /// # Errors
    /// None.
    pub fn start(
        _name: &str,
        bell: Arc<Bell>,
        round: impl Fn() -> Next + Send + Sync + 'static,
    ) -> io::Result<Worker> {
        let round: Arc<dyn Fn() -> Next + Send + Sync> = Arc::new(round);
        let rounds = Arc::clone(&round);
        let task = tokio::spawn(async move {
            while let Next::Rest(at_most) = rounds() {
                match at_most {
                    Some(time) => _ = timeout(time, bell.0.notified()).await,
                    None => bell.0.notified().await,
                }
                take_time().await;
            }
        });
        Ok(Worker { round, task })
    }

    /// Does what is left to do at once: nobody here can wait for the task. Always true.
    pub fn join(self) -> bool {
        self.task.abort();
        while let Next::Rest(_) = (self.round)() {}
        true
    }
}

/// The node's own runtime: in the simulator there is no other.
#[derive(Debug)]
pub struct OwnThread(Handle);

impl OwnThread {
    /// Starts nothing.
    ///
    /// # Errors
    /// None.
    pub fn start(_name: &str) -> io::Result<OwnThread> {
        Ok(OwnThread(Handle::current()))
    }

    /// What tasks are spawned on.
    pub fn handle(&self) -> Handle {
        self.0.clone()
    }
}
