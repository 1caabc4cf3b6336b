//! A Metadata request written by hand: is somebody answering as a broker?
//!
//! It knows just enough of the protocol to tell readiness the same way for every broker, without
//! depending on the code under test.
//!
//! Request, version 4, after its 4-byte length:
//!
//! | bytes | field |
//! |---|---|
//! | 2 | API key 3 |
//! | 2 | version 4 |
//! | 4 | correlation id |
//! | 2 + n | client id |
//! | 4 | number of topics: 0, none |
//! | 1 | allow automatic creation: 0 |
//!
//! Of the response, after its 4-byte length: correlation id (4), throttle time (4), number of
//! brokers (4).

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CLIENT_ID: &[u8] = b"probe";
const CORRELATION_ID: i32 = 7;
const RESPONSE_BYTES_MAX: usize = 1 << 20;

/// Whether a Metadata request is answered, within the given time, by a cluster that names at least
/// one broker.
pub fn answers_metadata(address: SocketAddr, within: Duration) -> bool {
    broker_count(address, within).is_some_and(|count| count > 0)
}

/// How many brokers a Metadata request is answered with; `None` without an answer within the time.
pub fn broker_count(address: SocketAddr, within: Duration) -> Option<usize> {
    let mut stream = TcpStream::connect_timeout(&address, within).ok()?;
    stream.set_read_timeout(Some(within)).ok()?;
    stream.set_nodelay(true).ok()?;
    stream.write_all(&request()).ok()?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let length = usize::try_from(i32::from_be_bytes(length)).ok()?;
    if !(12..=RESPONSE_BYTES_MAX).contains(&length) {
        return None;
    }
    let mut response = vec![0; length];
    stream.read_exact(&mut response).ok()?;
    if number_at(&response, 0)? != CORRELATION_ID {
        return None;
    }
    usize::try_from(number_at(&response, 8)?).ok()
}

fn request() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(3_i16.to_be_bytes());
    body.extend(4_i16.to_be_bytes());
    body.extend(CORRELATION_ID.to_be_bytes());
    let client_id_length = i16::try_from(CLIENT_ID.len()).expect("the client id is short");
    body.extend(client_id_length.to_be_bytes());
    body.extend(CLIENT_ID);
    body.extend(0_i32.to_be_bytes());
    body.push(0);
    let length = i32::try_from(body.len()).expect("the request is short");
    [length.to_be_bytes().as_slice(), &body].concat()
}

fn number_at(bytes: &[u8], at: usize) -> Option<i32> {
    let four = bytes.get(at..at + 4)?;
    Some(i32::from_be_bytes(
        four.try_into().expect("four bytes were cut"),
    ))
}
