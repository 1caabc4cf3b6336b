//! How connections end, and what is logged about it.

use std::io;

use ottla_protocol::frame::FrameError;
use ottla_protocol::request::DecodeError;
use ottla_protocol::response::EncodeError;

use super::service::Peer;

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// The peer closed it, and was owed nothing any more.
    PeerClosed,
    /// The socket failed.
    Io(io::Error),
    /// The peer sent nothing for longer than connections may be idle.
    Idle,
    /// The peer stopped in the middle of a frame.
    Stalled,
    /// The bytes make no frames.
    Frame(FrameError),
    /// A frame makes no request that is served.
    Request(DecodeError),
    /// A response that its version cannot express.
    Unanswerable(EncodeError),
    /// A produce with acks=0 failed, which its producer learns this way.
    Hangup,
    /// The node stops.
    Shutdown,
}

impl End {
    /// Whether the peer broke the protocol.
    pub(super) fn is_malformed(&self) -> bool {
        matches!(self, End::Frame(_) | End::Request(_))
    }

    /// The one line about it.
    pub(super) fn log(&self, peer: &Peer) {
        let (peer, listener) = (peer.address, &peer.listener);
        match self {
            End::PeerClosed => tracing::debug!(%peer, %listener, "connection closed by its peer"),
            End::Io(error) => tracing::debug!(%peer, %listener, %error, "connection lost"),
            End::Idle => tracing::debug!(%peer, %listener, "idle connection closed"),
            End::Stalled => {
                tracing::warn!(%peer, %listener, "connection closed: its peer stopped within a request");
            }
            End::Frame(error) => {
                tracing::warn!(%peer, %listener, %error, "connection closed: not a request");
            }
            End::Request(error) => {
                tracing::warn!(%peer, %listener, %error, "connection closed: not a request served here");
            }
            End::Unanswerable(error) => {
                tracing::error!(%peer, %listener, %error, "connection closed: no way to answer");
            }
            End::Hangup => {
                tracing::info!(%peer, %listener, "connection closed: a produce with acks=0 failed");
            }
            End::Shutdown => tracing::debug!(%peer, %listener, "connection closed: shutting down"),
        }
    }
}
