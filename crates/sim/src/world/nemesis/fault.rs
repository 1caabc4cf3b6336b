//! The kinds of faults.

/// Something that goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::world) enum Fault {
    /// A process ends at once.
    Crash,
    /// A host loses power.
    PowerCut,
    /// All but one lose power.
    PowerCutOfTwo,
    /// All hosts lose power.
    PowerCutOfAll,
    /// A process ends, comes back at once, and its host loses power.
    CrashThenPowerCut,
    /// A node is asked to stop.
    Stop,
    /// A process stands still: nothing of what it sends arrives, and its threads do nothing.
    Pause,
    /// A host's disk and threads are slow.
    SlowHost,
    /// A link is cut.
    Cut,
    /// A link is cut one way.
    CutOneWay,
    /// A broker is cut off from the others and from clients.
    Isolate,
    /// A broker is cut off from the other brokers only.
    IsolateFromBrokers,
    /// A link holds back what is sent.
    Hold,
    /// All links are slow.
    SlowNetwork,
    /// A wall clock jumps.
    ClockJump,
    /// A disk is full.
    FullDisk,
    /// A disk does not sync any more.
    SyncFails,
    /// A disk takes no writes any more.
    WriteFails,
    /// A process ends, and when it comes back a bit of what its disk holds has another value, or cannot be read. No more
    /// than one disk of a run does that: what a majority has lost is lost.
    Rot,
}

impl Fault {
    pub(in crate::world) const ALL: [Fault; 19] = [
        Fault::Crash,
        Fault::PowerCut,
        Fault::PowerCutOfTwo,
        Fault::PowerCutOfAll,
        Fault::CrashThenPowerCut,
        Fault::Stop,
        Fault::Pause,
        Fault::SlowHost,
        Fault::Cut,
        Fault::CutOneWay,
        Fault::Isolate,
        Fault::IsolateFromBrokers,
        Fault::Hold,
        Fault::SlowNetwork,
        Fault::ClockJump,
        Fault::FullDisk,
        Fault::SyncFails,
        Fault::WriteFails,
        Fault::Rot,
    ];

    /// Whether what a host has not synced may be gone afterwards.
    pub(in crate::world) fn loses_what_is_not_synced(self) -> bool {
        match self {
            Fault::PowerCut
            | Fault::PowerCutOfTwo
            | Fault::PowerCutOfAll
            | Fault::CrashThenPowerCut
            | Fault::SyncFails => true,
            Fault::Crash
            | Fault::Stop
            | Fault::Pause
            | Fault::SlowHost
            | Fault::Cut
            | Fault::CutOneWay
            | Fault::Isolate
            | Fault::IsolateFromBrokers
            | Fault::Hold
            | Fault::SlowNetwork
            | Fault::ClockJump
            | Fault::FullDisk
            | Fault::WriteFails
            | Fault::Rot => false,
        }
    }
}
