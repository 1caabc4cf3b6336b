//! The cluster as this node knows it: one immutable image, replaced as a whole.
//!
//! Handlers take the current image once per request, so that an answer never mixes two.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ottla_metadata::Image;

/// Where the current image hangs.
pub struct Images {
    current: ArcSwap<Image>,
}

impl Images {
    /// Begins with this image.
    pub fn new(first: Arc<Image>) -> Self {
        Images { current: ArcSwap::new(first) }
    }

    /// The image as it is now.
    pub fn current(&self) -> Arc<Image> {
        self.current.load_full()
    }

    /// Replaces the image. Only the metadata runner does.
    pub(crate) fn publish(&self, next: Arc<Image>) {
        self.current.store(next);
    }
}
