//! A line to a record.

/// How a line is read.
#[derive(Debug, Default)]
pub(super) struct LineFormat {
    /// What stands between key and value; `None` if there is no key.
    pub(super) key_separator: Option<String>,
    /// The text that means null, for keys and values.
    pub(super) null: Option<String>,
}

/// Key and value, either of which may be null.
pub(super) type KeyAndValue<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// A line without the key it should have.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("there is no key separator in it")]
pub(super) struct NoKey;

impl LineFormat {
    /// Key and value of a line.
    pub(super) fn split<'a>(&self, line: &'a [u8]) -> Result<KeyAndValue<'a>, NoKey> {
        let Some(separator) = &self.key_separator else {
            return Ok((None, self.unless_null(line)));
        };
        let separator = separator.as_bytes();
        let at = line
            .windows(separator.len())
            .position(|window| window == separator)
            .ok_or(NoKey)?;
        let (key, rest) = line.split_at(at);
        Ok((
            self.unless_null(key),
            self.unless_null(&rest[separator.len()..]),
        ))
    }

    fn unless_null<'a>(&self, field: &'a [u8]) -> Option<&'a [u8]> {
        match &self.null {
            Some(null) if field == null.as_bytes() => None,
            _ => Some(field),
        }
    }
}

/// Reads a header as the flag has it.
pub(super) fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("\"{text}\" is not NAME=VALUE")),
    }
}

/// Reads a separator, in which `\t` stands for a tab.
pub(super) fn parse_separator(text: &str) -> Result<String, String> {
    match text {
        "" => Err("a separator cannot be empty".to_owned()),
        text => Ok(text.replace("\\t", "\t")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_separator_the_line_is_the_value() {
        let format = LineFormat::default();
        assert_eq!(format.split(b"a:b"), Ok((None, Some(&b"a:b"[..]))));
        assert_eq!(format.split(b""), Ok((None, Some(&b""[..]))));
    }

    #[test]
    fn the_first_separator_counts_and_must_be_there() {
        let format = LineFormat {
            key_separator: Some("::".to_owned()),
            null: None,
        };
        assert_eq!(
            format.split(b"k::v::w"),
            Ok((Some(&b"k"[..]), Some(&b"v::w"[..])))
        );
        assert_eq!(format.split(b"k:v"), Err(NoKey));
    }

    #[test]
    fn the_null_text_is_null_in_both_places() {
        let format = LineFormat {
            key_separator: Some(":".to_owned()),
            null: Some("NULL".to_owned()),
        };
        assert_eq!(format.split(b"NULL:NULL"), Ok((None, None)));
        assert_eq!(
            format.split(b"k:null"),
            Ok((Some(&b"k"[..]), Some(&b"null"[..])))
        );
    }

    #[test]
    fn a_tab_can_be_written() {
        assert_eq!(parse_separator("\\t"), Ok("\t".to_owned()));
        assert!(parse_separator("").is_err());
    }
}
