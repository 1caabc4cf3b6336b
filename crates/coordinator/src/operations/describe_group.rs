//! DescribeGroups, for one group.

use bytes::Bytes;
use ottla_protocol::ErrorCode;

use crate::live::{Live, LiveGroup, Member, Phase};
use crate::state::State;

/// A question for a group.
#[derive(Clone, Debug)]
pub struct DescribeGroup {
    /// Which group.
    pub group_id: String,
}

/// A group, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedGroup {
    /// Kafka's name of its state.
    pub state: &'static str,
    /// What kind of members it has; empty if it never had any.
    pub protocol_type: String,
    /// The protocol of this generation; empty unless it is stable.
    pub protocol: String,
    /// Who is in it.
    pub members: Vec<DescribedMember>,
}

/// A member, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
    /// What its client calls itself.
    pub client_id: String,
    /// Where its client is.
    pub client_host: String,
    /// What it says in the protocol; empty unless the group is stable.
    pub metadata: Bytes,
    /// Its part.
    pub assignment: Bytes,
}

impl DescribeGroup {
    pub(crate) fn decide(self, hard: &State, live: &Live) -> Result<DescribedGroup, ErrorCode> {
        let logged = hard
            .group(&self.group_id)
            .ok_or(ErrorCode::GroupIdNotFound)?;
        if let Some(group) = live.group(&self.group_id) {
            return Ok(describe(group));
        }
        let protocol_type = logged.metadata().map(|value| value.protocol_type.clone());
        Ok(DescribedGroup {
            state: Phase::Empty.name(),
            protocol_type: protocol_type.unwrap_or_default(),
            protocol: String::new(),
            members: Vec::new(),
        })
    }
}

fn describe(group: &LiveGroup) -> DescribedGroup {
    let protocol = match group.phase {
        Phase::Stable => group.protocol.as_deref(),
        Phase::Empty | Phase::PreparingRebalance { .. } | Phase::CompletingRebalance => None,
    };
    let members = group.members.iter();
    let members = members.map(|(member_id, member)| describe_member(member_id, member, protocol));
    DescribedGroup {
        state: group.phase.name(),
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        protocol: protocol.unwrap_or_default().to_owned(),
        members: members.collect(),
    }
}

fn describe_member(member_id: &str, member: &Member, protocol: Option<&str>) -> DescribedMember {
    DescribedMember {
        member_id: member_id.to_owned(),
        instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        metadata: protocol
            .map(|protocol| member.metadata(protocol))
            .unwrap_or_default(),
        assignment: member.assignment.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn a_group_is_described_in_every_state() {
        let mut bench = Bench::new();
        assert_eq!(bench.describe(), Err(ErrorCode::GroupIdNotFound));
        let (member_id, _) = bench.join_new();
        let expected = DescribedMember {
            member_id: member_id.clone(),
            instance_id: None,
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            metadata: Bytes::new(),
            assignment: Bytes::new(),
        };
        let preparing = bench.describe().unwrap();
        assert_eq!(preparing.state, "PreparingRebalance");
        assert_eq!(preparing.protocol_type, "consumer");
        assert_eq!(preparing.protocol, "");
        assert_eq!(preparing.members, std::slice::from_ref(&expected));
        bench.advance_ms(INITIAL_DELAY_MS);
        assert_eq!(bench.state(), "CompletingRebalance");
        bench.sync_all(std::slice::from_ref(&member_id), 1);
        let stable = bench.describe().unwrap();
        assert_eq!(
            (stable.state, stable.protocol.as_str()),
            ("Stable", "range")
        );
        assert_eq!(stable.members[0].metadata, subscription(&["t"]));
        bench.leave(&[(&member_id, None)]);
        let empty = bench.describe().unwrap();
        assert_eq!(
            (empty.state, empty.protocol_type.as_str()),
            ("Empty", "consumer")
        );
        assert!(empty.members.is_empty());
    }

    #[test]
    fn a_group_of_offsets_alone_is_empty_and_of_no_type() {
        let mut bench = Bench::new();
        bench.commit(commit(1)).unwrap();
        let group = bench.describe().unwrap();
        assert_eq!((group.state, group.protocol_type.as_str()), ("Empty", ""));
    }
}
