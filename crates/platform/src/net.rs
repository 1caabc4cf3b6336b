//! TCP as a door: what accepts, what connects. The simulator has others of the same shape.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream};

/// A connected socket: reads and writes through tokio's traits.
pub type Socket = TcpStream;

/// Accepts connections on one address.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
}

impl Listener {
    /// Listens on `host:port`; port 0 lets the system choose.
    ///
    /// # Errors
    /// The name does not resolve, or the address is taken or not ours.
    pub async fn bind(host: &str, port: u16) -> io::Result<Listener> {
        let inner = TcpListener::bind((host, port)).await?;
        Ok(Listener { inner })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system fails.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The next connection and its peer. Small writes are sent at once (no Nagle).
    ///
    /// # Errors
    /// The peer went away meanwhile, or the process has no descriptors left: wait and try again.
    pub async fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        let (socket, peer) = self.inner.accept().await?;
        socket.set_nodelay(true)?;
        Ok((socket, peer))
    }
}

/// Connects to `host:port`, trying each address that the name resolves to.
///
/// # Errors
/// The name does not resolve or nothing answers.
pub async fn connect(host: &str, port: u16) -> io::Result<Socket> {
    let socket = TcpStream::connect((host, port)).await?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_go_from_one_end_to_the_other() {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (near, far) = tokio::join!(connect("127.0.0.1", port), listener.accept());
        let (mut near, (mut far, peer)) = (near.unwrap(), far.unwrap());
        assert_eq!(peer, near.local_addr().unwrap());
        near.write_all(b"ping").await.unwrap();
        let mut read = [0; 4];
        far.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"ping");
    }
}
