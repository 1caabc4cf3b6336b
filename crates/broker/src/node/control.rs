//! A thread of its own for what keeps brokers together: beats and elections must not wait behind
//! work on data.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// The thread. It ends when this is dropped.
pub(super) struct Control(Option<Runtime>);

impl Control {
    pub(super) fn start() -> io::Result<Control> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ottla-control")
            .enable_all()
            .build()?;
        Ok(Control(Some(runtime)))
    }

    pub(super) fn handle(&self) -> Handle {
        let runtime = self.0.as_ref().expect("it is there until the drop");
        runtime.handle().clone()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting is not allowed where this may be dropped.
            runtime.shutdown_background();
        }
    }
}
