//! A run: clients work, faults come and go, everything is mended, and what was seen is judged.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ottla_client::admin::NewTopic;
use ottla_client::{Address, Client, ClientConfig};
use ottla_platform::seed::Random;

use crate::fault::Storm;
use crate::judge;
use crate::plan::Plan;
use crate::probers::Probers;
use crate::producers::{CODECS, Producers};
use crate::readers::{self, READERS, Readers};
use crate::record::Record;
use crate::recovery;
use crate::summary::Summary;
use crate::topics::{self, TOPICS, Topic};
use crate::transfers::{self, Transfers};
use crate::world::World;

/// Clients wait so long for an answer, and for a connection.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Until the ends of all partitions are told when all is over.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// Runs it; an error says what is amiss.
pub(crate) fn run(plan: &Plan) -> Result<(), String> {
    println!(
        "nemesis {}, {:?}, OTTLA_CHAOS_SEED={}",
        plan.nemesis.name(),
        plan.duration,
        plan.seed
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    let mut world = World::start(plan)?;
    let outcome = runtime.block_on(attack(plan, &mut world));
    // Clients that still wait for something need not be waited for.
    runtime.shutdown_background();
    if outcome.is_err() {
        println!("the brokers' folders are kept: {}", world.keep().join(" "));
    }
    outcome
}

async fn attack(plan: &Plan, world: &mut World) -> Result<(), String> {
    let began = Instant::now();
    let client = connect(&world.bootstrap()).await?;
    create_topics(&client).await?;
    let record = Record::new(CODECS.len(), READERS);
    let producers = Producers::start(&client, plan.seed, &record);
    let readers = Readers::start(&client, plan.seed, &record);
    let probers = Probers::start(&client, &world.addresses(), plan.seed, &record);
    let transfers = Transfers::start(&client, &world.bootstrap(), plan.seed, &record);
    let mut summary = Summary::new(*plan);
    let outcome = storms(plan, world, &record, &mut summary).await;
    if let Err(words) = &outcome {
        record.change(|history| history.deaths.push(words.clone()));
    }
    producers.finish().await;
    let has_transfers = transfers.is_some();
    if let Some(transfers) = transfers {
        transfers.finish().await;
    }
    match read_to_the_end(world, readers, &record).await {
        Ok(()) => record.change(|history| history.is_read = true),
        Err(words) => record.change(|history| history.damaged.push(words)),
    }
    if has_transfers && let Err(words) = read_what_is_committed(world, &record).await {
        record.change(|history| history.damaged.push(words));
    }
    probers.finish().await;
    if let Err(words) = tokio::task::block_in_place(|| world.wait_until_whole()) {
        record.change(|history| history.damaged.push(words));
    }
    let died = world.deaths();
    record.change(|history| history.deaths.extend(died));
    let (history, counts) = record.take();
    let findings = judge::judge(&history);
    summary.print(began.elapsed(), &history, &counts, world, &findings);
    match findings.is_empty() {
        true => Ok(()),
        false => {
            let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
            Err(format!("seed {}: {}", plan.seed, told.join("\n")))
        }
    }
}

/// Faults until the time is over, or something is stuck. An error is a broker that did not come back.
async fn storms(
    plan: &Plan,
    world: &mut World,
    record: &Record,
    summary: &mut Summary,
) -> Result<(), String> {
    let mut random = Random::new(plan.seed);
    if !goes_on(record, summary, "the start".to_owned()).await {
        return Ok(());
    }
    let began = Instant::now();
    while began.elapsed() < plan.duration {
        let storm = Storm::draw(plan.nemesis, plan.is_brief(), &mut random);
        tokio::time::sleep(storm.rest).await;
        let at = began.elapsed().as_secs_f64();
        for fault in &storm.faults {
            summary.count(fault);
            record.note(format!("{at:.1} s: {fault}"));
            tokio::task::block_in_place(|| world.strike(fault))?;
        }
        tokio::time::sleep(storm.hold).await;
        tokio::task::block_in_place(|| world.mend())?;
        let ended = began.elapsed().as_secs_f64();
        record.note(format!("{ended:.1} s: mended"));
        let deaths = world.deaths();
        if !deaths.is_empty() {
            return Err(deaths.join("\n"));
        }
        let after = format!("{:?} at {at:.1} s", storm.faults);
        if storm.is_waited_for && !goes_on(record, summary, after).await {
            return Ok(());
        }
    }
    goes_on(record, summary, "the end of all faults".to_owned()).await;
    Ok(())
}

/// Whether all goes on; the history has how long that took, or that it does not.
async fn goes_on(record: &Record, summary: &mut Summary, after: String) -> bool {
    let recovery = recovery::wait_until_all_goes_on(record, after).await;
    let longest = recovery::longest(&recovery);
    summary.recovered(longest, &recovery.after);
    record.change(|history| history.recoveries.push(recovery));
    longest.is_some()
}

async fn read_to_the_end(world: &World, readers: Readers, record: &Record) -> Result<(), String> {
    let client = connect(&world.bootstrap()).await?;
    let ends = ends(&client).await?;
    record.change(|history| history.ends.clone_from(&ends));
    let came_to_the_end = readers.finish(&ends).await;
    if !came_to_the_end {
        return Err(format!("not all readers came to {ends:?}"));
    }
    readers::read_all(&client, record, &ends).await
}

async fn read_what_is_committed(world: &World, record: &Record) -> Result<(), String> {
    let client = connect(&world.bootstrap()).await?;
    transfers::read_all(&client, record).await
}

async fn ends(client: &Client) -> Result<Vec<i64>, String> {
    let questions: BTreeMap<_, _> = topics::all()
        .iter()
        .map(|partition| (partition.clone(), ottla_client::OffsetSpec::Latest))
        .collect();
    let isolation = ottla_client::Isolation::ReadUncommitted;
    let asking = async { client.admin().list_offsets(questions, isolation).await };
    let mut answers = tokio::time::timeout(ENDS_WITHIN, asking)
        .await
        .map_err(|_| format!("no ends told within {ENDS_WITHIN:?}"))?;
    let end = |partition| match answers.remove(partition) {
        Some(Ok(found)) => Ok(found.offset),
        Some(Err(error)) => Err(format!("no end of {partition}: {error}")),
        None => Err(format!("no end of {partition}")),
    };
    topics::all().iter().map(end).collect()
}

async fn connect(bootstrap: &str) -> Result<Client, String> {
    let addresses = Address::parse_list(bootstrap).expect("they are addresses");
    let config = ClientConfig {
        request_timeout: REQUEST_TIMEOUT,
        connect_timeout: CONNECT_TIMEOUT,
        ..ClientConfig::new(addresses)
    };
    let client = Client::connect(config).await;
    client.map_err(|error| format!("cannot connect to {bootstrap}: {error}"))
}

async fn create_topics(client: &Client) -> Result<(), String> {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let bank = Topic {
        name: transfers::BANK,
        partitions: transfers::PARTITIONS,
        configs: TOPICS[0].configs,
    };
    for topic in TOPICS.into_iter().chain([bank]) {
        let name = topic.name;
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(topic.partitions),
            replication_factor: Some(3),
            configs: topic.configs.iter().map(text).collect(),
            ..NewTopic::default()
        };
        let created = client.admin().create_topics(&[topic], false).await;
        let created = created.and_then(|mut outcomes| outcomes.remove(0));
        created.map_err(|error| format!("cannot create {name}: {error}"))?;
    }
    Ok(())
}
