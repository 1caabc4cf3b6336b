//! Input to lines, read by a thread of its own, because reading a terminal blocks.
//!
//! Lines come in the packs in which they were read: many at once from a file, one from a person who types. A line
//! ends at LF or CR LF; the last one may lack it.

use std::io::{self, Read};

use tokio::sync::mpsc;

/// The longest line taken. Brokers refuse records long before.
const LINE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Read at once.
const READ_BYTES: usize = 256 * 1024;
/// Packs read ahead.
const PACKS_MAX: usize = 4;

/// Some lines, one after the other in one buffer.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Pack {
    bytes: Vec<u8>,
    /// Where each line ends in `bytes`; the next begins there.
    ends: Vec<usize>,
}

impl Pack {
    /// The lines, without their ends.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.bytes[start..end])
    }

    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }
}

/// Starts reading. The last pack is followed by an error if there was one.
pub(super) fn read(source: impl Read + Send + 'static) -> mpsc::Receiver<io::Result<Pack>> {
    let (sender, receiver) = mpsc::channel(PACKS_MAX);
    std::thread::spawn(move || {
        let mut splitter = Splitter::new(source);
        while let Some(pack) = splitter.next_pack().transpose() {
            let is_end = pack.is_err();
            // A receiver that is gone wants no more.
            if sender.blocking_send(pack).is_err() || is_end {
                return;
            }
        }
    });
    receiver
}

/// Cuts a stream into lines.
struct Splitter<R> {
    source: R,
    /// Bytes of a line whose end has not been read.
    rest: Vec<u8>,
    buffer: Vec<u8>,
}

impl<R: Read> Splitter<R> {
    fn new(source: R) -> Self {
        Splitter {
            source,
            rest: Vec::new(),
            buffer: vec![0; READ_BYTES],
        }
    }

    /// The lines that end in the next bytes read, at least one; `None` at the end of the input.
    fn next_pack(&mut self) -> io::Result<Option<Pack>> {
        loop {
            let count = match self.source.read(&mut self.buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if count == 0 {
                return Ok(self.last_line());
            }
            let mut pack = Pack::default();
            let mut new = &self.buffer[..count];
            while let Some(end) = new.iter().position(|&byte| byte == b'\n') {
                self.rest.extend_from_slice(&new[..end]);
                pack.push(without_return(&self.rest));
                self.rest.clear();
                new = &new[end + 1..];
            }
            self.rest.extend_from_slice(new);
            if self.rest.len() > LINE_BYTES_MAX {
                return Err(io::Error::other(format!(
                    "a line is longer than {LINE_BYTES_MAX} bytes"
                )));
            }
            if !pack.ends.is_empty() {
                return Ok(Some(pack));
            }
        }
    }

    fn last_line(&mut self) -> Option<Pack> {
        let line = std::mem::take(&mut self.rest);
        let mut pack = Pack::default();
        pack.push(without_return(&line));
        (!line.is_empty()).then_some(pack)
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives its bytes a few at a time.
    struct Trickle(Vec<u8>, usize);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    fn lines(text: &str, at_once: usize) -> Vec<String> {
        let mut splitter = Splitter::new(Trickle(text.into(), at_once));
        let mut lines = Vec::new();
        while let Some(pack) = splitter.next_pack().unwrap() {
            lines.extend(
                pack.lines()
                    .map(|line| String::from_utf8(line.to_vec()).unwrap()),
            );
        }
        lines
    }

    #[test]
    fn lines_come_whole_however_the_input_is_cut() {
        for at_once in 1..10 {
            assert_eq!(
                lines("one\n\ntwo\r\nthree", at_once),
                ["one", "", "two", "three"]
            );
            assert_eq!(lines("a\n", at_once), ["a"]);
            assert!(lines("", at_once).is_empty());
        }
    }

    #[test]
    fn an_error_comes_after_the_lines_before_it() {
        struct Broken(bool);
        impl Read for Broken {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(io::Error::other("gone"));
                }
                buffer[..4].copy_from_slice(b"a\nb\n");
                Ok(4)
            }
        }
        let mut packs = read(Broken(false));
        let first = packs.blocking_recv().unwrap().unwrap();
        assert_eq!(first.lines().collect::<Vec<_>>(), [b"a", b"b"]);
        assert!(packs.blocking_recv().unwrap().is_err());
        assert!(packs.blocking_recv().is_none());
    }
}
