//! What a state machine must say to live on a partition, and who follows it.

use std::future::Future;

use ottla_protocol::records::{Batch, EndMarker};
use ottla_statemachine::{Offset, StateMachine};

/// A record as a log holds it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none deletes what the key names.
    pub value: Option<Vec<u8>>,
}

/// How the records of a step stand in the log. All of one step stand alike.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Envelope {
    /// As they are.
    #[default]
    Plain,
    /// As part of a transaction.
    Transaction {
        /// Whose it is.
        producer_id: i64,
        /// The epoch of that producer.
        producer_epoch: i16,
    },
    /// The only one: the end of a transaction.
    End {
        /// Whose it is.
        producer_id: i64,
        /// The epoch of the marker.
        producer_epoch: i16,
        /// The marker.
        marker: EndMarker,
    },
}

impl Envelope {
    /// That of a batch; `None` if it is a control batch of a kind that says nothing to any machine.
    pub(super) fn of(batch: &Batch) -> Option<Envelope> {
        let header = &batch.header;
        let (producer_id, producer_epoch) = (header.producer_id, header.producer_epoch);
        if header.attributes.is_control() {
            let marker = EndMarker::read(batch)?;
            return Some(Envelope::End {
                producer_id,
                producer_epoch,
                marker,
            });
        }
        Some(match header.attributes.is_transactional() {
            true => Envelope::Transaction {
                producer_id,
                producer_epoch,
            },
            false => Envelope::Plain,
        })
    }
}

/// A record that this version cannot read, in words.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Undecodable(pub String);

/// A state machine whose records can be written to a partition and read back.
pub trait Logged:
    StateMachine<
        Hard: Send + Sync,
        Soft: Send,
        Input: Send,
        Record: Send,
        Reply: Send,
        TimerKey: Send,
    > + 'static
{
    /// How a record stands in the log.
    fn envelope(_record: &Self::Record) -> Envelope {
        Envelope::Plain
    }

    /// What a record says as it stands there; without one, what the envelope says. `None` if that is nothing to this
    /// machine.
    fn enclosed(record: Option<Self::Record>, envelope: Envelope) -> Option<Self::Record> {
        record.filter(|_| envelope == Envelope::Plain)
    }

    /// The record as bytes. The end of a transaction has none.
    fn encode(record: &Self::Record) -> Entry;

    /// The record of these bytes; `None` if it is none that this machine keeps.
    ///
    /// # Errors
    /// The log cannot be followed beyond this record.
    fn decode(
        key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<Option<Self::Record>, Undecodable>;
}

/// Who is told of a state once it is committed, before those are who asked for it.
pub trait Follower<M: Logged>: Send + Sync + 'static {
    /// What is kept of the state after a step until the step is committed.
    type Mark: Send;

    /// Takes what [`Follower::committed`] will need.
    fn mark(&self, hard: &M::Hard) -> Self::Mark;

    /// The log is committed up to `end`, where the mark was taken.
    fn committed(&self, mark: Self::Mark, end: Offset) -> impl Future<Output = ()> + Send;
}

/// Nobody follows.
impl<M: Logged> Follower<M> for () {
    type Mark = ();

    fn mark(&self, _: &M::Hard) {}

    async fn committed(&self, (): (), _: Offset) {}
}
