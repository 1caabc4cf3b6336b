//! The folder that the stage `dist` of docker/Dockerfile is built from: all that is in the image.

use std::path::{Path, PathBuf};

use crate::shell::{self, Outcome};

const SETTINGS: &str = "server.properties";

/// Fills the folder anew.
pub(super) fn prepare(program: &Path) -> Outcome<PathBuf> {
    let context = shell::build_folder().join("docker-context");
    fill(&context, program)
        .map_err(|error| format!("cannot fill {}: {error}", context.display()))?;
    Ok(context)
}

fn fill(context: &Path, program: &Path) -> std::io::Result<()> {
    if context.exists() {
        std::fs::remove_dir_all(context)?;
    }
    std::fs::create_dir_all(context.join("data"))?;
    std::fs::copy(program, context.join("ottla"))?;
    let settings = shell::root().join("docker").join(SETTINGS);
    std::fs::copy(settings, context.join(SETTINGS))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::shell;

    #[test]
    fn the_image_from_source_is_made_by_the_rust_that_the_workspace_asks_for() {
        let read = |file: &str| std::fs::read_to_string(shell::root().join(file)).unwrap();
        let manifest = read("Cargo.toml");
        let asked = manifest
            .lines()
            .find_map(|line| line.strip_prefix("rust-version = "))
            .expect("the workspace asks for one");
        let from = format!("FROM rust:{}-slim", asked.trim_matches('"'));
        assert!(read("docker/Dockerfile").contains(&from), "no {from}");
    }
}
