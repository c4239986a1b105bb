//! The tree behind [`Memory`](super::Memory): nodes, names and the rules for walking them.
//!
//! Everything here runs under the one lock that `Memory` holds and never waits. Nodes are numbered
//! and never move; a removed node leaves the table at once, while whoever still reads its octets
//! keeps them alive by their own reference.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;

use crate::{Entry, FsError, Kind, Meta, Precision, SetMeta};

/// The number of the root directory's node.
pub(super) const ROOT: u64 = 1;

/// The most links followed for one path; Linux has the same number.
const LINKS_MAX: u32 = 40;

/// The octets of one file, shared with those who read and write it.
pub(super) type Blob = Arc<Mutex<Vec<u8>>>;

/// Locks `m`; a panic elsewhere while it was held cannot leave these structures half changed.
pub(super) fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a node is, with what it holds.
#[derive(Debug)]
pub(super) enum Body {
    File(Blob),
    Dir { up: u64, names: BTreeMap<Vec<u8>, u64> },
    Link(Vec<u8>),
}

/// One file, directory or link.
#[derive(Debug)]
pub(super) struct Node {
    body: Body,
    mode: u32,
    pub(super) modified: UnixTime,
    created: UnixTime,
    owner: Option<u32>,
    group: Option<u32>,
}

/// All nodes, the time, and the space that is left.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: BTreeMap<u64, Node>,
    next: u64,
    pub(super) now: UnixTime,
    pub(super) free: Option<u64>,
}

/// Where a name is, or would be: its directory, the name, and what has it now.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) dir: u64,
    pub(super) name: Vec<u8>,
    pub(super) found: Option<u64>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let now = UnixTime::default();
        let body = Body::Dir { up: ROOT, names: BTreeMap::new() };
        let root =
            Node { body, mode: 0o755, modified: now, created: now, owner: None, group: None };
        Self { nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, now, free: None }
    }

    /// Makes a node that has no name yet.
    pub(super) fn add(&mut self, body: Body, mode: u32) -> u64 {
        let ino = self.next;
        self.next += 1;
        let (modified, created) = (self.now, self.now);
        self.nodes.insert(
            ino,
            Node { body, mode: mode & 0o7777, modified, created, owner: None, group: None },
        );
        ino
    }

    /// Gives `ino` the name `name` in `dir`, taking the name from whoever had it.
    pub(super) fn link(&mut self, dir: u64, name: &[u8], ino: u64) -> Result<(), FsError> {
        let now = self.now;
        let node = self.nodes.get_mut(&dir).ok_or(FsError::NotFound)?;
        let Body::Dir { names, .. } = &mut node.body else {
            return Err(FsError::NotFound);
        };
        let before = names.insert(name.to_vec(), ino);
        node.modified = now;
        if let Some(old) = before.filter(|&old| old != ino) {
            self.forget(old);
        }
        if let Some(Node { body: Body::Dir { up, .. }, .. }) = self.nodes.get_mut(&ino) {
            *up = dir;
        }
        Ok(())
    }

    /// Takes the name `name` in `dir` away and leaves its node nameless.
    pub(super) fn unlink(&mut self, dir: u64, name: &[u8]) {
        let now = self.now;
        if let Some(node) = self.nodes.get_mut(&dir)
            && let Body::Dir { names, .. } = &mut node.body
        {
            names.remove(name);
            node.modified = now;
        }
    }

    /// Drops a node; the space its octets took is free again.
    pub(super) fn forget(&mut self, ino: u64) {
        if let Some(Node { body: Body::File(blob), .. }) = self.nodes.remove(&ino) {
            let len = lock(&blob).len();
            self.release(len);
        }
    }

    /// Takes up to `want` octets of the free space and says how many there were.
    pub(super) fn take_space(&mut self, want: usize) -> usize {
        let Some(free) = &mut self.free else {
            return want;
        };
        let got = want.min(usize::try_from(*free).unwrap_or(usize::MAX));
        *free -= got as u64;
        got
    }

    /// Gives `len` octets back to the free space.
    pub(super) fn release(&mut self, len: usize) {
        if let Some(free) = &mut self.free {
            *free = free.saturating_add(len as u64);
        }
    }

    /// Cuts a file to `len` octets.
    pub(super) fn truncate(&mut self, ino: u64, len: usize) {
        let now = self.now;
        if let Some(node) = self.nodes.get_mut(&ino)
            && let Body::File(blob) = &node.body
        {
            let mut data = lock(blob);
            let cut = data.len().saturating_sub(len);
            data.truncate(len);
            drop(data);
            node.modified = now;
            self.release(cut);
        }
    }

    /// Notes a change of a file that may meanwhile be gone.
    pub(super) fn touch(&mut self, ino: u64, at: UnixTime) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            node.modified = at;
        }
    }

    pub(super) fn apply(&mut self, ino: u64, set: SetMeta) {
        if let Some(node) = self.nodes.get_mut(&ino) {
            if let Some(mode) = set.mode {
                node.mode = mode & 0o7777;
            }
            if let Some(modified) = set.modified {
                node.modified = modified;
            }
            node.created = set.created.unwrap_or(node.created);
            node.owner = set.owner.or(node.owner);
            node.group = set.group.or(node.group);
        }
    }

    /// The node a path leads to; a link at its end is followed if `follow`.
    pub(super) fn walk(&self, path: &FtpPath, follow: bool) -> Result<u64, FsError> {
        self.walk_from(ROOT, path.as_bytes().get(1..).unwrap_or_default(), follow, &mut 0)
    }

    /// What the text of a link in directory `dir` leads to.
    pub(super) fn lead(&self, dir: u64, text: &[u8]) -> Result<u64, FsError> {
        self.walk_from(dir, text, true, &mut 0)
    }

    /// The directory that holds `path`'s last component, and what is there now; a link there is
    /// not followed.
    pub(super) fn place(&self, path: &FtpPath) -> Result<Place, FsError> {
        let parent = path.parent().ok_or(FsError::Denied)?;
        let dir = self.walk(&parent, true)?;
        let found = self.names(dir).ok_or(FsError::NotFound)?.get(path.name()).copied();
        Ok(Place { dir, name: path.name().to_vec(), found })
    }

    /// As [`place`](Self::place), for writing: a link at the end is followed to where the file is
    /// or would be.
    pub(super) fn place_of_file(&self, path: &FtpPath) -> Result<Place, FsError> {
        let mut base = ROOT;
        let mut rel = path.as_bytes().get(1..).unwrap_or_default().to_vec();
        for _ in 0..LINKS_MAX {
            let cut = rel.iter().rposition(|&b| b == b'/');
            let (parent, name) = match cut {
                Some(i) => (rel.get(..i), rel.get(i + 1..)),
                None => (None, rel.get(..)),
            };
            let (parent, name) = (parent.unwrap_or_default(), name.unwrap_or_default());
            if matches!(name, b"" | b"." | b"..") {
                self.walk_from(base, &rel, true, &mut 0)?;
                return Err(FsError::NotFile);
            }
            let dir = self.walk_from(base, parent, true, &mut 0)?;
            let found = self.names(dir).ok_or(FsError::NotFound)?.get(name).copied();
            match found.and_then(|ino| self.link_text(ino)) {
                None => {
                    return Ok(Place { dir, name: name.to_vec(), found });
                }
                Some([] | [b'/', ..]) => return Err(FsError::NotFound),
                Some(text) => (base, rel) = (dir, text.to_vec()),
            }
        }
        Err(FsError::NotFound)
    }

    fn walk_from(
        &self,
        from: u64,
        path: &[u8],
        follow: bool,
        hops: &mut u32,
    ) -> Result<u64, FsError> {
        let to_dir = path.ends_with(b"/");
        let mut at = from;
        let mut parts = path.split(|&b| b == b'/').filter(|p| !p.is_empty()).peekable();
        while let Some(part) = parts.next() {
            let Some(Node { body: Body::Dir { up, names }, .. }) = self.nodes.get(&at) else {
                return Err(FsError::NotFound);
            };
            let next = match part {
                b"." => at,
                // Above the root there is nothing, not even for a moment.
                b".." if at == ROOT => return Err(FsError::NotFound),
                b".." => *up,
                name => *names.get(name).ok_or(FsError::NotFound)?,
            };
            let last = parts.peek().is_none();
            at = match self.link_text(next) {
                Some(text) if !last || follow || to_dir => {
                    *hops += 1;
                    if *hops > LINKS_MAX || matches!(text, [] | [b'/', ..]) {
                        return Err(FsError::NotFound);
                    }
                    self.walk_from(at, text, true, hops)?
                }
                _ => next,
            };
        }
        if to_dir && self.names(at).is_none() {
            return Err(FsError::NotFound);
        }
        Ok(at)
    }

    pub(super) fn node(&self, ino: u64) -> Option<&Node> {
        self.nodes.get(&ino)
    }

    /// The names in a directory; `None` when `ino` is something else.
    pub(super) fn names(&self, ino: u64) -> Option<&BTreeMap<Vec<u8>, u64>> {
        match &self.nodes.get(&ino)?.body {
            Body::Dir { names, .. } => Some(names),
            _ => None,
        }
    }

    /// The octets of a file; `None` when `ino` is something else.
    pub(super) fn blob(&self, ino: u64) -> Option<&Blob> {
        match &self.nodes.get(&ino)?.body {
            Body::File(blob) => Some(blob),
            _ => None,
        }
    }

    /// Whether directory `dir` is `above` or lies below it.
    pub(super) fn is_within(&self, dir: u64, above: u64) -> bool {
        let mut at = dir;
        loop {
            if at == above {
                return true;
            }
            match self.nodes.get(&at) {
                Some(Node { body: Body::Dir { up, .. }, .. }) if at != ROOT => at = *up,
                _ => return false,
            }
        }
    }

    pub(super) fn meta(&self, ino: u64) -> Result<Meta, FsError> {
        let node = self.nodes.get(&ino).ok_or(FsError::NotFound)?;
        let (kind, size, links) = match &node.body {
            Body::File(blob) => (Kind::File, lock(blob).len(), 1),
            Body::Dir { names, .. } => (Kind::Dir, names.len(), 2),
            Body::Link(text) => (Kind::Symlink, text.len(), 1),
        };
        Ok(Meta {
            kind,
            size: size as u64,
            size_known: true,
            modified: node.modified,
            precision: Precision::Fraction,
            created: Some(node.created),
            mode: Some(node.mode),
            links,
            owner: node.owner,
            group: node.group,
            unique: (0, ino),
        })
    }

    /// One entry of the listing of `dir`.
    pub(super) fn entry(&self, dir: u64, name: &[u8], ino: u64) -> Result<Entry, FsError> {
        let link = self.link_text(ino).map(<[u8]>::to_vec);
        let target = match &link {
            Some(_) => self.walk_from(dir, name, true, &mut 0).and_then(|to| self.meta(to)).ok(),
            None => None,
        };
        Ok(Entry { name: name.to_vec(), meta: self.meta(ino)?, link, target })
    }

    fn link_text(&self, ino: u64) -> Option<&[u8]> {
        match &self.nodes.get(&ino)?.body {
            Body::Link(text) => Some(text),
            _ => None,
        }
    }
}

impl Node {
    pub(super) fn mode(&self) -> u32 {
        self.mode
    }
}
