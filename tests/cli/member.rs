//! A member of a group, joined by hand: our client joins none.

use bytes::Bytes;
use ottla_client::{Address, Connection, ConnectionOptions};
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla_protocol::messages::{GroupId, JoinGroupRequest, StrBytes, SyncGroupRequest};
use ottla_tests::Broker;
use std::time::Duration;

/// Longer than the suite takes, so that the member never has to heartbeat.
const SESSION_MS: i32 = 300_000;
/// JoinGroup before members are sent away once to learn their id.
const JOIN_VERSION: i16 = 3;
const SYNC_VERSION: i16 = 3;

/// Subscription to the topic `t`, version 0.
fn subscription(topic: &str) -> Bytes {
    let mut bytes = vec![0, 0, 0, 0, 0, 1];
    put_name(&mut bytes, topic);
    bytes.extend([0xff; 4]);
    bytes.into()
}

/// Assignment of partition 0 of the topic, version 0.
fn assignment(topic: &str) -> Bytes {
    let mut bytes = vec![0, 0, 0, 0, 0, 1];
    put_name(&mut bytes, topic);
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 0]);
    bytes.extend([0xff; 4]);
    bytes.into()
}

fn put_name(bytes: &mut Vec<u8>, name: &str) {
    bytes.extend(
        u16::try_from(name.len())
            .expect("names are short")
            .to_be_bytes(),
    );
    bytes.extend(name.as_bytes());
}

/// Joins as the only member and takes partition 0 of the topic. The member stays until its session ends.
pub(crate) fn join(broker: &Broker, group: &str, topic: &str) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    runtime.block_on(async {
        let options = ConnectionOptions {
            client_id: "by-hand".to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            response_bytes_max: 1 << 20,
        };
        let address = Address::new("127.0.0.1", broker.port());
        let connection = Connection::connect(&address, options)
            .await
            .expect("the broker answers");
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(subscription(topic));
        let join = JoinGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_string(group.to_owned())))
            .with_session_timeout_ms(SESSION_MS)
            .with_rebalance_timeout_ms(SESSION_MS)
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        let joined = connection
            .call_in(&join, JOIN_VERSION)
            .await
            .expect("a join is answered");
        assert_eq!(joined.error_code, 0);
        let given = SyncGroupRequestAssignment::default()
            .with_member_id(joined.member_id.clone())
            .with_assignment(assignment(topic));
        let sync = SyncGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_string(group.to_owned())))
            .with_generation_id(joined.generation_id)
            .with_member_id(joined.member_id)
            .with_assignments(vec![given]);
        let synced = connection
            .call_in(&sync, SYNC_VERSION)
            .await
            .expect("a sync is answered");
        assert_eq!(synced.error_code, 0);
    });
}
