//! What the process takes from its machine. The names are those that Prometheus' own clients use.

use std::path::Path;

use ottla_platform::disk::{Disk, RealDisk};
use ottla_platform::process;

use super::page::{Page, Type};

/// Asks the system; what it does not tell is left out.
pub(super) fn write(page: &mut Page) {
    if let Some(spent) = process::cpu_time() {
        page.family(
            "process_cpu_seconds_total",
            Type::Counter,
            "CPU time used, in user and kernel mode.",
        )
        .sample(&[], spent.as_secs_f64());
    }
    if let Some(bytes) = process::resident_bytes() {
        page.gauge(
            "process_resident_memory_bytes",
            "Memory that is in RAM.",
            bytes,
        );
    }
    if let Some(files) = open_files() {
        page.gauge("process_open_fds", "Open file descriptors.", files);
    }
}

/// One for each entry of the directory, which is itself open while it is read.
fn open_files() -> Option<usize> {
    let open = RealDisk.read_dir(Path::new("/proc/self/fd")).ok()?;
    open.len().checked_sub(1)
}
