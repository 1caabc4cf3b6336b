//! `ottla profile list` and `ottla profile show`.

use clap::Args;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::output::Output;
use crate::profiles::Profiles;

/// List profiles, a name a line; the current one has a star
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Print a JSON object a profile
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> Result<(), Failure> {
        let profiles = Profiles::open()?;
        let mut output = Output::new();
        for name in profiles.names() {
            let is_current = profiles.current() == Some(name);
            if self.json {
                output.json(&json!({"name": name, "current": is_current}))?;
            } else {
                output.line(&format!("{name}{}", if is_current { " *" } else { "" }))?;
            }
        }
        Ok(output.finish()?)
    }
}

/// Show what a profile says, as properties
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The profile
    #[arg(value_name = "NAME")]
    name: String,

    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) fn run(self) -> Result<(), Failure> {
        let profile = Profiles::open()?.get(&self.name)?;
        let path = profile
            .command_config
            .map(|path| path.display().to_string());
        let mut output = Output::new();
        if self.json {
            let properties = profile.properties.into_iter();
            let properties: Map<String, Value> =
                properties.map(|(name, text)| (name, text.into())).collect();
            output.json(&json!({
                "name": self.name,
                "bootstrap_servers": profile.bootstrap_servers,
                "command_config": path,
                "properties": properties,
            }))?;
            return Ok(output.finish()?);
        }
        let own = [
            ("bootstrap-servers", profile.bootstrap_servers),
            ("command-config", path),
        ];
        for (name, text) in own {
            if let Some(text) = text {
                output.line(&format!("{name}={text}"))?;
            }
        }
        for (name, text) in &profile.properties {
            output.line(&format!("{name}={text}"))?;
        }
        Ok(output.finish()?)
    }
}
