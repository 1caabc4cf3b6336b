//! Running the program.

use ottla_tests::broker::ottla_program;
use ottla_tests::{Broker, Finished, Tool};
use serde_json::Value;

/// `ottla` with these arguments, without a broker to talk to.
pub(crate) fn offline(arguments: &[&str]) -> Tool {
    let program = ottla_program().expect("the program can be built");
    Tool::program(program).args(arguments)
}

/// `ottla` with these arguments, for this broker.
pub(crate) fn ottla(broker: &Broker, arguments: &[&str]) -> Tool {
    offline(arguments).args(["-b", &broker.bootstrap()])
}

/// A topic with as many records in partition 0 as there are lines.
pub(crate) fn topic(broker: &Broker, name: &str, partitions: u32, lines: &str) {
    let count = partitions.to_string();
    ottla(broker, &["topic", "create", name, "--partitions", &count]).succeed();
    ottla(broker, &["produce", name, "--partition", "0"])
        .stdin(lines)
        .succeed();
}

/// The lines of stdout as JSON.
pub(crate) fn objects(finished: &Finished) -> Vec<Value> {
    let parse = |line: &&str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}: {finished}"))
    };
    finished.lines().iter().map(parse).collect()
}

/// Runs a tool and expects that it calls the usage wrong, in these words.
pub(crate) fn misuse(tool: Tool, words: &str) {
    let finished = tool.run();
    assert_eq!(finished.code, Some(2), "{finished}");
    assert!(finished.stderr.contains(words), "no {words:?}: {finished}");
}
