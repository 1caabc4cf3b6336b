//! Whether the node is alive and whether it is ready, as it says itself.
//!
//! Ready: send clients here. Alive: do not restart it. A node that starts or stops is alive and not
//! ready; one that is dead stays dead, and is not ready either.

use parking_lot::RwLock;

/// What probes are told. Shared by `Arc`; the lock is held for no other work.
#[derive(Debug)]
pub struct Health {
    state: RwLock<State>,
}

#[derive(Clone, Debug)]
enum State {
    Ready,
    NotReady { reason: String },
    Dead { reason: String },
}

impl Health {
    /// Alive and not ready yet.
    pub fn starting() -> Health {
        Health {
            state: RwLock::new(State::NotReady {
                reason: "starting".to_owned(),
            }),
        }
    }

    /// Clients are served from now on.
    pub fn ready(&self) {
        self.become_unless_dead(State::Ready);
    }

    /// Clients are not served for now, for this reason.
    pub fn not_ready(&self, reason: &str) {
        self.become_unless_dead(State::NotReady {
            reason: reason.to_owned(),
        });
    }

    /// Only a restart can help, for this reason; the first one is kept.
    pub fn dead(&self, reason: &str) {
        self.become_unless_dead(State::Dead {
            reason: reason.to_owned(),
        });
    }

    fn become_unless_dead(&self, next: State) {
        let mut state = self.state.write();
        if !matches!(*state, State::Dead { .. }) {
            *state = next;
        }
    }

    /// Nothing, or why a restart is needed.
    pub(super) fn liveness(&self) -> Result<(), String> {
        match &*self.state.read() {
            State::Ready | State::NotReady { .. } => Ok(()),
            State::Dead { reason } => Err(reason.clone()),
        }
    }

    /// Nothing, or why clients should go elsewhere.
    pub(super) fn readiness(&self) -> Result<(), String> {
        match &*self.state.read() {
            State::Ready => Ok(()),
            State::NotReady { reason } | State::Dead { reason } => Err(reason.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(health: &Health, live: Result<(), &str>, ready: Result<(), &str>) {
        assert_eq!(health.liveness(), live.map_err(str::to_owned));
        assert_eq!(health.readiness(), ready.map_err(str::to_owned));
    }

    #[test]
    fn a_node_is_alive_before_and_after_it_is_ready() {
        let health = Health::starting();
        check(&health, Ok(()), Err("starting"));
        health.ready();
        check(&health, Ok(()), Ok(()));
        health.not_ready("stopping");
        check(&health, Ok(()), Err("stopping"));
    }

    #[test]
    fn a_dead_node_stays_dead() {
        let health = Health::starting();
        health.dead("disk");
        health.ready();
        health.dead("something later");
        check(&health, Err("disk"), Err("disk"));
    }
}
