//! Opening a socket to a broker.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::address::Address;
use crate::error::ConnectionError;

/// Connects within `timeout`, with Nagle's algorithm off: requests are written whole.
pub(super) async fn dial(address: &Address, timeout: Duration) -> Result<TcpStream, ConnectionError> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let stream = match tokio::time::timeout(timeout, connecting).await {
        Err(_) => return Err(ConnectionError::ConnectTimedOut(timeout)),
        Ok(Err(error)) => return Err(ConnectionError::Connect(Arc::new(error))),
        Ok(Ok(stream)) => stream,
    };
    stream
        .set_nodelay(true)
        .map_err(|error| ConnectionError::Connect(Arc::new(error)))?;
    Ok(stream)
}
