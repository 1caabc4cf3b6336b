//! What became of the records, in the order they were sent.

use std::collections::VecDeque;

use ottla_client::producer::{Delivered, Delivery, ProduceError};
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

/// Promises held before the oldest are waited for.
const OPEN_MAX: usize = 100_000;

/// Promises not looked at, and how many were kept.
pub(super) struct Deliveries {
    open: VecDeque<Delivery>,
    delivered: u64,
    output: Option<Output>,
}

impl Deliveries {
    /// Prints each record's place if there is an `output`.
    pub(super) fn new(output: Option<Output>) -> Self {
        Deliveries {
            open: VecDeque::new(),
            delivered: 0,
            output,
        }
    }

    /// Takes one promise more, waiting for the oldest if there are too many.
    pub(super) async fn push(&mut self, delivery: Delivery) -> Result<(), Failure> {
        self.open.push_back(delivery);
        if self.open.len() <= OPEN_MAX {
            return Ok(());
        }
        self.settle(OPEN_MAX / 2).await
    }

    /// Waits until only `left` promises are open.
    pub(super) async fn settle(&mut self, left: usize) -> Result<(), Failure> {
        while self.open.len() > left {
            let Some(delivery) = self.open.pop_front() else {
                break;
            };
            match delivery.wait().await {
                Ok(delivered) => self.tell(&delivered)?,
                Err(error) => return Err(self.failed(&error)),
            }
        }
        Ok(self.output.as_mut().map_or(Ok(()), Output::flush)?)
    }

    /// Records known to be delivered.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered
    }

    fn tell(&mut self, delivered: &Delivered) -> Result<(), Failure> {
        self.delivered += 1;
        if let Some(output) = &mut self.output {
            output.json(&json!({
                "topic": delivered.partition.topic.as_ref(),
                "partition": delivered.partition.partition,
                "offset": delivered.offset,
                "timestamp": delivered.timestamp,
            }))?;
        }
        Ok(())
    }

    /// Records are told of in order: all before this one were delivered.
    fn failed(&self, error: &ProduceError) -> Failure {
        Failure::Failed(format!(
            "record {}: {error}; the {} before it were delivered",
            self.delivered + 1,
            self.delivered
        ))
    }
}
