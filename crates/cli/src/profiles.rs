//! Profiles: several clusters by name, in one file.
//!
//! ```toml
//! current = "prod"                       # used where no other is named
//!
//! [profiles.prod]
//! bootstrap-servers = "a:9092,b:9092"
//! command-config = "/etc/ottla/prod.properties"
//!
//! [profiles.prod.properties]
//! "request.timeout.ms" = "5000"
//! ```
//!
//! The file is `OTTLA_PROFILES`, or `ottla/config.toml` in the user's folder of configurations. (`OTTLA_CONFIG` is the
//! broker's.) It is edited as people wrote it: comments and order stay.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use crate::failure::Failure;
use crate::properties::Property;

/// The variable that names the file.
const FILE_VARIABLE: &str = "OTTLA_PROFILES";
const CURRENT: &str = "current";
const PROFILES: &str = "profiles";
const BOOTSTRAP: &str = "bootstrap-servers";
const COMMAND_CONFIG: &str = "command-config";
const PROPERTIES: &str = "properties";

/// What this process was told to use, once.
static CHOSEN: OnceLock<String> = OnceLock::new();

/// How one cluster is reached.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Profile {
    pub(crate) bootstrap_servers: Option<String>,
    pub(crate) command_config: Option<PathBuf>,
    pub(crate) properties: Vec<Property>,
}

/// Notes the profile that the command line or the environment names. To be called before any command runs.
pub(crate) fn choose(name: Option<String>) {
    if let Some(name) = name {
        CHOSEN.get_or_init(|| name);
    }
}

/// The profile to use: the one chosen, else the file's current one, if there is any.
pub(crate) fn in_use() -> Result<Option<Profile>, Failure> {
    let chosen = CHOSEN.get().map(String::as_str);
    let Some(path) = path() else {
        return match chosen {
            None => Ok(None),
            Some(_) => Err(Failure::Usage(format!(
                "no folder has profiles: set {FILE_VARIABLE}"
            ))),
        };
    };
    let profiles = Profiles::read(&path)?;
    match chosen.or(profiles.current()) {
        None => Ok(None),
        Some(name) => profiles.get(name).map(Some),
    }
}

/// Where the file is, whether or not it is there.
pub(crate) fn path() -> Option<PathBuf> {
    let of = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = || {
        let home = of("HOME").map(|home| PathBuf::from(home).join(".config"));
        let folder = of("XDG_CONFIG_HOME").map(PathBuf::from).or(home)?;
        Some(folder.join("ottla").join("config.toml"))
    };
    of(FILE_VARIABLE).map(PathBuf::from).or_else(folder)
}

/// The file, read.
pub(crate) struct Profiles {
    path: PathBuf,
    document: DocumentMut,
}

impl Profiles {
    /// The file of this process.
    pub(crate) fn open() -> Result<Self, Failure> {
        let path = path().ok_or_else(|| {
            Failure::Failed(format!(
                "no folder is known for profiles: set {FILE_VARIABLE}"
            ))
        })?;
        Profiles::read(&path)
    }

    /// A file that is not there has no profiles.
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(at(path, &error)),
        };
        Ok(Profiles {
            document: text
                .parse()
                .map_err(|error: toml_edit::TomlError| at(path, &error))?,
            path: path.to_path_buf(),
        })
    }

    /// Replaces the file: whoever reads it meanwhile sees the old one or the new one.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let written = || {
            if let Some(folder) = self.path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            let new = self.path.with_extension("toml.new");
            std::fs::write(&new, self.document.to_string())?;
            std::fs::rename(&new, &self.path)
        };
        written().map_err(|error| at(&self.path, &error))
    }

    /// The profile used where no other is named.
    pub(crate) fn current(&self) -> Option<&str> {
        self.document.get(CURRENT)?.as_str()
    }

    /// All names, in the file's order.
    pub(crate) fn names(&self) -> Vec<&str> {
        let table = self.document.get(PROFILES).and_then(Item::as_table_like);
        let names = table
            .into_iter()
            .flat_map(|table| table.iter().map(|(name, _)| name));
        names.collect()
    }

    /// A profile that has to be there and to make sense.
    pub(crate) fn get(&self, name: &str) -> Result<Profile, Failure> {
        let table = self.document.get(PROFILES).and_then(|all| all.get(name));
        let table = table.ok_or_else(|| self.unknown(name))?;
        let wrong =
            |what: &str| Failure::Usage(format!("{}: profile {name}: {what}", self.path.display()));
        let table = table.as_table_like().ok_or_else(|| wrong("is no table"))?;
        let known = [BOOTSTRAP, COMMAND_CONFIG, PROPERTIES];
        if let Some((other, _)) = table.iter().find(|(key, _)| !known.contains(key)) {
            return Err(wrong(&format!("{other} has no meaning here")));
        }
        let text = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(item) => match item.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(wrong(&format!("{key} is no text"))),
            },
        };
        Ok(Profile {
            bootstrap_servers: text(BOOTSTRAP)?,
            command_config: text(COMMAND_CONFIG)?.map(PathBuf::from),
            properties: properties(table).ok_or_else(|| wrong("properties are names and texts"))?,
        })
    }

    /// Makes a profile, or changes what `new` says of it.
    pub(crate) fn set(&mut self, name: &str, new: &Profile) -> Result<(), Failure> {
        // Nothing is built on what does not make sense.
        if self.names().contains(&name) {
            self.get(name)?;
        }
        let all = self.document.entry(PROFILES).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        let all = all.as_table_like_mut();
        let all = all.ok_or_else(|| {
            Failure::Usage(format!("{}: {PROFILES} is no table", self.path.display()))
        })?;
        let profile = all.entry(name).or_insert_with(|| Item::Table(Table::new()));
        if let Some(servers) = &new.bootstrap_servers {
            profile[BOOTSTRAP] = value(servers);
        }
        if let Some(path) = &new.command_config {
            profile[COMMAND_CONFIG] = value(path.to_string_lossy().as_ref());
        }
        if !new.properties.is_empty() && profile.get(PROPERTIES).is_none() {
            profile[PROPERTIES] = Item::Table(Table::new());
        }
        for (key, text) in &new.properties {
            profile[PROPERTIES][key] = value(text);
        }
        Ok(())
    }

    /// Has this profile used where no other is named.
    pub(crate) fn set_current(&mut self, name: &str) -> Result<(), Failure> {
        self.get(name)?;
        self.document[CURRENT] = value(name);
        Ok(())
    }

    /// Forgets a profile.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), Failure> {
        let all = self
            .document
            .get_mut(PROFILES)
            .and_then(Item::as_table_like_mut);
        if all.and_then(|all| all.remove(name)).is_none() {
            return Err(self.unknown(name));
        }
        if self.current() == Some(name) {
            self.document.remove(CURRENT);
        }
        Ok(())
    }

    fn unknown(&self, name: &str) -> Failure {
        let known = self.names().join(", ");
        let known = if known.is_empty() {
            "none".to_owned()
        } else {
            known
        };
        let path = self.path.display();
        Failure::Usage(format!(
            "there is no profile {name} in {path} (there: {known})"
        ))
    }
}

fn properties(table: &dyn TableLike) -> Option<Vec<Property>> {
    let Some(properties) = table.get(PROPERTIES) else {
        return Some(Vec::new());
    };
    let texts = properties.as_table_like()?.iter();
    let texts = texts.map(|(name, text)| Some((name.to_owned(), text.as_str()?.to_owned())));
    texts.collect()
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Usage(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles(text: &str) -> Profiles {
        Profiles {
            path: PathBuf::from("config.toml"),
            document: text.parse().unwrap(),
        }
    }

    const TWO: &str = "\
# mine
current = \"b\"

[profiles.a]
bootstrap-servers = \"a:1\" # the old one

[profiles.b]
command-config = \"b.properties\"
properties = { \"request.timeout.ms\" = \"5\" }
";

    #[test]
    fn profiles_are_read_by_name() {
        let profiles = profiles(TWO);
        assert_eq!(
            (profiles.names(), profiles.current()),
            (vec!["a", "b"], Some("b"))
        );
        assert_eq!(
            profiles.get("a").unwrap().bootstrap_servers.as_deref(),
            Some("a:1")
        );
        let b = profiles.get("b").unwrap();
        assert_eq!(
            b.properties,
            [("request.timeout.ms".to_owned(), "5".to_owned())]
        );
        let Err(Failure::Usage(text)) = profiles.get("c") else {
            panic!("there is no c");
        };
        assert_eq!(text, "there is no profile c in config.toml (there: a, b)");
    }

    #[test]
    fn a_profile_that_makes_no_sense_is_told_of() {
        for text in [
            "profiles.a = 1",
            "[profiles.a]\nbootstrap-servers = 9092",
            "[profiles.a]\nbootstrap = \"x:1\"",
            "[profiles.a]\nproperties = \"x\"",
            "[profiles.a.properties]\na = 1",
        ] {
            assert!(
                matches!(profiles(text).get("a"), Err(Failure::Usage(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn what_people_wrote_stays_when_a_profile_changes() {
        let mut profiles = profiles(TWO);
        let new = Profile {
            bootstrap_servers: Some("new:1".to_owned()),
            properties: vec![("client.id".to_owned(), "me".to_owned())],
            ..Profile::default()
        };
        profiles.set("b", &new).unwrap();
        profiles.set("c", &new).unwrap();
        let b = profiles.get("b").unwrap();
        assert_eq!((b.properties.len(), b.command_config.is_some()), (2, true));
        assert_eq!(profiles.get("c").unwrap(), new);
        profiles.remove("b").unwrap();
        assert_eq!(
            (profiles.names(), profiles.current()),
            (vec!["a", "c"], None)
        );
        let text = profiles.document.to_string();
        assert!(
            text.contains("# mine") || text.contains("# the old one"),
            "{text}"
        );
        assert!(profiles.remove("b").is_err() && profiles.set_current("b").is_err());
    }
}
