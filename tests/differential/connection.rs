//! One connection to one broker: frames out, frames in, and what became of it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use ottla_protocol::api::ApiSpec;
use serde_json::Value;

use crate::codec;
use crate::schema;

/// Longer than any answer takes that is going to come.
const PATIENCE: Duration = Duration::from_secs(3);
const RESPONSE_BYTES_MAX: usize = 64 << 20;

/// What came of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// A body that its schema reads to its last byte.
    Answer(Value),
    /// The broker closed the connection.
    Closed,
    /// Nothing, for as long as one waits.
    Silence,
    /// Bytes that are not the answer.
    Garbage(String),
}

impl Outcome {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Outcome::Answer(_) | Outcome::Garbage(_) => "an answer",
            Outcome::Closed => "closes the connection",
            Outcome::Silence => "never answers",
        }
    }
}

/// A request under way.
struct Waiting {
    api: &'static ApiSpec,
    read_version: i16,
    correlation_id: i32,
}

pub(crate) struct Connection {
    stream: TcpStream,
    waiting: VecDeque<Waiting>,
    sent: i32,
    pub(crate) is_closed: bool,
}

impl Connection {
    pub(crate) fn open(port: u16) -> Connection {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the broker listens");
        stream.set_nodelay(true).expect("sockets can");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("sockets can");
        Connection {
            stream,
            waiting: VecDeque::new(),
            sent: 0,
            is_closed: false,
        }
    }

    /// Sends a request whose answer will be read as one of `read_version`; `None` is a request that
    /// has no answer.
    pub(crate) fn send(
        &mut self,
        api: &'static ApiSpec,
        version: i16,
        read_version: Option<i16>,
        body: &Value,
    ) {
        let message = schema::message(&format!("{}Request", api.name));
        self.sent += 1;
        let mut frame = Vec::new();
        frame.extend(api.key.code().to_be_bytes());
        frame.extend(version.to_be_bytes());
        frame.extend(self.sent.to_be_bytes());
        frame.extend([0, 4]);
        frame.extend(b"twin");
        if api.request_header_version(version) > 1 {
            frame.push(0); // no tagged fields
        }
        frame.extend(codec::encode(message, version, body));
        if let Some(read_version) = read_version {
            self.waiting.push_back(Waiting {
                api,
                read_version,
                correlation_id: self.sent,
            });
        }
        self.send_frame(&frame);
    }

    /// Sends bytes behind their length.
    pub(crate) fn send_frame(&mut self, frame: &[u8]) {
        let size = u32::try_from(frame.len()).expect("frames are short");
        self.send_bytes(&[&size.to_be_bytes(), frame].concat());
    }

    /// Sends bytes as they are. A connection that the broker has closed shows when reading.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).ok();
    }

    /// The answer to the oldest request that waits for one.
    pub(crate) fn receive(&mut self) -> Outcome {
        let waiting = self.waiting.pop_front().expect("a request waits");
        let frame = match self.receive_frame() {
            Ok(frame) => frame,
            Err(outcome) => return outcome,
        };
        let header = 4 + usize::try_from(waiting.api.response_header_version(waiting.read_version))
            .expect("0 or 1");
        let garbage = || Outcome::Garbage(codec::hex(&frame));
        let Some((head, body)) = frame.split_at_checked(header) else {
            return garbage();
        };
        if head[..4] != waiting.correlation_id.to_be_bytes() || head[4..].iter().any(|tag| *tag > 0)
        {
            return garbage();
        }
        let message = schema::message(&format!("{}Response", waiting.api.name));
        codec::decode(message, waiting.read_version, body).map_or_else(garbage, Outcome::Answer)
    }

    /// Any frame, unread.
    pub(crate) fn receive_frame(&mut self) -> Result<Vec<u8>, Outcome> {
        let mut size = [0; 4];
        self.read(&mut size)?;
        let size = u32::from_be_bytes(size) as usize;
        if size > RESPONSE_BYTES_MAX {
            return Err(Outcome::Garbage(format!("a frame of {size} bytes")));
        }
        let mut frame = vec![0; size];
        self.read(&mut frame)?;
        Ok(frame)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), Outcome> {
        self.stream
            .read_exact(into)
            .map_err(|error| match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    self.is_closed = true; // what comes too late is no answer to anything else
                    Outcome::Silence
                }
                _ => {
                    self.is_closed = true;
                    Outcome::Closed
                }
            })
    }
}
