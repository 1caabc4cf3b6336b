//! One request, from its session to its reply.
//!
//! A round that has too little to say is repeated when one of its partitions moves. What may not be in
//! memory is read on a thread that may block, before the socket sees it.

use std::time::Duration;

use ottla_platform::work::blocking;
use ottla_protocol::ErrorCode;
use ottla_protocol::fetch::FetchResponse;
use ottla_protocol::messages::FetchRequest;
use tokio::time::Instant;

use super::nearest::Nearest;
use super::read::{self, Reading};
use super::{request, response};
use crate::context::Call;
use crate::fetch_session::{Begun, Context};
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: FetchRequest) -> Reply {
    let image = call.image();
    let limits = match read::Limits::of(call, &request) {
        Ok(limits) => limits,
        Err(code) => return Reply::now(response::refused(call, &request, code)),
    };
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let nearest = Nearest::new(call, &request.rack_id);
    let asked = request::session_request(call, &image, request);
    let begun = {
        let now_ms = call.broker.clock.now_ms();
        let mut sessions = call.broker.fetch_sessions.lock();
        sessions.begin(asked, now_ms, |id| request::name_of(&image, id))
    };
    let Begun { context, targets } = begun;
    if let Context::Refused(error) = context {
        return Reply::now(refused(error));
    }
    let reading = Reading::new(call, &image, targets, limits, nearest);
    let deadline = Instant::now() + max_wait;
    if !reading.is_warm() {
        return Reply::later(finish_cold(reading, context, deadline));
    }
    let round = reading.round();
    if max_wait.is_zero() || round.is_enough(&reading) {
        return Reply::now(response::finish(reading, round, context));
    }
    Reply::later(finish_later(reading, context, deadline))
}

fn refused(error: ErrorCode) -> FetchResponse {
    FetchResponse {
        error_code: error.code(),
        ..FetchResponse::default()
    }
}

async fn finish_cold(reading: Reading, context: Context, deadline: Instant) -> FetchResponse {
    let read = blocking(move || (reading.round(), reading)).await;
    let Ok((round, reading)) = read else {
        // The runtime ends, and the connection with it.
        return refused(ErrorCode::BrokerNotAvailable);
    };
    if Instant::now() >= deadline || round.is_enough(&reading) {
        return response::finish(reading, round, context);
    }
    finish_later(reading, context, deadline).await
}

async fn finish_later(reading: Reading, context: Context, deadline: Instant) -> FetchResponse {
    let partitions = reading.partitions();
    let look = || Some(reading.round()).filter(|round| round.is_enough(&reading));
    let found = reading
        .broker
        .purgatory
        .wait(partitions.iter(), deadline, look)
        .await;
    drop(partitions);
    let round = found.unwrap_or_else(|| reading.round());
    response::finish(reading, round, context)
}
