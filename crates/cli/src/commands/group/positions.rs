//! Where a group is in its partitions: what it committed, what is there, how far behind it is.

use std::collections::{BTreeMap, BTreeSet};

use ottla_client::admin::{CommittedOffset, FoundOffset};
use ottla_client::client::PerPartition;
use ottla_client::{Client, ClientError, Isolation, OffsetSpec, TopicPartition};
use serde_json::{Value, json};

/// A group's place in one partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Position {
    pub(super) partition: TopicPartition,
    pub(super) committed: Option<i64>,
    /// Behind the last record; `None` if the leader did not tell.
    pub(super) end: Option<i64>,
}

impl Position {
    /// Records behind the committed offset. Less than none where the log is shorter than it was.
    pub(super) fn lag(&self) -> Option<i64> {
        Some(self.end?.saturating_sub(self.committed?))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "topic": self.partition.topic.as_ref(),
            "partition": self.partition.partition,
            "committed_offset": self.committed,
            "end_offset": self.end,
            "lag": self.lag(),
        })
    }

    /// Topic, partition, committed offset, end and lag, as [`HEADS`] has them.
    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.partition.topic.to_string(),
            self.partition.partition.to_string(),
            number_or_dash(self.committed),
            number_or_dash(self.end),
            number_or_dash(self.lag()),
        ]
    }
}

/// The columns of [`Position::cells`].
pub(super) const HEADS: [&str; 5] = ["TOPIC", ">PARTITION", ">COMMITTED", ">END", ">LAG"];

/// A number that may not be known, or not be there.
pub(super) fn number_or_dash(number: Option<i64>) -> String {
    number.map_or("-".to_owned(), |number| number.to_string())
}

/// Records that the group is behind in all partitions where that is known.
pub(super) fn total_lag(positions: &[Position]) -> i64 {
    let lags = positions.iter().filter_map(Position::lag);
    lags.fold(0, |total, lag| total.saturating_add(lag.max(0)))
}

/// A group's place in the partitions in which it has committed an offset, and in those of `assigned`.
pub(super) async fn positions(
    client: &Client,
    group: &str,
    assigned: &[TopicPartition],
) -> Result<Vec<Position>, ClientError> {
    let committed = client.admin().group_offsets(group).await?;
    let committed = committed
        .into_iter()
        .map(|(partition, offset)| Ok((partition, offset?.offset)))
        .collect::<Result<BTreeMap<_, i64>, ClientError>>()?;
    let partitions: BTreeSet<TopicPartition> = committed.keys().chain(assigned).cloned().collect();
    let ends = find(client, &partitions, OffsetSpec::Latest).await;
    let position = |partition: TopicPartition| Position {
        committed: committed.get(&partition).copied(),
        end: ends
            .get(&partition)
            .and_then(|end| Some(end.as_ref().ok()?.offset)),
        partition,
    };
    Ok(partitions.into_iter().map(position).collect())
}

/// What a group has committed, partition by partition.
pub(super) async fn committed(
    client: &Client,
    group: &str,
) -> Result<BTreeMap<TopicPartition, CommittedOffset>, ClientError> {
    let committed = client.admin().group_offsets(group).await?;
    let known = committed
        .into_iter()
        .map(|(partition, offset)| Ok((partition, offset?)));
    known.collect()
}

/// One offset of each partition.
pub(super) async fn find(
    client: &Client,
    partitions: &BTreeSet<TopicPartition>,
    spec: OffsetSpec,
) -> PerPartition<FoundOffset> {
    let questions = partitions.iter().map(|partition| (partition.clone(), spec));
    let admin = client.admin();
    admin
        .list_offsets(questions.collect(), Isolation::ReadUncommitted)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(committed: Option<i64>, end: Option<i64>) -> Position {
        Position {
            partition: TopicPartition::new("t", 0),
            committed,
            end,
        }
    }

    #[test]
    fn lag_is_what_lies_behind_the_committed_offset_where_both_are_known() {
        assert_eq!(position(Some(3), Some(10)).lag(), Some(7));
        assert_eq!(position(None, Some(10)).lag(), None);
        assert_eq!(position(Some(3), None).lag(), None);
        let all = [
            position(Some(3), Some(10)),
            position(Some(12), Some(10)),
            position(None, Some(10)),
        ];
        assert_eq!(total_lag(&all), 7);
        assert_eq!(all[1].cells(), ["t", "0", "12", "10", "-2"]);
    }
}
