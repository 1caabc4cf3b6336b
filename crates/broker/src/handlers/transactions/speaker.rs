//! Who speaks for a transactional id: its connection, and what it may be told.

use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::response::Response;

use crate::context::{Broker, Call};
use crate::net::{Answer, Peer};

/// Who speaks for a transactional id in a request, where its client has one epoch for all transactions.
pub(super) struct Speaker {
    broker: Arc<Broker>,
    peer: Arc<Peer>,
    transactional_id: String,
}

impl Speaker {
    pub(super) fn of(call: Call<'_>, transactional_id: &str) -> Speaker {
        Speaker {
            broker: Arc::clone(call.broker),
            peer: Arc::clone(call.peer),
            transactional_id: transactional_id.to_owned(),
        }
    }

    /// The broker that it speaks to.
    pub(super) fn broker(&self) -> &Arc<Broker> {
        &self.broker
    }

    /// Whether its producer has spoken on a newer connection: what comes on this one was sent before that.
    pub(super) fn is_stale(&self) -> bool {
        let speakers = &self.broker.speakers;
        speakers.is_stale(&self.transactional_id, self.peer.number)
    }

    /// The answer to what was decided so. To what is stale there is none.
    pub(super) fn answer(&self, code: ErrorCode, response: impl Into<Response>) -> Answer {
        let (peer, transactional_id) = (&self.peer.address, &self.transactional_id);
        match code {
            ErrorCode::NetworkException => {
                tracing::info!(%peer, %transactional_id, "hung up: its producer has spoken on a newer connection");
                return Answer::Hangup;
            }
            ErrorCode::None => {
                let speakers = &self.broker.speakers;
                speakers.has_spoken(transactional_id, self.peer.number);
            }
            _ => {}
        }
        Answer::Response(response.into())
    }
}

/// What a client is told that does not know PRODUCER_FENCED.
pub(super) fn known_to(version: i16, first_with_fenced: i16, code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::ProducerFenced if version < first_with_fenced => ErrorCode::InvalidProducerEpoch,
        code => code,
    }
}
