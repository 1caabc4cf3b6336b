//! openraft's own conformance suite, on our log and state machine over the simulated disk.

use std::path::Path;
use std::sync::Arc;

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use ottla_storage::{Identity, Log, LogConfig, OnDamage};
use uuid::Uuid;

use crate::log_store::LogStore;
use crate::shared::Shared;
use crate::state_machine::StateMachine;
use crate::testing::{directory, manual_clock};
use crate::types::{Member, Types};

struct Builder;

impl StoreBuilder<Types, LogStore, StateMachine> for Builder {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError<Types>> {
        let dir = directory(Path::new("/data"));
        let identity = Identity {
            topic_id: Uuid::from_u128(1),
            partition: 0,
            group_id: 1,
        };
        let (log, _) =
            Log::open(&dir, "suite-0", identity, LogConfig::default(), OnDamage::Refuse).unwrap();
        let shared = Shared::new(Member(0), log, manual_clock());
        let machine = StateMachine::new(shared.clone()).unwrap();
        Ok(((), LogStore(Arc::clone(&shared)), machine))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openrafts_storage_suite_passes() {
    Suite::test_all(Builder).await.unwrap();
}
