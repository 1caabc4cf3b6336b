//! The client: a cluster as one thing to talk to.
//!
//! It holds no task of its own. Whoever calls drives the work; clones share connections and metadata.

use std::collections::BTreeSet;
use std::sync::Arc;

use ottla_platform::seed::Random;
use ottla_protocol::NodeId;
use parking_lot::Mutex;

use super::metadata::{IfMissing, ViewCache};
use super::pool::Pool;
use crate::address::Address;
use crate::config::ClientConfig;
use crate::connection::{Connection, ConnectionOptions};
use crate::error::{ClientError, ConnectionError};
use crate::wire::Request;

/// A handle to a cluster; clones share everything.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
}

/// What clients with separate connections have in common.
struct Shared {
    config: ClientConfig,
    cache: ViewCache,
    chance: Mutex<Random>,
}

impl Client {
    /// A client of the cluster behind `config.bootstrap`, once one broker has answered. A cluster that cannot be
    /// reached is not waited for.
    pub async fn connect(config: ClientConfig) -> Result<Self, ClientError> {
        let random = config.seed.map_or_else(Random::from_system, Random::new);
        let client = Client {
            pool: Arc::new(new_pool(&config)),
            shared: Arc::new(Shared {
                config,
                cache: ViewCache::default(),
                chance: Mutex::new(random),
            }),
        };
        client.renew(&[], IfMissing::Fail).await?;
        Ok(client)
    }

    /// The same client with connections of its own, so that long polls of one do not hold up requests of the other.
    pub fn with_own_connections(&self) -> Self {
        Client {
            shared: self.shared.clone(),
            pool: Arc::new(new_pool(&self.shared.config)),
        }
    }

    /// The settings it was made with.
    pub fn config(&self) -> &ClientConfig {
        &self.shared.config
    }

    /// Closes the connections; requests without a response fail. The client can be used on and opens new ones.
    pub fn close(&self) {
        self.pool.close();
    }

    pub(super) fn cache(&self) -> &ViewCache {
        &self.shared.cache
    }

    /// A number left to chance.
    pub(crate) fn chance(&self) -> u64 {
        self.shared.chance.lock().next_u64()
    }

    /// A connection to the broker with this id.
    pub async fn connection(&self, node: NodeId) -> Result<Connection, ClientError> {
        let view = self.view();
        let broker = view
            .brokers
            .get(&node)
            .ok_or(ClientError::UnknownBroker(node))?;
        self.connection_at(&broker.address).await
    }

    /// A connection to whatever listens at `address`.
    pub async fn connection_at(&self, address: &Address) -> Result<Connection, ClientError> {
        let connection = self.pool.connection(address).await;
        connection.map_err(|error| at(address, error))
    }

    /// Sends a request, made for the version agreed, to the broker with this id, once.
    pub(crate) async fn ask<R: Request>(
        &self,
        node: NodeId,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        let view = self.view();
        let broker = view
            .brokers
            .get(&node)
            .ok_or(ClientError::UnknownBroker(node))?;
        let connection = self.connection_at(&broker.address).await?;
        let response = connection.call_with(&build).await;
        response.map_err(|error| at(&broker.address, error))
    }

    /// Sends a request to whatever listens at `address`, in a version that is at most `newest`, once: a later version
    /// may ask for what the caller does not have.
    pub(crate) async fn ask_at<R: Request>(
        &self,
        address: &Address,
        newest: i16,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        let connection = self.connection_at(address).await?;
        let asked = async {
            let version = connection.versions().pick_at_most::<R>(newest)?;
            connection.call_in(&build(version), version).await
        };
        asked.await.map_err(|error| at(address, error))
    }

    /// Sends a request to the controller, or to whoever takes it in the controller's place, once.
    pub(crate) async fn ask_controller<R: Request>(
        &self,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        let view = self.view();
        match view.controller.filter(|id| view.brokers.contains_key(id)) {
            Some(controller) => self.ask(controller, build).await,
            None => self.ask_any(build).await,
        }
    }

    /// Sends a request to the first broker that can be reached, once. A broker that does not serve the request
    /// counts as one that cannot be reached: another may.
    pub(crate) async fn ask_any<R: Request>(
        &self,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, ClientError> {
        let mut failures = Vec::new();
        for address in self.candidates() {
            let answer = match self.pool.connection(&address).await {
                Ok(connection) => connection.call_with(&build).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(response) => return Ok(response),
                Err(error) => failures.push((address, error)),
            }
        }
        Err(ClientError::NoBroker(failures))
    }

    /// Whom to ask when anyone will do: those connected, then those known, then those configured.
    fn candidates(&self) -> Vec<Address> {
        let mut known: Vec<Address> = self
            .view()
            .brokers
            .values()
            .map(|broker| broker.address.clone())
            .collect();
        if !known.is_empty() {
            // Spread the first questions over the cluster.
            let turn = usize::try_from(self.chance() % known.len() as u64).expect("below a usize");
            known.rotate_left(turn);
        }
        let all = self
            .pool
            .connected()
            .into_iter()
            .chain(known)
            .chain(self.config().bootstrap.iter().cloned());
        let mut seen = BTreeSet::new();
        all.filter(|address| seen.insert(address.clone())).collect()
    }
}

fn new_pool(config: &ClientConfig) -> Pool {
    Pool::new(ConnectionOptions {
        client_id: config.client_id.clone(),
        connect_timeout: config.connect_timeout,
        request_timeout: config.request_timeout,
        response_bytes_max: config.response_bytes_max,
    })
}

/// Says which broker an error is about.
fn at(address: &Address, error: ConnectionError) -> ClientError {
    ClientError::Connection {
        broker: address.clone(),
        error,
    }
}
