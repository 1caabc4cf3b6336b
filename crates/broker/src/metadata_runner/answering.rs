//! Questions about the metadata from broker to broker: whoever leads the metadata decides, and all
//! others ask it. A question is a [`Question`] as JSON; so is its answer.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use ottla_metadata::machine::{Input, Metadata, Reply};
use ottla_replication::transport::{Answer, Call, Refusal, Remote, Service};
use serde::{Deserialize, Serialize};

use super::quorum::QuorumWatch;
use crate::defaults::Defaults;
use crate::images::Images;
use crate::shard::Questions;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// That the metadata change.
    Change(Input),
    /// Who holds it, and how far.
    DescribeQuorum,
}

/// A reply, and how much of the metadata log shows what it says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) end_offset: i64,
    pub(super) reply: Reply,
}

/// Answers the questions of other brokers.
pub struct Answering {
    /// Asks the machine on this broker.
    pub questions: Questions<Metadata>,
    /// What this broker knows of the cluster.
    pub images: Arc<Images>,
    /// What topics get where nobody says: the broker that decides has the word.
    pub defaults: Arc<Defaults>,
    /// Knows who holds the metadata.
    pub quorum: Arc<QuorumWatch>,
}

impl Service for Answering {
    fn call(&self, _from: &Remote, call: Call) -> Answer {
        let input = match serde_json::from_slice(&call.body) {
            Ok(Question::Change(input)) => input,
            Ok(Question::DescribeQuorum) => return std::future::ready(self.quorum()).boxed(),
            Err(_) => return std::future::ready(Err(Refusal::Malformed)).boxed(),
        };
        let asked = self
            .questions
            .ask(input.with_defaults(&self.defaults.current()));
        let images = Arc::clone(&self.images);
        let answer = async move {
            let reply = asked.await.map_err(|_| Refusal::Undecided)?;
            let end_offset = images.end_offset();
            let told = serde_json::to_vec(&Told { end_offset, reply });
            Ok(Bytes::from(told.map_err(|_| Refusal::Malformed)?))
        };
        answer.boxed()
    }
}

impl Answering {
    fn quorum(&self) -> Result<Bytes, Refusal> {
        let view = self.quorum.view().ok_or(Refusal::Undecided)?;
        let told = serde_json::to_vec(&view);
        told.map(Bytes::from).map_err(|_| Refusal::Malformed)
    }
}

pub(super) fn encode(question: &Question) -> Bytes {
    serde_json::to_vec(question)
        .expect("a question is made of texts, numbers and lists")
        .into()
}
