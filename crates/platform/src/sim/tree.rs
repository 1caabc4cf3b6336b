//! The names of a simulated file system: as the process sees them, and as the medium holds them.
//!
//! Changes to a directory survive a power cut in the order in which they were made, up to some
//! point; `sync_dir` moves that point to now. A rename within a directory is one change.

use std::collections::BTreeMap;
use std::io;
use std::path::{Component, Path};

use super::inode::{Inode, Survival};
use crate::seed::Random;

/// Number of a file or directory; never reused.
pub(super) type Id = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    File(Id),
    Dir(Id),
}

#[derive(Debug, Clone, Default)]
struct Dir {
    now: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Set(String, Node),
    Remove(String),
    Rename(String, String),
}

#[derive(Debug, Clone)]
pub(super) struct Tree {
    dirs: BTreeMap<Id, Dir>,
    pub(super) files: BTreeMap<Id, Inode>,
    next_id: Id,
}

const ROOT: Id = 0;

impl Tree {
    pub(super) fn new() -> Tree {
        Tree {
            dirs: BTreeMap::from([(ROOT, Dir::default())]),
            files: BTreeMap::new(),
            next_id: ROOT + 1,
        }
    }

    pub(super) fn find(&self, path: &Path) -> Option<Node> {
        let mut at = Node::Dir(ROOT);
        for part in path.components() {
            let Component::Normal(name) = part else {
                continue;
            };
            let Node::Dir(id) = at else { return None };
            at = *self.dirs[&id].now.get(&*name.to_string_lossy())?;
        }
        Some(at)
    }

    pub(super) fn file(&self, path: &Path) -> io::Result<Id> {
        match self.find(path) {
            Some(Node::File(id)) => Ok(id),
            Some(Node::Dir(_)) => Err(io::ErrorKind::IsADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn create_file(&mut self, path: &Path) -> io::Result<Id> {
        let (dir, name) = self.parent(path)?;
        let id = self.take_id();
        self.files.insert(id, Inode::default());
        self.change(dir, Change::Set(name, Node::File(id)));
        Ok(id)
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let mut at = std::path::PathBuf::new();
        for part in path.components() {
            at.push(part);
            match self.find(&at) {
                Some(Node::Dir(_)) => {}
                Some(Node::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
                None => {
                    let (dir, name) = self.parent(&at)?;
                    let id = self.take_id();
                    self.dirs.insert(id, Dir::default());
                    self.change(dir, Change::Set(name, Node::Dir(id)));
                }
            }
        }
        Ok(())
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<(String, bool)>> {
        let dir = &self.dirs[&self.dir(path)?];
        let is_dir = |node: &Node| matches!(node, Node::Dir(_));
        Ok(dir
            .now
            .iter()
            .map(|(name, node)| (name.clone(), is_dir(node)))
            .collect())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (dir, old) = self.parent(from)?;
        let (other, new) = self.parent(to)?;
        if dir != other {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        if !self.dirs[&dir].now.contains_key(&old) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(dir, Change::Rename(old, new));
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) -> io::Result<()> {
        let (dir, name) = self.parent(path)?;
        if !self.dirs[&dir].now.contains_key(&name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(dir, Change::Remove(name));
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, path: &Path) -> io::Result<()> {
        let id = self.dir(path)?;
        self.dirs.get_mut(&id).expect("found just now").sync();
        Ok(())
    }

    pub(super) fn sync_everything(&mut self) {
        self.dirs.values_mut().for_each(Dir::sync);
        self.files.values_mut().for_each(Inode::sync);
    }

    /// Space taken by files that have a name.
    pub(super) fn space(&self) -> u64 {
        let names = self.dirs.values().flat_map(|dir| dir.now.values());
        names
            .filter_map(|node| match node {
                Node::File(id) => Some(self.files[id].space()),
                Node::Dir(_) => None,
            })
            .sum()
    }

    pub(super) fn lose_power(&mut self, survival: Survival, random: &mut Random) {
        for dir in self.dirs.values_mut() {
            let all = dir.pending.len() as u64;
            let kept = match survival {
                Survival::Nothing => 0,
                Survival::Everything => all,
                Survival::Some | Survival::Prefix => random.below(all + 1),
            };
            dir.pending.truncate(kept as usize);
            dir.now.clone_from(&dir.durable);
            for change in dir.pending.clone() {
                apply(&mut dir.now, change);
            }
            dir.sync();
        }
        for inode in self.files.values_mut() {
            inode.lose_power(survival, random);
        }
    }

    fn dir(&self, path: &Path) -> io::Result<Id> {
        match self.find(path) {
            Some(Node::Dir(id)) => Ok(id),
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn parent(&self, path: &Path) -> io::Result<(Id, String)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let dir = self.dir(path.parent().unwrap_or(Path::new("")))?;
        Ok((dir, name.to_string_lossy().into_owned()))
    }

    fn change(&mut self, dir: Id, change: Change) {
        let dir = self
            .dirs
            .get_mut(&dir)
            .expect("directories are never dropped");
        apply(&mut dir.now, change.clone());
        dir.pending.push(change);
    }

    fn take_id(&mut self) -> Id {
        self.next_id += 1;
        self.next_id - 1
    }
}

impl Dir {
    fn sync(&mut self) {
        self.pending.clear();
        self.durable.clone_from(&self.now);
    }
}

fn apply(names: &mut BTreeMap<String, Node>, change: Change) {
    match change {
        Change::Set(name, node) => {
            names.insert(name, node);
        }
        Change::Remove(name) => {
            names.remove(&name);
        }
        Change::Rename(from, to) => {
            if let Some(node) = names.remove(&from) {
                names.insert(to, node);
            }
        }
    }
}
