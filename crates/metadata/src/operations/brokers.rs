//! Brokers come, change and go.

use std::collections::BTreeSet;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::NodeId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Refused;
use crate::image::{Broker, Image};
use crate::record::{
    BrokerEndpoint, BrokerRegistrationChangeRecord, FeatureRange, Record, RegisterBrokerRecord,
    UnregisterBrokerRecord, Vote,
};

/// A broker says that it is there and what it is. The same incarnation may say it again with other
/// details and keeps its epoch; a new one gets a new epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterBroker {
    /// The cluster that it believes to join.
    pub cluster_id: String,
    /// Its number.
    pub broker: NodeId,
    /// This run of its process.
    pub incarnation_id: Uuid,
    /// Where clients and brokers reach it.
    pub endpoints: Vec<BrokerEndpoint>,
    /// What it can do.
    pub features: Vec<FeatureRange>,
    /// Where it stands.
    pub rack: Option<String>,
    /// The ids of its log directories.
    pub directories: Vec<Uuid>,
    /// How often a broker was started on the first of them, this run among them.
    #[serde(default)]
    pub starts: u64,
}

/// Takes a broker out of service or back into it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FenceBroker {
    /// Which broker.
    pub broker: NodeId,
    /// Under which registration.
    pub broker_epoch: i64,
    /// Whether it is out of service from now on.
    pub fenced: bool,
}

/// Forgets a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnregisterBroker {
    /// Which broker.
    pub broker: NodeId,
}

/// Kafka reserves the directory ids below this for its own marks.
const RESERVED_DIRECTORY_IDS: u128 = 100;

impl RegisterBroker {
    /// The record, and the epoch under which the broker speaks from now on: `next_offset`, where
    /// the record will stand, for a new incarnation.
    pub(crate) fn decide(self, image: &Image, next_offset: i64) -> Result<(Record, i64), Refused> {
        self.check_cluster(image)?;
        self.check_features(image)?;
        self.check_directories(image)?;
        let same = |known: &&Broker| known.incarnation_id == self.incarnation_id;
        let known = image.broker(self.broker).map(|known| &**known);
        self.check_number(known)?;
        let amended = known.filter(same);
        let broker_epoch = amended.map_or(next_offset, |known| known.epoch);
        let record = RegisterBrokerRecord {
            broker_id: self.broker,
            incarnation_id: self.incarnation_id,
            broker_epoch,
            endpoints: self.endpoints,
            features: self.features,
            rack: self.rack,
            fenced: amended.is_some_and(|known| known.fenced),
            in_controlled_shutdown: amended.is_some_and(|known| known.in_controlled_shutdown),
            log_dirs: self.directories,
            vote: known.map_or(Vote::AsNeeded, |known| known.vote),
            starts: self.starts,
        };
        Ok((Record::RegisterBroker(record), broker_epoch))
    }

    fn check_cluster(&self, image: &Image) -> Result<(), Refused> {
        match image.cluster_id() {
            Some(known) if known == self.cluster_id => Ok(()),
            Some(known) => Err(Refused::new(
                ErrorCode::InconsistentClusterId,
                format!("this cluster is {known}, not {}", self.cluster_id),
            )),
            None => Err(Refused::new(
                ErrorCode::InconsistentClusterId,
                "this cluster is not founded yet",
            )),
        }
    }

    /// A broker in service keeps its number: who comes with another log directory is another one,
    /// or the same on an emptied disk, which cannot be told apart before it is out of service.
    fn check_number(&self, known: Option<&Broker>) -> Result<(), Refused> {
        let is_other = |known: &&Broker| {
            !known.fenced
                && known.incarnation_id != self.incarnation_id
                && known.directories != self.directories
        };
        match known.filter(is_other) {
            None => Ok(()),
            Some(known) => Err(Refused::new(
                ErrorCode::DuplicateBrokerRegistration,
                format!(
                    "a broker {} with another log directory is in service",
                    known.id
                ),
            )),
        }
    }

    fn check_features(&self, image: &Image) -> Result<(), Refused> {
        for (name, level) in image.features() {
            let range = self.features.iter().find(|range| range.name == name);
            let (min, max) = range.map_or((0, 0), |range| (range.min, range.max));
            if !(min..=max).contains(&level) {
                return Err(Refused::new(
                    ErrorCode::UnsupportedVersion,
                    format!(
                        "broker {} runs {name} at levels {min} to {max}, the cluster is at {level}",
                        self.broker
                    ),
                ));
            }
        }
        Ok(())
    }

    fn check_directories(&self, image: &Image) -> Result<(), Refused> {
        let invalid = |message| Err(Refused::new(ErrorCode::InvalidRegistration, message));
        if self.directories.is_empty() {
            return invalid("a broker needs a log directory".to_owned());
        }
        let mut seen = BTreeSet::new();
        for id in &self.directories {
            if id.as_u128() < RESERVED_DIRECTORY_IDS {
                return invalid(format!("the directory id {id} is reserved"));
            }
            if !seen.insert(*id) {
                return invalid(format!("the directory id {id} is given twice"));
            }
            let others = image.brokers().filter(|other| other.id != self.broker);
            if let Some(other) = others
                .into_iter()
                .find(|other| other.directories.contains(id))
            {
                return invalid(format!("the directory {id} belongs to broker {}", other.id));
            }
        }
        Ok(())
    }
}

impl FenceBroker {
    /// The record, if anything changes.
    pub(crate) fn decide(self, image: &Image) -> Result<Option<Record>, Refused> {
        let broker = check_epoch(image, self.broker, self.broker_epoch)?;
        if broker.fenced == self.fenced {
            return Ok(None);
        }
        Ok(Some(Record::BrokerRegistrationChange(
            BrokerRegistrationChangeRecord {
                broker_id: self.broker,
                broker_epoch: self.broker_epoch,
                fenced: Some(self.fenced),
                in_controlled_shutdown: None,
                log_dirs: None,
                vote: None,
            },
        )))
    }
}

impl UnregisterBroker {
    pub(crate) fn decide(self, image: &Image) -> Result<Record, Refused> {
        let broker = registered(image, self.broker)?;
        let record = UnregisterBrokerRecord {
            broker_id: broker.id,
            broker_epoch: broker.epoch,
        };
        Ok(Record::UnregisterBroker(record))
    }
}

/// The broker, if it speaks under its latest registration.
pub(super) fn check_epoch(image: &Image, id: NodeId, epoch: i64) -> Result<&Broker, Refused> {
    let broker = registered(image, id)?;
    if broker.epoch != epoch {
        return Err(Refused::new(
            ErrorCode::StaleBrokerEpoch,
            format!("broker {id} is at epoch {}, not {epoch}", broker.epoch),
        ));
    }
    Ok(broker)
}

pub(super) fn registered(image: &Image, id: NodeId) -> Result<&Broker, Refused> {
    image.broker(id).map(|broker| &**broker).ok_or_else(|| {
        Refused::new(
            ErrorCode::BrokerIdNotRegistered,
            format!("broker {id} is not registered"),
        )
    })
}

#[cfg(test)]
mod tests {
    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata, Reply};
    use crate::operations::Found;
    use crate::testing::*;

    fn register(rig: &mut Rig<Metadata>, broker: RegisterBroker) -> Result<i64, Refused> {
        match rig.ask(Input::RegisterBroker(broker)) {
            Reply::RegisterBroker(result) => result,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_incarnation_gets_a_new_epoch_and_the_same_one_keeps_its_own() {
        let mut rig = cluster(1);
        let first = rig.hard().broker(NodeId(1)).unwrap().epoch;
        let moved = RegisterBroker {
            rack: Some("r2".into()),
            ..registration(1)
        };
        assert_eq!(register(&mut rig, moved), Ok(first));
        assert_eq!(
            rig.hard().broker(NodeId(1)).unwrap().rack.as_deref(),
            Some("r2")
        );
        let restarted = RegisterBroker {
            incarnation_id: Uuid::from_u128(0xeeee),
            ..registration(1)
        };
        let second = register(&mut rig, restarted).unwrap();
        assert!(second > first);
        assert_eq!(rig.hard().broker(NodeId(1)).unwrap().epoch, second);
        assert_eq!(rig.hard().brokers().count(), 1);
    }

    #[test]
    fn a_registration_must_fit_the_cluster() {
        let mut rig = cluster(2);
        let fresh = || registration(3);
        for (broker, code) in [
            (
                RegisterBroker {
                    cluster_id: "other".into(),
                    ..fresh()
                },
                ErrorCode::InconsistentClusterId,
            ),
            (
                RegisterBroker {
                    directories: vec![],
                    ..fresh()
                },
                ErrorCode::InvalidRegistration,
            ),
            (
                RegisterBroker {
                    directories: vec![Uuid::from_u128(99)],
                    ..fresh()
                },
                ErrorCode::InvalidRegistration,
            ),
            (
                RegisterBroker {
                    directories: vec![directory(3), directory(3)],
                    ..fresh()
                },
                ErrorCode::InvalidRegistration,
            ),
            (
                RegisterBroker {
                    directories: vec![directory(1)],
                    ..fresh()
                },
                ErrorCode::InvalidRegistration,
            ),
        ] {
            assert_refused(register(&mut rig, broker), code);
        }
        assert!(register(&mut rig, fresh()).is_ok());
    }

    #[test]
    fn a_broker_must_be_able_to_run_at_the_clusters_levels() {
        let persist = Clone::clone;
        let mut rig: Rig<Metadata> = Rig::new(Image::default(), Default::default(), persist);
        assert_refused(
            register(&mut rig, registration(1)),
            ErrorCode::InconsistentClusterId,
        );
        let features = vec![("metadata.version".into(), 33)];
        rig.ask(Input::Found(Found {
            cluster_id: CLUSTER.into(),
            features,
        }));
        let able = |min, max| RegisterBroker {
            features: vec![FeatureRange {
                name: "metadata.version".into(),
                min,
                max,
            }],
            ..registration(1)
        };
        for unable in [registration(1), able(7, 32), able(34, 35)] {
            assert_refused(register(&mut rig, unable), ErrorCode::UnsupportedVersion);
        }
        assert!(register(&mut rig, able(7, 33)).is_ok());
    }

    #[test]
    fn fencing_changes_the_registration_it_names_and_no_other() {
        let mut rig = cluster(1);
        let (broker, broker_epoch) = (NodeId(1), rig.hard().broker(NodeId(1)).unwrap().epoch);
        let mut fence = |broker_epoch, fenced| {
            let input = Input::FenceBroker(FenceBroker {
                broker,
                broker_epoch,
                fenced,
            });
            let Reply::FenceBroker(result) = rig.ask(input) else {
                panic!()
            };
            (
                result,
                rig.hard().broker(broker).unwrap().is_active(),
                rig.records().len(),
            )
        };
        let (stale, active, records) = fence(broker_epoch + 1, true);
        assert_refused(stale, ErrorCode::StaleBrokerEpoch);
        assert!(active);
        assert_eq!(fence(broker_epoch, true), (Ok(()), false, records + 1));
        assert_eq!(fence(broker_epoch, true), (Ok(()), false, records + 1));
        assert_eq!(fence(broker_epoch, false), (Ok(()), true, records + 2));
    }

    #[test]
    fn a_fenced_broker_that_amends_its_registration_stays_fenced() {
        let mut rig = cluster(1);
        let (broker, broker_epoch) = (NodeId(1), rig.hard().broker(NodeId(1)).unwrap().epoch);
        rig.ask(Input::FenceBroker(FenceBroker {
            broker,
            broker_epoch,
            fenced: true,
        }));
        register(&mut rig, registration(1)).unwrap();
        assert!(rig.hard().broker(broker).unwrap().fenced);
    }

    #[test]
    fn an_unregistered_broker_is_gone_and_unknown() {
        let mut rig = cluster(1);
        let forget = || Input::UnregisterBroker(UnregisterBroker { broker: NodeId(1) });
        assert_eq!(rig.ask(forget()), Reply::UnregisterBroker(Ok(())));
        assert!(rig.hard().broker(NodeId(1)).is_none());
        let Reply::UnregisterBroker(again) = rig.ask(forget()) else {
            panic!()
        };
        assert_refused(again, ErrorCode::BrokerIdNotRegistered);
    }
}
