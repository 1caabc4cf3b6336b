//! What changed between two images. Costs what changed, not what there is.

use std::sync::Arc;

use imbl::ordmap::DiffItem;

use super::{ConfigResource, Image, Topic};

/// What differs between an older and a newer image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// The topics that differ, ordered by id.
    pub topics: Vec<TopicChange>,
    /// The other resources whose configurations differ, in order.
    pub configs: Vec<ConfigResource>,
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
        let configs = old.configs.diff(&new.configs).map(|item| match item {
            DiffItem::Add(resource, _) | DiffItem::Remove(resource, _) => resource.clone(),
            DiffItem::Update {
                new: (resource, _), ..
            } => resource.clone(),
        });
        Self {
            topics: topics.collect(),
            configs: configs.collect(),
        }
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.topics.is_empty() && self.configs.is_empty()
    }
}
