//! Those who use the brokers from this machine: the program itself, and Kafka's tools where they are set up.

use std::path::PathBuf;
use std::time::Duration;

use ottla_tests::compat::Toolchain;
use ottla_tests::{Finished, Tool};

/// A first group makes a topic of fifty partitions on three brokers, by an unoptimised program where CI runs.
const READ_WITHIN_MS: &str = "150000";
const ENDS_WITHIN: Duration = Duration::from_secs(200);

/// What there is to use a broker with.
pub(crate) struct Clients {
    ottla: PathBuf,
    pub(crate) has_kafka_tools: bool,
}

impl Clients {
    /// With `CI=true` it fails where Kafka's tools are missing.
    pub(crate) fn find(ottla: PathBuf) -> Result<Clients, String> {
        let missing = Toolchain::find().err();
        if let Some(reason) = &missing {
            if std::env::var("CI").is_ok_and(|ci| ci == "true") {
                return Err(reason.clone());
            }
            println!("without Kafka's tools: {reason}");
        }
        let has_kafka_tools = missing.is_none();
        Ok(Clients {
            ottla,
            has_kafka_tools,
        })
    }

    /// The program that is in the image, run outside.
    pub(crate) fn ottla(&self, arguments: &[&str]) -> Tool {
        Tool::program(&self.ottla).args(arguments)
    }

    /// Lines in, by the program.
    pub(crate) fn produce(&self, bootstrap: &str, topic: &str, lines: &[&str]) {
        self.ottla(&["produce", topic, "-b", bootstrap])
            .stdin(joined(lines))
            .succeed();
    }

    /// Fails unless these lines are in the topic, by the program.
    pub(crate) fn finds(&self, bootstrap: &str, topic: &str, lines: &[&str]) {
        let consumed = self
            .ottla(&["consume", topic, "-b", bootstrap])
            .args(["--from", "earliest", "--exit-at-end"])
            .succeed();
        same(&consumed, lines);
    }

    /// Lines in, by Kafka's tool.
    pub(crate) fn kafka_produces(&self, bootstrap: &str, topic: &str, lines: &[&str]) {
        kafka("ConsoleProducer", bootstrap)
            .args(["--topic", topic])
            .stdin(joined(lines))
            .succeed();
    }

    /// Fails unless these lines are in the topic, by Kafka's tool.
    pub(crate) fn kafka_finds(&self, bootstrap: &str, topic: &str, lines: &[&str]) {
        let count = lines.len().to_string();
        let consumed = kafka("consumer.ConsoleConsumer", bootstrap)
            .args(["--topic", topic, "--from-beginning"])
            .args(["--max-messages", &count, "--timeout-ms", READ_WITHIN_MS])
            .within(ENDS_WITHIN)
            .succeed();
        same(&consumed, lines);
    }
}

/// One of Kafka's tools.
pub(crate) fn kafka(class: &str, bootstrap: &str) -> Tool {
    Tool::kafka(&format!("org.apache.kafka.tools.{class}")).args(["--bootstrap-server", bootstrap])
}

/// Between partitions there is no order.
fn same(consumed: &Finished, lines: &[&str]) {
    let (mut found, mut wanted) = (consumed.lines(), lines.to_vec());
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{consumed}");
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
