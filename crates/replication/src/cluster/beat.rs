//! A beat: I am alive, and this is news of the groups that I lead. Big-endian:
//!
//! | bytes | beat | | bytes | echo |
//! |---|---|---|---|---|
//! | 8 | version that the receiver must know; 0: what is not named is not led | | 8 | version that is known now |
//! | 8 | version that it knows then | | | |
//! | 4 | number of groups | | | |
//! | per group 8 | group | | | |
//! | 4 | leader epoch; −1: it is led no more, and nothing follows | | | |
//! | 2 | number of replicas in sync | | | |
//! | 4 each | those | | | |

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_protocol::types::NodeId;

use super::claims::News;
use super::leaders::Leader;

const RESIGNED: i32 = -1;
/// Bytes of the smallest change.
const CHANGE_BYTES_MIN: usize = 12;

pub(super) fn encode(news: &News) -> Bytes {
    let mut to = BytesMut::with_capacity(20 + news.changes.len() * 32);
    to.put_u64(news.after);
    to.put_u64(news.version);
    to.put_u32(u32::try_from(news.changes.len()).expect("groups are opened one by one"));
    for (group, leader) in &news.changes {
        to.put_u64(*group);
        let Some(leader) = leader else {
            to.put_i32(RESIGNED);
            continue;
        };
        to.put_i32(leader.epoch);
        to.put_u16(u16::try_from(leader.in_sync.len()).expect("groups are small"));
        leader.in_sync.iter().for_each(|node| to.put_i32(node.0));
    }
    to.freeze()
}

/// `None` if it is no beat.
pub(super) fn decode(mut from: Bytes, sender: NodeId) -> Option<News> {
    let after = from.try_get_u64().ok()?;
    let version = from.try_get_u64().ok()?;
    let count = usize::try_from(from.try_get_u32().ok()?).ok()?;
    let mut changes = Vec::with_capacity(count.min(from.len() / CHANGE_BYTES_MIN));
    for _ in 0..count {
        let group = from.try_get_u64().ok()?;
        let epoch = from.try_get_i32().ok()?;
        let leader = match epoch {
            RESIGNED => None,
            _ => {
                let in_sync = usize::from(from.try_get_u16().ok()?);
                let in_sync = (0..in_sync).map(|_| from.try_get_i32().ok().map(NodeId));
                Some(Leader {
                    node: sender,
                    epoch,
                    in_sync: in_sync.collect::<Option<_>>()?,
                })
            }
        };
        changes.push((group, leader));
    }
    from.is_empty().then_some(News {
        after,
        version,
        changes,
    })
}

pub(super) fn encode_echo(version: u64) -> Bytes {
    Bytes::copy_from_slice(&version.to_be_bytes())
}

pub(super) fn decode_echo(mut from: Bytes) -> Option<u64> {
    let version = from.try_get_u64().ok()?;
    from.is_empty().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_round_trip_and_are_not_shorter() {
        let leader = Leader {
            node: NodeId(3),
            epoch: 8,
            in_sync: [NodeId(3), NodeId(1)].into(),
        };
        let news = News {
            after: 4,
            version: 9,
            changes: vec![(7, Some(leader)), (8, None)],
        };
        let bytes = encode(&news);
        assert_eq!(decode(bytes.clone(), NodeId(3)), Some(news));
        for cut in 0..bytes.len() {
            assert_eq!(decode(bytes.slice(..cut), NodeId(3)), None);
        }
        let claims_many = [&[0; 16][..], &[0xff; 4]].concat();
        assert_eq!(decode(claims_many.into(), NodeId(3)), None);
        assert_eq!(decode_echo(encode_echo(5)), Some(5));
    }
}
