//! openraft's own conformance suite, on our log and state machine over the simulated disk.
//!
//! The suite begins logs at any index, which no group does: a log begins at 0 or at a boundary.
//! [`AnyStart`] puts a boundary before the first entry and does not tell the suite of it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use openraft::storage::{IOFlushed, LogState, RaftLogStorage};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::{OptionalSend, StorageError};
use ottla_storage::{Identity, Log, LogConfig, LogId, OnDamage};
use uuid::Uuid;

use crate::entry::Entry;
use crate::log_store::LogStore;
use crate::shared::Shared;
use crate::state_machine::StateMachine;
use crate::testing::{directory, manual_clock};
use crate::types::{Member, RaftLogId, Types, Vote, raft_id};

struct AnyStart {
    store: LogStore,
    hidden: Option<RaftLogId>,
}

impl RaftLogStorage<Types> for AnyStart {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let state = self.store.get_log_state().await?;
        let told = |id: Option<RaftLogId>| id.filter(|_| id != self.hidden);
        Ok(LogState {
            last_purged_log_id: told(state.last_purged_log_id),
            last_log_id: told(state.last_log_id),
        })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.store.get_log_reader().await
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.store.save_vote(vote).await
    }

    async fn append<I>(&mut self, entries: I, done: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<Entry> = entries.into_iter().collect();
        let (first, log) = (entries[0].id(), &self.store.0.log);
        if log.state().last.is_none() && first.index > 0 {
            let before = LogId {
                term: 0,
                index: first.index - 1,
            };
            log.purge_through(before)?;
            self.hidden = Some(raft_id(before));
        }
        self.store.append(entries, done).await
    }

    async fn truncate_after(&mut self, last: Option<RaftLogId>) -> io::Result<()> {
        self.store.truncate_after(last).await
    }

    async fn purge(&mut self, id: RaftLogId) -> io::Result<()> {
        self.store.purge(id).await
    }
}

struct Builder;

impl StoreBuilder<Types, AnyStart, StateMachine> for Builder {
    async fn build(&self) -> Result<((), AnyStart, StateMachine), StorageError<Types>> {
        let dir = directory(Path::new("/data"));
        let identity = Identity {
            topic_id: Uuid::from_u128(1),
            partition: 0,
            group_id: 1,
        };
        let (log, _) = Log::open(
            &dir,
            "suite-0",
            identity,
            LogConfig::default(),
            OnDamage::Refuse,
        )
        .unwrap();
        let shared =
            Shared::new(Member(0), Uuid::nil(), log, manual_clock(), Arc::default()).unwrap();
        let machine = StateMachine::new(shared.clone()).unwrap();
        let store = AnyStart {
            store: LogStore(Arc::clone(&shared)),
            hidden: None,
        };
        Ok(((), store, machine))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openrafts_storage_suite_passes() {
    Suite::test_all(Builder).await.unwrap();
}
