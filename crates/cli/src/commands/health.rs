//! `ottla health`: one question, one line, one exit status. Made for the health check of a container without a shell.

use std::time::{Duration, Instant};

use clap::Args;
use ottla_client::{Address, Connection, ConnectionOptions};
use ottla_platform::net;
use ottla_protocol::messages::MetadataRequest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::connect::Connect;
use crate::durations::parse_duration;
use crate::failure::Failure;
use crate::output::Output;

/// The longest answer to /readyz that is read.
const HTTP_ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// The largest answer to Metadata without topics.
const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Say whether a broker is healthy: exit status 0 if it is, 1 if not
///
/// A broker is healthy if it answers ApiVersions and Metadata in time and knows of at least one broker. With --http
/// its second port is asked instead, for /readyz.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla health
  ottla health -b broker-1:9092 --timeout 2s
  ottla health --http 127.0.0.1:9644")]
pub(crate) struct Health {
    /// Ask this second port for /readyz, not the Kafka port
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,

    /// How long it may take altogether
    #[arg(short, long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    timeout: Duration,

    #[command(flatten)]
    connect: Connect,
}

impl Health {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let begun = Instant::now();
        let (address, is_http) = match &self.http {
            Some(http) => (one_address(http)?, true),
            // One broker is asked about, not a cluster: the first of those named.
            None => (self.connect.first_address()?, false),
        };
        let asked = async {
            match is_http {
                true => ask_http(&address).await,
                false => self.ask_kafka(&address).await,
            }
        };
        let outcome = tokio::time::timeout(self.timeout, asked).await;
        let told = outcome
            .unwrap_or_else(|_| Err(format!("no answer within {} ms", self.timeout.as_millis())));
        let detail =
            told.map_err(|reason| Failure::Failed(format!("{address} is not healthy: {reason}")))?;
        let mut output = Output::new();
        let ms = begun.elapsed().as_millis();
        output.line(&format!("{address} is healthy: {detail} ({ms} ms)"))?;
        Ok(output.finish()?)
    }

    async fn ask_kafka(&self, address: &Address) -> Result<String, String> {
        let options = ConnectionOptions {
            client_id: "ottla-health".to_owned(),
            connect_timeout: self.timeout,
            request_timeout: self.timeout,
            response_bytes_max: RESPONSE_BYTES_MAX,
        };
        let connection = Connection::connect(address, options);
        let connection = connection.await.map_err(|error| error.to_string())?;
        let no_topics = |_| MetadataRequest::default().with_topics(Some(Vec::new()));
        let response = connection.call_with(no_topics).await;
        let response = response.map_err(|error| error.to_string())?;
        match response.brokers.len() {
            0 => Err("it knows of no broker yet".to_owned()),
            1 => Ok("1 broker is known".to_owned()),
            count => Ok(format!("{count} brokers are known")),
        }
    }
}

fn one_address(text: &str) -> Result<Address, Failure> {
    let addresses = Address::parse_list(text).map_err(|error| Failure::Usage(error.to_string()))?;
    match <[Address; 1]>::try_from(addresses) {
        Ok([address]) => Ok(address),
        Err(_) => Err(Failure::Usage("--http names one host and port".to_owned())),
    }
}

async fn ask_http(address: &Address) -> Result<String, String> {
    let mut socket = net::connect(&address.host, address.port)
        .await
        .map_err(|error| format!("cannot connect: {error}"))?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let exchanged = async {
        socket.write_all(request.as_bytes()).await?;
        let mut limited = socket.take(HTTP_ANSWER_BYTES_MAX);
        limited.read_to_end(&mut answer).await
    };
    exchanged
        .await
        .map_err(|error| format!("the connection broke: {error}"))?;
    judge_http(&String::from_utf8_lossy(&answer))
}

/// 200 is ready; else the body says why not.
fn judge_http(answer: &str) -> Result<String, String> {
    let status = answer.split_whitespace().nth(1).unwrap_or_default();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    match (answer.starts_with("HTTP/1."), status) {
        (true, "200") => Ok("ready".to_owned()),
        (true, status) => Err(format!(
            "/readyz says {status}: {}",
            body.trim().replace('\n', "; ")
        )),
        (false, _) => Err("what answers is no HTTP server".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_200_is_ready() {
        assert!(judge_http("HTTP/1.1 200 OK\r\n\r\nok").is_ok());
        let reason = judge_http("HTTP/1.1 503 Service Unavailable\r\n\r\nno controller\n");
        assert_eq!(reason, Err("/readyz says 503: no controller".to_owned()));
        assert!(judge_http("\0\0\0").is_err());
        assert!(judge_http("").is_err());
    }
}
