//! Requests by API: how many, how large, how long, and which errors they were answered with.
//!
//! The labels are the APIs of the protocol's table and Kafka's error codes, so that no client can
//! add one. Everything is allocated at the start; a request costs a few relaxed additions.

use std::time::Duration;

use ottla_protocol::api::SERVED;
use ottla_protocol::error::ErrorCode;

use super::counter::Counter;
use super::histogram::Histogram;
use super::page::{Page, Type};

/// Error codes reach from -1; a larger one than this counts as -1, which is UNKNOWN_SERVER_ERROR.
const CODES: usize = 160;

/// Counters of all APIs.
#[derive(Debug)]
pub struct RequestMetrics {
    /// In the order of the table, with one more for keys that are not in it.
    apis: Vec<Api>,
}

#[derive(Debug)]
struct Api {
    key: Option<i16>,
    name: &'static str,
    request_bytes: Counter,
    response_bytes: Counter,
    seconds: Histogram,
    /// By error code plus one.
    errors: Box<[Counter]>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let served = SERVED
            .iter()
            .map(|spec| Api::new(Some(spec.key.code()), spec.name));
        RequestMetrics {
            apis: served.chain([Api::new(None, "other")]).collect(),
        }
    }
}

impl Api {
    fn new(key: Option<i16>, name: &'static str) -> Api {
        Api {
            key,
            name,
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            seconds: Histogram::default(),
            errors: (0..CODES).map(|_| Counter::default()).collect(),
        }
    }
}

impl RequestMetrics {
    /// A request is done: answered, or carried out where no answer is wanted. The time runs from the
    /// last byte of the request; the sizes are those of whole frames.
    pub fn finished(
        &self,
        api_key: i16,
        elapsed: Duration,
        request_bytes: usize,
        response_bytes: usize,
    ) {
        let api = self.api(api_key);
        api.seconds.observe(elapsed);
        api.request_bytes.add(request_bytes as u64);
        api.response_bytes.add(response_bytes as u64);
    }

    /// An answer holds this error, in whichever of its parts; no error is none.
    pub fn error(&self, api_key: i16, code: i16) {
        if code != 0 {
            let errors = &self.api(api_key).errors;
            let slot = usize::try_from(i32::from(code) + 1).unwrap_or(0);
            errors.get(slot).unwrap_or(&errors[0]).increment();
        }
    }

    fn api(&self, key: i16) -> &Api {
        let other = self.apis.len() - 1;
        let at = self.apis[..other]
            .binary_search_by_key(&Some(key), |api| api.key)
            .unwrap_or(other);
        &self.apis[at]
    }

    pub(super) fn write(&self, page: &mut Page) {
        let counts: Vec<_> = self.apis.iter().map(|api| api.seconds.snapshot()).collect();
        let mut family = page.family(
            "ottla_requests_total",
            Type::Counter,
            "Requests done, by API.",
        );
        for (api, snapshot) in self.apis.iter().zip(&counts) {
            family.sample(&[("api", api.name)], snapshot.counts.iter().sum::<u64>());
        }
        let mut family = page.family(
            "ottla_request_bytes_total",
            Type::Counter,
            "Bytes of requests done, by API.",
        );
        for api in &self.apis {
            family.sample(&[("api", api.name)], api.request_bytes.get());
        }
        let mut family = page.family(
            "ottla_response_bytes_total",
            Type::Counter,
            "Bytes of answers, by API.",
        );
        for api in &self.apis {
            family.sample(&[("api", api.name)], api.response_bytes.get());
        }
        self.write_errors(page);
        let mut family = page.family(
            "ottla_request_seconds",
            Type::Histogram,
            "Time from a whole request to its answer, by API; a fetch may wait for records in it.",
        );
        for (api, snapshot) in self.apis.iter().zip(&counts) {
            // Most APIs are never called; their buckets would be most of the page.
            if snapshot.counts.iter().any(|count| *count > 0) {
                family.histogram(&[("api", api.name)], snapshot);
            }
        }
    }

    fn write_errors(&self, page: &mut Page) {
        let mut family = page.family(
            "ottla_request_errors_total",
            Type::Counter,
            "Errors in answers, by API and error; one answer can hold many.",
        );
        for api in &self.apis {
            for (code, count) in (-1_i16..).zip(api.errors.iter().map(Counter::get)) {
                if count > 0 {
                    let error = ErrorCode::from_code(code).name();
                    family.sample(&[("api", api.name), ("error", error)], count);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::exposition::parse;

    fn page(requests: &RequestMetrics) -> Vec<(String, f64)> {
        let mut page = Page::default();
        requests.write(&mut page);
        parse(&page.into_text())
    }

    fn check(requests: &RequestMetrics, series: &str, expected: Option<f64>) {
        let samples = page(requests);
        let found = samples.iter().find(|(name, _)| name == series);
        assert_eq!(found.map(|(_, value)| *value), expected, "{series}");
    }

    #[test]
    fn every_api_is_there_from_the_start() {
        let requests = RequestMetrics::default();
        for spec in SERVED {
            check(
                &requests,
                &format!("ottla_requests_total{{api=\"{}\"}}", spec.name),
                Some(0.0),
            );
        }
        assert!(SERVED.is_sorted_by_key(|spec| spec.key.code()));
    }

    #[test]
    fn requests_count_under_their_api() {
        let requests = RequestMetrics::default();
        requests.finished(1, Duration::from_millis(20), 100, 5000);
        requests.finished(1, Duration::from_millis(30), 100, 0);
        check(&requests, "ottla_requests_total{api=\"Fetch\"}", Some(2.0));
        check(
            &requests,
            "ottla_requests_total{api=\"Produce\"}",
            Some(0.0),
        );
        check(
            &requests,
            "ottla_request_bytes_total{api=\"Fetch\"}",
            Some(200.0),
        );
        check(
            &requests,
            "ottla_response_bytes_total{api=\"Fetch\"}",
            Some(5000.0),
        );
        check(
            &requests,
            "ottla_request_seconds_bucket{api=\"Fetch\",le=\"0.025\"}",
            Some(1.0),
        );
        check(
            &requests,
            "ottla_request_seconds_count{api=\"Fetch\"}",
            Some(2.0),
        );
        check(
            &requests,
            "ottla_request_seconds_count{api=\"Produce\"}",
            None,
        );
    }

    #[test]
    fn errors_are_called_by_kafkas_names() {
        let requests = RequestMetrics::default();
        requests.error(0, 6);
        requests.error(0, 6);
        requests.error(0, -1);
        requests.error(0, 0);
        let series =
            |error| format!("ottla_request_errors_total{{api=\"Produce\",error=\"{error}\"}}");
        check(&requests, &series("NOT_LEADER_OR_FOLLOWER"), Some(2.0));
        check(&requests, &series("UNKNOWN_SERVER_ERROR"), Some(1.0));
        check(&requests, &series("NONE"), None);
    }

    #[test]
    fn no_key_or_code_adds_a_label() {
        let requests = RequestMetrics::default();
        for wild in [i16::MIN, -2, 999, i16::MAX] {
            requests.finished(wild, Duration::ZERO, 1, 1);
            requests.error(wild, wild);
        }
        check(&requests, "ottla_requests_total{api=\"other\"}", Some(4.0));
        let error = "ottla_request_errors_total{api=\"other\",error=\"UNKNOWN_SERVER_ERROR\"}";
        check(&requests, error, Some(4.0));
    }
}
