//! A virtual environment with the packages that our Python program runs on, each by its hash. The
//! program itself runs from the tree.

use std::path::{Path, PathBuf};

use super::manifest::Entry;
use crate::shell::{self, Outcome};

/// The packages, relative to the workspace root.
const REQUIREMENTS: &str = "tests/compat/python/requirements.txt";
const HINT: &str = "Debian: apt-get install python3-venv; macOS: brew install python";

/// Makes the environment unless it is there with these packages.
pub(crate) fn install(compat_folder: &Path) -> Outcome<Entry> {
    let requirements = std::fs::read(shell::root().join(REQUIREMENTS))
        .map_err(|error| format!("cannot read {REQUIREMENTS}: {error}"))?;
    let checksum = crc32c::crc32c(&requirements);
    let environment = compat_folder.join("python");
    let program = Path::new("python").join(program_below_environment());
    let entry = Entry::Python {
        program: program.clone(),
        requirements_crc32c: checksum,
    };
    let stamp = environment.join("complete");
    let program = compat_folder.join(program);
    if std::fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == checksum.to_string())
        && imports_the_client(&program)
    {
        println!("python: already there");
        return Ok(entry);
    }
    let python =
        shell::find_program("python3").ok_or_else(|| format!("python3 is missing. {HINT}"))?;
    println!("python: installing {REQUIREMENTS} with pip …");
    shell::output_of(
        shell::command(python)
            .args(["-m", "venv", "--clear"])
            .arg(&environment),
    )
    .map_err(|refusal| format!("python3 makes no virtual environment. {HINT}\n{refusal}"))?;
    shell::output_of(
        shell::command(&program)
            .args(["-m", "pip", "install", "--quiet"])
            .args(["--require-hashes", "--only-binary", ":all:"])
            .args(["-r", REQUIREMENTS]),
    )
    .map_err(|refusal| format!("Python's packages could not be had\n{refusal}"))?;
    std::fs::write(&stamp, checksum.to_string())
        .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(entry)
}

fn program_below_environment() -> PathBuf {
    if cfg!(windows) {
        Path::new("Scripts").join("python.exe")
    } else {
        Path::new("bin").join("python")
    }
}

/// The system's Python that the environment was made from may have been replaced since.
fn imports_the_client(program: &Path) -> bool {
    shell::output_of(shell::command(program).args(["-c", "import confluent_kafka"])).is_ok()
}
