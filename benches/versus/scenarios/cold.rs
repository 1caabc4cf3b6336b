//! Reading what only the disk has, beside a producer that is to notice nothing of it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use ottla_client::Client;
use rustix::fs::{Advice, fadvise};

use super::{TOPIC, WARM_UP, mib};
use crate::brokers::Brokers;
use crate::figures::{Figure, Turn, less, more};
use crate::load::bulk::Bulk;
use crate::load::paced::Pace;
use crate::load::reading::read_all;
use crate::load::topics::create;

const QUIET: Figure = less("p99 of the producer alone, ms");
const BESIDE: Figure = less("p99 of the producer beside it, ms");
const SPEED: Figure = more("consume, MiB/s");

/// What is read.
const COLD: &str = "cold";

pub(crate) async fn measure(brokers: &Brokers) -> Result<Turn, String> {
    let cold = Bulk::of_gib(2.0);
    let pace = Pace {
        partitions: 6,
        record_bytes: 1_024,
        per_second: 2_000,
        lasts: Duration::from_secs(8),
    };
    let client = brokers.connect().await;
    for topic in [WARM_UP, TOPIC, COLD] {
        create(&client, topic, 6, &[]).await;
    }
    cold.send(&client, COLD).await;
    pace.send(&client, WARM_UP, pace.schedule()).await;
    let mut quiet = pace.send(&client, TOPIC, pace.schedule()).await;
    for partition in 0..cold.partitions.unsigned_abs() {
        forget(&brokers.all()[0].partition_folder(COLD, partition))
            .map_err(|error| format!("cannot drop {COLD} from memory: {error}"))?;
    }
    // With connections of its own, as another process would have.
    let reader = brokers.connect().await;
    let producing = pace.send(&client, TOPIC, pace.schedule());
    let reading = async {
        let read = async { Ok(read_all(&reader, COLD, cold.partitions).await) };
        brokers.watch(read).await
    };
    let (mut beside, read) = tokio::join!(producing, reading);
    let (bytes, watched) = read?;
    Client::close(&client);
    Client::close(&reader);
    let mut turn = Turn::new();
    turn.extend(quiet.at_permille(990).map(|it| (QUIET, it)));
    turn.extend(beside.at_permille(990).map(|it| (BESIDE, it)));
    turn.push((SPEED, mib(bytes) / watched.took.as_secs_f64()));
    Ok(turn)
}

/// Drops a folder's files from the page cache.
fn forget(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let file = File::open(entry?.path())?;
        // Only what is on the disk can be dropped.
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
