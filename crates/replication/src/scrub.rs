//! Reading again what disks hold, and mending what they have lost.
//!
//! One task for all logs of a directory. Now and then it goes through all of them, no faster than it may;
//! a log in which somebody has met damage it looks through at once.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::future::OptionFuture;
use ottla_platform::work::blocking;
use ottla_storage::{Checked, Damage, Identity, LogDir, SegmentCheck};
use tokio::time::{Instant, sleep, sleep_until};

use crate::cluster::Cluster;
use crate::damage::Damaged;

/// Read at once.
const PIECE_BYTES: u64 = 1 << 20;
/// Shorter rests are put off until they add up to one: a segment may be small.
const REST_MIN: Duration = Duration::from_millis(10);
/// Until a log that somebody has met damage in is looked through again: perhaps nobody could mend it, or it
/// is no frame of it that is damaged.
const REST: Duration = Duration::from_secs(2);

/// How often and how fast logs are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubPace {
    /// From the end of one pass, or the start of the task, to the next.
    pub interval: Duration,
    /// At most so many bytes a second; 0: only what somebody has found damaged is read.
    pub bytes_per_second: u64,
}

/// See the file's head.
pub struct Scrubber {
    dir: LogDir,
    cluster: Option<Arc<Cluster>>,
    damaged: Arc<Damaged>,
    /// What nobody could mend since the last pass began. It is told once.
    lost: BTreeSet<(Identity, u64)>,
    /// When all that was read might have been, at the rate.
    due: Instant,
}

impl Scrubber {
    pub(crate) fn new(
        dir: LogDir,
        cluster: Option<Arc<Cluster>>,
        damaged: Arc<Damaged>,
    ) -> Scrubber {
        Scrubber {
            dir,
            cluster,
            damaged,
            lost: BTreeSet::new(),
            due: Instant::now(),
        }
    }

    /// Does so as long as it is polled.
    pub async fn run(mut self, pace: ScrubPace) {
        loop {
            let next = (pace.bytes_per_second > 0).then(|| Instant::now() + pace.interval);
            self.rest(next).await;
            self.lost.clear();
            for log in self.dir.open_logs() {
                self.look_through(log, Some(pace.bytes_per_second)).await;
            }
        }
    }

    /// Looks through what is found damaged, until a moment has come if there is one.
    async fn rest(&mut self, until: Option<Instant>) {
        loop {
            let damaged = tokio::select! {
                biased;
                logs = self.damaged.take() => logs,
                Some(()) = OptionFuture::from(until.map(sleep_until)) => return,
            };
            for log in damaged {
                Box::pin(self.look_through(log, None)).await;
            }
            sleep(REST).await;
        }
    }

    /// Checks a log, at a rate if one is given, and mends it.
    async fn look_through(&mut self, log: Identity, rate: Option<u64>) {
        let indexes = self.dir.log(log).map(|it| it.segment_indexes());
        for first_index in indexes.unwrap_or_default() {
            if let Err(error) = self.check(log, first_index, rate).await {
                tracing::warn!(%log, first_index, %error, "a segment was not checked");
            }
        }
    }

    /// The same for a segment.
    async fn check(
        &mut self,
        log: Identity,
        first_index: u64,
        rate: Option<u64>,
    ) -> io::Result<()> {
        let Some(handle) = self.dir.log(log) else {
            return Ok(());
        };
        let begun = blocking(move || handle.check_segment(first_index)).await?;
        let mut check = match begun {
            Ok(Some(check)) => check,
            Ok(None) => return Ok(()),
            // it was deleted just now
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        loop {
            let (begun, from) = (Instant::now(), check.position());
            let went_on = blocking(move || (check.go_on(PIECE_BYTES), check)).await?;
            check = went_on.1;
            match went_on.0? {
                checked @ (Checked::End | Checked::More) => {
                    if let Some(rate) = rate {
                        let bytes = check.position().saturating_sub(from);
                        self.pay(begun, bytes, rate).await;
                    }
                    if checked == Checked::End {
                        return Ok(());
                    }
                }
                Checked::Damaged(damage) => {
                    let (is_mended, back) = self.mend(log, check, &damage).await?;
                    if !is_mended {
                        if !self.repair(log, &damage).await? {
                            self.tell_loss(log, &damage);
                        }
                        return Ok(());
                    }
                    check = back;
                }
            }
        }
    }

    /// Rests until so many bytes, whose reading has begun then, may have been read.
    async fn pay(&mut self, begun: Instant, bytes: u64, rate: u64) {
        let takes = Duration::from_secs_f64(bytes as f64 / rate as f64);
        self.due = self.due.max(begun) + takes;
        if self.due.saturating_duration_since(Instant::now()) >= REST_MIN {
            self.rest(Some(self.due)).await;
        }
    }

    /// Puts what another replica has committed in the place of what is damaged; whether one had it.
    async fn mend(
        &self,
        log: Identity,
        mut check: SegmentCheck,
        damage: &Damage,
    ) -> io::Result<(bool, SegmentCheck)> {
        let committed = self.dir.log(log).and_then(|it| it.read_committed());
        let (Some(cluster), Some(committed)) = (&self.cluster, committed) else {
            return Ok((false, check));
        };
        let frames = cluster
            .committed_frames(log.group_id, damage.index, &[])
            .await;
        let (count, check) = blocking(move || (check.mend(committed, frames), check)).await?;
        let count = count?;
        if count > 0 {
            tracing::warn!(%log, %damage, count, "frames were mended from another replica");
        }
        Ok((count > 0, check))
    }

    /// Has the segment written anew from where it is damaged, with what other replicas have committed of it;
    /// whether they had all.
    async fn repair(&self, log: Identity, damage: &Damage) -> io::Result<bool> {
        let (Some(handle), Some(cluster)) = (self.dir.log(log), &self.cluster) else {
            return Ok(false);
        };
        let Some(committed) = handle.read_committed() else {
            return Ok(false);
        };
        let place = damage.clone();
        let Some(mut repair) = blocking(move || handle.repair(&place)).await?? else {
            return Ok(false);
        };
        while let Some(index) = repair.wanted() {
            let frames = cluster.committed_frames(log.group_id, index, &[]).await;
            let added = blocking(move || (repair.add(committed, frames), repair)).await?;
            repair = added.1;
            if added.0? == 0 {
                break;
            }
        }
        let is_repaired = blocking(move || repair.finish()).await??;
        if is_repaired {
            tracing::warn!(%log, %damage, "a segment was written anew from other replicas");
        }
        Ok(is_repaired)
    }

    fn tell_loss(&mut self, log: Identity, damage: &Damage) {
        if self.lost.insert((log, damage.index)) {
            tracing::error!(%log, %damage, "and no other replica that can be reached has it");
        }
    }
}
