//! The partitions that this node has replicas of.
//!
//! Their table follows the metadata: a task takes the changes that the planner made of each new image
//! and opens, configures and deletes replicas. Changes of one partition are carried out in order,
//! those of different ones at the same time. What cannot be opened is offline, with one line about
//! it; the others are not touched.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::StreamExt;
use ottla_metadata::{Change, TopicConfig};
use ottla_protocol::TopicId;
use ottla_replication::{Groups, Partition};
use parking_lot::RwLock;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::limits::{CHANGES_QUEUED_MAX, OPENING_AT_ONCE_MAX};
use crate::settings::Settings;

/// Names a partition across deletions.
pub type PartitionId = (TopicId, i32);

/// A replica that is open here, with its topic's settings.
#[derive(Clone)]
pub struct Replica {
    /// The replica.
    pub partition: Partition,
    /// What its topic's configuration means here.
    pub settings: Arc<Settings>,
}

/// Why there is no replica to talk to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absence {
    /// Not here, or not open yet.
    NotHere,
    /// Its log cannot be used.
    Offline,
}

enum Hosted {
    Open(Replica),
    Offline,
}

/// The table of this node's replicas.
pub struct Partitions {
    groups: Groups,
    /// Held for a look or a change, never while something is opened.
    hosted: RwLock<HashMap<PartitionId, Hosted>>,
    /// Counts the moves of the table.
    moved: watch::Sender<u64>,
}

/// Where the changes of the metadata go.
pub type Changes = mpsc::Sender<Vec<Change>>;
