//! How far groups are behind the logs that they read, for the metrics.
//!
//! Measured now and then, so that a scrape costs nothing: the committed offset of each group and
//! partition against the high watermark here. What is listed has a bound; the largest lags are
//! listed first, and the rest is counted. Partitions that are led elsewhere are not looked at.

use std::cmp::Reverse;
use std::fmt::Display;
use std::sync::Arc;

use ottla_coordinator::machine::{Groups, Input, Reply};
use ottla_coordinator::operations::{FetchedTopic, ListGroups, OffsetFetch};
use ottla_metadata::image::Image;
use ottla_platform::work::blocking;
use ottla_protocol::records::{BatchHeader, Batches, TimestampType};
use ottla_replication::{Isolation, Partition};
use parking_lot::RwLock;

use super::shards::GroupShards;
use crate::images::Images;
use crate::metrics::{Family, Page, Type};
use crate::partitions::Partitions;
use crate::shard::Questions;

/// How far one group is behind in one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Lag {
    /// The group.
    pub group: Arc<str>,
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition's number.
    pub partition: i32,
    /// Committed records that it has not committed.
    pub records: i64,
    /// How old the first of them is; 0 if there is none.
    pub seconds: f64,
}

/// The lags of all groups that this node holds.
#[derive(Debug, Default)]
pub struct Lags {
    /// The largest first.
    pub listed: Vec<Lag>,
    /// How many more there are.
    pub unlisted: usize,
}

/// A group and partition whose log is here.
struct Found {
    lag: Lag,
    log: Partition,
    /// The first record that the group has not committed.
    first: i64,
}

/// Measures them.
pub struct LagMeter {
    groups: Arc<GroupShards>,
    images: Arc<Images>,
    partitions: Arc<Partitions>,
    /// As they were measured last.
    latest: RwLock<Arc<Lags>>,
}

impl LagMeter {
    /// Has measured nothing.
    pub fn new(
        groups: Arc<GroupShards>,
        images: Arc<Images>,
        partitions: Arc<Partitions>,
    ) -> LagMeter {
        LagMeter {
            groups,
            images,
            partitions,
            latest: RwLock::default(),
        }
    }

    /// How far all groups are behind, as it was measured last.
    pub fn latest(&self) -> Arc<Lags> {
        Arc::clone(&self.latest.read())
    }

    /// Measures again, and lists at most so many.
    pub async fn measure(&self, now_ms: i64, listed_max: usize) {
        let image = self.images.current();
        let mut found = Vec::new();
        for (_, machine) in self.groups.all().0 {
            for (group, topics) in committed(&machine.questions).await {
                let here = topics
                    .iter()
                    .flat_map(|topic| self.here(&image, &group, topic));
                found.extend(here);
            }
        }
        found.sort_by_key(|found| Reverse(found.lag.records));
        let unlisted = found.len().saturating_sub(listed_max);
        found.truncate(listed_max);
        // The first record that was not read may be on disk only.
        let timed = blocking(move || {
            let timed = found.into_iter().map(|found| found.timed(now_ms));
            timed.collect()
        });
        if let Ok(listed) = timed.await {
            *self.latest.write() = Arc::new(Lags { listed, unlisted });
        }
    }

    /// The partitions of a topic, as a group has committed them, that this node leads.
    fn here(&self, image: &Image, group: &Arc<str>, topic: &FetchedTopic) -> Vec<Found> {
        let Some(known) = image.topic(&topic.name) else {
            return Vec::new();
        };
        let committed = topic.partitions.iter().filter(|one| one.offset >= 0);
        let found = committed.filter_map(|one| {
            let replica = self.partitions.find(known.id, one.partition).ok()?;
            let log = replica.partition;
            let watermarks = log.watermarks();
            let first = one.offset.max(watermarks.log_start_offset);
            let lag = Lag {
                group: Arc::clone(group),
                topic: Arc::clone(&known.name),
                partition: one.partition,
                records: watermarks.high_watermark.saturating_sub(first).max(0),
                seconds: 0.0,
            };
            log.is_leader().then_some(Found { lag, log, first })
        });
        found.collect()
    }
}

/// The groups of a machine, and all that they have committed.
async fn committed(machine: &Questions<Groups>) -> Vec<(Arc<str>, Vec<FetchedTopic>)> {
    let mut all = Vec::new();
    let list = Input::ListGroups(ListGroups::default());
    let Ok(Reply::ListGroups(groups)) = machine.ask(list).await else {
        return all;
    };
    for group in groups {
        let fetch = Input::OffsetFetch(OffsetFetch {
            group_id: group.group_id.clone(),
            member_id: None,
            member_epoch: -1,
            require_stable: false,
            topics: None,
        });
        if let Ok(Reply::OffsetFetch(Ok(topics))) = machine.ask(fetch).await {
            all.push((group.group_id.into(), topics));
        }
    }
    all
}

impl Found {
    /// Blocks.
    fn timed(self, now_ms: i64) -> Lag {
        let Found {
            mut lag,
            log,
            first,
        } = self;
        if lag.records > 0
            && let Some(written_ms) = written_at(&log, first)
        {
            let age_ms = now_ms.saturating_sub(written_ms).max(0);
            lag.seconds = age_ms as f64 / 1000.0;
        }
        lag
    }
}

/// When the batch that holds this offset was written, by its own word.
fn written_at(log: &Partition, offset: i64) -> Option<i64> {
    let read = log.read(offset, 1, true, Isolation::ReadUncommitted).ok()?;
    let batch = Batches(read.records.slices.into_iter().next()?).next()?;
    let BatchHeader {
        attributes,
        base_timestamp,
        max_timestamp,
        ..
    } = batch.ok()?.header;
    let written_ms = match attributes.timestamp_type() {
        TimestampType::CreateTime => base_timestamp,
        TimestampType::LogAppendTime => max_timestamp,
    };
    (written_ms >= 0).then_some(written_ms)
}

impl Lags {
    /// Writes them, as of the last measurement.
    pub fn write(&self, page: &mut Page) {
        let records = page.family(
            "ottla_group_lag_records",
            Type::Gauge,
            "Records that a group has not committed yet, by partition led here.",
        );
        self.sample(records, |lag| lag.records);
        let seconds = page.family(
            "ottla_group_lag_seconds",
            Type::Gauge,
            "Age of the first batch that a group has not committed whole, by partition led here.",
        );
        self.sample(seconds, |lag| lag.seconds);
        page.gauge(
            "ottla_group_lags_unlisted",
            "Partitions of groups that ottla.group.lag.listed.max left out, the smallest lags.",
            self.unlisted as u64,
        );
    }

    fn sample<V: Display>(&self, mut family: Family<'_>, value: impl Fn(&Lag) -> V) {
        for lag in &self.listed {
            let partition = lag.partition.to_string();
            let labels = [
                ("group", &*lag.group),
                ("topic", &*lag.topic),
                ("partition", &*partition),
            ];
            family.sample(&labels, value(lag));
        }
    }
}
