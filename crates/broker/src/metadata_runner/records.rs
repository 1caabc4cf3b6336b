//! The metadata's records: a value in Kafka's frame, without a key.

use ottla_metadata::machine::Metadata;
use ottla_metadata::record;

use crate::shard::{Entry, Logged, Undecodable};

impl Logged for Metadata {
    fn encode(record: &record::Record) -> Entry {
        Entry {
            key: None,
            value: Some(record::encode(record).to_vec()),
        }
    }

    fn decode(
        _key: Option<&[u8]>,
        value: Option<&[u8]>,
    ) -> Result<Option<record::Record>, Undecodable> {
        let value = value.ok_or_else(|| Undecodable("it is empty".to_owned()))?;
        record::decode(value)
            .map(Some)
            .map_err(|error| Undecodable(error.to_string()))
    }
}
