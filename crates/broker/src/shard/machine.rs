//! What a state machine must say to live on a partition, and who follows it.

use std::future::Future;

use ottla_statemachine::{Offset, StateMachine};

/// A record as a log holds it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Entry {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value; none deletes what the key names.
    pub value: Option<Vec<u8>>,
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
    /// The record as bytes.
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
