//! What the Java consumer found in each partition, as its program `ReadBack` prints it.

use ottla_tests::{Broker, Tool};

use crate::{Options, TOPIC, WITHIN, measured};

/// One partition as the Java consumer read it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ReadBack {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) gaps: u64,
    pub(crate) crc32c: u32,
}

/// Has the Java consumer read everything, and fails unless the records are all there, without gaps.
pub(crate) fn read_back(broker: &Broker, options: &Options) -> Result<Vec<ReadBack>, String> {
    let reader = Tool::java("ReadBack")
        .args([&broker.bootstrap(), TOPIC])
        .within(WITHIN);
    let finished = measured("consumed by Java", broker, options.gib, || reader.succeed())?;
    print!("{}", finished.stdout);
    let partitions: Vec<ReadBack> = finished.lines().into_iter().map(parse).collect();
    let records: u64 = partitions.iter().map(|partition| partition.records).sum();
    let gaps: u64 = partitions.iter().map(|partition| partition.gaps).sum();
    if (records, gaps) != (options.record_count(), 0) {
        return Err(format!(
            "{} records were produced; {records} came back, with {gaps} gaps",
            options.record_count()
        ));
    }
    println!("{records} records came back, without gaps");
    Ok(partitions)
}

fn parse(line: &str) -> ReadBack {
    let mut partition = ReadBack::default();
    for field in line.split(' ') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let number = || {
            value
                .parse()
                .unwrap_or_else(|_| panic!("{field:?} in {line:?}"))
        };
        match name {
            "records" => partition.records = number(),
            "bytes" => partition.bytes = number(),
            "gaps" => partition.gaps = number(),
            "crc32c" => {
                let checksum = u32::from_str_radix(value, 16);
                partition.crc32c = checksum.unwrap_or_else(|_| panic!("{field:?} in {line:?}"));
            }
            _ => {}
        }
    }
    partition
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_java_program_is_read() {
        let line = "partition=0 first=0 next=10 records=10 bytes=20 gaps=1 crc32c=00ff00ff";
        let expected = ReadBack {
            records: 10,
            bytes: 20,
            gaps: 1,
            crc32c: 0x00ff_00ff,
        };
        assert_eq!(parse(line), expected);
    }
}
