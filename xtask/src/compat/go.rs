//! Compiling our Go program, with its modules and Go's caches in the compat folder.

use std::path::{Path, PathBuf};

use super::manifest::Entry;
use crate::shell::{self, Outcome};

/// Where the sources are, relative to the workspace root.
const SOURCES: &str = "tests/compat/go";
const HINT: &str = "Go 1.26 or newer is needed (or 1.21, which downloads it with GOTOOLCHAIN=auto): \
                    https://go.dev/dl; macOS: brew install go";

/// Compiles the program unless that was done from the same sources.
pub(crate) fn install(compat_folder: &Path) -> Outcome<Entry> {
    let checksum = checksum(&sources()?)?;
    let folder = compat_folder.join("go");
    let name = format!("compat-go{}", std::env::consts::EXE_SUFFIX);
    let program = folder.join(&name);
    let entry = Entry::Go {
        program: Path::new("go").join(name),
        sources_crc32c: checksum,
    };
    let stamp = folder.join("complete");
    if std::fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == checksum.to_string())
        && program.is_file()
    {
        println!("go: already compiled");
        return Ok(entry);
    }
    let go = shell::find_program("go").ok_or_else(|| format!("go is missing. {HINT}"))?;
    println!("go: compiling {SOURCES} …");
    shell::output_of(
        shell::command(go)
            .current_dir(shell::root().join(SOURCES))
            .env("GOPATH", folder.join("modules"))
            .env("GOCACHE", folder.join("cache"))
            .env("GOFLAGS", "-modcacherw -buildvcs=false") // one `rm` has to remove the folder
            .args(["build", "-trimpath", "-o"])
            .arg(&program)
            .arg("."),
    )
    .map_err(|refusal| format!("our Go program could not be compiled. {HINT}\n{refusal}"))?;
    std::fs::write(&stamp, checksum.to_string())
        .map_err(|error| format!("cannot write {}: {error}", stamp.display()))?;
    Ok(entry)
}

/// The sources, go.mod and go.sum in the order of their names.
fn sources() -> Outcome<Vec<PathBuf>> {
    let folder = shell::root().join(SOURCES);
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| is_source(path))
        .collect();
    paths.sort();
    Ok(paths)
}

fn is_source(path: &Path) -> bool {
    path.extension()
        .is_some_and(|kind| kind == "go" || kind == "mod" || kind == "sum")
}

/// The suites compute the same to notice that what was compiled is stale.
fn checksum(sources: &[PathBuf]) -> Outcome<u32> {
    let mut checksum = 0;
    for source in sources {
        let text = std::fs::read(source)
            .map_err(|error| format!("cannot read {}: {error}", source.display()))?;
        checksum = crc32c::crc32c_append(checksum, &text);
    }
    Ok(checksum)
}
