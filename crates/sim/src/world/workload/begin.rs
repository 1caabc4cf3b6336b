//! Who is there: all clients of a run.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;
use turmoil::Sim;

use super::{bank, committer, keeper, member, mover, prober, reader, topics, trimmer, writer};
use crate::world::shared::Shared;
use crate::world::swarm::Swarm;

/// How long something may take when nothing is broken any more.
pub(super) const LAST_MAX: Duration = Duration::from_secs(30);

/// Puts all clients of a run onto hosts; their names.
pub(in crate::world) fn begin(sim: &mut Sim<'_>, swarm: &Swarm, shared: &Shared) -> Vec<String> {
    let mut names = Vec::new();
    let mut name = |text: String| {
        names.push(text.clone());
        text
    };
    for (writer, writing) in (0..).zip(swarm.writers.iter().copied()) {
        let host = name(format!("writer{writer}"));
        sim.client(host, writer::write(shared.clone(), writer, writing));
    }
    for reader in 0..swarm.readers {
        let host = name(format!("reader{reader}"));
        sim.client(host, reader::read(shared.clone(), reader));
    }
    sim.client(name("prober".to_owned()), prober::ask(shared.clone()));
    if swarm.trims {
        sim.client(name("trimmer".to_owned()), trimmer::trim(shared.clone()));
    }
    if swarm.commits {
        sim.client(
            name("committer".to_owned()),
            committer::commit(shared.clone()),
        );
    }
    if swarm.keeps {
        sim.client(name("keeper".to_owned()), keeper::keep(shared.clone()));
    }
    for banker in 0..swarm.bankers {
        let host = name(format!("banker{banker}"));
        sim.client(host, bank::transfer(shared.clone(), banker));
    }
    if swarm.bankers > 0 {
        sim.client(name("forwarder".to_owned()), bank::forward(shared.clone()));
        sim.client(name("auditor".to_owned()), bank::audit(shared.clone()));
    }
    for member in 0..swarm.members {
        let host = name(format!("member{member}"));
        sim.client(host, member::take_part(shared.clone(), member));
    }
    if swarm.makes_topics {
        sim.client(
            name("topics".to_owned()),
            topics::come_and_go(shared.clone()),
        );
    }
    if swarm.moves {
        sim.client(name("mover".to_owned()), mover::have_moved(shared.clone()));
    }
    names
}

/// Does what must be possible when nothing is broken any more.
pub(super) async fn in_the_end<T>(
    shared: &Shared,
    what: &str,
    work: impl Future<Output = T>,
) -> Option<T> {
    let done = timeout(LAST_MAX, work).await.ok();
    if done.is_none() {
        let seconds = LAST_MAX.as_secs();
        shared.stuck(format!("{what}: not within {seconds} s"));
    }
    done
}
