//! Transactions: Java producers write the same number to several partitions of a topic, and what is committed is
//! read (`compat/java/Transfers.java`).

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use ottla_client::admin::FoundOffset;
use ottla_client::consumer::Fetched;
use ottla_client::{Client, Consumer, ConsumerConfig, Isolation, StartFrom, TopicPartition};
use ottla_tests::compat::Toolchain;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::history::Transfer;
use crate::record::Record;

/// What is written in transactions.
pub(crate) const BANK: &str = "bank";
pub(crate) const PARTITIONS: i32 = 3;
const PRODUCERS: u32 = 4;
/// Nothing more comes after so long.
const QUIET: Duration = Duration::from_secs(3);
/// Until everything is decided when all is over: a transaction may run into its timeout first.
const DECIDED_WITHIN: Duration = Duration::from_secs(60);
/// How long a JVM may take to stop.
const STOPS_WITHIN: Duration = Duration::from_secs(90);
/// Between a read that broke and the next.
const REST: Duration = Duration::from_millis(200);

/// Producers at work, and a reader.
pub(crate) struct Transfers {
    jvm: Child,
    /// What has it go on while it is open.
    stdin: Option<ChildStdin>,
    listening: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    reading: tokio::task::JoinHandle<()>,
}

impl Transfers {
    /// Starts them; `None` where there is no Java, and a line says so.
    pub(crate) fn start(
        client: &Client,
        bootstrap: &str,
        seed: u64,
        record: &Record,
    ) -> Option<Transfers> {
        let toolchain = match Toolchain::find_with_suites() {
            Ok(toolchain) => toolchain,
            Err(reason) => {
                println!("without transactions: {reason}");
                return None;
            }
        };
        let options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
        let mut command = toolchain.java(toolchain.suites_classpath(), &options, "Transfers");
        command.args([bootstrap, BANK]);
        command.args([
            PARTITIONS.to_string(),
            PRODUCERS.to_string(),
            seed.to_string(),
        ]);
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let spawned = spawned.stderr(Stdio::null()).spawn();
        let mut jvm = spawned.unwrap_or_else(|error| panic!("cannot run java: {error}"));
        let stdout = BufReader::new(jvm.stdout.take().expect("stdout is piped"));
        let heard = record.clone();
        let listening = std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                hear(&heard, &line);
            }
        });
        let (stop, stopped) = watch::channel(false);
        let reading = tokio::spawn(read(client.clone(), record.clone(), stopped));
        Some(Transfers {
            stdin: jvm.stdin.take(),
            jvm,
            listening: Some(listening),
            stop,
            reading,
        })
    }

    /// Has them stop, and waits until they have said everything.
    pub(crate) async fn finish(mut self) {
        drop(self.stdin.take());
        let listening = self.listening.take().expect("it is finished once");
        let heard = tokio::task::spawn_blocking(move || listening.join());
        let heard = timeout(STOPS_WITHIN, heard).await;
        assert!(heard.is_ok(), "the JVM does not stop");
        self.stop.send_replace(true);
        (&mut self.reading).await.expect("it only reads");
    }
}

impl Drop for Transfers {
    fn drop(&mut self) {
        self.jvm.kill().ok(); // it may have ended by itself
        self.jvm.wait().ok();
    }
}

/// Takes down what the producers say.
fn hear(record: &Record, line: &str) {
    let mut words = line.split(' ');
    let number = words.next().and_then(|word| word.parse::<usize>().ok());
    let (Some(number), Some(verb)) = (number, words.next()) else {
        panic!("not a transaction: {line}");
    };
    let rest = words.next().unwrap_or_default();
    record.change(|history| {
        let transfers = &mut history.transfers;
        if transfers.len() <= number {
            transfers.resize(number + 1, Transfer::default());
        }
        let transfer = &mut transfers[number];
        match (verb, rest) {
            ("begins", list) => {
                let partitions = list.split(',').map(|one| one.parse().expect("a partition"));
                transfer.partitions = partitions.collect();
            }
            ("is", "committed") => transfer.is_committed = true,
            ("is", "aborted") => transfer.is_aborted = true,
            _ => panic!("not said of a transaction: {line}"),
        }
    });
}

/// Reads what is committed while there are faults; whatever breaks is begun anew where it ended.
async fn read(client: Client, record: Record, mut stopped: watch::Receiver<bool>) {
    let mut positions = vec![0; partitions().len()];
    while !*stopped.borrow() {
        let mut consumer = consumer(&client, &positions);
        let broken = loop {
            tokio::select! {
                fetched = consumer.next() => match fetched {
                    Ok(fetched) => {
                        let numbers = numbers(&fetched);
                        record.change(|history| history.committed_reads.extend(numbers));
                        positions[place_of(&fetched.partition)] = fetched.next_offset;
                    }
                    Err(_broken) => break true,
                },
                _ = stopped.changed() => break false,
            }
        };
        if broken {
            tokio::time::sleep(REST).await;
        }
    }
}

/// Reads all that is committed, once nothing is undecided any more.
///
/// # Errors
/// In words.
pub(crate) async fn read_all(client: &Client, record: &Record) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let last = ends(client, Isolation::ReadUncommitted).await;
        let stable = ends(client, Isolation::ReadCommitted).await;
        if last.is_ok() && last == stable {
            break;
        }
        if began.elapsed() > DECIDED_WITHIN {
            return Err(format!(
                "{BANK} ends at {last:?}, and is decided up to {stable:?}"
            ));
        }
        tokio::time::sleep(REST).await;
    }
    let mut consumer = consumer(client, &vec![0; partitions().len()]);
    let mut all = vec![Vec::new(); partitions().len()];
    while let Ok(fetched) = timeout(QUIET, consumer.next()).await {
        let fetched = fetched.map_err(|error| format!("the last reader: {error}"))?;
        all[place_of(&fetched.partition)].extend(numbers(&fetched));
    }
    record.change(|history| history.bank = all);
    Ok(())
}

fn partitions() -> Vec<TopicPartition> {
    (0..PARTITIONS)
        .map(|number| TopicPartition::new(BANK, number))
        .collect()
}

fn place_of(partition: &TopicPartition) -> usize {
    usize::try_from(partition.partition).expect("they are numbered from 0")
}

fn consumer(client: &Client, positions: &[i64]) -> Consumer {
    let config = ConsumerConfig {
        isolation: Isolation::ReadCommitted,
        ..ConsumerConfig::default()
    };
    let from = positions.iter().map(|at| StartFrom::Offset(*at));
    Consumer::new(client, config, partitions().into_iter().zip(from))
}

fn numbers(fetched: &Fetched) -> Vec<usize> {
    let number = |value: Option<&[u8]>| {
        let text = std::str::from_utf8(value?).ok()?;
        text.parse().ok()
    };
    let records = fetched.records().map(|record| {
        let record = record.unwrap_or_else(|error| panic!("{BANK}: {error}"));
        number(record.value.as_deref()).expect("only numbers are written")
    });
    records.collect()
}

async fn ends(client: &Client, isolation: Isolation) -> Result<Vec<i64>, String> {
    let latest = ottla_client::OffsetSpec::Latest;
    let questions = partitions()
        .into_iter()
        .map(|partition| (partition, latest));
    let admin = client.admin();
    let answers = admin.list_offsets(questions.collect(), isolation).await;
    let end = |answer: Result<FoundOffset, _>| match answer {
        Ok(found) => Ok(found.offset),
        Err(error) => Err(format!("{error:?}")),
    };
    answers.into_values().map(end).collect()
}
