//! Deleting topics, by name or by identity.

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::TopicId;
use serde::{Deserialize, Serialize};

use super::Refused;
use super::names::{self, Occurrence, Repeated};
use super::partition_plan::too_large;
use crate::image::Image;
use crate::record::{Record, RemoveTopicRecord};

/// Deletes topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteTopics {
    /// The topics; one given twice is refused.
    pub topics: Vec<TopicReference>,
    /// `delete.topic.enable`; nothing is deleted otherwise.
    pub enabled: bool,
}

/// A topic as a request names it: by name or by identity, not by both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicReference {
    /// The name, if it is given.
    pub name: Option<String>,
    /// The identity, [`TopicId::ZERO`] if it is not given.
    pub id: TopicId,
}

/// What became of one topic of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedTopic {
    /// Its name, as far as it is known.
    pub name: Option<String>,
    /// Its identity, as far as it is known.
    pub id: TopicId,
    /// Whether it is gone.
    pub result: Result<(), Refused>,
}

impl DeleteTopics {
    /// The records, and what to say about each topic, in the order of the request. `fits` says
    /// whether records are few enough for one batch.
    pub(crate) fn decide(
        self,
        image: &Image,
        fits: impl Fn(&[Record]) -> bool,
    ) -> (Vec<Record>, Vec<DeletedTopic>) {
        let mut request = Request {
            image,
            enabled: self.enabled,
            names: Repeated::of(self.topics.iter().filter_map(TopicReference::only_name)),
            ids: Repeated::of(self.topics.iter().filter_map(TopicReference::only_id)),
        };
        let outcomes = self
            .topics
            .iter()
            .filter_map(|topic| request.outcome(topic));
        let mut outcomes: Vec<_> = outcomes.collect();
        let deleted = outcomes.iter().filter(|outcome| outcome.result.is_ok());
        let remove = |topic: &DeletedTopic| RemoveTopicRecord { topic_id: topic.id };
        let mut records: Vec<_> = deleted.map(remove).map(Record::RemoveTopic).collect();
        if !fits(&records) {
            records.clear();
            for outcome in &mut outcomes {
                outcome.result = Err(too_large("the request asks for too much at once"));
            }
        }
        (records, outcomes)
    }
}

/// A request and what it is asked of.
struct Request<'a> {
    image: &'a Image,
    enabled: bool,
    names: Repeated<&'a str>,
    ids: Repeated<TopicId>,
}

impl<'a> Request<'a> {
    /// What becomes of the topic; `None` if another place of the request says it.
    fn outcome(&mut self, topic: &'a TopicReference) -> Option<DeletedTopic> {
        if !self.enabled {
            let result = Err(Refused::plain(ErrorCode::TopicDeletionDisabled));
            return Some(DeletedTopic {
                name: topic.name.clone(),
                id: topic.id,
                result,
            });
        }
        if let Some(name) = topic.only_name() {
            return self
                .names
                .first(&name)
                .map(|occurrence| self.by_name(name, occurrence));
        }
        if let Some(id) = topic.only_id() {
            let occurrence = self.ids.first(&id)?;
            return self.by_id(id, occurrence);
        }
        let result = Err(ambiguous(topic));
        Some(DeletedTopic {
            name: topic.name.clone(),
            id: topic.id,
            result,
        })
    }

    fn by_name(&self, name: &str, occurrence: Occurrence) -> DeletedTopic {
        let (id, result) = match (occurrence, self.image.topic(name)) {
            (Occurrence::Repeated, _) => (TopicId::ZERO, Err(names::refused())),
            (Occurrence::Single, None) => {
                let refused = Refused::plain(ErrorCode::UnknownTopicOrPartition);
                (TopicId::ZERO, Err(refused))
            }
            (Occurrence::Single, Some(topic)) if self.ids.contains(&topic.id) => {
                let message = "the topic is given by its name and by its id";
                (
                    topic.id,
                    Err(Refused::new(ErrorCode::InvalidRequest, message)),
                )
            }
            (Occurrence::Single, Some(topic)) => (topic.id, Ok(())),
        };
        DeletedTopic {
            name: Some(name.to_owned()),
            id,
            result,
        }
    }

    fn by_id(&self, id: TopicId, occurrence: Occurrence) -> Option<DeletedTopic> {
        let (name, result) = match (occurrence, self.image.topic_by_id(id)) {
            (Occurrence::Repeated, _) => {
                let message = "duplicate topic id in one request";
                (None, Err(Refused::new(ErrorCode::InvalidRequest, message)))
            }
            (Occurrence::Single, None) => (None, Err(Refused::plain(ErrorCode::UnknownTopicId))),
            // Given by its name too, and refused there.
            (Occurrence::Single, Some(topic)) if self.names.contains(&&*topic.name) => return None,
            (Occurrence::Single, Some(topic)) => (Some(topic.name.to_string()), Ok(())),
        };
        Some(DeletedTopic { name, id, result })
    }
}

impl TopicReference {
    /// A topic of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: Some(name.into()),
            id: TopicId::ZERO,
        }
    }

    /// The topic of this identity.
    pub fn identified(id: TopicId) -> Self {
        Self { name: None, id }
    }

    fn only_name(&self) -> Option<&str> {
        self.name.as_deref().filter(|_| self.id.is_zero())
    }

    fn only_id(&self) -> Option<TopicId> {
        (self.name.is_none() && !self.id.is_zero()).then_some(self.id)
    }
}

fn ambiguous(topic: &TopicReference) -> Refused {
    let message = match topic.name {
        Some(_) => "a topic must be given by its name or by its id, not by both",
        None => "neither a topic name nor a topic id is given",
    };
    Refused::new(ErrorCode::InvalidRequest, message)
}

#[cfg(test)]
mod tests {
    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata, Reply};
    use crate::testing::*;

    fn ask(rig: &mut Rig<Metadata>, topics: Vec<TopicReference>) -> Vec<DeletedTopic> {
        match rig.ask(Input::DeleteTopics(DeleteTopics {
            topics,
            enabled: true,
        })) {
            Reply::DeleteTopics(outcomes) => outcomes,
            other => panic!("{other:?}"),
        }
    }

    fn with_topics(names: &[&str]) -> Rig<Metadata> {
        let mut rig = cluster(1);
        for name in names {
            create_one(&mut rig, new_topic(name, 2, 1)).unwrap();
        }
        rig
    }

    fn id_of(rig: &Rig<Metadata>, name: &str) -> TopicId {
        rig.hard().topic(name).unwrap().id
    }

    #[test]
    fn a_topic_goes_by_name_or_by_id_with_all_that_is_its() {
        let mut rig = with_topics(&["a.x", "b", "c"]);
        let (a, b) = (id_of(&rig, "a.x"), id_of(&rig, "b"));
        let topics = vec![TopicReference::named("a.x"), TopicReference::identified(b)];
        let outcomes = ask(&mut rig, topics);
        let told: Vec<_> = outcomes
            .into_iter()
            .map(|one| (one.name, one.id, one.result))
            .collect();
        assert_eq!(
            told,
            [
                (Some("a.x".into()), a, Ok(())),
                (Some("b".into()), b, Ok(()))
            ]
        );
        let image = rig.hard();
        assert_eq!(
            image.topics().map(|topic| &*topic.name).collect::<Vec<_>>(),
            ["c"]
        );
        assert_eq!((image.partition_count(), image.topic_count()), (2, 1));
        assert!(image.topic_by_id(a).is_none() && image.colliding_topic("a_x").is_none());
    }

    #[test]
    fn what_is_not_there_is_refused_by_the_way_it_was_named() {
        let mut rig = with_topics(&[]);
        let topics = vec![
            TopicReference::named("nope"),
            TopicReference::identified(topic_id(5)),
        ];
        let outcomes = ask(&mut rig, topics);
        assert_refused(
            outcomes[0].result.clone(),
            ErrorCode::UnknownTopicOrPartition,
        );
        assert_refused(outcomes[1].result.clone(), ErrorCode::UnknownTopicId);
        assert_eq!(
            (outcomes[1].name.as_deref(), outcomes[1].id),
            (None, topic_id(5))
        );
    }

    #[test]
    fn a_topic_must_be_named_in_one_way_and_once() {
        let mut rig = with_topics(&["a", "b", "c", "d"]);
        let id = |name| new_topic(name, 1, 1).id;
        let outcomes = ask(
            &mut rig,
            vec![
                TopicReference {
                    name: Some("a".into()),
                    id: id("a"),
                },
                TopicReference {
                    name: None,
                    id: TopicId::ZERO,
                },
                TopicReference::named("b"),
                TopicReference::named("b"),
                TopicReference::identified(id("c")),
                TopicReference::identified(id("c")),
                TopicReference::identified(id("d")),
                TopicReference::named("d"),
            ],
        );
        assert_eq!(outcomes.len(), 5);
        for outcome in outcomes {
            assert_refused(outcome.result, ErrorCode::InvalidRequest);
        }
        assert_eq!(rig.hard().topic_count(), 4);
    }

    #[test]
    fn nothing_is_deleted_where_deletion_is_disabled() {
        let mut rig = with_topics(&["a"]);
        let topics = vec![TopicReference::named("a"), TopicReference::named("nope")];
        let reply = rig.ask(Input::DeleteTopics(DeleteTopics {
            topics,
            enabled: false,
        }));
        let Reply::DeleteTopics(outcomes) = reply else {
            panic!("{reply:?}")
        };
        for outcome in outcomes {
            assert_refused(outcome.result, ErrorCode::TopicDeletionDisabled);
        }
        assert_eq!(rig.hard().topic_count(), 1);
    }
}
