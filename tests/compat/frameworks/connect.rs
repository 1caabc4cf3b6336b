//! Kafka Connect: a file is copied into a topic exactly once, and from there into another file. The worker is
//! killed too. The sink promises each line at least once.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use ottla_tests::Kind;
use ottla_tests::client::connect_to;
use ottla_tests::compat::Toolchain;
use ottla_tests::ports;
use ottla_tests::process::Process;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::deaths::{self, BROKERS, create_topic};
use crate::read::committed;

const LINES: usize = 4_000;
const LINES_PER_STEP: usize = 20;
const STEP: Duration = Duration::from_millis(150);
const TOPIC: &str = "copied";
/// How long a worker may take to do what it is told.
const PATIENCE: Duration = Duration::from_secs(120);

/// See the file's head.
pub(crate) fn run(kind: Kind) {
    tokio::runtime::Runtime::new()
        .expect("a runtime can be started")
        .block_on(copy(kind));
}

async fn copy(kind: Kind) {
    let mut cluster = deaths::start(kind);
    let client = connect_to(&cluster.bootstrap()).await;
    create_topic(&client, TOPIC, 1).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (original, copied) = (folder.path().join("in.txt"), folder.path().join("out.txt"));
    fs::write(&original, "").expect("it can be written");
    let worker = Worker::prepare(&cluster.bootstrap(), folder.path());
    let mut running = worker.start();
    let source = json!({
        "connector.class": "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "tasks.max": "1", "topic": TOPIC, "file": original,
        "exactly.once.support": "required", "transaction.boundary": "poll",
    });
    let sink = json!({
        "connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "tasks.max": "1", "topics": TOPIC, "file": copied,
    });
    worker.put("source", &source, &running).await;
    worker.put("sink", &sink, &running).await;

    let lines: Vec<String> = (0..LINES).map(|line| format!("line {line:05}")).collect();
    let writing = tokio::spawn(write(original, lines.clone()));
    for index in 0..BROKERS {
        sleep(Duration::from_secs(4)).await;
        if index == 1 {
            running.kill();
            running = worker.start();
        }
        let topics = [TOPIC, "__consumer_offsets", "__transaction_state"];
        deaths::kill(&mut cluster, index, &client, &topics).await;
    }
    writing.await.expect("all lines are written");

    let found = committed(&client, TOPIC, 1, LINES, PATIENCE).await;
    let found: Vec<String> = found.into_iter().map(|(_, value)| value).collect();
    let same = found
        .iter()
        .zip(&lines)
        .take_while(|(one, other)| one == other);
    let same = same.count();
    assert!(
        found == lines,
        "{} lines of {LINES}, and from {same} on other ones ({:?}): {}",
        found.len(),
        found.get(same),
        running.log()
    );
    let wanted: BTreeSet<String> = lines.into_iter().collect();
    let began = Instant::now();
    loop {
        let text = fs::read_to_string(&copied).unwrap_or_default();
        let there: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        if wanted.is_subset(&there) {
            return;
        }
        let missing = wanted.difference(&there).count();
        assert!(
            began.elapsed() < PATIENCE,
            "{missing} lines are missing: {}",
            running.log()
        );
        sleep(Duration::from_millis(500)).await;
    }
}

/// The file grows while it is read.
async fn write(path: std::path::PathBuf, lines: Vec<String>) {
    let mut file = OpenOptions::new()
        .append(true)
        .open(path)
        .expect("it is there");
    for step in lines.chunks(LINES_PER_STEP) {
        let text = step
            .iter()
            .map(|line| format!("{line}\n"))
            .collect::<String>();
        file.write_all(text.as_bytes()).expect("it can be written");
        sleep(STEP).await;
    }
}

/// A worker of Connect's distributed mode, the only one of its group.
struct Worker {
    address: String,
    settings: std::path::PathBuf,
}

impl Worker {
    fn prepare(bootstrap: &str, folder: &Path) -> Worker {
        let address = format!("127.0.0.1:{}", ports::free_port());
        let converter = "org.apache.kafka.connect.storage.StringConverter";
        let mut text = format!(
            "bootstrap.servers={bootstrap}\ngroup.id=copying\nlisteners=http://{address}\n\
             key.converter={converter}\nvalue.converter={converter}\n\
             exactly.once.source.support=enabled\nconsumer.isolation.level=read_committed\n\
             plugin.discovery=only_scan\noffset.flush.interval.ms=500\n\
             session.timeout.ms=6000\nheartbeat.interval.ms=1000\n\
             scheduled.rebalance.max.delay.ms=1000\n\
             offset.storage.partitions=3\nstatus.storage.partitions=3\n"
        );
        for what in ["config", "offset", "status"] {
            text += &format!(
                "{what}.storage.topic=connect-{what}\n{what}.storage.replication.factor=3\n"
            );
        }
        let settings = folder.join("worker.properties");
        fs::write(&settings, text).expect("it can be written");
        Worker { address, settings }
    }

    fn start(&self) -> Process {
        let toolchain = Toolchain::find().unwrap_or_else(|reason| panic!("{reason}"));
        let options = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
        let class = "org.apache.kafka.connect.cli.ConnectDistributed";
        let mut command = toolchain.java(toolchain.connect_classpath(), &options, class);
        command.arg(&self.settings);
        let log = self.settings.with_extension("log");
        Process::spawn(&mut command, &log)
            .unwrap_or_else(|error| panic!("cannot run java: {error}"))
    }

    /// Has a connector run. A worker that is not ready yet, or agrees with itself on something, says so.
    async fn put(&self, name: &str, config: &Value, running: &Process) {
        let began = Instant::now();
        loop {
            let said = self.try_to_put(name, config);
            let is_done = |answer: &str| answer.starts_with("HTTP/1.1 20");
            if said.as_ref().is_ok_and(|answer| is_done(answer)) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{name}: {said:?}: {}",
                running.log()
            );
            sleep(Duration::from_millis(500)).await;
        }
    }

    fn try_to_put(&self, name: &str, config: &Value) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = config.to_string();
        write!(
            stream,
            "PUT /connectors/{name}/config HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}
