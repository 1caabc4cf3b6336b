//! Where administrative operations start.

use std::time::Duration;

use crate::client::Client;

/// Operations on a cluster; made by [`Client::admin`].
#[derive(Clone, Copy)]
pub struct Admin<'a> {
    pub(super) client: &'a Client,
}

impl Client {
    /// Administrative operations through this client.
    pub fn admin(&self) -> Admin<'_> {
        Admin { client: self }
    }
}

impl Admin<'_> {
    /// How long brokers may take over an operation before they answer: a little less than this client waits.
    pub(super) fn broker_timeout_ms(&self) -> i32 {
        let timeout = self.client.config().request_timeout;
        let ms = timeout
            .saturating_sub(Duration::from_millis(500))
            .as_millis();
        i32::try_from(ms).unwrap_or(i32::MAX)
    }
}
