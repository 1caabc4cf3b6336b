//! The topics that are written, and the list of all their partitions.

use std::sync::OnceLock;

use ottla_client::TopicPartition;

use crate::history::Partition;

/// A topic that is written.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    pub(crate) partitions: i32,
    pub(crate) configs: &'static [(&'static str, &'static str)],
}

/// Small segments, so that faults fall on their boundaries too.
const SEGMENT: (&str, &str) = ("segment.bytes", "1048576");

/// All of them.
pub(crate) const TOPICS: [Topic; 2] = [
    Topic {
        name: "orders",
        partitions: 4,
        configs: &[SEGMENT],
    },
    Topic {
        name: "audit",
        partitions: 2,
        configs: &[SEGMENT, ("message.timestamp.type", "LogAppendTime")],
    },
];

/// All partitions; [`Partition`] is a place in this list.
pub(crate) fn all() -> &'static [TopicPartition] {
    static ALL: OnceLock<Vec<TopicPartition>> = OnceLock::new();
    ALL.get_or_init(|| {
        let of_one = |topic: &Topic| {
            let name = topic.name;
            (0..topic.partitions).map(move |number| TopicPartition::new(name, number))
        };
        TOPICS.iter().flat_map(of_one).collect()
    })
}

/// Its place in the list.
pub(crate) fn place_of(partition: &TopicPartition) -> Partition {
    let place = all().iter().position(|other| other == partition);
    let place = place.expect("clients use these partitions only");
    Partition(u16::try_from(place).expect("there are few partitions"))
}
