//! TCP as a door: what accepts, what connects. The simulator has others of the same shape.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};

use super::ListenOptions;

/// A connected socket: reads and writes through tokio's traits.
pub type Socket = TcpStream;

/// Accepts connections on one address.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
}

const BACKLOG_DEFAULT: u32 = 1024;

impl Listener {
    /// Listens on `host:port`; port 0 lets the system choose.
    ///
    /// # Errors
    /// The name does not resolve, or the address is taken or not ours.
    pub async fn bind(host: &str, port: u16) -> io::Result<Listener> {
        Listener::bind_with(host, port, ListenOptions::default()).await
    }

    /// Listens on `host:port` as the options say.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub async fn bind_with(host: &str, port: u16, options: ListenOptions) -> io::Result<Listener> {
        Reserved::bind(host, port, options).await?.listen()
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system fails.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The next connection and its peer, whose IPv4 address is one even where it comes through a
    /// socket of IPv6. Small writes are sent at once (no Nagle).
    ///
    /// # Errors
    /// The peer went away meanwhile, or the process has no descriptors left: wait and try again.
    pub async fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        let (socket, peer) = self.inner.accept().await?;
        socket.set_nodelay(true)?;
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        Ok((socket, peer))
    }
}

/// An address that is taken and not listened on yet: whoever connects is refused, and may go
/// elsewhere.
#[derive(Debug)]
pub struct Reserved {
    socket: TcpSocket,
    backlog: u32,
}

impl Reserved {
    /// Takes `host:port`; port 0 lets the system choose.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub async fn bind(host: &str, port: u16, options: ListenOptions) -> io::Result<Reserved> {
        let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in lookup_host((host, port)).await? {
            match bind(address, options) {
                Ok(socket) => {
                    let backlog = options.backlog.unwrap_or(BACKLOG_DEFAULT);
                    return Ok(Reserved { socket, backlog });
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The address.
    ///
    /// # Errors
    /// The system fails.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// Another process listens there meanwhile.
    pub fn listen(self) -> io::Result<Listener> {
        let inner = self.socket.listen(self.backlog)?;
        Ok(Listener { inner })
    }
}

fn bind(address: SocketAddr, options: ListenOptions) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for connections of the last run to be forgotten.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    // Accepted connections take these over from the listener.
    if let Some(bytes) = options.send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    if let Some(bytes) = options.receive_buffer_bytes {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.bind(address)?;
    Ok(socket)
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

/// Whether there may be something to read, an end or an error included.
pub fn poll_readable(socket: &mut Socket, context: &mut Context<'_>) -> Poll<()> {
    socket.poll_read_ready(context).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_peer_of_ipv4_is_one_behind_a_socket_of_ipv6() {
        let Ok(listener) = Listener::bind("::", 0).await else {
            return; // there is no IPv6 here
        };
        let port = listener.local_addr().unwrap().port();
        let (near, far) = tokio::join!(connect("127.0.0.1", port), listener.accept());
        assert_eq!(far.unwrap().1, near.unwrap().local_addr().unwrap());
    }

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

    #[tokio::test]
    async fn who_comes_to_a_reserved_address_early_is_refused() {
        let options = ListenOptions::default();
        let reserved = Reserved::bind("127.0.0.1", 0, options).await.unwrap();
        let port = reserved.local_addr().unwrap().port();
        let early = connect("127.0.0.1", port).await.unwrap_err();
        assert_eq!(early.kind(), io::ErrorKind::ConnectionRefused);
        let listener = reserved.listen().unwrap();
        let (near, far) = tokio::join!(connect("127.0.0.1", port), listener.accept());
        assert!(near.is_ok() && far.is_ok());
    }
}
