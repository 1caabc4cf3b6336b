//! The records of consumer groups, in Kafka's schemas of `__consumer_offsets`.

use ottla_coordinator::machine::Groups;
use ottla_coordinator::record::{self, Record};

use crate::shard::{Entry, Logged, Undecodable};

impl Logged for Groups {
    fn encode(record: &Record) -> Entry {
        let encoded = record::encode(record);
        Entry {
            key: Some(encoded.key),
            value: encoded.value,
        }
    }

    fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Option<Record>, Undecodable> {
        record::decode(key.unwrap_or_default(), value)
            .map_err(|error| Undecodable(error.to_string()))
    }
}
