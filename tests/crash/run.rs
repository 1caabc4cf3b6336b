//! The rounds: load, kill, perhaps kill again while it recovers, start, check.

use std::num::NonZeroU32;
use std::time::Duration;

use ottla_platform::seed::Random;
use ottla_tests::client::{connect, create_topic, end_offsets};
use ottla_tests::{Broker, Kind, Settings, Tool};

use crate::check::Checker;
use crate::load::{Book, Load};

pub(crate) const TOPIC: &str = "crash";
pub(crate) const PARTITIONS: i32 = 3;
/// Small, so that crashes fall on segment boundaries too.
pub(crate) const SEGMENT: (&str, &str) = ("segment.bytes", "1048576");
/// The longest that a round produces before the kill.
const PRODUCE_MS_MAX: u64 = 600;
/// The longest that a broker recovers before a second kill.
const RECOVER_MS_MAX: u64 = 60;

/// How a run goes.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    /// Records a second that a producer sends to a partition at most; as many as it can without.
    pub(crate) rate: Option<NonZeroU32>,
    pub(crate) judged_by_java: bool,
    pub(crate) settings: Settings,
}

/// Runs all rounds against a new broker and fails on the first thing amiss.
pub(crate) fn run(kind: Kind, plan: &Plan) {
    println!(
        "{kind:?}, {} rounds, OTTLA_CRASH_SEED={}",
        plan.rounds, plan.seed
    );
    tokio::runtime::Runtime::new()
        .expect("a runtime can be started")
        .block_on(run_rounds(kind, plan));
}

async fn run_rounds(kind: Kind, plan: &Plan) {
    let mut random = Random::new(plan.seed);
    let broker = Broker::start(kind, plan.settings.clone());
    let mut broker = broker.unwrap_or_else(|reason| panic!("{reason}"));
    let client = connect(&broker).await;
    create_topic(&client, TOPIC, PARTITIONS, &[SEGMENT]).await;
    let book = Book::default();
    let mut checker = Checker::new(TOPIC, PARTITIONS, plan.seed);
    // This one lives through all crashes; each round has one of its own besides.
    let lasting = Load::start(&client, TOPIC, PARTITIONS, plan, &book);
    for round in 1..=plan.rounds {
        let passing = Load::start(&client, TOPIC, PARTITIONS, plan, &book);
        let produced = pause(&mut random, PRODUCE_MS_MAX).await;
        let kills = crash(&mut broker, &mut random).await;
        passing.finish().await;
        let acknowledged = book.copy();
        let ends = end_offsets(&client, TOPIC, PARTITIONS).await;
        checker.read_to(&client, &ends).await;
        checker.expect(&acknowledged);
        println!(
            "round {round}: killed {kills}x after {produced:?}, back in {:?}, ends {ends:?}",
            broker.start_took()
        );
    }
    lasting.finish().await;
    broker
        .restart()
        .unwrap_or_else(|reason| panic!("after a clean stop: {reason}"));
    let all = read_all(&client, plan, &book).await;
    if plan.judged_by_java {
        judge_by_java(&broker, &all);
    }
}

/// Kills, now and then a second time during recovery, and starts again; returns how often it killed.
async fn crash(broker: &mut Broker, random: &mut Random) -> u32 {
    broker.kill();
    let again = random.chance(1, 3);
    if again {
        broker.spawn().unwrap_or_else(|reason| panic!("{reason}"));
        pause(random, RECOVER_MS_MAX).await;
        broker.kill();
    }
    // Lanes and connections go on meanwhile.
    tokio::task::block_in_place(|| broker.resume()).unwrap_or_else(|reason| panic!("{reason}"));
    1 + u32::from(again)
}

/// Once more from the beginning: what an earlier round saw must still be there.
pub(crate) async fn read_all(client: &ottla_client::Client, plan: &Plan, book: &Book) -> Checker {
    let ends = end_offsets(client, TOPIC, PARTITIONS).await;
    let mut checker = Checker::new(TOPIC, PARTITIONS, plan.seed);
    checker.read_to(client, &ends).await;
    checker.expect(&book.copy());
    let acknowledged: usize = book.copy().iter().map(Vec::len).sum();
    let found: i64 = ends.iter().sum();
    println!("{acknowledged} records acknowledged, {found} in the log, all as they must be");
    checker
}

fn judge_by_java(broker: &Broker, all: &Checker) {
    let java = tokio::task::block_in_place(|| {
        Tool::java("ReadBack")
            .args([&broker.bootstrap(), TOPIC])
            .succeed()
    });
    for (ours, theirs) in all.summary().iter().zip(java.lines()) {
        for part in ours.split(' ').chain(["gaps=0"]) {
            assert!(
                theirs.split(' ').any(|found| found == part),
                "{part}: {java}"
            );
        }
    }
    println!("the Java consumer reads the same:\n{}", java.stdout);
}

/// The moment of a fault is left to chance; nothing is waited for.
pub(crate) async fn pause(random: &mut Random, milliseconds_max: u64) -> Duration {
    let duration = Duration::from_millis(random.below(milliseconds_max));
    tokio::time::sleep(duration).await;
    duration
}
