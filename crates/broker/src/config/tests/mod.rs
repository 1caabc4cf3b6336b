//! A configuration seen from outside: sources in, values, lines and refusals out.

mod files;
mod listeners;
mod precedence;
mod refusals;
mod values;

use super::*;

/// Sources with a file of this text, called `server.properties`.
fn file(text: &str) -> Sources {
    Sources {
        file: Some(PropertiesFile {
            name: "server.properties".to_owned(),
            bytes: text.as_bytes().to_vec(),
        }),
        host_name: "myhost".to_owned(),
        ..Sources::default()
    }
}

/// Sources with these `--set` flags.
fn set(texts: &[&str]) -> Sources {
    let mut sources = file("");
    sources.flags.set = texts.iter().map(|text| (*text).to_owned()).collect();
    sources
}

fn built(sources: Sources) -> Built {
    Config::build(sources).unwrap_or_else(|error| panic!("{error}"))
}

/// The lines of a refusal.
fn refused(sources: Sources) -> Vec<String> {
    let error = Config::build(sources).expect_err("it is refused");
    assert_eq!(error.problems().len(), error.to_string().lines().count());
    error.to_string().lines().map(str::to_owned).collect()
}
