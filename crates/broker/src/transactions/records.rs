//! The records of transactional ids, in Kafka's schemas of `__transaction_state`.

use ottla_transactions::machine::Transactions;
use ottla_transactions::record::{self, Record};

use crate::shard::{Entry, Logged, Undecodable};

impl Logged for Transactions {
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
