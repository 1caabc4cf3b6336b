use ottla_platform::net::connect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::http::Health;
use crate::metrics::Metrics;
use crate::metrics::exposition::parse;

struct Server {
    port: u16,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start() -> Server {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, stopped) = oneshot::channel();
        let (health, metrics) = (Arc::new(Health::starting()), Arc::new(Metrics::new()));
        let pages = Pages {
            metrics: Arc::clone(&metrics),
            health: Arc::clone(&health),
        };
        let serving = tokio::spawn(serve(listener, pages, async {
            let _ = stopped.await;
        }));
        Server {
            port,
            health,
            metrics,
            stop,
            serving,
        }
    }

    /// Sends these bytes on a connection of their own and reads until its end.
    async fn exchange(&self, request: &str) -> String {
        let mut stream = connect("127.0.0.1", self.port).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        response
    }

    /// The status and body of one request.
    async fn request(&self, method: &str, path: &str) -> (u16, String) {
        let request = format!("{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        let response = self.exchange(&request).await;
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    async fn check(&self, method: &str, path: &str, status: u16, body: &str) {
        let expected = (status, body.to_owned());
        assert_eq!(
            self.request(method, path).await,
            expected,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn probes_say_how_the_node_is() {
    let server = Server::start().await;
    server.check("GET", "/livez", 200, "ok\n").await;
    server.check("GET", "/readyz", 503, "starting\n").await;
    server.health.ready();
    server.check("GET", "/readyz", 200, "ok\n").await;
    server.check("GET", "/readyz?verbose", 200, "ok\n").await;
    server.check("HEAD", "/readyz", 200, "").await;
    server.health.dead("the disk failed");
    server
        .check("GET", "/livez", 503, "the disk failed\n")
        .await;
    server
        .check("GET", "/readyz", 503, "the disk failed\n")
        .await;
}

#[tokio::test]
async fn metrics_are_what_a_scraper_reads() {
    let server = Server::start().await;
    server.metrics.network.opened();
    let (status, body) = server.request("GET", "/metrics").await;
    assert_eq!(status, 200);
    assert!(parse(&body).contains(&("ottla_connections".to_owned(), 1.0)));
    let head = server
        .exchange("HEAD /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        .await;
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(head.ends_with("\r\n\r\n"), "no body: {head}");
}

#[tokio::test]
async fn only_reading_known_pages_is_possible() {
    let server = Server::start().await;
    let (status, index) = server.request("GET", "/").await;
    assert_eq!(status, 200);
    for path in ["/metrics", "/livez", "/readyz"] {
        assert!(index.contains(path), "{index}");
    }
    server
        .check("GET", "/other", 404, "there is no such page\n")
        .await;
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let refusal = "only GET and HEAD are served here\n";
        server.check(method, "/metrics", 405, refusal).await;
    }
}

#[tokio::test]
async fn what_is_no_request_ends_the_connection() {
    let server = Server::start().await;
    let response = server.exchange("\0\x01\x02 nonsense\r\n\r\n").await;
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    let long = format!("GET / HTTP/1.1\r\na: {}", "x".repeat(REQUEST_BYTES_MAX));
    let response = server.exchange(&long).await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
    server.check("GET", "/livez", 200, "ok\n").await;
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let server = Server::start().await;
    let request = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    let last = "GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let responses = server.exchange(&[request, request, last].concat()).await;
    assert_eq!(responses.matches("HTTP/1.1 200 OK").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_let_go() {
    let server = Server::start().await;
    assert_eq!(server.exchange("").await, "");
    let half = server.exchange("GET /livez HTTP/1.1\r\n").await;
    assert!(!half.contains("200"), "{half}");
}

#[tokio::test]
async fn more_connections_than_places_wait_for_one() {
    let server = Server::start().await;
    let request = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = connect("127.0.0.1", server.port).await.unwrap();
        stream.write_all(request).await.unwrap();
        stream.read_u8().await.unwrap();
        held.push(stream);
    }
    let waiting = server.check("GET", "/livez", 200, "ok\n");
    let (_, ()) = tokio::join!(waiting, async { drop(held.pop()) });
}

#[tokio::test]
async fn stopping_closes_idle_connections_and_the_port() {
    let server = Server::start().await;
    let mut idle = connect("127.0.0.1", server.port).await.unwrap();
    let request = b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    idle.write_all(request).await.unwrap();
    idle.read_u8().await.unwrap();
    server.stop.send(()).unwrap();
    server.serving.await.unwrap();
    let mut rest = String::new();
    idle.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("ok\n"));
    assert!(connect("127.0.0.1", server.port).await.is_err());
}
