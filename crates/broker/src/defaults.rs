//! What topics get on this broker where they do not say: the settings that it was started with,
//! under what the cluster says of brokers now.
//!
//! Only the metadata runner moves it, before it publishes the image that says so.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ottla_metadata::config::BrokerConfigs;
use ottla_metadata::image::Image;
use ottla_metadata::operations::CreationDefaults;
use ottla_protocol::NodeId;

/// The defaults of topics as they are now.
pub struct Defaults {
    broker: NodeId,
    current: ArcSwap<CreationDefaults>,
}

impl Defaults {
    /// Those that a broker was started with.
    pub fn new(broker: NodeId, started: CreationDefaults) -> Self {
        Defaults {
            broker,
            current: ArcSwap::from_pointee(started),
        }
    }

    /// As they are now.
    pub fn current(&self) -> Arc<CreationDefaults> {
        self.current.load_full()
    }

    /// Takes what an image says of this broker and of all.
    pub(crate) fn follow(&self, image: &Image) {
        let current = self.current();
        let configs = BrokerConfigs::of(image, self.broker);
        self.current.store(Arc::new(CreationDefaults {
            configs: current.configs.under(configs),
            ..CreationDefaults::clone(&current)
        }));
    }
}
