//! The cluster as the metadata log tells it: an immutable value that is cheap to clone.

mod apply;
mod broker;
mod delta;
#[expect(
    clippy::module_inception,
    reason = "the image is what this module is about"
)]
mod image;
mod snapshot;
mod topic;

pub use broker::Broker;
pub use delta::{Delta, TopicChange};
pub use image::{ConfigResource, Configs, Image, ResourceType};
pub use topic::{Partition, Topic};
