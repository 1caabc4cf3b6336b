//! Apache Kafka as a process: one node that is broker and controller, with the settings of Kafka's
//! own start script.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::{Settings, data_folder};
use crate::compat::Toolchain;
use crate::ports;

/// A cluster id; which one does not matter.
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
    std::fs::write(&properties, server_properties(folder, port, settings))
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

fn server_properties(folder: &Path, port: u16, settings: &Settings) -> String {
    let controller_port = ports::free_port();
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
         controller.listener.names=CONTROLLER\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         log.dirs={}\n",
        data_folder(folder).display()
    );
    for (key, value) in &settings.configs {
        if !key.starts_with("ottla.") {
            writeln!(text, "{key}={value}").expect("a string takes all that is written");
        }
    }
    text
}
