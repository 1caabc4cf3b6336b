//! Asking about many partitions: each question goes to the partition's leader, and again to the next leader where
//! the first one is not it any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use ottla_protocol::{ErrorCode, NodeId};
use tokio::time::Instant;

use super::{Client, IfMissing};
use crate::error::ClientError;
use crate::partition::TopicPartition;

/// What became of each partition asked about.
pub type PerPartition<T> = BTreeMap<TopicPartition, Result<T, ClientError>>;

/// What one leader said: an answer or an error for each partition.
pub(crate) type LeaderSaid<T> = Result<Vec<(TopicPartition, Result<T, ErrorCode>)>, ClientError>;

impl Client {
    /// Asks the leaders of all partitions in `questions` at once, and again as long as errors are retriable and
    /// `call_timeout` lasts. Every partition is in the result.
    pub(crate) async fn by_leader<Q, T, F>(
        &self,
        questions: BTreeMap<TopicPartition, Q>,
        ask: impl Fn(NodeId, Vec<(TopicPartition, Q)>) -> F,
    ) -> PerPartition<T>
    where
        Q: Clone,
        F: Future<Output = LeaderSaid<T>>,
    {
        let begun = Instant::now();
        let mut round = Round::new(questions);
        self.find_topics(&mut round).await;
        let mut failures = 0;
        loop {
            let view = self.view();
            let groups =
                round.by_leader(|partition| view.leader(&partition.topic, partition.partition));
            let asked = groups.into_iter().map(|(leader, group)| {
                let partitions: Vec<TopicPartition> = group
                    .iter()
                    .map(|(partition, _)| partition.clone())
                    .collect();
                let said = ask(leader, group);
                async move { (partitions, said.await) }
            });
            for (partitions, said) in join_all(asked).await {
                round.take(partitions, said);
            }
            failures += 1;
            let wait = self.config().backoff.wait(failures, self.chance());
            if round.open.is_empty() || begun.elapsed() + wait >= self.config().call_timeout {
                return round.finish(begun.elapsed());
            }
            tokio::time::sleep(wait).await;
            // A failure here shows in the next round: the questions go to whom they went before.
            let _ = self.renew(&round.topics_as_str(), IfMissing::Fail).await;
        }
    }

    /// Makes sure that the view knows the topics asked about; those it cannot find are answered with the error.
    async fn find_topics<Q: Clone, T>(&self, round: &mut Round<Q, T>) {
        for topic in round.topics() {
            let found = self.topic(&topic, IfMissing::Fail).await;
            round.judge_topic(&topic, found.map(|topic| topic.partitions.len()));
        }
    }
}

/// The state of the questions: answered or open, with the last failure.
struct Round<Q, T> {
    open: BTreeMap<TopicPartition, (Q, Option<ClientError>)>,
    done: PerPartition<T>,
}

impl<Q: Clone, T> Round<Q, T> {
    fn new(questions: BTreeMap<TopicPartition, Q>) -> Self {
        Round {
            open: questions
                .into_iter()
                .map(|(partition, question)| (partition, (question, None)))
                .collect(),
            done: BTreeMap::new(),
        }
    }

    fn topics(&self) -> Vec<Arc<str>> {
        let mut topics: Vec<Arc<str>> = self
            .open
            .keys()
            .map(|partition| partition.topic.clone())
            .collect();
        topics.dedup();
        topics
    }

    fn topics_as_str(&self) -> Vec<&str> {
        let mut topics: Vec<&str> = self
            .open
            .keys()
            .map(|partition| partition.topic.as_ref())
            .collect();
        topics.dedup();
        topics
    }

    /// Answers the questions that cannot be asked: the topic is not there, or has fewer partitions.
    fn judge_topic(&mut self, topic: &str, partitions: Result<usize, ClientError>) {
        let done = &mut self.done;
        self.open.retain(|partition, _| {
            if *partition.topic != *topic {
                return true;
            }
            let error = match &partitions {
                Err(error) => error.clone(),
                Ok(count)
                    if usize::try_from(partition.partition).is_ok_and(|index| index < *count) =>
                {
                    return true;
                }
                Ok(_) => ClientError::refused(
                    partition.to_string(),
                    ErrorCode::UnknownTopicOrPartition,
                    None,
                ),
            };
            done.insert(partition.clone(), Err(error));
            false
        });
    }

    /// The open questions by leader; those of leaderless partitions wait.
    fn by_leader(
        &mut self,
        leader: impl Fn(&TopicPartition) -> Option<NodeId>,
    ) -> BTreeMap<NodeId, Vec<(TopicPartition, Q)>> {
        let mut groups: BTreeMap<NodeId, Vec<(TopicPartition, Q)>> = BTreeMap::new();
        for (partition, (question, failure)) in &mut self.open {
            match leader(partition) {
                Some(leader) => groups
                    .entry(leader)
                    .or_default()
                    .push((partition.clone(), question.clone())),
                None => {
                    *failure = Some(ClientError::NoLeader {
                        topic: partition.topic.to_string(),
                        partition: partition.partition,
                    });
                }
            }
        }
        groups
    }

    /// Takes what one leader said about the partitions it was asked about.
    fn take(&mut self, asked: Vec<TopicPartition>, said: LeaderSaid<T>) {
        let mut answers: BTreeMap<TopicPartition, Result<T, ClientError>> = match said {
            Ok(answers) => answers
                .into_iter()
                .map(|(partition, answer)| {
                    let subject = partition.to_string();
                    (
                        partition,
                        answer.map_err(|code| ClientError::refused(subject, code, None)),
                    )
                })
                .collect(),
            Err(error) => asked
                .iter()
                .map(|partition| (partition.clone(), Err(error.clone())))
                .collect(),
        };
        for partition in asked {
            let answer = answers.remove(&partition).unwrap_or_else(|| {
                Err(ClientError::Incomplete {
                    api: "a question about partitions",
                    subject: partition.to_string(),
                })
            });
            match answer {
                Err(error) if error.is_retriable() => {
                    if let Some((_, failure)) = self.open.get_mut(&partition) {
                        *failure = Some(error);
                    }
                }
                answer => {
                    self.open.remove(&partition);
                    self.done.insert(partition, answer);
                }
            }
        }
    }

    /// All answers; what is open is given up.
    fn finish(mut self, after: std::time::Duration) -> PerPartition<T> {
        for (partition, (_, failure)) in self.open {
            let last = failure.unwrap_or_else(|| ClientError::NoLeader {
                topic: partition.topic.to_string(),
                partition: partition.partition,
            });
            let gave_up = ClientError::GaveUp {
                after,
                last: Box::new(last),
            };
            self.done.insert(partition, Err(gave_up));
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(number: i32) -> TopicPartition {
        TopicPartition::new("t", number)
    }

    fn round(numbers: &[i32]) -> Round<(), i64> {
        Round::new(
            numbers
                .iter()
                .map(|&number| (partition(number), ()))
                .collect(),
        )
    }

    #[test]
    fn answers_and_final_errors_close_a_question_and_retriable_errors_do_not() {
        let mut round = round(&[0, 1, 2]);
        let said = vec![
            (partition(0), Ok(5)),
            (partition(1), Err(ErrorCode::NotLeaderOrFollower)),
            (partition(2), Err(ErrorCode::TopicAuthorizationFailed)),
        ];
        round.take(vec![partition(0), partition(1), partition(2)], Ok(said));
        assert_eq!(round.open.keys().collect::<Vec<_>>(), [&partition(1)]);
        let done = round.finish(std::time::Duration::ZERO);
        assert_eq!(*done[&partition(0)].as_ref().unwrap(), 5);
        assert!(matches!(
            done[&partition(1)],
            Err(ClientError::GaveUp { .. })
        ));
        assert!(matches!(
            done[&partition(2)],
            Err(ClientError::Refused { .. })
        ));
    }

    #[test]
    fn a_partition_left_out_of_the_answer_is_an_error_and_not_asked_for_ever() {
        let mut round = round(&[0]);
        round.take(vec![partition(0)], Ok(vec![]));
        assert!(round.open.is_empty());
        assert!(matches!(
            round.done[&partition(0)],
            Err(ClientError::Incomplete { .. })
        ));
    }

    #[test]
    fn a_partition_beyond_the_topics_last_is_unknown_at_once() {
        let mut round = round(&[0, 3]);
        round.judge_topic("t", Ok(3));
        assert_eq!(round.open.len(), 1);
        let error = round.done[&partition(3)].as_ref().unwrap_err();
        assert_eq!(error.code(), Some(ErrorCode::UnknownTopicOrPartition));
    }

    #[test]
    fn questions_are_grouped_by_leader_and_wait_without_one() {
        let mut round = round(&[0, 1, 2]);
        let groups = round.by_leader(|partition| {
            [Some(NodeId(1)), Some(NodeId(2)), None][partition.partition as usize]
        });
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[&NodeId(1)], [(partition(0), ())]);
        assert!(matches!(
            round.open[&partition(2)].1,
            Some(ClientError::NoLeader { .. })
        ));
    }
}
