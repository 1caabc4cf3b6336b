//! UpdateFeatures (KIP-584, KIP-778): the levels that the cluster has agreed on change, all that are asked for or none.
//!
//! Every registered broker must be able to run with a new level. The levels of the metadata log and of its quorum are
//! not for choosing: nothing here depends on them.

use std::collections::BTreeMap;

use ottla_protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};

use super::Refused;
use crate::image::Image;
use crate::record::{FeatureLevelRecord, Record};

/// The features whose level means something to brokers.
const CHANGEABLE: &[&str] = &["transaction.version"];

/// Changes the levels of features.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UpdateFeatures {
    /// By name.
    pub features: BTreeMap<String, FeatureUpdate>,
    /// Only says what would be; nothing is written.
    pub validate_only: bool,
}

/// A new level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureUpdate {
    /// Which; 0 is off.
    pub level: i16,
    /// Whether it may be lower than it is; otherwise it may be higher. `None` if what was asked is neither.
    pub downgrades: Option<bool>,
}

impl UpdateFeatures {
    /// The records of what changes.
    pub(crate) fn decide(self, image: &Image) -> Result<Vec<Record>, Refused> {
        let mut records = Vec::new();
        for (name, update) in self.features {
            let current = image.feature_level(&name);
            if let Err(reason) = check(image, &name, current, update) {
                let level = update.level;
                let message = format!(
                    "The update failed for all features since the following feature had an error: Invalid update version {level} for feature {name}. {reason}"
                );
                return Err(Refused::new(ErrorCode::InvalidUpdateVersion, message));
            }
            if update.level != current {
                records.push(Record::FeatureLevel(FeatureLevelRecord {
                    name,
                    level: update.level,
                }));
            }
        }
        match self.validate_only {
            true => Ok(Vec::new()),
            false => Ok(records),
        }
    }
}

fn check(image: &Image, name: &str, current: i16, update: FeatureUpdate) -> Result<(), String> {
    let FeatureUpdate { level, downgrades } = update;
    let Some(downgrades) = downgrades else {
        return Err("The upgrade type is unknown.".to_owned());
    };
    if level < 0 {
        return Err("A level cannot be less than 0.".to_owned());
    }
    for broker in image.brokers() {
        let range = broker.features.iter().find(|range| range.name == name);
        let id = broker.id;
        match range {
            None => return Err(format!("Broker {id} does not support this feature.")),
            Some(range) if level != 0 && !(range.min..=range.max).contains(&level) => {
                let (min, max) = (range.min, range.max);
                return Err(format!("Broker {id} supports versions {min} to {max}."));
            }
            Some(_) => {}
        }
    }
    if level == current {
        return Ok(());
    }
    if !CHANGEABLE.contains(&name) {
        return Err(format!(
            "It stays at {current}: nothing depends on it here."
        ));
    }
    match (level > current, downgrades) {
        (true, true) => Err("A downgrade cannot go to a newer version.".to_owned()),
        (false, false) => Err("A lower version takes a safe or unsafe downgrade.".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata, Reply};
    use crate::operations::RegisterBroker;
    use crate::record::FeatureRange;
    use crate::testing::*;

    const NAME: &str = "transaction.version";

    fn cluster_that_knows_it() -> Rig<Metadata> {
        let mut rig = cluster(0);
        for id in 1..=2 {
            rig.ask(Input::RegisterBroker(RegisterBroker {
                features: ranges(id),
                ..registration(id)
            }));
        }
        rig
    }

    /// The second broker is older.
    fn ranges(id: i32) -> Vec<FeatureRange> {
        let range = |name: &str, max| FeatureRange {
            name: name.to_owned(),
            min: 0,
            max,
        };
        let max = if id == 1 { 2 } else { 1 };
        vec![range(NAME, max), range("kraft.version", 1)]
    }

    fn update(rig: &mut Rig<Metadata>, name: &str, level: i16, downgrades: bool) -> bool {
        let update = FeatureUpdate {
            level,
            downgrades: Some(downgrades),
        };
        ask(rig, name, update, false)
    }

    fn ask(
        rig: &mut Rig<Metadata>,
        name: &str,
        update: FeatureUpdate,
        validate_only: bool,
    ) -> bool {
        let update = UpdateFeatures {
            features: [(name.to_owned(), update)].into(),
            validate_only,
        };
        match rig.ask(Input::UpdateFeatures(update)) {
            Reply::UpdateFeatures(Ok(())) => true,
            Reply::UpdateFeatures(Err(refused)) => {
                assert_eq!(refused.code, ErrorCode::InvalidUpdateVersion);
                false
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_level_goes_up_and_down_as_far_as_all_brokers_can_run_with_it() {
        let mut rig = cluster_that_knows_it();
        assert!(!update(&mut rig, NAME, 2, false), "one broker is too old");
        assert!(update(&mut rig, NAME, 1, false));
        assert_eq!(rig.hard().feature_level(NAME), 1);
        assert!(update(&mut rig, NAME, 1, false), "it is so already");
        assert!(!update(&mut rig, NAME, 0, false), "not by an upgrade");
        assert!(update(&mut rig, NAME, 0, true));
        assert_eq!(rig.hard().feature_level(NAME), 0);
        assert!(!update(&mut rig, NAME, 1, true), "not by a downgrade");
        assert!(!update(&mut rig, NAME, -1, true));
    }

    #[test]
    fn what_nobody_knows_or_nothing_depends_on_stays() {
        let mut rig = cluster_that_knows_it();
        assert!(!update(&mut rig, "share.version", 1, false));
        assert!(!update(&mut rig, "kraft.version", 1, false));
        assert!(update(&mut rig, "kraft.version", 0, false));
        let strange = FeatureUpdate {
            level: 1,
            downgrades: None,
        };
        assert!(!ask(&mut rig, NAME, strange, false));
    }

    #[test]
    fn what_is_only_tried_changes_nothing() {
        let mut rig = cluster_that_knows_it();
        let records = rig.records().len();
        let to_one = FeatureUpdate {
            level: 1,
            downgrades: Some(false),
        };
        assert!(ask(&mut rig, NAME, to_one, true));
        assert_eq!(
            (rig.records().len(), rig.hard().feature_level(NAME)),
            (records, 0)
        );
    }
}
