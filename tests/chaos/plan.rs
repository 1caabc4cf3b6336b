//! How a run goes, as the environment says.

use std::time::Duration;

use ottla_platform::seed::Random;

use crate::fault::Nemesis;

/// How long the faults of a run come when nobody says.
const SECONDS: u64 = 12;
/// A run that is shorter has brief faults.
const BRIEF: Duration = Duration::from_secs(60);

/// How a run goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) nemesis: Nemesis,
    pub(crate) seed: u64,
    /// For how long there are faults.
    pub(crate) duration: Duration,
}

impl Plan {
    /// What `OTTLA_CHAOS_SECONDS` and `OTTLA_CHAOS_SEED` say.
    pub(crate) fn new(nemesis: Nemesis) -> Plan {
        let seconds = number("OTTLA_CHAOS_SECONDS").unwrap_or(SECONDS);
        Plan {
            nemesis,
            seed: number("OTTLA_CHAOS_SEED").unwrap_or_else(|| Random::from_system().next_u64()),
            duration: Duration::from_secs(seconds),
        }
    }

    /// Whether its faults are brief.
    pub(crate) fn is_brief(&self) -> bool {
        self.duration < BRIEF
    }
}

/// The nemesis that was asked for, if one was.
pub(crate) fn asked_for() -> Option<Nemesis> {
    let name = std::env::var("OTTLA_CHAOS_NEMESIS").ok()?;
    let found = Nemesis::NAMED.into_iter().find(|one| one.name() == name);
    Some(found.unwrap_or_else(|| panic!("OTTLA_CHAOS_NEMESIS={name} is none of them")))
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}
