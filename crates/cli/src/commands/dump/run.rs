//! The command.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use ottla_platform::disk::RealDisk;
use ottla_storage::inspect::{FileKind, FoundFrame, Frames, read_boundary, read_index};
use serde_json::{Value, json};

use super::decode::Decode;
use super::files::{self, Found};
use super::{frames, indexes};
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;

/// What the records of one batch may inflate to.
const INFLATED_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Print what lies on disk: batches and raft-only frames, records, indexes; also while a broker runs
///
/// Nothing is written and no broker is asked. A file that is damaged is told of with the position, and the exit
/// status is 1.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla dump ottla-data/orders-0/00000000000000000000.log
  ottla dump ottla-data/orders-0 --records
  ottla dump ottla-data/__consumer_offsets-* --records --json
  ottla dump ottla-data/orders-0/00000000000000000000.raftindex
  ottla dump ottla-data                                   every log there")]
pub(crate) struct Dump {
    /// A segment's .log or one of its index files, a partition's folder, or a data directory
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Print the records too
    #[arg(short, long)]
    records: bool,

    /// What records are taken for, and printed as
    #[arg(
        short,
        long,
        value_name = "WHAT",
        default_value = "auto",
        requires = "records"
    )]
    decode: Decode,

    /// Print a JSON object a frame, with its records in it, or an index entry
    #[arg(long)]
    json: bool,
}

/// A dump under way.
struct Dumping<'a> {
    dump: &'a Dump,
    output: Output,
    progress: Progress,
    has_damage: bool,
}

impl Dump {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut dumping = Dumping {
            dump: &self,
            output: Output::new(),
            // Where the lines themselves are seen nobody needs to be told that there are more.
            progress: Progress::start(io::stdout().is_terminal()),
            has_damage: false,
        };
        for path in &self.paths {
            match files::find(path) {
                Err(error) => dumping.damage(&path.display().to_string(), &error.to_string()),
                Ok(found) if found.is_empty() => {
                    dumping.damage(&path.display().to_string(), "there is no log in it");
                }
                Ok(found) => found.iter().try_for_each(|file| dumping.file(file))?,
            }
        }
        dumping.progress.finish();
        dumping.output.finish()?;
        match dumping.has_damage {
            true => Err(Failure::FailedInParts),
            false => Ok(()),
        }
    }
}

impl Dumping<'_> {
    fn damage(&mut self, file: &str, what: &str) {
        // In order with what is printed of the file.
        let _ = self.output.flush();
        eprintln!("ottla: {file}: {what}");
        self.has_damage = true;
    }

    fn file(&mut self, file: &Found) -> Result<(), Failure> {
        if !self.dump.json {
            self.output.line(&file.path.display().to_string())?;
        }
        match file.kind {
            FileKind::Log => self.log(file),
            FileKind::Boundary => self.boundary(file),
            kind => self.index(file, kind),
        }
    }

    fn log(&mut self, file: &Found) -> Result<(), Failure> {
        let name = file.path.display().to_string();
        let found = match Frames::open(&RealDisk, &file.path, files::counting_bytes(file)) {
            Ok(found) => found,
            Err(error) => {
                self.damage(&name, &error.to_string());
                return Ok(());
            }
        };
        for frame in found {
            match frame {
                Ok(frame) => self.frame(file, &name, &frame)?,
                Err(error) => self.damage(&name, &error.to_string()),
            }
        }
        Ok(())
    }

    fn frame(&mut self, file: &Found, name: &str, found: &FoundFrame) -> Result<(), Failure> {
        self.progress.add(found.frame.size_bytes());
        let mut json = frames::to_json(found);
        if !self.dump.json {
            self.output.line(&frames::line(found))?;
        }
        if let Err(error) = &found.crc {
            self.damage(
                name,
                &format!("the frame at position {}: {error}", found.position),
            );
        } else if self.dump.records {
            let decoder = self.dump.decode.of(&file.folder);
            // Markers of transactions are nobody's records.
            let decoder = decoder.filter(|_| !found.frame.header.attributes.is_control());
            let records = match frames::records(&found.frame, INFLATED_BYTES_MAX) {
                Ok(records) => records,
                Err(error) => {
                    self.damage(
                        name,
                        &format!("the records at position {}: {error}", found.position),
                    );
                    Vec::new()
                }
            };
            let mut told = Vec::new();
            for record in &records {
                let decoded = decoder.map(|decoder| decoder.decode(record)).transpose();
                let decoded = decoded.unwrap_or_else(|error| {
                    self.damage(
                        name,
                        &format!("the record at offset {}: {error}", record.offset),
                    );
                    None
                });
                if self.dump.json {
                    told.push(frames::record_json(record, decoded));
                } else {
                    self.output
                        .line(&frames::record_line(record, decoded.as_ref()))?;
                }
            }
            if !found.frame.is_private() {
                json.insert("data".to_owned(), Value::Array(told));
            }
        }
        if self.dump.json {
            json.insert("file".to_owned(), name.into());
            self.output.json(&json)?;
        }
        Ok(())
    }

    fn index(&mut self, file: &Found, kind: FileKind) -> Result<(), Failure> {
        let name = file.path.display().to_string();
        let entries = match read_index(&RealDisk, &file.path, file.base_offset, kind) {
            Ok(entries) => entries,
            Err(error) => {
                self.damage(&name, &error.to_string());
                return Ok(());
            }
        };
        for entry in &entries {
            if self.dump.json {
                let entry = indexes::to_json(entry);
                self.output.json(&json!({"file": name, "entry": entry}))?;
            } else {
                self.output.line(&indexes::line(entry))?;
            }
        }
        Ok(())
    }

    fn boundary(&mut self, file: &Found) -> Result<(), Failure> {
        let name = file.path.display().to_string();
        match read_boundary(&RealDisk, &file.path) {
            Err(error) => self.damage(&name, &error.to_string()),
            Ok(boundary) if self.dump.json => {
                let boundary = indexes::boundary_json(&boundary);
                self.output
                    .json(&json!({"file": name, "boundary": boundary}))?;
            }
            Ok(boundary) => self.output.line(&indexes::boundary_line(&boundary))?,
        }
        Ok(())
    }
}
