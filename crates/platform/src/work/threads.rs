//! The real form: threads of the operating system.

use std::io;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Handle, Runtime};

use super::Next;

/// Whether a thread may wait for what another does.
pub const HAS_THREADS: bool = true;

/// Whether a moment's wait may be had here rather than on a thread that may wait. Always.
pub fn may_wait_here() -> bool {
    true
}

/// Runs what blocks, on a thread that may.
///
/// # Errors
/// It panicked, or the process ends.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other)
}

/// Wakes a worker. Rung while the worker works, it is heard afterwards.
#[derive(Debug, Default)]
pub struct Bell {
    is_rung: Mutex<bool>,
    wake: Condvar,
}

impl Bell {
    /// Wakes the worker.
    pub fn ring(&self) {
        *self.is_rung.lock() = true;
        self.wake.notify_one();
    }

    fn wait(&self, at_most: Option<Duration>) {
        let mut is_rung = self.is_rung.lock();
        if !*is_rung {
            match at_most {
                Some(time) => {
                    self.wake.wait_for(&mut is_rung, time);
                }
                None => self.wake.wait(&mut is_rung),
            }
        }
        *is_rung = false;
    }
}

/// A thread that does rounds of work, one whenever its bell was rung.
#[derive(Debug)]
pub struct Worker(JoinHandle<()>);

impl Worker {
    /// Starts one; the first round comes at once.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start(
        name: &str,
        bell: Arc<Bell>,
        round: impl Fn() -> Next + Send + Sync + 'static,
    ) -> io::Result<Worker> {
        let thread = std::thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || {
            while let Next::Rest(at_most) = round() {
                bell.wait(at_most);
            }
        })?;
        Ok(Worker(thread))
    }

    /// Waits until it has ended, unless this is the worker itself; false if it panicked.
    pub fn join(self) -> bool {
        let is_itself = self.0.thread().id() == std::thread::current().id();
        is_itself || self.0.join().is_ok()
    }
}

/// A thread with a runtime of its own. It ends when this is dropped.
#[derive(Debug)]
pub struct OwnThread(Option<Runtime>);

impl OwnThread {
    /// Starts it.
    ///
    /// # Errors
    /// The system has no more threads or descriptors.
    pub fn start(name: &str) -> io::Result<OwnThread> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .build()?;
        Ok(OwnThread(Some(runtime)))
    }

    /// What tasks are spawned on.
    pub fn handle(&self) -> Handle {
        let runtime = self.0.as_ref().expect("it is there until the drop");
        runtime.handle().clone()
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting is not allowed where this may be dropped.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_worker_hears_a_bell_that_was_rung_while_it_worked() {
        let (bell, rounds) = (Arc::new(Bell::default()), Arc::new(AtomicU32::new(0)));
        let (rung, counted) = (Arc::clone(&bell), Arc::clone(&rounds));
        let worker = Worker::start("worker", Arc::clone(&bell), move || {
            rung.ring();
            match counted.fetch_add(1, Ordering::SeqCst) {
                9 => Next::End,
                _ => Next::Rest(None),
            }
        });
        assert!(worker.unwrap().join());
        assert_eq!(rounds.load(Ordering::SeqCst), 10);
    }

    #[test]
    fn a_worker_that_is_not_woken_goes_on_after_its_rest() {
        let rounds = AtomicU32::new(0);
        let bell = Arc::new(Bell::default());
        let worker = Worker::start("worker", bell, move || {
            match rounds.fetch_add(1, Ordering::SeqCst) {
                3 => Next::End,
                _ => Next::Rest(Some(Duration::from_millis(1))),
            }
        });
        assert!(worker.unwrap().join());
    }

    #[tokio::test]
    async fn what_blocks_runs_elsewhere() {
        let here = std::thread::current().id();
        let there = blocking(|| std::thread::current().id()).await.unwrap();
        assert_ne!(here, there);
    }
}
