//! Several brokers that are one cluster: of Ottla or, for comparison, of Apache Kafka.

use std::time::Instant;

use crate::broker::{NODE_ID, PEER_LISTENER, VOTERS};
use crate::{Broker, Kind, Settings, ports};

/// Brokers with the numbers 1, 2, 3…
pub struct Cluster {
    kind: Kind,
    brokers: Vec<Broker>,
    /// Where each meets the others.
    listeners: Vec<String>,
    /// Where the first ones are, which are told of each other and of nobody else.
    seeds: String,
    settings: SettingsOf,
}

/// What the broker of a number is started with, besides its number and where it meets the others.
type SettingsOf = Box<dyn Fn(usize) -> Settings>;

impl Cluster {
    /// Starts so many empty brokers of Ottla that found a cluster, and waits until all serve
    /// clients.
    ///
    /// # Errors
    /// One does not get ready.
    pub fn start(count: usize, settings: Settings) -> Result<Cluster, String> {
        Cluster::start_of(Kind::Ottla, count, settings)
    }

    /// The same of either kind. Kafka's are all broker and controller, with a quorum of all.
    ///
    /// # Errors
    /// One does not get ready.
    pub fn start_of(kind: Kind, count: usize, settings: Settings) -> Result<Cluster, String> {
        Cluster::found(kind, count, Box::new(move |_| settings.clone()))
    }

    /// Brokers of Ottla with settings by number.
    ///
    /// # Errors
    /// One does not get ready.
    pub fn start_each(
        count: usize,
        settings: impl Fn(usize) -> Settings + 'static,
    ) -> Result<Cluster, String> {
        Cluster::found(Kind::Ottla, count, Box::new(settings))
    }

    fn found(kind: Kind, count: usize, settings: SettingsOf) -> Result<Cluster, String> {
        let of_number = |number| peer_address(&settings(number));
        let listeners: Vec<String> = (1..=count).map(of_number).collect();
        let mut cluster = Cluster {
            kind,
            brokers: Vec::new(),
            seeds: listeners.join(","),
            listeners,
            settings,
        };
        for number in 1..=count {
            let broker = cluster.prepare(number)?;
            cluster.brokers.push(broker);
        }
        let mut started = Vec::new();
        for broker in &mut cluster.brokers {
            started.push(broker.spawn()?);
        }
        for (broker, started) in cluster.brokers.iter_mut().zip(started) {
            broker.wait_until_ready(started)?;
        }
        for broker in &cluster.brokers {
            broker.wait_until_it_knows(count)?;
        }
        Ok(cluster)
    }

    /// One more broker joins those of Ottla; returns when it serves clients.
    ///
    /// # Errors
    /// It does not get ready.
    pub fn join(&mut self) -> Result<(), String> {
        let settings = (self.settings)(self.listeners.len() + 1);
        self.listeners.push(peer_address(&settings));
        let mut broker = self.prepare(self.listeners.len())?;
        let started: Instant = broker.spawn()?;
        broker.wait_until_ready(started)?;
        self.brokers.push(broker);
        Ok(())
    }

    /// Empties the disk of a broker of Ottla that does not run. It will look for all the others.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub fn empty_disk(&mut self, index: usize) -> Result<(), String> {
        let broker = &mut self.brokers[index];
        let folder = broker.data_folder();
        std::fs::remove_dir_all(&folder)
            .map_err(|error| format!("cannot remove {}: {error}", folder.display()))?;
        broker.set("ottla.peer.seeds", &self.listeners.join(","));
        Ok(())
    }

    fn prepare(&self, number: usize) -> Result<Broker, String> {
        let settings = (self.settings)(number).with(NODE_ID, &number.to_string());
        let settings = match self.kind {
            Kind::Ottla => settings
                .with(PEER_LISTENER, &self.listeners[number - 1])
                .with("ottla.peer.seeds", &self.seeds),
            Kind::Kafka => settings.with(VOTERS, &self.voters()),
        };
        Broker::prepare(self.kind, settings)
    }

    fn voters(&self) -> String {
        let numbered = (1..).zip(&self.listeners);
        let all: Vec<String> = numbered.map(|(id, at)| format!("{id}@{at}")).collect();
        all.join(",")
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

    /// The brokers, for somebody to whom they are no more than that.
    pub fn into_brokers(self) -> Vec<Broker> {
        self.brokers
    }
}

fn peer_address(settings: &Settings) -> String {
    format!("{}:{}", settings.place.address(), ports::free_port())
}
