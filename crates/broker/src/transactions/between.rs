//! Questions about transactions from broker to broker. A question is a [`Question`] as JSON; so is its answer.

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use futures::FutureExt;
use ottla_protocol::{ErrorCode, NodeId};
use ottla_replication::cluster::Cluster;
use ottla_replication::transport::{Answer, Call, Kind, LinkError, Refusal, Remote, Service};
use serde::{Deserialize, Serialize};

use super::coordinator::{self, Enlisting};
use super::markers::{self, Marker};
use crate::context::Broker;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// That partitions be part of a transaction, or whether they are: of its coordinator.
    Enlist(Enlisting),
    /// That the end of a transaction be written: of the leaders of its partitions.
    Write(Marker),
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    /// An error code for each partition asked about, in the same order.
    pub(crate) codes: Vec<ErrorCode>,
    /// As of which offset of the coordinator's log, if it was asked and any code is none; otherwise −1.
    pub(crate) as_of: i64,
}

/// The same as JSON.
#[derive(Serialize, Deserialize)]
struct Told {
    codes: Vec<i16>,
    as_of: i64,
}

impl Answers {
    /// No more than codes.
    pub(crate) fn of(codes: Vec<ErrorCode>) -> Answers {
        Answers { codes, as_of: -1 }
    }

    fn encode(self) -> Result<Bytes, Refusal> {
        let told = Told {
            codes: self.codes.into_iter().map(ErrorCode::code).collect(),
            as_of: self.as_of,
        };
        let told = serde_json::to_vec(&told);
        told.map(Bytes::from).map_err(|_| Refusal::Malformed)
    }

    fn decode(bytes: &[u8]) -> Result<Answers, LinkError> {
        let told: Told =
            serde_json::from_slice(bytes).map_err(|_| LinkError::Refused(Refusal::Malformed))?;
        Ok(Answers {
            codes: told.codes.into_iter().map(ErrorCode::from_code).collect(),
            as_of: told.as_of,
        })
    }
}

/// Answers the questions of other brokers, from when there is somebody to answer.
#[derive(Default)]
pub struct Answering {
    broker: OnceLock<Weak<Broker>>,
}

impl Answering {
    /// Answers from now on.
    pub fn begin(&self, broker: &Arc<Broker>) {
        // A node is started once.
        let _ = self.broker.set(Arc::downgrade(broker));
    }
}

impl Service for Answering {
    fn call(&self, _from: &Remote, call: Call) -> Answer {
        let Some(broker) = self.broker.get().and_then(Weak::upgrade) else {
            return std::future::ready(Err(Refusal::Undecided)).boxed();
        };
        match serde_json::from_slice(&call.body) {
            Ok(Question::Enlist(enlisting)) => {
                let answer = coordinator::enlist_here(&broker, enlisting);
                answer.map(Answers::encode).boxed()
            }
            Ok(Question::Write(marker)) => {
                let answer = markers::write_here(&broker, &marker);
                answer.map(|codes| Answers::of(codes).encode()).boxed()
            }
            Err(_) => std::future::ready(Err(Refusal::Malformed)).boxed(),
        }
    }
}

/// Asks another broker.
pub(super) async fn ask(
    peers: &Cluster,
    node: NodeId,
    question: &Question,
) -> Result<Answers, LinkError> {
    let question = serde_json::to_vec(question)
        .expect("a question is made of texts, numbers and lists")
        .into();
    let answer = peers.ask(node, Kind::Transactions, 0, question).await?;
    Answers::decode(&answer)
}
