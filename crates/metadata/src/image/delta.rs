//! What changed between two images. Costs what changed, not what there is.

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::{Image, Topic};

/// The topics that differ between an older and a newer image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The differences, ordered by topic id.
    pub topics: Vec<TopicChange>,
}

/// How one topic changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicChange {
    /// It is new.
    Created(Arc<Topic>),
    /// It is gone.
    Deleted(Arc<Topic>),
    /// Its partitions or configurations are not what they were.
    Changed {
        /// As it was.
        old: Arc<Topic>,
        /// As it is.
        new: Arc<Topic>,
    },
}

impl Delta {
    /// What leads from `old` to `new`. From the empty image, everything.
    pub fn between(old: &Image, new: &Image) -> Self {
        let topics = old.topics.diff(&new.topics).map(|item| match item {
            DiffItem::Add(_, topic) => TopicChange::Created(topic.clone()),
            DiffItem::Remove(_, topic) => TopicChange::Deleted(topic.clone()),
            DiffItem::Update {
                old: (_, old),
                new: (_, new),
            } => TopicChange::Changed {
                old: old.clone(),
                new: new.clone(),
            },
        });
        Self {
            topics: topics.collect(),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }
}
