//! What brokers use when nobody asks them for anything.

use std::time::{Duration, Instant};

use ottla_client::{Address, Client, Connection, ConnectionOptions};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::mib;
use crate::brokers::{Brokers, Watched};
use crate::figures::{Figure, Turn, less};
use crate::load::topics::create_many;

const STARTED: Figure = less("start to first Metadata answer, s");
const RESIDENT: Figure = less("idle: memory, resident, MiB");
const ANONYMOUS: Figure = less("idle: memory, no file's, MiB");
const CPU: Figure = less("idle: CPU, % of a core");
const CREATED: Figure = less("creating them, s");

/// How long a broker may come to rest before it is watched, and for how long it is.
const SETTLE: Duration = Duration::from_secs(5);
const WATCHED: Duration = Duration::from_secs(10);

/// A broker without data.
pub(crate) async fn start(brokers: &Brokers) -> Result<Turn, String> {
    let mut turn = vec![(STARTED, brokers.start_took().as_secs_f64())];
    let idle = watch_idle(brokers).await?;
    add_idle(&mut turn, &idle);
    Ok(turn)
}

/// A broker with many topics.
pub(crate) async fn topics(brokers: &Brokers) -> Result<Turn, String> {
    const TOPICS: usize = 1_000;
    let client = brokers.connect().await;
    let begun = Instant::now();
    create_many(&client, TOPICS).await;
    let mut turn = vec![(CREATED, begun.elapsed().as_secs_f64())];
    Client::close(&client);
    let idle = watch_idle(brokers).await?;
    add_idle(&mut turn, &idle);
    Ok(turn)
}

/// A broker with many connections.
pub(crate) async fn connections(brokers: &Brokers) -> Result<Turn, String> {
    const SOME: (usize, Figure, Figure) = (
        1_000,
        less("1,000: memory of each, no file's, KiB"),
        less("1,000: CPU, % of a core"),
    );
    const MANY: (usize, Figure, Figure) = (
        10_000,
        less("10,000: memory of each, no file's, KiB"),
        less("10,000: CPU, % of a core"),
    );
    let before = watch_idle(brokers).await?.after.anonymous_bytes;
    let mut turn = Turn::new();
    let mut open = Vec::new();
    for (count, each, cpu) in [SOME, MANY] {
        open.extend(connect(brokers, count - open.len()).await?);
        let idle = watch_idle(brokers).await?;
        let more = idle.after.anonymous_bytes.saturating_sub(before);
        turn.push((each, more as f64 / 1024.0 / count as f64));
        turn.push((cpu, idle.cpu_percent()));
    }
    Ok(turn)
}

async fn connect(brokers: &Brokers, count: usize) -> Result<Vec<Connection>, String> {
    const AT_ONCE: usize = 50;
    const PATIENCE: Duration = Duration::from_secs(30);
    let addresses = Address::parse_list(&brokers.all()[0].bootstrap());
    let address = addresses.map_err(|error| error.to_string())?.remove(0);
    let options = ConnectionOptions {
        client_id: "idle".to_owned(),
        connect_timeout: PATIENCE,
        request_timeout: PATIENCE,
        response_bytes_max: 1 << 20,
    };
    let mut open = Vec::new();
    let mut connecting = JoinSet::new();
    let mut left = count;
    while open.len() < count {
        while left > 0 && connecting.len() < AT_ONCE {
            let address = address.clone();
            let options = options.clone();
            connecting.spawn(async move { Connection::connect(&address, options).await });
            left -= 1;
        }
        let connected = connecting.join_next().await.expect("some are connecting");
        let connected = connected.expect("connecting does not panic");
        open.push(connected.map_err(|error| format!("connection {}: {error}", open.len()))?);
    }
    Ok(open)
}

async fn watch_idle(brokers: &Brokers) -> Result<Watched, String> {
    sleep(SETTLE).await;
    let resting = async {
        sleep(WATCHED).await;
        Ok(())
    };
    Ok(brokers.watch(resting).await?.1)
}

fn add_idle(turn: &mut Turn, idle: &Watched) {
    turn.push((RESIDENT, mib(idle.after.resident_bytes)));
    turn.push((ANONYMOUS, mib(idle.after.anonymous_bytes)));
    turn.push((CPU, idle.cpu_percent()));
}
