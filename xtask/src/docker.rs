//! `cargo xtask docker`: makes the static program and the image of it, and has both proved: the image alone, and a
//! cluster of three by compose.
//!
//! What is done with containers is in `ottla-tests`' program `docker`; what has to be there before is made here.

mod context;
mod engine;
mod program;

use std::path::PathBuf;

use clap::Args;

use crate::shell::{self, Outcome};
use engine::Engine;
use program::Profile;

/// How to go about it.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Prove an unoptimised program, which is made sooner, as CI does
    #[arg(long)]
    quick: bool,
    /// Where there is no Docker engine and none can be started, say why and end well
    #[arg(long)]
    if_possible: bool,
    /// Only make the image `ottla`, in the engine that runs here
    #[arg(long, conflicts_with = "if_possible")]
    image_only: bool,
}

/// Makes the image and proves it.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let profile = match arguments.quick {
        true => Profile::Dev,
        false => Profile::Release,
    };
    if arguments.image_only {
        let engine = Engine::running()?;
        let program = program::build_static(profile)?;
        return shell::run(&mut engine.build(&context::prepare(&program)?));
    }
    let prover = build_prover()?;
    let engine = match Engine::find(&prover) {
        Err(reason) if arguments.if_possible => {
            println!("docker: skipped: {reason}");
            return Ok(());
        }
        engine => engine?,
    };
    let program = program::build_static(profile)?;
    let mut prove = engine.prover(&prover);
    prove.arg("prove").arg(context::prepare(&program)?);
    shell::run(&mut prove)
}

/// The program with the proofs, which comes to lie beside this one.
fn build_prover() -> Outcome<PathBuf> {
    let mut build = shell::cargo();
    build.args(["build", "--quiet", "--package", "ottla-tests"]);
    shell::run(build.args(["--bin", "docker"]))?;
    let this = std::env::current_exe().map_err(|error| format!("who is running? {error}"))?;
    Ok(this.with_file_name("docker"))
}
