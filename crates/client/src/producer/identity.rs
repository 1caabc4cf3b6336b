//! Getting a producer id.

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{InitProducerIdRequest, ProducerId};

use super::batch::ProducerIdentity;
use crate::client::Client;
use crate::error::ClientError;

/// Asks any broker for a producer id, once. Without a transactional id every broker gives one.
pub(super) async fn ask_for_identity(client: &Client) -> Result<ProducerIdentity, ClientError> {
    let build = |_| {
        InitProducerIdRequest::default()
            .with_transactional_id(None)
            // Has no meaning without a transaction, but must not be zero.
            .with_transaction_timeout_ms(i32::MAX)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1)
    };
    let response = client.ask_any(build).await?;
    match ErrorCode::from_code(response.error_code) {
        ErrorCode::None => Ok(ProducerIdentity {
            id: response.producer_id.0,
            epoch: response.producer_epoch,
        }),
        code => Err(ClientError::refused("a producer id", code, None)),
    }
}
