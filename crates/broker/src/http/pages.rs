//! The answer to each request. Pure: a method and a path in, a response out.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::health::Health;
use crate::metrics::Metrics;

/// What the pages show.
#[derive(Clone, Debug)]
pub struct Pages {
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// For `/livez` and `/readyz`.
    pub health: Arc<Health>,
}

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const INDEX: &str = "\
ottla

/metrics  counters and gauges in the text format of Prometheus
/livez    200 while the process works, 503 when only a restart helps
/readyz   200 while clients are served, 503 with the reason otherwise
";

impl Pages {
    /// Answers a request; of one for HEAD the body is not sent.
    pub(super) fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            let refusal = "only GET and HEAD are served here\n";
            let mut response = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, refusal);
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        match path {
            "/" => page(StatusCode::OK, TEXT, INDEX),
            "/metrics" => page(StatusCode::OK, METRICS, self.metrics.render()),
            "/livez" => probe(self.health.liveness()),
            "/readyz" => probe(self.health.readiness()),
            _ => page(StatusCode::NOT_FOUND, TEXT, "there is no such page\n"),
        }
    }
}

fn probe(state: Result<(), String>) -> Response<Full<Bytes>> {
    match state {
        Ok(()) => page(StatusCode::OK, TEXT, "ok\n"),
        Err(reason) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{reason}\n")),
    }
}

fn page(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
