//! docker/compose.yaml, by whichever compose there is.

use std::path::PathBuf;
use std::time::Duration;

use ottla_tests::{Tool, folders};

use crate::container::Container;
use crate::engine::Engine;
use crate::image::Image;

/// Containers, volumes and the network get it as a prefix, and no other project has it.
const PROJECT: &str = "ottla-proof";
/// Stopping may take each broker half a minute.
const WITHIN: Duration = Duration::from_secs(180);

/// A compose that works.
pub(crate) struct Compose<'a> {
    engine: &'a Engine,
    program: PathBuf,
    is_plugin: bool,
    pub(crate) version: String,
}

impl<'a> Compose<'a> {
    /// All that there are: the plugin, and the program of version 1.
    pub(crate) fn find(engine: &'a Engine) -> Result<Vec<Compose<'a>>, String> {
        let candidates = [
            (engine.program().to_path_buf(), true),
            (PathBuf::from("docker-compose"), false),
        ];
        let found: Vec<_> = candidates
            .into_iter()
            .filter_map(|(program, is_plugin)| Compose::of(engine, program, is_plugin))
            .collect();
        if found.is_empty() {
            return Err(
                "neither `docker compose` nor docker-compose is there (Debian: apt-get install \
                 docker-compose)"
                    .to_owned(),
            );
        }
        Ok(found)
    }

    fn of(engine: &'a Engine, program: PathBuf, is_plugin: bool) -> Option<Compose<'a>> {
        let mut compose = Compose {
            engine,
            program,
            is_plugin,
            version: String::new(),
        };
        let is_missing = !is_plugin && !is_on_search_path("docker-compose");
        let answer = match is_missing {
            true => return None,
            false => compose.tool(&["version", "--short"]).run(),
        };
        compose.version = answer.stdout.trim().to_owned();
        (answer.code == Some(0)).then_some(compose)
    }

    /// The project comes up. Taken down at the end, its volumes with it.
    pub(crate) fn up(&'a self, image: &Image<'_>) -> Project<'a> {
        let project = Project {
            compose: self,
            image: image.name(),
        };
        project.tell(&["up", "--detach"]).succeed();
        project
    }

    fn tool(&self, arguments: &[&str]) -> Tool {
        let tool = self.engine.client(&self.program);
        let tool = match self.is_plugin {
            true => tool.arg("compose"),
            false => tool,
        };
        tool.args(arguments).within(WITHIN)
    }
}

/// What compose has started.
pub(crate) struct Project<'a> {
    compose: &'a Compose<'a>,
    image: &'static str,
}

impl<'a> Project<'a> {
    /// The container of a service.
    pub(crate) fn container(&self, service: &str) -> Container<'a> {
        let listed = self.tell(&["ps", "--quiet", service]).succeed();
        Container::new(self.compose.engine, listed.stdout.trim())
    }

    fn tell(&self, arguments: &[&str]) -> Tool {
        self.compose
            .tool(&["--project-name", PROJECT, "--file"])
            .arg(folders::workspace().join("docker").join("compose.yaml"))
            .args(arguments)
            .env("OTTLA_IMAGE", self.image)
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        self.tell(&["down", "--volumes"]).run();
    }
}

fn is_on_search_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
