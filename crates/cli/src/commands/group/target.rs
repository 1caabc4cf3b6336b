//! Where a reset moves a group to in one partition. Pure; the rules are those of Kafka's kafka-consumer-groups.

use std::time::Duration;

use ottla_client::OffsetSpec;

use crate::moments::parse_moment;

/// Where to, as flags say it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    Earliest,
    Latest,
    Offset(i64),
    /// As written behind the `@`.
    Moment(String),
    ShiftBy(i64),
    ByDuration(Duration),
}

/// Reads what `--to` may say.
pub(super) fn parse_to(text: &str) -> Result<Target, String> {
    match text {
        "earliest" => return Ok(Target::Earliest),
        "latest" => return Ok(Target::Latest),
        _ => {}
    }
    if let Some(moment) = text.strip_prefix('@') {
        // What time it is now does not matter to whether this is a moment.
        return parse_moment(moment, 0).map(|_| Target::Moment(moment.to_owned()));
    }
    let offset = text.parse::<i64>().ok().filter(|&offset| offset >= 0);
    offset.map(Target::Offset).ok_or_else(|| {
        format!("\"{text}\" is not earliest, latest, an offset, or @ and a moment such as @2026-11-23T10:00:00Z or @-2h")
    })
}

/// What is known of a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) committed: Option<i64>,
    /// The first offset at or after the moment asked about, if it was asked and is there.
    pub(super) at_moment: Option<i64>,
}

/// A decision about a partition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Decision {
    pub(super) offset: i64,
    /// Why it is another offset than was asked for.
    pub(super) warning: Option<String>,
}

impl Target {
    /// The moment that leaders have to be asked about, in the form of ListOffsets.
    pub(super) fn moment(&self, now_ms: i64) -> Result<Option<OffsetSpec>, String> {
        let ms = match self {
            Target::Moment(text) => parse_moment(text, now_ms)?,
            Target::ByDuration(span) => {
                let span_ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
                now_ms.saturating_sub(span_ms).max(0)
            }
            Target::Earliest | Target::Latest | Target::Offset(_) | Target::ShiftBy(_) => {
                return Ok(None);
            }
        };
        Ok(Some(OffsetSpec::Timestamp(ms)))
    }

    /// The offset to commit.
    pub(super) fn decide(&self, known: Known) -> Result<Decision, String> {
        let plain = |offset| Decision {
            offset,
            warning: None,
        };
        match self {
            Target::Earliest => Ok(plain(known.start)),
            Target::Latest => Ok(plain(known.end)),
            Target::Offset(offset) => Ok(within(known, *offset)),
            Target::ShiftBy(by) => {
                let committed = known
                    .committed
                    .ok_or("there is no committed offset to shift")?;
                Ok(within(known, committed.saturating_add(*by)))
            }
            Target::Moment(_) | Target::ByDuration(_) => Ok(match known.at_moment {
                Some(offset) => plain(offset),
                None => Decision {
                    offset: known.end,
                    warning: Some("no record is that young: its end is taken".to_owned()),
                },
            }),
        }
    }
}

/// An offset that the log has: the nearest to the one wanted.
fn within(known: Known, wanted: i64) -> Decision {
    let offset = wanted.clamp(known.start, known.end.max(known.start));
    let warning = (offset != wanted).then(|| {
        let (start, end) = (known.start, known.end);
        format!("offset {wanted} lies outside of the log ({start} to {end}): {offset} is taken")
    });
    Decision { offset, warning }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known {
        start: 10,
        end: 20,
        committed: Some(15),
        at_moment: Some(17),
    };

    fn offset(target: &Target) -> (i64, bool) {
        let decision = target.decide(KNOWN).unwrap();
        (decision.offset, decision.warning.is_some())
    }

    #[test]
    fn offsets_are_kept_within_the_log_with_a_warning() {
        for (target, expected) in [
            (Target::Earliest, (10, false)),
            (Target::Latest, (20, false)),
            (Target::Offset(12), (12, false)),
            (Target::Offset(20), (20, false)),
            (Target::Offset(3), (10, true)),
            (Target::Offset(300), (20, true)),
            (Target::ShiftBy(-2), (13, false)),
            (Target::ShiftBy(-9), (10, true)),
            (Target::ShiftBy(i64::MAX), (20, true)),
            (Target::Moment("0".to_owned()), (17, false)),
        ] {
            assert_eq!(offset(&target), expected, "{target:?}");
        }
    }

    #[test]
    fn a_moment_behind_all_records_is_the_end_and_a_shift_needs_an_offset() {
        let known = Known {
            committed: None,
            at_moment: None,
            ..KNOWN
        };
        let decision = Target::ByDuration(Duration::from_secs(1))
            .decide(known)
            .unwrap();
        assert!(decision.offset == 20 && decision.warning.is_some());
        assert!(Target::ShiftBy(1).decide(known).is_err());
    }

    #[test]
    fn targets_are_read_in_each_form() {
        assert_eq!(parse_to("earliest"), Ok(Target::Earliest));
        assert_eq!(parse_to("latest"), Ok(Target::Latest));
        assert_eq!(parse_to("42"), Ok(Target::Offset(42)));
        assert_eq!(parse_to("@-2h"), Ok(Target::Moment("-2h".to_owned())));
        for wrong in ["", "-1", "@", "@noon", "soon"] {
            assert!(parse_to(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_and_moments_are_asked_about_and_nothing_else() {
        let moment = |target: Target| target.moment(10_000).unwrap();
        let asked = |ms| Some(OffsetSpec::Timestamp(ms));
        assert_eq!(moment(Target::Moment("-1s".to_owned())), asked(9_000));
        assert_eq!(
            moment(Target::ByDuration(Duration::from_secs(99))),
            asked(0)
        );
        assert_eq!(moment(Target::ShiftBy(1)), None);
    }
}
