//! What a broker may believe of the others, and of itself.

use ottla_platform::net::{Listener, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};

use super::*;
use crate::transport::Lane;
use crate::types::Member;

/// Listens for the broker at that port, and lets only connections for data through to it.
async fn only_data_to(port: u16) -> u16 {
    /// Of the first frame: its size, what it is, and the lane.
    const BEGINNING_LEN: usize = 13;
    const DATA_LANE: u8 = 0;
    let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
    let detour = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut from, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut beginning = [0; BEGINNING_LEN];
                from.read_exact(&mut beginning).await?;
                if beginning[BEGINNING_LEN - 1] == DATA_LANE {
                    let mut to = connect("127.0.0.1", port).await?;
                    to.write_all(&beginning).await?;
                    copy_bidirectional(&mut from, &mut to).await?;
                }
                std::io::Result::Ok(())
            });
        }
    });
    detour
}

#[tokio::test]
async fn a_connection_for_data_does_not_stand_where_no_beat_gets_through() {
    let rig = Rig::start(0).await;
    let mut peers = rig.peers();
    peers[1].port = only_data_to(rig.ports[&2]).await;
    let cluster = &rig.nodes[&1].cluster;
    cluster.set_peers(peers);
    let link = cluster.endpoint().link(NodeId(2), Lane::Data).unwrap();
    let mut stands = link.watch();
    for wanted in [true, false] {
        let changed = stands.wait_for(|remote| remote.is_some() == wanted);
        let changed = tokio::time::timeout(DEADLINE, changed).await;
        assert!(changed.is_ok(), "it should stand: {wanted}");
    }
}

/// Those who are asked to vote for its successor do so at once, whatever they heard lately.
#[tokio::test]
async fn who_hands_over_does_not_lead_for_certain() {
    let rig = Rig::start(1).await;
    let leader = || rig.nodes.values().find(|it| it.partitions[&1].is_leader());
    let leader = until("somebody leads", leader).await;
    let partition = &leader.partitions[&1];
    assert!(partition.confirm_leading().await && partition.leads_for_certain());
    partition.shared.hands_over();
    assert!(!partition.leads_for_certain() && !partition.confirm_leading().await);
}

/// An answer is in our own record a moment before openraft has it, which refuses what is proposed meanwhile.
#[tokio::test]
async fn a_proposal_waits_until_openraft_takes_the_lease_for_fresh_too() {
    let rig = Rig::start(1).await;
    let leader = || rig.nodes.values().find(|it| it.partitions[&1].is_leader());
    let leader = until("somebody leads", leader).await;
    let partition = &leader.partitions[&1];
    for _ in 0..3 {
        sleep(Duration::from_millis(600)).await;
        assert!(!partition.leads_for_certain());
        for member in ALL.map(Member) {
            let heard = &partition.shared.heard;
            heard.tell(member, partition.leader_epoch(), Instant::now());
        }
        let proposed = partition.propose(batch("after a rest"), None);
        assert!(proposed.await.is_ok());
    }
}
