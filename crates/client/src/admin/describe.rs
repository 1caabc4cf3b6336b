//! Listing and describing topics.

use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::MetadataRequest;

use super::Admin;
use crate::client::IfMissing;
use crate::cluster::{ClusterView, Topic};
use crate::error::ClientError;

impl Admin<'_> {
    /// All topics of the cluster, in order of their names, as they are now.
    pub async fn list_topics(&self) -> Result<Vec<Arc<Topic>>, ClientError> {
        let build = |version| {
            MetadataRequest::default()
                .with_topics(None)
                .with_allow_auto_topic_creation(version < 4)
        };
        let response = self.client.retry(|_| self.client.ask_any(build)).await?;
        if let code @ 1.. = response.error_code {
            return Err(ClientError::refused(
                "metadata",
                ErrorCode::from_code(code),
                None,
            ));
        }
        // Folded into an empty view, so that nothing cached comes back.
        let (view, _) = ClusterView::default().after(&response);
        Ok(view.topics.into_values().collect())
    }

    /// One topic as it is now. Does not wait for one that is not there.
    pub async fn describe_topic(&self, name: &str) -> Result<Arc<Topic>, ClientError> {
        let may_retry = |error: &ClientError| {
            error.is_retriable() && error.code() != Some(ErrorCode::UnknownTopicOrPartition)
        };
        let call_timeout = self.client.config().call_timeout;
        let attempt = |_| async move {
            let errors = self.client.renew(&[name], IfMissing::Fail).await?;
            if let Some(&code) = errors.0.get(name) {
                return Err(ClientError::refused(format!("topic {name}"), code, None));
            }
            let view = self.client.view();
            view.topics
                .get(name)
                .cloned()
                .ok_or_else(|| ClientError::Incomplete {
                    api: "Metadata",
                    subject: format!("topic {name}"),
                })
        };
        self.client
            .retry_within(call_timeout, may_retry, attempt)
            .await
    }
}
