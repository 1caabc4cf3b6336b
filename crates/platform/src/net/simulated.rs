//! The simulator's network, in the shape of the real one.
//!
//! A host has one address and a name, and listens on all of it. A link that is cut loses what is on
//! its way, and nothing is sent again: a connection over it hangs until somebody gives it up.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};

use futures::FutureExt;
use tokio::io::ReadBuf;
use turmoil::net::{TcpListener, TcpStream};

use super::ListenOptions;

/// A connected socket: reads and writes through tokio's traits.
pub type Socket = TcpStream;

/// Accepts connections on one address.
pub struct Listener {
    inner: TcpListener,
}

impl Listener {
    /// Listens on `port` of this host.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind(host: &str, port: u16) -> io::Result<Listener> {
        Listener::bind_with(host, port, ListenOptions::default()).await
    }

    /// The same; the options have no meaning here.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn bind_with(host: &str, port: u16, options: ListenOptions) -> io::Result<Listener> {
        Reserved::bind(host, port, options).await?.listen()
    }

    /// Where it listens.
    ///
    /// # Errors
    /// None.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The next connection and its peer.
    ///
    /// # Errors
    /// None.
    pub async fn accept(&self) -> io::Result<(Socket, SocketAddr)> {
        self.inner.accept().await
    }
}

/// An address that is not listened on yet: whoever connects is refused.
#[derive(Debug)]
pub struct Reserved {
    address: SocketAddr,
}

impl Reserved {
    /// Remembers `port`.
    ///
    /// # Errors
    /// None.
    pub async fn bind(_host: &str, port: u16, _options: ListenOptions) -> io::Result<Reserved> {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Ok(Reserved { address })
    }

    /// The address.
    ///
    /// # Errors
    /// None.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// The port is taken.
    pub fn listen(self) -> io::Result<Listener> {
        let bound = TcpListener::bind(self.address).now_or_never();
        let inner = bound.expect("binding does not wait in the simulator")?;
        Ok(Listener { inner })
    }
}

/// Connects to `host:port`.
///
/// # Errors
/// Nothing answers.
pub async fn connect(host: &str, port: u16) -> io::Result<Socket> {
    TcpStream::connect((host, port)).await
}

/// Whether there is something to read, an end or an error included.
pub fn poll_readable(socket: &mut Socket, context: &mut Context<'_>) -> Poll<()> {
    let mut first = [0];
    let peeked = socket.poll_peek(context, &mut ReadBuf::new(&mut first));
    peeked.map(drop)
}
