//! A listener on a port of the system's choice whose answers a test scripts.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_platform::net::{Listener, Socket};
use tokio::task::JoinHandle;

use super::peer::{Peer, Received, versions_response};
use crate::address::Address;
use crate::wire::messages::ApiVersionsRequest;

/// What the script says to a request.
pub(crate) enum Answer {
    /// This frame.
    Frame(Bytes),
    /// This frame, after a while: a poll that nothing ends early.
    Poll(Bytes),
    /// Nothing, ever.
    Silence,
    /// The end of the connection.
    Close,
}

/// How long a poll takes.
const POLL: Duration = Duration::from_millis(2);

type Script = dyn Fn(&Received) -> Answer + Send + Sync;

/// A running broker; it stops when dropped.
pub(crate) struct FakeBroker {
    pub(crate) address: Address,
    accepting: JoinHandle<()>,
}

impl FakeBroker {
    /// Reserves a port, so that scripts can name it before they run.
    pub(crate) async fn listener() -> (Listener, Address) {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, Address::new("127.0.0.1", port))
    }

    /// Serves `apis` on `listener`, each request answered by `script`; version negotiation is done for it.
    pub(crate) fn start(
        listener: Listener,
        apis: &'static [(i16, i16, i16)],
        script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let port = listener.local_addr().unwrap().port();
        let script: Arc<Script> = Arc::new(script);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, apis, script.clone()));
            }
        });
        FakeBroker {
            address: Address::new("127.0.0.1", port),
            accepting,
        }
    }
}

impl Drop for FakeBroker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: Socket, apis: &'static [(i16, i16, i16)], script: Arc<Script>) {
    let mut peer = Peer::new(stream);
    while let Some(request) = peer.next().await {
        let answer = if request.is::<ApiVersionsRequest>() {
            Answer::Frame(request.answer::<ApiVersionsRequest>(&versions_response(apis)))
        } else {
            script(&request)
        };
        match answer {
            Answer::Frame(frame) => peer.send(&frame).await,
            Answer::Poll(frame) => {
                tokio::time::sleep(POLL).await;
                peer.send(&frame).await;
            }
            Answer::Silence => {}
            Answer::Close => return,
        }
    }
}
