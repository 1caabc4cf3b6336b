//! A container: started, watched, and removed with its volumes.

use std::path::Path;
use std::time::Duration;

use ottla_tests::wait;

use crate::engine::Engine;
use crate::image::Image;

/// The first look of Docker comes ten seconds after the start.
const HEALTHY_WITHIN: Duration = Duration::from_secs(90);
/// Each look is a process of its own.
const PACE: Duration = Duration::from_millis(300);
/// Whom the image names.
const USER: &str = "10001";

/// A container that somebody started.
pub(crate) struct Container<'a> {
    engine: &'a Engine,
    id: String,
}

impl<'a> Container<'a> {
    /// By its id.
    pub(crate) fn new(engine: &'a Engine, id: &str) -> Container<'a> {
        let id = id.to_owned();
        Container { engine, id }
    }

    /// Waits until Docker calls it healthy.
    pub(crate) fn wait_until_healthy(&self) {
        let healthy = wait::poll_at(PACE, HEALTHY_WITHIN, || {
            let health = self.says("{{.State.Status}} {{.State.Health.Status}}");
            (health == "running healthy").then_some(())
        });
        assert!(
            healthy.is_some(),
            "not healthy within {HEALTHY_WITHIN:?}: {}\n{}",
            self.says("{{json .State}}"),
            self.log()
        );
    }

    /// Fails unless the broker runs as the image's user, as far as this can be seen from here.
    pub(crate) fn runs_as_its_user(&self) {
        let process = Path::new("/proc").join(self.says("{{.State.Pid}}"));
        let Ok(status) = std::fs::read_to_string(process.join("status")) else {
            return; // the engine is on another machine, or in a virtual one
        };
        let line = status.lines().find(|line| line.starts_with("Uid:"));
        let ids: Vec<&str> = line.unwrap_or_default().split_whitespace().collect();
        assert_eq!(ids, ["Uid:", USER, USER, USER, USER]);
    }

    /// What a template says of it.
    pub(crate) fn says(&self, template: &str) -> String {
        self.engine.inspect("container", &self.id, template)
    }

    /// A command of `docker` about it.
    pub(crate) fn tell(&self, command: &str) {
        self.engine.docker(&[command, &self.id]).succeed();
    }

    /// `ottla` within it, and what that printed.
    pub(crate) fn ottla(&self, arguments: &[&str]) -> Vec<String> {
        let exec = self.engine.docker(&["exec", &self.id, "ottla"]);
        let printed = exec.args(arguments).succeed();
        printed.lines().into_iter().map(str::to_owned).collect()
    }

    fn log(&self) -> String {
        let log = self.engine.docker(&["logs", "--tail", "30", &self.id]);
        let log = log.run();
        log.stdout + &log.stderr
    }
}

/// A container that is removed at the end.
pub(crate) struct Started<'a>(pub(crate) Container<'a>);

impl<'a> Started<'a> {
    /// `docker run` with these options, and nothing behind the image's name.
    pub(crate) fn run(image: &Image<'a>, options: &[&str]) -> Started<'a> {
        let run = image.engine.docker(&["run", "--detach"]).args(options);
        let id = run.arg(image.name()).succeed().stdout;
        Started(Container::new(image.engine, id.trim()))
    }
}

impl Drop for Started<'_> {
    fn drop(&mut self) {
        let Container { engine, id } = &self.0;
        engine.docker(&["rm", "--force", "--volumes", id]).run();
    }
}
