//! What a tool said, without what no two brokers have in common: ports, folders, generated ids, today's times, and
//! the blanks that a table is padded with.

use ottla_tests::Finished;

use crate::runs::View;
use crate::side::Side;

/// What is compared of a tool that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    /// Of stdout; of a tool that failed also the exception that it names anywhere.
    pub(crate) lines: Vec<String>,
}

/// What is compared of it.
pub(crate) fn said(finished: &Finished, side: &Side, view: View) -> Said {
    let own = [
        (side.broker.bootstrap(), "ADDRESS"),
        (side.broker.data_folder().display().to_string(), "DATA"),
        (side.folder.path().display().to_string(), "FOLDER"),
        (side.broker.port().to_string(), "PORT"),
    ];
    let mut text = finished.stdout.clone();
    for (name, stand_in) in &own {
        text = text.replace(name, stand_in);
    }
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .map(|line| by_words(&line))
        .collect();
    match view {
        View::Lines => {}
        View::AnyOrder => lines.sort_unstable(),
        View::NoNumbers => lines = lines.iter().map(|line| without_numbers(line)).collect(),
    }
    if finished.code != Some(0) {
        lines.extend(exception(finished).map(|name| format!("blames {name}")));
    }
    Said {
        code: finished.code,
        lines,
    }
}

/// The first exception that is named, of those that have a cause of their own.
pub(crate) fn exception(finished: &Finished) -> Option<String> {
    let Finished { stdout, stderr, .. } = finished;
    [stderr, stdout]
        .iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .find(|word| {
            word.len() > "Exception".len()
                && word.ends_with("Exception")
                && !matches!(*word, "ExecutionException" | "CompletionException")
        })
        .map(str::to_owned)
}

/// Words in which a broker's chance or the clock speaks are replaced.
fn by_words(line: &str) -> String {
    let is_of_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_of_word) {
        let word = &rest[start..];
        let length = word.find(|c| !is_of_word(c)).unwrap_or(word.len());
        text.push_str(&rest[..start]);
        text.push_str(&stand_in(&word[..length]));
        rest = &word[length..];
    }
    text + rest
}

fn stand_in(word: &str) -> String {
    const UUID_CHARS: usize = 36;
    let has = |kind: fn(&char) -> bool| word.chars().any(|c| kind(&c));
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    if word.len() == 13 && is_number && word.starts_with("1") && !word.starts_with("17000000") {
        return "TIME".to_owned();
    }
    // Topic ids and cluster ids: 16 bytes in base64.
    if word.len() == 22 && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) {
        return "ID".to_owned();
    }
    match word.len().checked_sub(UUID_CHARS) {
        Some(at) if is_uuid(&word[at..]) => format!("{}UUID", &word[..at]),
        _ => word.to_owned(),
    }
}

fn is_uuid(word: &str) -> bool {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && word.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// Every number, with its fraction, becomes N.
fn without_numbers(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut is_in_number = false;
    for c in line.chars() {
        if c.is_ascii_digit() {
            if !is_in_number {
                text.push('N');
            }
            is_in_number = true;
        } else if !(is_in_number && c == '.') {
            is_in_number = false;
            text.push(c);
        }
    }
    text
}
