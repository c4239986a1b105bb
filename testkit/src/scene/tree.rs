//! The files of the scripted server: paths as octets, contents in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::script::text::filler;

/// Files and directories by absolute path; `None` is a directory.
#[derive(Debug)]
pub(crate) struct Tree(Mutex<BTreeMap<Vec<u8>, Option<Vec<u8>>>>);

impl Tree {
    pub(crate) fn new(more: &[(Vec<u8>, Option<Vec<u8>>)]) -> Self {
        let mut nodes: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        nodes.insert(b"/".to_vec(), None);
        nodes.insert(b"/f".to_vec(), Some(b"hello".to_vec()));
        nodes.insert(b"/big".to_vec(), Some(filler(300_000)));
        nodes.insert(b"/empty".to_vec(), Some(Vec::new()));
        nodes.insert(b"/d".to_vec(), None);
        nodes.insert(b"/d/a".to_vec(), Some(b"a".to_vec()));
        nodes.insert(b"/d/b".to_vec(), Some(b"bb".to_vec()));
        nodes.extend(more.iter().cloned());
        Self(Mutex::new(nodes))
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn file(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.nodes().get(path).cloned().flatten()
    }

    pub(crate) fn exists(&self, path: &[u8]) -> bool {
        self.nodes().contains_key(path)
    }

    pub(crate) fn is_dir(&self, path: &[u8]) -> bool {
        self.nodes().get(path).is_some_and(Option::is_none)
    }

    pub(crate) fn put(&self, path: Vec<u8>, node: Option<Vec<u8>>) {
        self.nodes().insert(path, node);
    }

    /// Changes a file, in one step: others may be writing it, too.
    pub(crate) fn change(&self, path: Vec<u8>, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let mut nodes = self.nodes();
        let old = nodes.get(&path).cloned().flatten().unwrap_or_default();
        nodes.insert(path, Some(change(old)));
    }

    pub(crate) fn remove(&self, path: &[u8]) -> bool {
        self.nodes().remove(path).is_some()
    }

    /// Moves one entry; what is below a directory stays, which no scene needs otherwise.
    pub(crate) fn rename(&self, from: &[u8], to: Vec<u8>) -> bool {
        let mut nodes = self.nodes();
        nodes.remove(from).map(|node| nodes.insert(to, node)).is_some()
    }

    /// The names directly in a directory, each with its length or `None` for a directory.
    pub(crate) fn entries(&self, dir: &[u8]) -> Vec<(Vec<u8>, Option<usize>)> {
        let mut head = dir.to_vec();
        if head.last() != Some(&b'/') {
            head.push(b'/');
        }
        self.nodes()
            .iter()
            .filter_map(|(path, node)| {
                let name = path.strip_prefix(&head[..]).filter(|name| !name.is_empty())?;
                (!name.contains(&b'/')).then(|| (name.to_vec(), node.as_ref().map(Vec::len)))
            })
            .collect()
    }
}

/// An absolute path without `.`, `..` and doubled slashes.
pub(crate) fn absolute(cwd: &[u8], path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let base: &[u8] = if path.first() == Some(&b'/') { b"" } else { cwd };
    for part in base.split(|b| *b == b'/').chain(path.split(|b| *b == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut whole = vec![b'/'];
    whole.extend(parts.join(&b'/'));
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_absolute() {
        let cases = [("/", "f", "/f"), ("/d", "../f", "/f"), ("/d", "/x//y/", "/x/y")];
        for (cwd, path, want) in cases {
            assert_eq!(absolute(cwd.as_bytes(), path.as_bytes()), want.as_bytes());
        }
        let tree = Tree::new(&[]);
        assert_eq!(tree.entries(b"/d"), [(b"a".to_vec(), Some(1)), (b"b".to_vec(), Some(2))]);
    }
}
