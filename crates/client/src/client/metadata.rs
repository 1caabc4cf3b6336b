//! The cached view of the cluster and its renewal.
//!
//! Every renewal replaces the view as a whole; readers hold an `Arc` of the one they looked at. Renewals of several
//! callers may overlap: each is folded into what is there when its response arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::Client;
use crate::cluster::{ClusterView, LeaderHint, Topic, TopicErrors};
use crate::error::ClientError;
use crate::wire::messages::metadata_request::MetadataRequestTopic;
use crate::wire::messages::{MetadataRequest, TopicName};
use crate::wire::text;
use ottla_protocol::ErrorCode;

/// What a look-up of a topic that does not exist does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum IfMissing {
    /// Has the broker create it, if the broker is set up to.
    Create,
    /// Fails.
    Fail,
}

/// The view, and when each topic in it was last asked about.
#[derive(Default)]
pub(super) struct ViewCache {
    state: Mutex<CacheState>,
}

#[derive(Default)]
struct CacheState {
    view: Arc<ClusterView>,
    asked: BTreeMap<Arc<str>, Instant>,
}

impl ViewCache {
    pub(super) fn view(&self) -> Arc<ClusterView> {
        self.state.lock().view.clone()
    }

    fn topic(&self, name: &str, age_max: Duration) -> Option<Arc<Topic>> {
        let state = self.state.lock();
        let asked = state.asked.get(name)?;
        if asked.elapsed() > age_max {
            return None;
        }
        state.view.topics.get(name).cloned()
    }
}

impl Client {
    /// What is known of the cluster at the moment.
    pub fn view(&self) -> Arc<ClusterView> {
        self.cache().view()
    }

    /// A topic, from the cache if it is not too old. A topic that no broker knows is asked for a few times, because
    /// a broker that has just been told of it, or is creating it, needs a moment.
    pub async fn topic(
        &self,
        name: &str,
        if_missing: IfMissing,
    ) -> Result<Arc<Topic>, ClientError> {
        let config = self.config();
        if let Some(topic) = self.cache().topic(name, config.metadata_age_max) {
            return Ok(topic);
        }
        self.retry_within(config.topic_wait, ClientError::is_retriable, |_| async {
            let errors = self.renew(&[name], if_missing).await?;
            if let Some(&code) = errors.0.get(name) {
                return Err(ClientError::refused(format!("topic {name}"), code, None));
            }
            let topic = self.view().topics.get(name).cloned();
            topic.ok_or_else(|| ClientError::Incomplete {
                api: "Metadata",
                subject: format!("topic {name}"),
            })
        })
        .await
    }

    /// Asks any broker about these topics (none: only about the brokers), once.
    pub(crate) async fn renew(
        &self,
        topics: &[&str],
        if_missing: IfMissing,
    ) -> Result<TopicErrors, ClientError> {
        let asked = topics
            .iter()
            .map(|name| MetadataRequestTopic::default().with_name(Some(TopicName(text(name)))));
        let asked: Vec<MetadataRequestTopic> = asked.collect();
        let build = |version| {
            MetadataRequest::default()
                .with_topics(Some(asked.clone()))
                // Before version 4 there was no choice.
                .with_allow_auto_topic_creation(version < 4 || if_missing == IfMissing::Create)
        };
        let response = self.ask_any(build).await?;
        check_whole(response.error_code)?;
        let mut state = self.cache().state.lock();
        let (view, errors) = state.view.after(&response);
        for topic in view
            .topics
            .keys()
            .filter(|topic| topics.contains(&topic.as_ref()))
        {
            state.asked.insert(topic.clone(), Instant::now());
        }
        state.view = Arc::new(view);
        Ok(errors)
    }

    /// Asks any broker about topics that exist, once.
    pub(crate) async fn renew_known(&self, topics: &BTreeSet<Arc<str>>) -> Result<(), ClientError> {
        let names: Vec<&str> = topics.iter().map(Arc::as_ref).collect();
        self.renew(&names, IfMissing::Fail).await.map(drop)
    }

    /// Takes note of a leader that a broker pointed to in a refusal, if it is news.
    pub(crate) fn take_hint(&self, topic: &str, partition: i32, hint: &LeaderHint) {
        let mut state = self.cache().state.lock();
        if let Some(view) = state.view.after_hint(topic, partition, hint) {
            state.view = Arc::new(view);
        }
    }
}

/// Metadata's error about the whole answer (version 13 on).
fn check_whole(error_code: i16) -> Result<(), ClientError> {
    match ErrorCode::from_code(error_code) {
        ErrorCode::None => Ok(()),
        code => Err(ClientError::refused("metadata", code, None)),
    }
}
