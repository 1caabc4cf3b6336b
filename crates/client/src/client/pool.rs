//! One connection per broker address, opened when first needed and again after it broke.

use std::collections::BTreeMap;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;

use crate::address::Address;
use crate::connection::{Connection, ConnectionOptions};
use crate::error::ConnectionError;

/// A connection that is being opened, or has been.
type Opening = Shared<BoxFuture<'static, Result<Connection, ConnectionError>>>;

/// The connections of one client.
pub(super) struct Pool {
    options: ConnectionOptions,
    openings: Mutex<BTreeMap<Address, Opening>>,
}

impl Pool {
    pub(super) fn new(options: ConnectionOptions) -> Self {
        Pool {
            options,
            openings: Mutex::default(),
        }
    }

    /// A connection to `address`. Callers that come while it is being opened wait for the same one.
    pub(super) async fn connection(
        &self,
        address: &Address,
    ) -> Result<Connection, ConnectionError> {
        let opening = self.opening(address);
        opening.await
    }

    fn opening(&self, address: &Address) -> Opening {
        let mut openings = self.openings.lock();
        // Brokers come and go; what is broken is of no use to anyone.
        openings.retain(|_, opening| is_usable(opening));
        let open = || {
            let (address, options) = (address.clone(), self.options.clone());
            async move { Connection::connect(&address, options).await }
                .boxed()
                .shared()
        };
        openings.entry(address.clone()).or_insert_with(open).clone()
    }

    /// Where a connection is open already.
    pub(super) fn connected(&self) -> Vec<Address> {
        let openings = self.openings.lock();
        openings
            .iter()
            .filter(|(_, opening)| is_open(opening))
            .map(|(address, _)| address.clone())
            .collect()
    }

    /// Closes all connections.
    pub(super) fn close(&self) {
        for (_, opening) in std::mem::take(&mut *self.openings.lock()) {
            if let Some(Ok(connection)) = opening.peek() {
                connection.close();
            }
        }
    }
}

fn is_open(opening: &Opening) -> bool {
    matches!(opening.peek(), Some(Ok(connection)) if !connection.is_closed())
}

fn is_usable(opening: &Opening) -> bool {
    opening.peek().is_none() || is_open(opening)
}
