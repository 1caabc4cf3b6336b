//! Opening a socket to a broker.

use std::sync::Arc;
use std::time::Duration;

use ottla_platform::net::{self, Socket};

use crate::address::Address;
use crate::error::ConnectionError;

/// Connects within `timeout`.
pub(super) async fn dial(address: &Address, timeout: Duration) -> Result<Socket, ConnectionError> {
    let connecting = net::connect(&address.host, address.port);
    match tokio::time::timeout(timeout, connecting).await {
        Err(_) => Err(ConnectionError::ConnectTimedOut(timeout)),
        Ok(Err(error)) => Err(ConnectionError::Connect(Arc::new(error))),
        Ok(Ok(socket)) => Ok(socket),
    }
}
