//! Logs that the cluster does not give this node any more: a crash cut their deletion short.
//!
//! They are set aside before any log is opened, so that a topic may come again under the same name.
//! Nothing removes them: whether they may go is for a person to say.

use std::io;
use std::sync::Arc;

use ottla_metadata::image::Image;
use ottla_metadata::reconcile::{self, ReplicaId};
use ottla_platform::work::blocking;
use ottla_protocol::{NodeId, TopicId};
use ottla_storage::{LogDir, PartitionFolder};

use super::founding::METADATA_TOPIC_ID;

/// Renames the folders of such logs, with one line about each.
pub(super) async fn set_aside(directory: &LogDir, image: &Image, node: NodeId) -> io::Result<()> {
    let (directory, image) = (directory.clone(), image.clone());
    let setting_aside = blocking(move || {
        for folder in directory.partition_folders()? {
            if !is_stray(&folder, &image, node) {
                continue;
            }
            if let Some(aside) = directory.set_aside(&folder)? {
                tracing::warn!(
                    folder = folder.name,
                    aside,
                    "no partition of this node has this log: it was renamed and may be removed",
                );
            }
        }
        Ok(())
    });
    setting_aside.await?
}

/// A folder that does not say whose it is gets its name's owner, when that is opened.
fn is_stray(folder: &PartitionFolder, image: &Image, node: NodeId) -> bool {
    let Some(identity) = folder.identity else {
        return false;
    };
    let topic = folder.name.rsplit_once('-').map_or("", |(topic, _)| topic);
    let found = ReplicaId {
        topic_id: TopicId(identity.topic_id),
        partition: identity.partition,
        topic: Arc::from(topic),
    };
    found.topic_id != METADATA_TOPIC_ID && !reconcile::strays(image, node, [found]).is_empty()
}
