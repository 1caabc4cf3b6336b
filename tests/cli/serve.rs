//! `ottla serve`, by itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ottla_tests::broker::ottla_program;
use ottla_tests::ports::free_port;
use ottla_tests::probe::answers_metadata;
use ottla_tests::process::Process;
use ottla_tests::{Broker, Suite, wait};

/// Longer than a start takes.
const START_MAX: Duration = Duration::from_secs(30);

pub(crate) fn add(suite: &mut Suite) {
    if Path::new(FULL).exists() {
        suite.case("a_broker_whose_log_lines_find_no_room_serves", log_is_full);
    }
}

/// As a file on a disk that is full.
const FULL: &str = "/dev/full";

fn log_is_full(_: &Broker) {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    for format in ["text", "json"] {
        let data = tempfile::tempdir().expect("there is room for a folder");
        let mut command = Command::new(ottla_program().expect("the program can be built"));
        command
            .args(["serve", "--listen", &address.to_string()])
            .args(["--http", "none", "--peer-listen", "127.0.0.1:0"])
            .args(["--log-format", format])
            .arg("--data")
            .arg(data.path());
        let mut broker = Process::spawn(&mut command, Path::new(FULL)).expect("it can be run");
        wait::until("a broker answers", START_MAX, || {
            assert_eq!(broker.ended(), None, "as {format}");
            answers_metadata(address, START_MAX).then_some(())
        });
        broker.kill();
    }
}
