//! Where reading begins, as people say it.

use ottla_client::StartFrom;

use crate::moments::parse_moment;

/// What `--from` says; relative moments are resolved when it is known what time it is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum From {
    Earliest,
    Latest,
    Moment(String),
}

/// Reads what `--from` says.
pub(super) fn parse_from(text: &str) -> Result<From, String> {
    match text {
        "earliest" | "beginning" => Ok(From::Earliest),
        "latest" | "end" => Ok(From::Latest),
        // Whether it is a moment does not depend on what time it is.
        moment => parse_moment(moment, i64::MAX)
            .map(|_| From::Moment(moment.to_owned()))
            .map_err(|error| format!("{error}; earliest and latest are known too")),
    }
}

impl From {
    /// The same for the consumer.
    pub(super) fn resolve(&self, now_ms: i64) -> Result<StartFrom, String> {
        Ok(match self {
            From::Earliest => StartFrom::Earliest,
            From::Latest => StartFrom::Latest,
            From::Moment(moment) => StartFrom::Timestamp(parse_moment(moment, now_ms)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_moments_are_known() {
        let resolve = |text| parse_from(text).unwrap().resolve(10_000).unwrap();
        assert_eq!(resolve("earliest"), StartFrom::Earliest);
        assert_eq!(resolve("latest"), StartFrom::Latest);
        assert_eq!(resolve("-4s"), StartFrom::Timestamp(6_000));
        assert_eq!(resolve("1970-01-01T00:00:01Z"), StartFrom::Timestamp(1_000));
        assert!(parse_from("yesterday").is_err());
    }
}
