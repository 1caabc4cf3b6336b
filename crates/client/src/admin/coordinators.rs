//! Who coordinates a group, and asking that broker, again where the group has moved.

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::FindCoordinatorRequest;
use ottla_protocol::messages::find_coordinator_response::{Coordinator, FindCoordinatorResponse};

use super::Admin;
use crate::cluster::Broker;
use crate::error::ClientError;
use crate::wire::{Request, text};

/// The kind of coordinator that groups have.
const KEY_TYPE_GROUP: i8 = 0;
/// The version of FindCoordinator from which on several keys may be asked for.
const FIRST_WITH_KEYS: i16 = 4;
/// As new a version as both sides have.
pub(super) const ANY_VERSION: i16 = i16::MAX;

impl Admin<'_> {
    /// The broker that coordinates a group now.
    pub async fn find_coordinator(&self, group: &str) -> Result<Broker, ClientError> {
        let attempt = |_| self.find_coordinator_once(group);
        self.client.retry(attempt).await
    }

    async fn find_coordinator_once(&self, group: &str) -> Result<Broker, ClientError> {
        let build = |version| {
            let request = FindCoordinatorRequest::default().with_key_type(KEY_TYPE_GROUP);
            if version < FIRST_WITH_KEYS {
                request.with_key(text(group))
            } else {
                request.with_coordinator_keys(vec![text(group)])
            }
        };
        let response = self.client.ask_any(build).await?;
        let found = one_coordinator(response, group)?;
        match ErrorCode::from_code(found.error_code) {
            ErrorCode::None => Ok(Broker::new(found.node_id, &found.host, found.port, None)),
            code => Err(refused(
                group,
                code,
                found.error_message.as_ref().map(|text| text.as_str()),
            )),
        }
    }

    /// Sends a request about a group to its coordinator, in a version that is at most `newest`. If `code` of the
    /// response says that the coordinator moved or is not ready, the group is looked for and asked about again.
    pub(super) async fn on_coordinator<R: Request>(
        &self,
        group: &str,
        newest: i16,
        build: impl Fn(i16) -> R,
        code: impl Fn(&R::Response) -> i16,
    ) -> Result<(Broker, R::Response), ClientError> {
        let (build, code) = (&build, &code);
        let attempt = |_| async move {
            let coordinator = self.find_coordinator_once(group).await?;
            let response = self
                .client
                .ask_at(&coordinator.address, newest, build)
                .await?;
            match ErrorCode::from_code(code(&response)) {
                moved if moved.retriable() => Err(refused(group, moved, None)),
                // Whatever else is wrong is for the caller to judge.
                _ => Ok((coordinator, response)),
            }
        };
        self.client.retry(attempt).await
    }
}

/// What the response says about the one group asked about, in the form of the newer versions.
fn one_coordinator(
    response: FindCoordinatorResponse,
    group: &str,
) -> Result<Coordinator, ClientError> {
    if response.coordinators.is_empty() && response.host.is_empty() && response.error_code == 0 {
        return Err(ClientError::Incomplete {
            api: "FindCoordinator",
            subject: subject(group),
        });
    }
    let of_old = Coordinator::default()
        .with_node_id(response.node_id)
        .with_host(response.host)
        .with_port(response.port)
        .with_error_code(response.error_code)
        .with_error_message(response.error_message);
    Ok(response.coordinators.into_iter().next().unwrap_or(of_old))
}

/// How errors name a group.
pub(super) fn subject(group: &str) -> String {
    format!("group {group}")
}

/// The cluster's refusal of something about a group.
pub(super) fn refused(group: &str, code: ErrorCode, detail: Option<&str>) -> ClientError {
    ClientError::refused(subject(group), code, detail)
}

/// An error unless the code says that all is well.
pub(super) fn check(group: &str, error_code: i16, detail: Option<&str>) -> Result<(), ClientError> {
    match ErrorCode::from_code(error_code) {
        ErrorCode::None => Ok(()),
        code => Err(refused(group, code, detail)),
    }
}
