//! Who may connect: a number of connections in all, and a number from each address.
//!
//! At the limit in all, accepting waits until a connection ends, as in Kafka: clients queue in the
//! listen backlog. At the limit of an address its new connections are closed at once.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ottla_platform::seed::HashMap;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::NetworkLimits;

/// The counts behind the limits, shared by all listeners.
pub(super) struct Admission {
    slots: Arc<Semaphore>,
    per_address_max: usize,
    overrides: BTreeMap<IpAddr, usize>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// Room for one connection from anywhere; to be had before it is accepted.
pub(super) type Slot = OwnedSemaphorePermit;

/// A connection's place under the limits, until dropped.
pub(super) struct Admitted {
    admission: Arc<Admission>,
    address: IpAddr,
    _slot: Slot,
}

impl Admission {
    pub(super) fn new(limits: &NetworkLimits) -> Self {
        let slots = limits.connections_max.min(Semaphore::MAX_PERMITS);
        Admission {
            slots: Arc::new(Semaphore::new(slots)),
            per_address_max: limits.connections_per_ip_max,
            overrides: canonical(&limits.connections_per_ip_overrides),
            open: Mutex::default(),
        }
    }

    /// Waits for room in all.
    pub(super) async fn slot(&self) -> Slot {
        let slots = Arc::clone(&self.slots);
        slots
            .acquire_owned()
            .await
            .expect("nobody closes this semaphore")
    }

    /// Lets a connection in, unless its address has as many as it may have.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, slot: Slot) -> Option<Admitted> {
        let address = address.to_canonical();
        let most = *self
            .overrides
            .get(&address)
            .unwrap_or(&self.per_address_max);
        let mut open = self.open.lock();
        let count = open.entry(address).or_default();
        if *count >= most {
            if *count == 0 {
                open.remove(&address);
            }
            return None;
        }
        *count += 1;
        Some(Admitted {
            admission: Arc::clone(self),
            address,
            _slot: slot,
        })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock();
        if let Some(count) = open.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// An IPv4 peer of an IPv6 socket is the same peer.
fn canonical(overrides: &BTreeMap<IpAddr, usize>) -> BTreeMap<IpAddr, usize> {
    overrides
        .iter()
        .map(|(address, &most)| (address.to_canonical(), most))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(in_all: usize, per_address: usize, overrides: &[(&str, usize)]) -> Arc<Admission> {
        let overrides = overrides
            .iter()
            .map(|&(address, most)| (address.parse().unwrap(), most))
            .collect();
        Arc::new(Admission {
            slots: Arc::new(Semaphore::new(in_all)),
            per_address_max: per_address,
            overrides: canonical(&overrides),
            open: Mutex::default(),
        })
    }

    fn enter(admission: &Arc<Admission>, address: &str) -> Option<Admitted> {
        let slot = Arc::clone(&admission.slots).try_acquire_owned().ok()?;
        admission.admit(address.parse().unwrap(), slot)
    }

    #[test]
    fn an_address_has_its_limit_and_others_have_theirs() {
        let admission = admission(10, 1, &[("10.0.0.2", 2), ("10.0.0.3", 0)]);
        let first = enter(&admission, "10.0.0.1").unwrap();
        assert!(enter(&admission, "10.0.0.1").is_none());
        assert!(enter(&admission, "::ffff:10.0.0.1").is_none());
        let _second = enter(&admission, "10.0.0.2").unwrap();
        let _third = enter(&admission, "10.0.0.2").unwrap();
        assert!(enter(&admission, "10.0.0.2").is_none());
        assert!(enter(&admission, "10.0.0.3").is_none());
        drop(first);
        assert!(enter(&admission, "10.0.0.1").is_some());
        assert_eq!(admission.open.lock().len(), 1);
    }

    #[test]
    fn a_refused_connection_gives_its_slot_back() {
        let admission = admission(2, 1, &[]);
        let _first = enter(&admission, "10.0.0.1").unwrap();
        assert!(enter(&admission, "10.0.0.1").is_none());
        assert!(enter(&admission, "10.0.0.2").is_some());
    }
}
