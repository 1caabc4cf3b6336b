//! One connection: a task that reads requests, hands them over in order and sends replies in order.
//!
//! A single task does both directions, so a request that is answered at once costs one wakeup, one
//! read and one write. Requests are handed over one after the other, except that produces overlap;
//! replies leave in the order of their requests, those that are ready in one write.
//!
//! The task stops reading while its replies do not leave, while too much is in flight, or while the
//! node has no memory for its next request. A peer that breaks the protocol costs itself its
//! connection, after the replies it was still owed, and nobody else anything.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use ottla_platform::net::{Socket, poll_readable};
use ottla_protocol::request::{DecodeError, Request, RequestHeader, decode_request};
use ottla_protocol::response::{ResponseFrame, answer_to_unsupported_version, encode_response};
use tokio::time::{Instant, sleep};

use super::Network;
use super::end::End;
use super::frames::FrameReader;
use super::memory::{Ask, Permit};
use super::outbox::Outbox;
use super::registry::{Phase, Registered};
use super::reply::{Answer, Reply};
use super::service::{Peer, Service, overlaps};
use crate::limits::{IN_FLIGHT_PER_CONNECTION_MAX, STALLED_FRAME_MAX, UNSENT_REPLY_BYTES_MAX};

/// Serves a connection until it ends.
pub(super) async fn run<S: Service>(
    socket: Socket,
    peer: Arc<Peer>,
    network: Arc<Network<S>>,
) -> End {
    let tick = match network.limits.connection_idle_max {
        Some(idle) => idle.min(STALLED_FRAME_MAX),
        None => STALLED_FRAME_MAX,
    };
    let registry = Arc::clone(&network.registry);
    let mut registered: Option<Registered> = None;
    let mut connection = Connection::new(socket, peer, network);
    let mut timer = pin!(sleep(tick));
    poll_fn(|context| {
        registered.get_or_insert_with(|| registry.enter(context.waker()));
        if let Poll::Ready(end) = connection.poll(context) {
            return Poll::Ready(end);
        }
        while timer.as_mut().poll(context).is_ready() {
            if let Some(end) = connection.overdue() {
                return Poll::Ready(end);
            }
            timer.as_mut().reset(Instant::now() + tick);
        }
        Poll::Pending
    })
    .await
}

struct Connection<S> {
    socket: Socket,
    peer: Arc<Peer>,
    network: Arc<Network<S>>,
    frames: FrameReader,
    memory: Memory,
    /// Decoded, but what is in flight must be answered before it.
    next: Option<Next>,
    in_flight: VecDeque<InFlight>,
    outbox: Outbox,
    /// Why nothing more is read; the connection ends so when it owes nothing any more.
    ending: Option<End>,
    last_active: Instant,
}

/// Memory for the next frame.
enum Memory {
    /// Its size is not known yet.
    Unasked,
    Asked(Ask),
    Held(Permit),
}

struct Next {
    request: Request,
    receipt: Receipt,
}

struct InFlight {
    reply: Reply,
    overlaps: bool,
    receipt: Receipt,
}

/// What is needed of a request to answer it.
struct Receipt {
    header: RequestHeader,
    frame_bytes: usize,
    started: Instant,
    permit: Permit,
}

impl Receipt {
    fn new(header: RequestHeader, frame_bytes: usize, permit: Permit) -> Self {
        Receipt {
            header,
            frame_bytes,
            started: Instant::now(),
            permit,
        }
    }
}

impl<S: Service> Connection<S> {
    fn new(socket: Socket, peer: Arc<Peer>, network: Arc<Network<S>>) -> Self {
        Connection {
            socket,
            peer,
            frames: FrameReader::new(network.limits.request_bytes_max),
            network,
            memory: Memory::Unasked,
            next: None,
            in_flight: VecDeque::new(),
            outbox: Outbox::default(),
            ending: None,
            last_active: Instant::now(),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<End> {
        loop {
            match self.step(context) {
                Ok(true) => {}
                Ok(false) => return Poll::Pending,
                Err(end) => return Poll::Ready(end),
            }
        }
    }

    /// Goes as far as it can without waiting; says whether another step may go further.
    fn step(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        if self.network.registry.phase() == Phase::Closed {
            return Err(End::Shutdown);
        }
        let answered = self.collect_answers(context);
        let sent = self.send(context)?;
        let handed_over = self.take_requests(context);
        let read = self.read(context)?;
        if answered || sent || handed_over || read {
            self.last_active = Instant::now();
            return Ok(true);
        }
        if self.owes_nothing() {
            if let Some(end) = self.ending.take() {
                return Err(end);
            }
            if self.is_draining() {
                return Err(End::Shutdown);
            }
            self.frames.shrink();
        }
        Ok(false)
    }

    fn owes_nothing(&self) -> bool {
        self.in_flight.is_empty() && self.next.is_none() && self.outbox.is_empty()
    }

    fn is_draining(&self) -> bool {
        self.network.registry.phase() != Phase::Open
    }

    fn reads_on(&self) -> bool {
        self.ending.is_none()
            && !self.is_draining()
            && self.next.is_none()
            && !matches!(self.memory, Memory::Asked(_))
            && self.has_room()
    }

    fn has_room(&self) -> bool {
        self.in_flight.len() < IN_FLIGHT_PER_CONNECTION_MAX
            && self.outbox.bytes() <= UNSENT_REPLY_BYTES_MAX
    }

    fn collect_answers(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Some(oldest) = self.in_flight.front_mut() {
            let Poll::Ready(answer) = oldest.reply.poll(context) else {
                break;
            };
            let oldest = self.in_flight.pop_front().expect("it was just looked at");
            self.answer(oldest.receipt, answer);
            moved = true;
        }
        moved
    }

    fn send(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        if self.outbox.is_empty() {
            return Ok(false);
        }
        match self.outbox.poll_send(context, &mut self.socket) {
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(error)) => Err(End::Io(error)),
            Poll::Pending => Ok(false),
        }
    }

    fn take_requests(&mut self, context: &mut Context<'_>) -> bool {
        let mut moved = false;
        while self.has_room() {
            if let Some(next) = self
                .next
                .take_if(|next| may_follow(&self.in_flight, &next.request))
            {
                self.hand_over(next);
                moved = true;
            } else if self.next.is_some() || self.ending.is_some() || self.is_draining() {
                break;
            } else {
                match self.decode_next(context) {
                    Ok(true) => moved = true,
                    Ok(false) => break,
                    Err(end) => {
                        self.ending = Some(end);
                        moved = true;
                    }
                }
            }
        }
        moved
    }

    /// Decodes the next request, if it is there; whether it was.
    fn decode_next(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        let Some((frame, permit)) = self.next_frame(context)? else {
            return Ok(false);
        };
        let frame_bytes = frame.len();
        match decode_request(frame) {
            Ok((header, request)) => {
                let receipt = Receipt::new(header, frame_bytes, permit);
                self.next = Some(Next { request, receipt });
            }
            Err(DecodeError::UnsupportedVersion { header }) => {
                let Some(refusal) = answer_to_unsupported_version(&header) else {
                    return Err(End::Request(DecodeError::UnsupportedVersion { header }));
                };
                let reply = Reply::Now(Answer::Frame(refusal));
                let receipt = Receipt::new(header, frame_bytes, permit);
                self.in_flight.push_back(InFlight {
                    reply,
                    overlaps: false,
                    receipt,
                });
            }
            Err(error) => return Err(End::Request(error)),
        }
        Ok(true)
    }

    fn next_frame(&mut self, context: &mut Context<'_>) -> Result<Option<(Bytes, Permit)>, End> {
        if let Memory::Unasked = self.memory {
            let Some(frame_bytes) = self.frames.due().map_err(End::Frame)? else {
                return Ok(None);
            };
            let ask = self.network.memory.ask(frame_bytes);
            if ask.is_waiting() {
                self.network.metrics.memory.waited();
            }
            self.memory = Memory::Asked(ask);
        }
        if let Memory::Asked(ask) = &mut self.memory {
            let Poll::Ready(permit) = ask.poll(context) else {
                return Ok(None);
            };
            self.memory = Memory::Held(permit);
        }
        let Some(frame) = self.frames.take().map_err(End::Frame)? else {
            return Ok(None);
        };
        match std::mem::replace(&mut self.memory, Memory::Unasked) {
            Memory::Held(permit) => Ok(Some((frame, permit))),
            Memory::Unasked | Memory::Asked(_) => unreachable!("it is held since a few lines"),
        }
    }

    fn hand_over(&mut self, Next { request, receipt }: Next) {
        let overlaps = overlaps(&request);
        match self
            .network
            .service
            .call(&self.peer, &receipt.header, request)
        {
            Reply::Now(answer) if self.in_flight.is_empty() => self.answer(receipt, answer),
            reply => self.in_flight.push_back(InFlight {
                reply,
                overlaps,
                receipt,
            }),
        }
    }

    fn answer(&mut self, receipt: Receipt, answer: Answer) {
        let Receipt {
            header,
            frame_bytes,
            started,
            permit,
        } = receipt;
        let mut response_bytes = 0;
        match answer {
            Answer::Response(response) => {
                self.network.service.answered(&header, &response);
                match encode_response(&header, response) {
                    Ok(frame) => response_bytes = self.queue(frame, permit),
                    Err(error) => self.give_up(End::Unanswerable(error)),
                }
            }
            Answer::Frame(frame) => response_bytes = self.queue(frame, permit),
            Answer::Silence => {}
            Answer::Hangup => self.give_up(End::Hangup),
        }
        let requests = &self.network.metrics.requests;
        requests.finished(
            header.api.key.code(),
            started.elapsed(),
            frame_bytes,
            response_bytes,
        );
    }

    fn queue(&mut self, frame: ResponseFrame, permit: Permit) -> usize {
        let bytes = frame.size_bytes();
        self.outbox.push(frame.parts, permit);
        bytes
    }

    /// Ends the connection when what was answered before has left.
    fn give_up(&mut self, end: End) {
        self.in_flight.clear();
        self.next = None;
        self.ending = Some(end);
    }

    fn read(&mut self, context: &mut Context<'_>) -> Result<bool, End> {
        if !self.reads_on() || poll_readable(&mut self.socket, context).is_pending() {
            return Ok(false);
        }
        match self.frames.poll_read(context, &mut self.socket) {
            Poll::Ready(Ok(0)) => {
                self.ending = Some(End::PeerClosed);
                Ok(true)
            }
            Poll::Ready(Ok(_)) => Ok(true),
            Poll::Ready(Err(error)) => Err(End::Io(error)),
            Poll::Pending => Ok(false),
        }
    }

    /// Whether the peer has kept us waiting too long. A peer that waits for us has not.
    fn overdue(&mut self) -> Option<End> {
        if self.is_waited_for() {
            self.last_active = Instant::now();
            return None;
        }
        let silent = self.last_active.elapsed();
        if self.frames.is_mid_frame() && silent >= STALLED_FRAME_MAX {
            return Some(End::Stalled);
        }
        let idle_max = self.network.limits.connection_idle_max?;
        (silent >= idle_max).then_some(End::Idle)
    }

    fn is_waited_for(&self) -> bool {
        let asked = matches!(self.memory, Memory::Asked(_));
        !self.in_flight.is_empty() || self.next.is_some() || asked
    }
}

fn may_follow(in_flight: &VecDeque<InFlight>, request: &Request) -> bool {
    // Whatever is in flight beside something else overlaps, so the youngest speaks for all.
    in_flight
        .back()
        .is_none_or(|youngest| youngest.overlaps && overlaps(request))
}
