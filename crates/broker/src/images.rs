//! The cluster as this node knows it: one immutable image, replaced as a whole.
//!
//! Handlers take the current image once per request, so that an answer never mixes two.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ottla_metadata::image::Image;
use tokio::sync::watch;

/// Where the current image hangs.
pub struct Images {
    current: ArcSwap<Image>,
    /// Offset of the metadata log that the image ends at.
    end_offset: watch::Sender<i64>,
}

impl Default for Images {
    fn default() -> Self {
        Images::new()
    }
}

impl Images {
    /// Begins with the image of an empty log.
    pub fn new() -> Self {
        Images {
            current: ArcSwap::from_pointee(Image::default()),
            end_offset: watch::Sender::new(0),
        }
    }

    /// The image as it is now.
    pub fn current(&self) -> Arc<Image> {
        self.current.load_full()
    }

    /// How much of the metadata log the image shows, at least.
    pub fn end_offset(&self) -> i64 {
        *self.end_offset.borrow()
    }

    /// Tells of each new image, by where it ends.
    pub fn published(&self) -> watch::Receiver<i64> {
        self.end_offset.subscribe()
    }

    /// Replaces the image. Only the metadata runner does.
    pub(crate) fn publish(&self, next: Arc<Image>, end_offset: i64) {
        self.current.store(next);
        self.end_offset.send_replace(end_offset);
    }
}
