//! Spans of time as people write them: `500ms`, `5s`, `10m`, `2h`, `7d`; a bare number is seconds.

use std::time::Duration;

/// Reads a span of time.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let number_ends = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(number_ends);
    let count: u64 = number.parse().map_err(|_| {
        format!("\"{text}\" is not a span of time such as 500ms, 5s, 10m, 2h or 7d")
    })?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        other => {
            return Err(format!(
                "\"{other}\" is not a unit of time: ms, s, m, h and d are"
            ));
        }
    };
    let ms = count
        .checked_mul(unit_ms)
        .ok_or_else(|| format!("\"{text}\" is too long"))?;
    Ok(Duration::from_millis(ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_units_and_seconds_need_none() {
        for (text, ms) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("5", 5_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(ms)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in [
            "",
            "s",
            "-1s",
            "1.5s",
            "5 s",
            "5y",
            "99999999999999999999d",
            "999999999999999999d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
