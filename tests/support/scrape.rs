//! A broker's metrics, read as Prometheus reads them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Broker;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(10);

/// The value of a series, by its name with its labels.
///
/// # Errors
/// The broker does not answer, or has no such series.
pub fn metric(broker: &Broker, series: &str) -> Result<f64, String> {
    let address = http_address(broker)?;
    let page = get(&address, "/metrics").map_err(|error| format!("{address}: {error}"))?;
    let lines = page.lines();
    let mut samples = lines.filter_map(|line| line.rsplit_once(' '));
    let found = samples.find(|(name, _)| *name == series);
    let value = found.and_then(|(_, value)| value.parse().ok());
    value.ok_or_else(|| format!("{address} tells nothing of {series}"))
}

/// Where the broker's second port is: one of the system's choice, which its log names. After a
/// restart it is another one.
///
/// # Errors
/// The log does not name it.
pub fn http_address(broker: &Broker) -> Result<String, String> {
    let log = broker.log();
    let mut lines = log.lines().rev();
    let line = lines.find(|line| line.contains("/readyz") || line.contains("http"));
    let begin = line.and_then(|line| Some(&line[line.find("127.0.0.1:")?..]));
    let begin = begin.ok_or_else(|| format!("no line about the second port: {log}"))?;
    let end = begin.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
    Ok(begin[..end.unwrap_or(begin.len())].to_owned())
}

fn get(address: &str, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(WITHIN))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
