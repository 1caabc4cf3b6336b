//! Moments as people write them: `2026-11-23T10:00:00Z` (RFC 3339), `2026-11-23`, milliseconds since the epoch, or
//! a span of time ago: `-2h`.

use crate::durations::parse_duration;

const DAY_MS: i64 = 86_400_000;

/// Reads a moment as milliseconds since the epoch, given what time it is.
pub(crate) fn parse_moment(text: &str, now_ms: i64) -> Result<i64, String> {
    if let Some(span) = text.strip_prefix('-') {
        let ago = parse_duration(span)?;
        return Ok(now_ms
            .saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX))
            .max(0));
    }
    if let Ok(ms) = text.parse::<u64>() {
        return i64::try_from(ms).map_err(|_| format!("\"{text}\" is too far in the future"));
    }
    rfc3339(text).ok_or_else(|| {
        format!("\"{text}\" is not a moment such as 2026-11-23T10:00:00Z, 2026-11-23, -2h, or milliseconds since 1970")
    })
}

/// A date, or a date and a time with a zone.
fn rfc3339(text: &str) -> Option<i64> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let midnight = days_since_epoch(date)?.checked_mul(DAY_MS)?;
    let in_day = time.map_or(Some(0), time_of_day)?;
    midnight.checked_add(in_day)
}

fn days_since_epoch(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if parts.next().is_some()
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
    {
        return None;
    }
    // Years begin in March here, so that the leap day is the last one of a year.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days_before_month = (153 * month + 2) / 5;
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + days_before_month
        + day
        - 1;
    /// From 0000-03-01 to 1970-01-01.
    const EPOCH: i64 = 719_468;
    Some(days - EPOCH)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Hours, minutes, seconds, perhaps a fraction, and the zone: milliseconds of the day in UTC.
fn time_of_day(time: &str) -> Option<i64> {
    let zone_at = time.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = time.split_at(zone_at);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || fraction.is_empty() {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let ms: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + ms;
    Some(of_day - zone_ms(zone)?)
}

fn zone_ms(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hour, minute) = zone.get(1..)?.split_once(':')?;
    let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
    (hour < 24 && minute < 60).then_some(sign * (hour * 60 + minute) * 60_000)
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000_000;

    #[test]
    fn moments_are_read_in_each_form() {
        for (text, ms) in [
            ("1970-01-01", 0),
            ("1970-01-01T00:00:00Z", 0),
            ("2001-09-09T01:46:40Z", NOW),
            ("2001-09-09T03:46:40.25+02:00", NOW + 250),
            ("2001-09-08t23:46:40.1239-02:00", NOW + 123),
            ("2000-02-29 12:00Z", 951_825_600_000),
            ("1969-12-31T23:59:59Z", -1000),
            ("2024-03-01", 1_709_251_200_000),
            ("12345", 12_345),
            ("-2h", NOW - 7_200_000),
        ] {
            assert_eq!(parse_moment(text, NOW), Ok(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "noon",
            "2026-13-01",
            "2026-02-29",
            "2026-00-10",
            "2026-1-1",
            "2026-11-23T10:00:00",
            "2026-11-23T25:00Z",
            "2026-11-23T10:60Z",
            "2026-11-23T10:00+5",
            "2026-11-23T10:00:00.Z",
            "2026-11-23T10:00:00.x1Z",
            "-",
            "-2y",
            "2026-11-23-01",
            "99999999999999999999",
        ] {
            assert!(parse_moment(text, NOW).is_err(), "{text}");
        }
    }
}
