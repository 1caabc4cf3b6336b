//! The syntax of Java properties files, as `server.properties` is written in.
//!
//! It knows lines, comments, separators and escapes; it knows no setting. What it accepts and how it
//! reads it is what `java.util.Properties.load` does:
//!
//! | piece | rule |
//! |---|---|
//! | natural line | ends at LF, CR or CR LF; white space is space, tab and form feed |
//! | comment | `#` or `!` is the first character that is not white space; never continued |
//! | logical line | an odd number of backslashes before the line end joins the next line, without its indent |
//! | key | up to the first `=`, `:` or white space that no backslash precedes |
//! | value | the rest without leading white space; trailing white space belongs to it |
//! | escape | `\t \n \r \f`, `\uXXXX` (one UTF-16 unit); any other backslash just disappears |
//!
//! Three differences, where Java garbles its input: a file that is valid UTF-8 is read as such (Java
//! reads Latin-1 always), a lone surrogate is an error (Java keeps it), and a backslash that is a
//! file's whole last line says nothing (Java makes it an empty key).
//!
//! Invariants: every entry carries the line that its key starts on; a key may repeat, in file order;
//! nothing panics on any input.

use std::borrow::Cow;

/// One `key=value` of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Unescaped; may be empty, as Java allows.
    pub key: String,
    /// Unescaped, trailing white space kept.
    pub value: String,
    /// Counted from one, as editors do.
    pub line: usize,
}

/// Why a file is not a properties file. Only a `\u` escape can be wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// Fewer than four hexadecimal digits follow `\u`.
    #[error("\\u needs four hexadecimal digits after it")]
    BadUnicodeEscape {
        /// Where the entry begins.
        line: usize,
    },
    /// Half of a UTF-16 pair stands alone.
    #[error("\\u{unit:04x} is half of a character: its other half is missing")]
    LoneSurrogate {
        /// Where the entry begins.
        line: usize,
        /// The unit found.
        unit: u16,
    },
}

impl SyntaxError {
    /// The line that the faulty entry begins on.
    pub fn line(&self) -> usize {
        match self {
            SyntaxError::BadUnicodeEscape { line } | SyntaxError::LoneSurrogate { line, .. } => {
                *line
            }
        }
    }
}

/// Reads a whole file.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, SyntaxError> {
    let text = decode(bytes);
    let mut lines = LogicalLines::new(&text);
    let mut entries = Vec::new();
    while let Some((line, text)) = lines.next_line() {
        let (key, value) = split(&text);
        entries.push(Entry {
            key: unescape(key, line)?,
            value: unescape(value, line)?,
            line,
        });
    }
    Ok(entries)
}

/// UTF-8 where it is valid, otherwise Latin-1, in which every byte is a character.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

/// Joins natural lines, still escaped, and skips comments and blank lines.
struct LogicalLines<'a> {
    rest: &'a str,
    /// The number of the natural line that `rest` begins with.
    line: usize,
}

impl<'a> LogicalLines<'a> {
    fn new(text: &'a str) -> Self {
        LogicalLines {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            line: 1,
        }
    }

    fn next_line(&mut self) -> Option<(usize, String)> {
        let mut joined = String::new();
        let mut first = None;
        while let Some((number, natural)) = self.natural_line() {
            let natural = natural.trim_start_matches(is_blank);
            // Java looks for a comment as long as the logical line holds nothing, even after a
            // line that was only a backslash.
            if joined.is_empty() && (natural.is_empty() || natural.starts_with(['#', '!'])) {
                first = None;
                continue;
            }
            let first_line = *first.get_or_insert(number);
            let (part, continues) = strip_continuation(natural);
            joined.push_str(part);
            if !continues && !joined.is_empty() {
                return Some((first_line, joined));
            }
        }
        match first {
            Some(line) if !joined.is_empty() => Some((line, joined)),
            _ => None,
        }
    }

    fn natural_line(&mut self) -> Option<(usize, &'a str)> {
        if self.rest.is_empty() {
            return None;
        }
        let number = self.line;
        self.line += 1;
        let Some(end) = self.rest.find(['\n', '\r']) else {
            return Some((number, std::mem::take(&mut self.rest)));
        };
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest
            .strip_prefix("\r\n")
            .unwrap_or_else(|| rest.get(1..).unwrap_or(""));
        Some((number, line))
    }
}

/// A line without the backslash that continues it, and whether there was one.
fn strip_continuation(line: &str) -> (&str, bool) {
    let backslashes = line.len() - line.trim_end_matches('\\').len();
    match line.strip_suffix('\\') {
        Some(part) if backslashes % 2 == 1 => (part, true),
        _ => (line, false),
    }
}

/// Cuts a logical line into key and value, both still escaped.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|character: char| {
        let separates = !escaped && (matches!(character, '=' | ':') || is_blank(character));
        escaped = character == '\\' && !escaped;
        separates
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(is_blank))
}

fn unescape(text: &str, line: usize) -> Result<String, SyntaxError> {
    if !text.contains('\\') {
        return Ok(text.to_owned());
    }
    let mut units = Vec::with_capacity(text.len());
    let mut buffer = [0; 2];
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            units.extend_from_slice(character.encode_utf16(&mut buffer));
            continue;
        }
        // A backslash at the very end can only be that of a file's last, continued line.
        let Some(escaped) = characters.next() else {
            break;
        };
        match escaped {
            't' => units.push(u16::from(b'\t')),
            'n' => units.push(u16::from(b'\n')),
            'r' => units.push(u16::from(b'\r')),
            'f' => units.push(0x0c),
            'u' => units.push(unit(&mut characters, line)?),
            other => units.extend_from_slice(other.encode_utf16(&mut buffer)),
        }
    }
    char::decode_utf16(units)
        .collect::<Result<String, _>>()
        .map_err(|error| SyntaxError::LoneSurrogate {
            line,
            unit: error.unpaired_surrogate(),
        })
}

/// The four digits of a `\u` escape.
fn unit(characters: &mut std::str::Chars<'_>, line: usize) -> Result<u16, SyntaxError> {
    (0..4).try_fold(0, |unit: u16, _| {
        characters
            .next()
            .and_then(|digit| digit.to_digit(16))
            .and_then(|digit| u16::try_from(digit).ok())
            .map(|digit| unit << 4 | digit)
            .ok_or(SyntaxError::BadUnicodeEscape { line })
    })
}

#[cfg(test)]
mod tests;
