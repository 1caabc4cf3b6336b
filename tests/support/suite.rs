//! A suite of cases that all use one broker, run by libtest-mimic so that it looks and behaves like
//! `cargo test` but can decide at run time what cannot run.
//!
//! A suite states what it needs. When something of that is missing, every case is listed as ignored
//! with the reason; with `CI=true` it fails instead, so that no suite falls silent where it counts.
//! `OTTLA_COMPAT_BROKERS` says whose brokers the cases run against: `ottla` (the default), `kafka`
//! (which proves that the expectations are Kafka's), or both with a comma.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::broker::{Broker, Kind, Settings};
use crate::compat::{self, Toolchain};
use crate::{trial, wait};

/// How long the runner's threads may take to let go of a case that has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// Something outside of the workspace that a suite cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Java and Kafka's jars.
    KafkaTools,
    /// Those, and our own Java programs compiled from the sources in the tree.
    JavaSuites,
    /// Python with the packages that our Python program uses.
    PythonProgram,
    /// Our Go program compiled from the sources in the tree.
    GoProgram,
    /// A program on the search path.
    Program(&'static str),
    /// Something that was decided when the suite was compiled; missing it fails nowhere.
    Compiled {
        /// Whether it is there.
        present: bool,
        /// What to do to have it.
        hint: &'static str,
    },
}

impl Need {
    /// The reason why it is not met, if it is not.
    pub fn missing(self) -> Option<String> {
        match self {
            Need::KafkaTools => Toolchain::find().err(),
            Need::JavaSuites => Toolchain::find_with_suites().err(),
            Need::PythonProgram => compat::python_program().err(),
            Need::GoProgram => compat::go_program().err(),
            Need::Program(name) => (!is_on_search_path(name))
                .then(|| format!("{name} is not installed; see `cargo xtask compat-setup`")),
            Need::Compiled { present, hint } => (!present).then(|| hint.to_owned()),
        }
    }

    fn is_strict(self) -> bool {
        !matches!(self, Need::Compiled { .. }) && std::env::var("CI").is_ok_and(|ci| ci == "true")
    }
}

type Body = Arc<dyn Fn(&Broker) + Send + Sync>;

/// Cases, and what they need.
pub struct Suite {
    needs: Vec<Need>,
    settings: Settings,
    cases: Vec<(String, Body)>,
}

/// One kind's broker, started by the first case that wants it.
type Shared = Arc<OnceLock<Result<Broker, String>>>;

impl Suite {
    /// A suite without cases.
    pub fn new(needs: &[Need]) -> Suite {
        Suite {
            needs: needs.to_vec(),
            settings: Settings::default(),
            cases: Vec::new(),
        }
    }

    /// What the broker is started with.
    pub fn with_settings(mut self, settings: Settings) -> Suite {
        self.settings = settings;
        self
    }

    /// One more case. It may run beside others on the same broker, so it uses names of its own.
    pub fn case(
        &mut self,
        name: &str,
        body: impl Fn(&Broker) + Send + Sync + 'static,
    ) -> &mut Suite {
        self.cases.push((name.to_owned(), Arc::new(body)));
        self
    }

    /// Runs what the command line asks for. To be returned from `main`.
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        // Each broker and each tool is a process of its own: more at once only slows all down.
        arguments.test_threads.get_or_insert_with(threads);
        let missing = self
            .needs
            .iter()
            .find_map(|need| need.missing().map(|reason| (reason, need.is_strict())));
        let brokers = Brokers::default();
        let trials = kinds()
            .into_iter()
            .flat_map(|kind| self.trials(kind, &brokers, missing.as_ref()))
            .collect();
        let conclusion = libtest_mimic::run(&arguments, trials);
        brokers.stop();
        conclusion.exit_code()
    }

    fn trials(
        &self,
        kind: Kind,
        brokers: &Brokers,
        missing: Option<&(String, bool)>,
    ) -> Vec<Trial> {
        let broker = brokers.add();
        let of_one_case = |(name, body): &(String, Body)| {
            let name = match kind {
                Kind::Ottla => name.clone(),
                Kind::Kafka => format!("apache_kafka::{name}"),
            };
            let (body, broker, settings) = (body.clone(), broker.clone(), self.settings.clone());
            match missing.cloned() {
                Some((reason, true)) => Trial::test(name, move || Err(Failed::from(reason))),
                Some((reason, false)) => {
                    Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason)))
                }
                None => Trial::test(name, move || {
                    match broker.get_or_init(|| Broker::start(kind, settings)) {
                        Ok(broker) => outcome(broker, &*body),
                        Err(reason) => Err(Failed::from(reason)),
                    }
                }),
            }
        };
        self.cases.iter().map(of_one_case).collect()
    }
}

/// The brokers that have to be stopped when all cases have run.
#[derive(Default)]
struct Brokers(Mutex<Vec<Shared>>);

impl Brokers {
    fn add(&self) -> Shared {
        let broker = Shared::default();
        let mut all = self.0.lock().expect("no case runs while suites are built");
        all.push(broker.clone());
        broker
    }

    fn stop(self) {
        for shared in self.0.into_inner().expect("no case runs any more") {
            // A runner's thread may be about to drop the last case; whoever is last kills the broker,
            // and that has to be done before this process ends.
            wait::poll(PATIENCE, || (Arc::strong_count(&shared) == 1).then_some(()));
        }
    }
}

fn outcome(broker: &Broker, body: &dyn Fn(&Broker)) -> Result<(), Failed> {
    catch_unwind(AssertUnwindSafe(|| body(broker))).map_err(|panic| {
        let said = trial::words(&*panic);
        Failed::from(format!("{said}\n--- broker log\n{}", broker.log_tail()))
    })
}

/// Whose brokers the cases run against.
pub fn kinds() -> Vec<Kind> {
    let wanted = std::env::var("OTTLA_COMPAT_BROKERS").unwrap_or_else(|_| "ottla".to_owned());
    wanted
        .split(',')
        .map(|name| match name.trim() {
            "ottla" => Kind::Ottla,
            "kafka" => Kind::Kafka,
            other => panic!("OTTLA_COMPAT_BROKERS: {other:?} is neither ottla nor kafka"),
        })
        .collect()
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

fn is_on_search_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
