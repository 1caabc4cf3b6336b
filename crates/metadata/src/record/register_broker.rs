//! `RegisterBrokerRecord` (0), version 3; version 4, which only adds a tagged field, is read too.
//!
//! | field | type | tag |
//! |---|---|---|
//! | BrokerId | int32 | |
//! | IsMigratingZkBroker | bool, false | |
//! | IncarnationId | uuid | |
//! | BrokerEpoch | int64 | |
//! | EndPoints | array of: Name string, Host string, Port uint16, SecurityProtocol int16 | |
//! | Features | array of: Name string, MinSupportedVersion int16, MaxSupportedVersion int16 | |
//! | Rack | nullable string | |
//! | Fenced | bool | |
//! | InControlledShutdown | bool | |
//! | LogDirs | array of uuid | 0 |
//! | vote | int8: 1 always, -1 never, absent as needed | 10000 |
//! | starts | int64, 0 if absent | 10001 |

use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter, tag_bytes};
use ottla_protocol::types::NodeId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::DecodeError;
use super::frame::schema;

/// A broker as it registered itself; replaces what an earlier registration said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBrokerRecord {
    /// Who.
    pub broker_id: NodeId,
    /// This run of its process.
    pub incarnation_id: Uuid,
    /// The offset of the registration that began this incarnation.
    pub broker_epoch: i64,
    /// Where clients and brokers reach it.
    pub endpoints: Vec<BrokerEndpoint>,
    /// What it can do.
    pub features: Vec<FeatureRange>,
    /// Where it stands.
    pub rack: Option<String>,
    /// Whether it must not lead or get replicas.
    pub fenced: bool,
    /// Whether it is about to leave.
    pub in_controlled_shutdown: bool,
    /// The ids of its log directories.
    pub log_dirs: Vec<Uuid>,
    /// Whether it votes on the metadata.
    pub vote: Vote,
    /// How often a broker was started on its log directory, this run among them; 0 if that was not counted.
    pub starts: u64,
}

/// Whether a broker votes on the metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vote {
    /// Nobody said: the leader of the metadata chooses.
    #[default]
    AsNeeded,
    /// It was made a voter.
    Always,
    /// It was removed from the voters.
    Never,
}

/// One listener as others reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerEndpoint {
    /// The listener's name.
    pub name: String,
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: u16,
    /// Kafka's number: 0 plaintext, 1 TLS, 2 SASL, 3 SASL over TLS.
    pub security_protocol: i16,
}

/// The levels of one feature that a broker can run with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureRange {
    /// Kafka's name of the feature.
    pub name: String,
    /// The lowest level.
    pub min: i16,
    /// The highest level.
    pub max: i16,
}

schema!(RegisterBrokerRecord, key 0, reads 3..=4, writes 3);

const LOG_DIRS_TAG: u32 = 0;
pub(super) const VOTE_TAG: u32 = 10_000;
const STARTS_TAG: u32 = 10_001;

impl RegisterBrokerRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        let endpoints = self
            .endpoints
            .iter()
            .map(|one| 20 + one.name.len() + one.host.len());
        let features = self.features.iter().map(|one| 16 + one.name.len());
        100 + endpoints.sum::<usize>()
            + features.sum::<usize>()
            + self.rack.as_ref().map_or(0, String::len)
            + 16 * self.log_dirs.len()
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i32(self.broker_id.0);
        to.bool(false);
        to.uuid(self.incarnation_id);
        to.i64(self.broker_epoch);
        to.array(&self.endpoints, |to, endpoint| endpoint.write(to));
        to.array(&self.features, |to, feature| feature.write(to));
        to.nullable_string(self.rack.as_deref());
        to.bool(self.fenced);
        to.bool(self.in_controlled_shutdown);
        let mut tags = Vec::new();
        if !self.log_dirs.is_empty() {
            let log_dirs = tag_bytes(|to| to.array(&self.log_dirs, |to, id| to.uuid(*id)));
            tags.push((LOG_DIRS_TAG, log_dirs));
        }
        if self.vote != Vote::AsNeeded {
            tags.push((VOTE_TAG, tag_bytes(|to| to.i8(self.vote.code()))));
        }
        if self.starts != 0 {
            // More starts than that are not to be had.
            let starts = i64::try_from(self.starts).unwrap_or(i64::MAX);
            tags.push((STARTS_TAG, tag_bytes(|to| to.i64(starts))));
        }
        to.tags(&tags);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let broker_id = NodeId(from.i32()?);
        let _is_migrating_zk_broker = from.bool()?;
        let mut record = Self {
            broker_id,
            incarnation_id: from.uuid()?,
            broker_epoch: from.i64()?,
            endpoints: from.array(7, BrokerEndpoint::read)?,
            features: from.array(6, FeatureRange::read)?,
            rack: from.nullable_string()?,
            fenced: from.bool()?,
            in_controlled_shutdown: from.bool()?,
            log_dirs: Vec::new(),
            vote: Vote::AsNeeded,
            starts: 0,
        };
        from.tags(|tag, from| {
            match tag {
                LOG_DIRS_TAG => record.log_dirs = from.array(16, |from| from.uuid())?,
                VOTE_TAG => record.vote = Vote::of(from.i8()?),
                STARTS_TAG => record.starts = u64::try_from(from.i64()?).unwrap_or(0),
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }
}

impl Vote {
    pub(super) fn code(self) -> i8 {
        match self {
            Vote::AsNeeded => 0,
            Vote::Always => 1,
            Vote::Never => -1,
        }
    }

    pub(super) fn of(code: i8) -> Vote {
        match code {
            0 => Vote::AsNeeded,
            1.. => Vote::Always,
            _ => Vote::Never,
        }
    }
}

impl BrokerEndpoint {
    fn write(&self, to: &mut FieldWriter) {
        to.string(&self.name);
        to.string(&self.host);
        to.u16(self.port);
        to.i16(self.security_protocol);
        to.tags(&[]);
    }

    fn read(from: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        let endpoint = Self {
            name: from.string()?,
            host: from.string()?,
            port: from.u16()?,
            security_protocol: from.i16()?,
        };
        from.skip_tags()?;
        Ok(endpoint)
    }
}

impl FeatureRange {
    fn write(&self, to: &mut FieldWriter) {
        to.string(&self.name);
        to.i16(self.min);
        to.i16(self.max);
        to.tags(&[]);
    }

    fn read(from: &mut FieldReader<'_>) -> Result<Self, FieldError> {
        let range = Self {
            name: from.string()?,
            min: from.i16()?,
            max: from.i16()?,
        };
        from.skip_tags()?;
        Ok(range)
    }
}
