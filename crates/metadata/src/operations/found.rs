//! Founding a cluster: its name and the levels of its features, once.

use ottla_protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};

use super::Refused;
use crate::image::Image;
use crate::record::{ClusterRecord, FeatureLevelRecord, Record};

/// Names a new cluster. Naming it the same again changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The cluster's name, which its directories carry already.
    pub cluster_id: String,
    /// Features and the levels that the cluster begins with.
    pub features: Vec<(String, i16)>,
}

impl Found {
    pub(crate) fn decide(self, image: &Image) -> Result<Vec<Record>, Refused> {
        match image.cluster_id() {
            Some(known) if known == self.cluster_id => Ok(Vec::new()),
            Some(known) => Err(Refused::new(
                ErrorCode::InconsistentClusterId,
                format!("this cluster is {known}, not {}", self.cluster_id),
            )),
            None => {
                let cluster_id = Some(self.cluster_id);
                let named = Record::Cluster(ClusterRecord {
                    cluster_id,
                    next_group_id: None,
                });
                let features = self
                    .features
                    .into_iter()
                    .map(|(name, level)| Record::FeatureLevel(FeatureLevelRecord { name, level }));
                Ok(std::iter::once(named).chain(features).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ottla_statemachine::Limits;
    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata, Reply};
    use crate::testing::*;

    #[test]
    fn a_cluster_is_named_once_and_naming_it_again_changes_nothing() {
        let mut rig: Rig<Metadata> = Rig::new(Image::default(), Limits::default(), Clone::clone);
        let found = |id: &str| {
            let features = vec![("metadata.version".into(), 33)];
            Input::Found(Found {
                cluster_id: id.into(),
                features,
            })
        };
        assert_eq!(rig.ask(found(CLUSTER)), Reply::Found(Ok(())));
        assert_eq!(rig.hard().cluster_id(), Some(CLUSTER));
        assert_eq!(rig.hard().feature_level("metadata.version"), 33);
        let before = rig.records().len();
        assert_eq!(rig.ask(found(CLUSTER)), Reply::Found(Ok(())));
        let Reply::Found(other) = rig.ask(found("other")) else {
            panic!()
        };
        assert_refused(other, ErrorCode::InconsistentClusterId);
        assert_eq!(rig.records().len(), before);
    }
}
