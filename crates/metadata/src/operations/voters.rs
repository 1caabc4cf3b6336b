//! Who votes on the metadata, by somebody's word: it counts more than what the metadata's leader
//! would choose, until somebody says otherwise or the broker is unregistered.

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::NodeId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Refused;
use super::brokers::registered;
use crate::image::Image;
use crate::record::{BrokerRegistrationChangeRecord, Record, Vote};

/// Has a broker vote on the metadata, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChooseVoter {
    /// Which broker.
    pub broker: NodeId,
    /// The log directory that it has the metadata in.
    pub directory: Uuid,
    /// Whether it is to vote.
    pub votes: bool,
}

impl ChooseVoter {
    /// The record, if anything changes.
    pub(crate) fn decide(self, image: &Image) -> Result<Option<Record>, Refused> {
        let broker = registered(image, self.broker)?;
        if !broker.directories.contains(&self.directory) {
            let message = format!(
                "broker {} has no log directory {}",
                broker.id, self.directory
            );
            return Err(Refused::new(ErrorCode::InvalidVoterKey, message));
        }
        let vote = match self.votes {
            true => Vote::Always,
            false => Vote::Never,
        };
        if broker.vote == vote {
            return Ok(None);
        }
        let may_vote = |other: NodeId, vote| other != self.broker && vote != Vote::Never;
        let is_last = !image.brokers().any(|other| may_vote(other.id, other.vote));
        if !self.votes && is_last {
            let message = format!("no other broker than {} may vote", broker.id);
            return Err(Refused::new(ErrorCode::InvalidRequest, message));
        }
        Ok(Some(Record::BrokerRegistrationChange(
            BrokerRegistrationChangeRecord {
                broker_id: broker.id,
                broker_epoch: broker.epoch,
                fenced: None,
                in_controlled_shutdown: None,
                log_dirs: None,
                vote: Some(vote),
            },
        )))
    }
}

#[cfg(test)]
mod tests {
    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata, Reply};
    use crate::operations::{RegisterBroker, UnregisterBroker};
    use crate::testing::*;

    fn choose(rig: &mut Rig<Metadata>, id: i32, votes: bool) -> Result<(), Refused> {
        choose_on(rig, id, directory(id), votes)
    }

    fn choose_on(
        rig: &mut Rig<Metadata>,
        id: i32,
        directory: Uuid,
        votes: bool,
    ) -> Result<(), Refused> {
        let choice = ChooseVoter {
            broker: NodeId(id),
            directory,
            votes,
        };
        match rig.ask(Input::ChooseVoter(choice)) {
            Reply::ChooseVoter(result) => result,
            other => panic!("{other:?}"),
        }
    }

    fn vote(rig: &Rig<Metadata>, id: i32) -> Vote {
        rig.hard().broker(NodeId(id)).unwrap().vote
    }

    #[test]
    fn a_choice_is_noted_once_and_survives_a_restart_of_the_broker() {
        let mut rig = cluster(3);
        assert_eq!(vote(&rig, 2), Vote::AsNeeded);
        assert_eq!(choose(&mut rig, 2, false), Ok(()));
        let records = rig.records().len();
        assert_eq!(choose(&mut rig, 2, false), Ok(()));
        assert_eq!(rig.records().len(), records);
        rig.ask(Input::RegisterBroker(RegisterBroker {
            incarnation_id: Uuid::from_u128(9),
            ..registration(2)
        }));
        assert_eq!(vote(&rig, 2), Vote::Never);
        assert_eq!(choose(&mut rig, 2, true), Ok(()));
        assert_eq!(vote(&rig, 2), Vote::Always);
    }

    #[test]
    fn the_last_that_may_vote_stays() {
        let mut rig = cluster(2);
        assert_eq!(choose(&mut rig, 1, false), Ok(()));
        assert_refused(choose(&mut rig, 2, false), ErrorCode::InvalidRequest);
        assert_eq!(choose(&mut rig, 1, true), Ok(()));
        assert_eq!(choose(&mut rig, 2, false), Ok(()));
    }

    #[test]
    fn only_a_registered_broker_on_its_own_directory_is_chosen() {
        let mut rig = cluster(2);
        let unknown = choose(&mut rig, 3, true);
        assert_refused(unknown, ErrorCode::BrokerIdNotRegistered);
        let elsewhere = choose_on(&mut rig, 1, directory(2), true);
        assert_refused(elsewhere, ErrorCode::InvalidVoterKey);
    }

    #[test]
    fn a_broker_that_was_unregistered_is_remembered_but_not_its_choice() {
        let mut rig = cluster(2);
        choose(&mut rig, 2, false).unwrap();
        let broker = NodeId(2);
        rig.ask(Input::UnregisterBroker(UnregisterBroker { broker }));
        assert!(rig.hard().broker(broker).is_none() && rig.hard().has_known(broker));
        assert!(!rig.hard().has_known(NodeId(3)));
        rig.ask(Input::RegisterBroker(registration(2)));
        assert_eq!(vote(&rig, 2), Vote::AsNeeded);
    }
}
