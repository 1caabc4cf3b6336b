//! Everything that happened in a run, as one number: two runs of one seed that differ in anything
//! that was logged, or in the moment, have different ones.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry};

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static SUM: Cell<(u64, u64)> = const { Cell::new((0, SUM_OF_NOTHING)) };
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
    static IS_DEAF: Cell<bool> = const { Cell::new(false) };
    static SHOWN: Cell<Option<Level>> = const { Cell::new(None) };
    static DAMAGE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// FNV-1a: the same everywhere, and quick enough.
const SUM_OF_NOTHING: u64 = 0xcbf2_9ce4_8422_2325;
const FACTOR: u64 = 0x0100_0000_01b3;

/// In a line that tells of acknowledged data that cannot be read.
const DAMAGED: &str = " is damaged at byte ";

/// What a run is compared by. openraft's lines are no part of it: they tell real times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What an operator would read, and what is shown.
    Lines,
    /// All lines, and every byte that a host sends or receives, which takes three times as long.
    Bytes,
}

impl Depth {
    fn filter(self) -> EnvFilter {
        let shown = SHOWN.get().unwrap_or(Level::INFO);
        EnvFilter::new(match self {
            Depth::Lines => format!("{},openraft=off,turmoil=info", shown.max(Level::INFO)),
            Depth::Bytes => "debug,openraft=off,turmoil=trace".to_owned(),
        })
    }
}

/// How many events there were, and their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// How many.
    pub events: u64,
    /// Their sum.
    pub sum: u64,
}

/// Has lines of this level, and those that are more severe, written to the terminal while runs go on.
pub fn show(level: Level) {
    SHOWN.set(Some(level));
}

/// Runs `work` with everything that it logs added up.
pub(super) fn traced<T>(depth: Depth, work: impl FnOnce() -> T) -> (T, Trace) {
    SUM.set((0, SUM_OF_NOTHING));
    let subscriber = Registry::default().with(depth.filter()).with(Sum);
    let done = tracing::subscriber::with_default(subscriber, work);
    let (events, sum) = SUM.get();
    (done, Trace { events, sum })
}

/// Says what time it is in the simulation.
pub(super) fn at(now: Duration) {
    NOW.set(now);
}

/// Does something of whose lines nothing is heard.
pub(super) fn unheard<T>(work: impl FnOnce() -> T) -> T {
    IS_DEAF.set(true);
    let done = work();
    IS_DEAF.set(false);
    done
}

/// Adds to the trace what was not logged.
pub(super) fn add(bytes: &[u8]) {
    let (events, mut sum) = SUM.get();
    for byte in bytes {
        sum = (sum ^ u64::from(*byte)).wrapping_mul(FACTOR);
    }
    SUM.set((events + 1, sum));
}

/// The lines so far that tell of damage on a disk.
pub(super) fn take_damage() -> Vec<String> {
    DAMAGE.take()
}

struct Sum;

/// The host that a span is about.
struct Host(String);

impl<S> Layer<S> for Sum
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() == "node"
            && let Some(span) = context.span(id)
        {
            let mut text = Text(String::new());
            attributes.record(&mut text);
            span.extensions_mut().insert(Host(text.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if IS_DEAF.get() {
            return;
        }
        LINE.with(|line| {
            let mut line = line.borrow_mut();
            line.clear();
            let host = context.event_scope(event).and_then(|scope| {
                let mut spans = scope.from_root();
                spans.find_map(|span| span.extensions().get::<Host>().map(|host| host.0.clone()))
            });
            let metadata = event.metadata();
            let written = write!(
                line,
                "{:>9.3}{} {} {}:",
                NOW.get().as_secs_f64(),
                host.unwrap_or_default(),
                metadata.level(),
                metadata.target()
            );
            written.expect("text takes all");
            let mut text = Text(std::mem::take(&mut *line));
            event.record(&mut text);
            *line = text.0;
            add(line.as_bytes());
            if line.contains(DAMAGED) {
                DAMAGE.with_borrow_mut(|damage| damage.push(line.trim().to_owned()));
            }
            if SHOWN.get().is_some_and(|shown| metadata.level() <= &shown) {
                eprintln!("{line}");
            }
        });
    }
}

/// Fields, as text.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("text takes all");
    }
}
