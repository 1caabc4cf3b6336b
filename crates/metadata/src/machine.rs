//! The metadata state machine: an input, a decision, records.
//!
//! It has no memory beside the image yet: leases of brokers, which will need one and timers, come
//! with the cluster.

use std::sync::Arc;

use ottla_statemachine::{Offset, Outbox, StateMachine, Timestamp};
use serde::{Deserialize, Serialize};

use crate::image::Image;
use crate::operations::{
    AllocateProducerIds, AlterConfigs, AlterReplicas, ChooseVoter, CreatePartitions, CreateTopics,
    CreationDefaults, DeleteTopics, DeletedTopic, FenceBroker, Found, PartitionsOutcome,
    ProducerIdBlock, Refused, RegisterBroker, RenewReplicas, SettleReplicas, TopicOutcome,
    UnregisterBroker, UpdateFeatures,
};
use crate::record::Record;

/// The state machine of the metadata log.
#[derive(Debug)]
pub enum Metadata {}

/// What the metadata can be asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Input {
    /// Names a new cluster.
    Found(Found),
    /// A broker is there.
    RegisterBroker(RegisterBroker),
    /// A broker goes out of service or back into it.
    FenceBroker(FenceBroker),
    /// A broker is forgotten.
    UnregisterBroker(UnregisterBroker),
    /// A broker is to vote on the metadata, or not to.
    ChooseVoter(ChooseVoter),
    /// Levels of features change.
    UpdateFeatures(UpdateFeatures),
    /// Topics are created.
    CreateTopics(CreateTopics),
    /// Topics are deleted.
    DeleteTopics(DeleteTopics),
    /// Topics grow.
    CreatePartitions(CreatePartitions),
    /// Configurations change.
    AlterConfigs(AlterConfigs),
    /// Replicas are to be elsewhere.
    AlterReplicas(AlterReplicas),
    /// Replicas are where they were wanted.
    SettleReplicas(SettleReplicas),
    /// A broker has another log directory than before.
    RenewReplicas(RenewReplicas),
    /// A broker needs producer ids.
    AllocateProducerIds(AllocateProducerIds),
}

impl Input {
    /// The same question, decided with these defaults for topics.
    #[must_use]
    pub fn with_defaults(mut self, defaults: &Arc<CreationDefaults>) -> Input {
        let own = match &mut self {
            Input::CreateTopics(topics) => &mut topics.defaults,
            Input::CreatePartitions(topics) => &mut topics.defaults,
            Input::AlterConfigs(configs) => &mut configs.defaults,
            _ => return self,
        };
        *own = Arc::clone(defaults);
        self
    }
}

/// The answer to the input of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Whether the cluster bears that name now.
    Found(Result<(), Refused>),
    /// The epoch under which the broker speaks.
    RegisterBroker(Result<i64, Refused>),
    /// Whether the broker is in that state now.
    FenceBroker(Result<(), Refused>),
    /// Whether the broker was known and is not any more.
    UnregisterBroker(Result<(), Refused>),
    /// Whether that is noted now.
    ChooseVoter(Result<(), Refused>),
    /// Whether the features have those levels now.
    UpdateFeatures(Result<(), Refused>),
    /// What became of each topic, in the order of the request.
    CreateTopics(Vec<TopicOutcome>),
    /// What became of each topic, in the order of the request.
    DeleteTopics(Vec<DeletedTopic>),
    /// What became of each topic, in the order of the request.
    CreatePartitions(Vec<PartitionsOutcome>),
    /// Whether each resource has that configuration now, in the order of the request.
    AlterConfigs(Vec<Result<(), Refused>>),
    /// Whether each partition is to have these replicas now, in the order of the request.
    AlterReplicas(Vec<Result<(), Refused>>),
    /// It is noted, or out of date.
    SettleReplicas,
    /// How many replicas begin anew; ask again until there are none.
    RenewReplicas(Result<usize, Refused>),
    /// The block.
    AllocateProducerIds(Result<ProducerIdBlock, Refused>),
}

/// There are no timers yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKey {}

impl StateMachine for Metadata {
    type Hard = Image;
    type Soft = ();
    type Input = Input;
    type Record = Record;
    type Reply = Reply;
    type TimerKey = TimerKey;

    fn start(_: &Image, _: Timestamp, _: &mut Outbox<Self>) {}

    fn step(image: &Image, (): &mut (), _: Timestamp, input: Input, out: &mut Outbox<Self>) {
        let reply = match input {
            Input::Found(found) => {
                Reply::Found(found.decide(image).map(|records| out.extend(records)))
            }
            Input::RegisterBroker(broker) => {
                let decision = broker.decide(image, out.next_offset().0);
                Reply::RegisterBroker(decision.map(|(record, epoch)| {
                    out.record(record);
                    epoch
                }))
            }
            Input::FenceBroker(fence) => {
                Reply::FenceBroker(fence.decide(image).map(|record| out.extend(record)))
            }
            Input::UnregisterBroker(broker) => {
                Reply::UnregisterBroker(broker.decide(image).map(|record| out.record(record)))
            }
            Input::ChooseVoter(choice) => {
                Reply::ChooseVoter(choice.decide(image).map(|record| out.extend(record)))
            }
            Input::UpdateFeatures(update) => {
                let decision = update.decide(image);
                Reply::UpdateFeatures(decision.map(|records| out.extend(records)))
            }
            Input::CreateTopics(topics) => {
                let (records, outcomes) = topics.decide(image, |records| out.fits(records));
                out.extend(records);
                Reply::CreateTopics(outcomes)
            }
            Input::DeleteTopics(topics) => {
                let (records, outcomes) = topics.decide(image, |records| out.fits(records));
                out.extend(records);
                Reply::DeleteTopics(outcomes)
            }
            Input::CreatePartitions(topics) => {
                let (records, outcomes) = topics.decide(image, |records| out.fits(records));
                out.extend(records);
                Reply::CreatePartitions(outcomes)
            }
            Input::AlterConfigs(configs) => {
                let (records, outcomes) = configs.decide(image, |records| out.fits(records));
                out.extend(records);
                Reply::AlterConfigs(outcomes)
            }
            Input::AlterReplicas(replicas) => {
                let (records, outcomes) = replicas.decide(image, |records| out.fits(records));
                out.extend(records);
                Reply::AlterReplicas(outcomes)
            }
            Input::SettleReplicas(settle) => {
                out.extend(settle.decide(image));
                Reply::SettleReplicas
            }
            Input::RenewReplicas(renew) => {
                let decided = renew.decide(image, |records| out.fits(records));
                Reply::RenewReplicas(decided.map(|records| {
                    let count = records.len();
                    out.extend(records);
                    count
                }))
            }
            Input::AllocateProducerIds(ask) => {
                Reply::AllocateProducerIds(ask.decide(image).map(|(record, block)| {
                    out.record(record);
                    block
                }))
            }
        };
        out.reply(reply);
    }

    fn apply(image: &mut Image, _: Offset, record: &Record) {
        image.apply(record);
    }

    fn size_bytes(record: &Record) -> usize {
        record.size_bytes_max()
    }
}
