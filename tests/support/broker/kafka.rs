//! Apache Kafka as a process: a node that is broker and controller, with the settings of Kafka's
//! own start script; alone, or one of those that [`VOTERS`] names.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::{NODE_ID, Settings, data_folder};
use crate::compat::Toolchain;
use crate::ports;

/// Who are controllers, and where; alone, any port will do.
pub(crate) const VOTERS: &str = "controller.quorum.voters";

/// A cluster id; which one does not matter, but the nodes of a cluster have the same.
const CLUSTER_ID: &str = "b3R0bGEtcmVmZXJlbmNlLQ";
/// The options that kafka-server-start.sh and kafka-run-class.sh set.
const JVM: &[&str] = &[
    "-Xms1G",
    "-Xmx1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
];

/// Writes server.properties and formats the data folder.
pub(super) fn format(folder: &Path, port: u16, settings: &Settings) -> Result<(), String> {
    let properties = folder.join("server.properties");
    std::fs::write(&properties, server_properties(folder, port, settings)?)
        .map_err(|error| format!("cannot write {}: {error}", properties.display()))?;
    let output = java("kafka.tools.StorageTool", &["-XX:TieredStopAtLevel=1"])?
        .args(["format", "--cluster-id", CLUSTER_ID, "--config"])
        .arg(&properties)
        .output()
        .map_err(|error| format!("cannot run kafka.tools.StorageTool: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "kafka.tools.StorageTool ended with {}: {said}",
        output.status
    ))
}

/// The broker on a formatted folder.
pub(super) fn serve(folder: &Path) -> Result<Command, String> {
    let mut command = java("kafka.Kafka", JVM)?;
    command.arg(folder.join("server.properties"));
    Ok(command)
}

fn java(class: &str, options: &[&str]) -> Result<Command, String> {
    let toolchain = Toolchain::find()?;
    Ok(toolchain.java(toolchain.server_classpath(), options, class))
}

fn server_properties(folder: &Path, port: u16, settings: &Settings) -> Result<String, String> {
    let node = settings.get(NODE_ID).unwrap_or("1");
    let alone = || format!("{node}@127.0.0.1:{}", ports::free_port());
    let voters = settings.get(VOTERS).map_or_else(alone, str::to_owned);
    let mut voters_listed = voters.split(',').filter_map(|voter| voter.split_once('@'));
    let controller = voters_listed.find_map(|(id, address)| (id == node).then_some(address));
    let controller = controller.ok_or_else(|| format!("node {node} is none of {voters}"))?;
    let replicas = voters.split(',').count();
    let replicas_min = replicas / 2 + 1;
    let mut text = format!(
        "process.roles=broker,controller\n\
         {NODE_ID}={node}\n\
         {VOTERS}={voters}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://{controller}\n\
         controller.listener.names=CONTROLLER\n\
         offsets.topic.replication.factor={replicas}\n\
         transaction.state.log.replication.factor={replicas}\n\
         transaction.state.log.min.isr={replicas_min}\n\
         log.dirs={}\n",
        data_folder(folder, settings).display()
    );
    for (key, value) in &settings.configs {
        if !key.starts_with("ottla.") && key != NODE_ID && key != VOTERS {
            writeln!(text, "{key}={value}").expect("a string takes all that is written");
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(settings: &Settings) -> Result<String, String> {
        server_properties(Path::new("somewhere"), 9092, settings)
    }

    #[test]
    fn a_node_alone_is_the_only_voter_and_replica() {
        let text = properties(&Settings::default()).expect("it is a voter");
        assert!(text.contains("controller.quorum.voters=1@127.0.0.1:"));
        assert!(text.contains("offsets.topic.replication.factor=1\n"));
        assert!(text.contains("transaction.state.log.min.isr=1\n"));
    }

    #[test]
    fn a_node_listens_where_the_voters_expect_it() {
        let settings = Settings::default()
            .with(NODE_ID, "2")
            .with(VOTERS, "1@127.0.0.1:11,2@127.0.0.1:22,3@127.0.0.1:33");
        let text = properties(&settings).expect("it is a voter");
        assert!(text.contains("PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:22\n"));
        assert!(text.contains("offsets.topic.replication.factor=3\n"));
        assert!(text.contains("transaction.state.log.min.isr=2\n"));
        let stranger = settings.with(NODE_ID, "4");
        assert!(properties(&stranger).is_err());
    }
}
