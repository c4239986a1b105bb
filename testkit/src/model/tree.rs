//! The model's files: every path that exists, and what a file holds. No links, no rights.

use std::collections::BTreeMap;

/// What has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Dir,
    File(Vec<u8>),
}

/// Absolute paths, without `.`, `..` and doubled slashes; the root is `/`.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    nodes: BTreeMap<Vec<u8>, Node>,
}

impl Tree {
    /// What every sequence begins with.
    pub(crate) fn new() -> Self {
        let mut nodes = BTreeMap::new();
        for dir in [&b"/"[..], b"/pub", b"/pub/sub"] {
            nodes.insert(dir.to_vec(), Node::Dir);
        }
        for (path, content) in FILES {
            nodes.insert(path.to_vec(), Node::File(content.to_vec()));
        }
        Self { nodes }
    }

    pub(crate) fn all(&self) -> &BTreeMap<Vec<u8>, Node> {
        &self.nodes
    }

    pub(crate) fn is_dir(&self, path: &[u8]) -> bool {
        self.nodes.get(path) == Some(&Node::Dir)
    }

    pub(crate) fn exists(&self, path: &[u8]) -> bool {
        self.nodes.contains_key(path)
    }

    pub(crate) fn file(&self, path: &[u8]) -> Option<&[u8]> {
        match self.nodes.get(path) {
            Some(Node::File(content)) => Some(content),
            _ => None,
        }
    }

    pub(crate) fn put(&mut self, path: &[u8], node: Node) {
        self.nodes.insert(path.to_vec(), node);
    }

    pub(crate) fn remove(&mut self, path: &[u8]) {
        self.nodes.remove(path);
    }

    /// The names directly in a directory, sorted by their octets.
    pub(crate) fn names(&self, dir: &[u8]) -> Vec<Vec<u8>> {
        let inside = self.nodes.keys().filter(|path| *path != b"/" && parent(path) == dir);
        inside.map(|path| last(path).to_vec()).collect()
    }

    /// Gives `from`, and everything below it, the name `to`.
    pub(crate) fn rename(&mut self, from: &[u8], to: &[u8]) {
        if from == to {
            return;
        }
        let moved: Vec<_> = self.nodes.keys().filter(|p| is_within(p, from)).cloned().collect();
        for path in moved {
            if let Some(node) = self.nodes.remove(&path) {
                let rest = path.get(from.len()..).unwrap_or_default();
                self.nodes.insert([to, rest].concat(), node);
            }
        }
    }
}

/// The files every sequence begins with.
pub(crate) const FILES: [(&[u8], &[u8]); 3] = [
    (b"/a", b"one\ntwo\r\nthree\n"),
    (b"/pub/readme", b"hello"),
    (b"/pub/sub/.hid", b"\n\n\xff\x00"),
];

/// Whether `path` is `top` or below it.
pub(crate) fn is_within(path: &[u8], top: &[u8]) -> bool {
    let Some(rest) = path.strip_prefix(top) else { return false };
    rest.is_empty() || top == b"/" || rest.first() == Some(&b'/')
}

pub(crate) fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|c| *c == b'/') {
        Some(at) if at > 0 => path.get(..at).unwrap_or(b"/"),
        _ => b"/",
    }
}

pub(crate) fn last(path: &[u8]) -> &[u8] {
    path.rsplit(|c| *c == b'/').next().unwrap_or_default()
}

/// The absolute path that `name` means in `cwd` (`.` and `..` by their text alone: there are no
/// links here).
pub(crate) fn resolve(cwd: &[u8], name: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let start = if name.starts_with(b"/") { &b""[..] } else { cwd };
    for part in start.split(|c| *c == b'/').chain(name.split(|c| *c == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    [&b"/"[..], &parts.join(&b'/')].concat()
}
