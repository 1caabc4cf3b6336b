//! Blocks of producer ids: a broker takes a block and hands its ids to producers by itself.

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::NodeId;
use serde::{Deserialize, Serialize};

use super::Refused;
use super::brokers::check_epoch;
use crate::image::Image;
use crate::record::{ProducerIdsRecord, Record};

/// How many ids a block holds; Kafka's number.
pub const PRODUCER_ID_BLOCK_SIZE: i64 = 1_000;

/// Asks for a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocateProducerIds {
    /// Who asks.
    pub broker: NodeId,
    /// Under which registration; an older one gets nothing.
    pub broker_epoch: i64,
}

/// Ids that no other broker gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerIdBlock {
    /// The first id.
    pub first: i64,
    /// How many there are.
    pub count: i64,
}

impl AllocateProducerIds {
    pub(crate) fn decide(self, image: &Image) -> Result<(Record, ProducerIdBlock), Refused> {
        check_epoch(image, self.broker, self.broker_epoch)?;
        let first = image.next_producer_id();
        let next = first.checked_add(PRODUCER_ID_BLOCK_SIZE).ok_or_else(|| {
            Refused::new(
                ErrorCode::UnknownServerError,
                "all producer ids are used up",
            )
        })?;
        let record = Record::ProducerIds(ProducerIdsRecord {
            broker_id: self.broker,
            broker_epoch: self.broker_epoch,
            next_producer_id: next,
        });
        Ok((
            record,
            ProducerIdBlock {
                first,
                count: PRODUCER_ID_BLOCK_SIZE,
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Input, Reply};
    use crate::testing::*;

    #[test]
    fn blocks_never_overlap_also_after_a_lost_leader() {
        let mut rig = cluster(1);
        let broker = NodeId(1);
        let broker_epoch = rig.hard().broker(broker).unwrap().epoch;
        let ask = || {
            Input::AllocateProducerIds(AllocateProducerIds {
                broker,
                broker_epoch,
            })
        };
        let block = |first| Reply::AllocateProducerIds(Ok(ProducerIdBlock { first, count: 1000 }));
        assert_eq!(rig.ask(ask()), block(0));
        assert_eq!(rig.ask(ask()), block(1000));
        rig.lose_leader(0);
        assert_eq!(rig.ask(ask()), block(2000));
    }

    #[test]
    fn only_the_latest_registration_of_a_broker_gets_a_block() {
        let mut rig = cluster(1);
        let broker_epoch = rig.hard().broker(NodeId(1)).unwrap().epoch;
        for (broker, broker_epoch, code) in [
            (NodeId(1), broker_epoch - 1, ErrorCode::StaleBrokerEpoch),
            (NodeId(2), broker_epoch, ErrorCode::BrokerIdNotRegistered),
        ] {
            let ask = Input::AllocateProducerIds(AllocateProducerIds {
                broker,
                broker_epoch,
            });
            let Reply::AllocateProducerIds(result) = rig.ask(ask) else {
                panic!()
            };
            assert_refused(result, code);
        }
    }

    #[test]
    fn the_last_ids_are_not_handed_out_in_a_block_that_would_overflow() {
        let mut image = cluster(1).hard().clone();
        image.apply(&Record::ProducerIds(ProducerIdsRecord {
            broker_id: NodeId(1),
            broker_epoch: 0,
            next_producer_id: i64::MAX - PRODUCER_ID_BLOCK_SIZE + 1,
        }));
        let broker_epoch = image.broker(NodeId(1)).unwrap().epoch;
        let ask = AllocateProducerIds {
            broker: NodeId(1),
            broker_epoch,
        };
        assert_refused(ask.decide(&image), ErrorCode::UnknownServerError);
    }
}
