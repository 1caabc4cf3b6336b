//! Ports for brokers that have to keep theirs over a restart.
//!
//! A broker told to listen on port 0 would get another port each time it starts, and clients under
//! test would lose it. So a port is looked for below the range that the system hands out by itself
//! to outgoing connections, and the search begins elsewhere in every process. Whoever uses one
//! must be ready to find it taken and to ask again.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 12_000;
const COUNT: u32 = 20_000;

/// A port on the loopback address that nobody listens on at the moment.
pub fn free_port() -> u16 {
    static ASKED: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    for _ in 0..COUNT {
        let step = ASKED.fetch_add(1, Ordering::Relaxed);
        let offset = start.wrapping_add(step) % COUNT;
        let port = u16::try_from(FIRST + offset).expect("the range ends below 65,536");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("all {COUNT} ports from {FIRST} on are taken");
}
