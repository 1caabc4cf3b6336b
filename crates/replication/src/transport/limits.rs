//! Every bound of the transport, by name.

use std::time::Duration;

/// A greeting is small; whoever announces more is none of ours.
pub(super) const HELLO_BYTES_MAX: usize = 1024;
/// How long a peer may take to be reached and to greet.
pub(super) const HELLO_TIMEOUT: Duration = Duration::from_secs(3);
/// How long to rest before a broken link is dialled again: at first, and at most.
pub(super) const REDIAL_REST: Duration = Duration::from_millis(50);
pub(super) const REDIAL_REST_MAX: Duration = Duration::from_millis(500);
/// How long a connection on which answers are due may be silent. Beats show that a peer is alive, not
/// that each connection to it leads there; and a disk may take long for what it is asked.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Requests that wait to be written on one link.
pub(super) const QUEUED_MAX: usize = 1024;
/// Requests that a writer takes from its queue at once.
pub(super) const WRITE_BATCH: usize = 64;
/// Requests of one connection that are being answered.
pub(super) const ANSWERING_MAX: usize = 1024;
/// Bytes of requests of one connection that are being answered; a larger single one is alone.
pub(super) const ANSWERING_BYTES_MAX: usize = 64 << 20;
/// Bytes of requests on one link that are not answered yet; a larger single one is alone.
pub(super) const UNANSWERED_BYTES_MAX: usize = 64 << 20;
/// Room made in a read buffer when it is empty.
pub(super) const READ_BUFFER_BYTES: usize = 256 << 10;

/// What a broker says of itself and its cluster; a broker takes some 150 bytes of it.
pub(super) const PRESENCE_BYTES_MAX: usize = 1 << 20;
/// Those who ask before there is a cluster, at a time.
pub(super) const SEEKERS_MAX: usize = 64;
