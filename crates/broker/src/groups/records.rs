//! The records of consumer groups, in Kafka's schemas of `__consumer_offsets`.

use ottla_coordinator::machine::Groups;
use ottla_coordinator::record::{self, Record, TransactionalProducer, in_transaction};

use crate::shard::{Entry, Envelope, Logged, Undecodable};

impl Logged for Groups {
    fn envelope(record: &Record) -> Envelope {
        match record {
            Record::OffsetCommit { .. } | Record::GroupMetadata { .. } => Envelope::Plain,
            Record::TransactionalOffset { producer, .. } => Envelope::Transaction {
                producer_id: producer.id,
                producer_epoch: producer.epoch,
            },
            Record::EndOfTransaction { producer, marker } => Envelope::End {
                producer_id: producer.id,
                producer_epoch: producer.epoch,
                marker: *marker,
            },
        }
    }

    fn enclosed(record: Option<Record>, envelope: Envelope) -> Option<Record> {
        match envelope {
            Envelope::Plain => record,
            Envelope::Transaction {
                producer_id: id,
                producer_epoch: epoch,
            } => record.map(|record| in_transaction(record, TransactionalProducer { id, epoch })),
            Envelope::End {
                producer_id: id,
                producer_epoch: epoch,
                marker,
            } => Some(Record::EndOfTransaction {
                producer: TransactionalProducer { id, epoch },
                marker,
            }),
        }
    }

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
