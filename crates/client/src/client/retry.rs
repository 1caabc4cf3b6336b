//! Trying again, until it works, cannot work, or the time is up.

use std::time::Duration;

use tokio::time::Instant;

use super::Client;
use crate::error::ClientError;

impl Client {
    /// Calls `attempt` (with 0, 1, 2, …) until it succeeds or fails for good, for at most `call_timeout`.
    pub(crate) async fn retry<T, F>(&self, attempt: impl FnMut(u32) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let call_timeout = self.config().call_timeout;
        self.retry_within(call_timeout, ClientError::is_retriable, attempt)
            .await
    }

    /// As [`retry`](Self::retry), with a time and a notion of what may be tried again of the caller's choice.
    pub(crate) async fn retry_within<T, F>(
        &self,
        within: Duration,
        may_retry: impl Fn(&ClientError) -> bool,
        mut attempt: impl FnMut(u32) -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            let error = match attempt(failures).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            failures += 1;
            if !may_retry(&error) {
                return Err(error);
            }
            let wait = self.config().backoff.wait(failures, self.chance());
            if begun.elapsed() + wait >= within {
                // One attempt that failed says it all itself.
                return Err(match failures {
                    1 => error,
                    _ => ClientError::GaveUp {
                        after: begun.elapsed(),
                        last: Box::new(error),
                    },
                });
            }
            tracing::debug!(%error, failures, wait_ms = wait.as_millis(), "trying again");
            tokio::time::sleep(wait).await;
        }
    }
}
