//! Several brokers of Ottla that are one cluster.

use std::time::Instant;

use crate::broker::PEER_LISTENER;
use crate::{Broker, Kind, Settings, ports};

/// Brokers with the numbers 1, 2, 3…
pub struct Cluster {
    brokers: Vec<Broker>,
    seeds: String,
    settings: SettingsOf,
}

/// What the broker of a number is started with, besides its number and where it meets the others.
type SettingsOf = Box<dyn Fn(usize) -> Settings>;

impl Cluster {
    /// Starts so many empty brokers that found a cluster, and waits until all serve clients.
    ///
    /// # Errors
    /// One does not get ready.
    pub fn start(count: usize, settings: Settings) -> Result<Cluster, String> {
        Cluster::start_each(count, move |_| settings.clone())
    }

    /// The same with settings by number.
    ///
    /// # Errors
    /// One does not get ready.
    pub fn start_each(
        count: usize,
        settings: impl Fn(usize) -> Settings + 'static,
    ) -> Result<Cluster, String> {
        let listeners: Vec<String> = (0..count).map(|_| peer_address()).collect();
        let mut cluster = Cluster {
            brokers: Vec::new(),
            seeds: listeners.join(","),
            settings: Box::new(settings),
        };
        for listener in listeners {
            let broker = cluster.prepare(&listener)?;
            cluster.brokers.push(broker);
        }
        let mut started = Vec::new();
        for broker in &mut cluster.brokers {
            started.push(broker.spawn()?);
        }
        for (broker, started) in cluster.brokers.iter_mut().zip(started) {
            broker.wait_until_ready(started)?;
        }
        Ok(cluster)
    }

    /// One more broker joins; returns when it serves clients.
    ///
    /// # Errors
    /// It does not get ready.
    pub fn join(&mut self) -> Result<(), String> {
        let mut broker = self.prepare(&peer_address())?;
        let started: Instant = broker.spawn()?;
        broker.wait_until_ready(started)?;
        self.brokers.push(broker);
        Ok(())
    }

    fn prepare(&self, listener: &str) -> Result<Broker, String> {
        let number = self.brokers.len() + 1;
        let settings = (self.settings)(number)
            .with("node.id", &number.to_string())
            .with(PEER_LISTENER, listener)
            .with("ottla.peer.seeds", &self.seeds);
        Broker::prepare(Kind::Ottla, settings)
    }

    /// What clients take as bootstrap servers.
    pub fn bootstrap(&self) -> String {
        let all: Vec<String> = self.brokers.iter().map(Broker::bootstrap).collect();
        all.join(",")
    }

    /// The brokers, in the order of their numbers.
    pub fn brokers(&mut self) -> &mut [Broker] {
        &mut self.brokers
    }
}

fn peer_address() -> String {
    format!("127.0.0.1:{}", ports::free_port())
}
