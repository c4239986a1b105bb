//! What the model expects of commands that look at or change files without a data connection.

use super::Model;
use super::command::Command;
use super::expect::Expect;
use super::tree::{Node, is_within, parent, resolve};

/// The longest name of one component.
const NAME_MAX: usize = 255;

impl Model {
    pub(super) fn path(&self, name: &[u8]) -> Vec<u8> {
        resolve(&self.cwd, name)
    }

    pub(super) fn files(&self, command: &Command, renaming: Option<Vec<u8>>) -> Expect {
        let Some(name) = command.name() else { return self.without_name(command) };
        let path = self.path(name);
        match command.verb {
            "CWD" | "XCWD" if self.tree.is_dir(&path) => {
                Expect::codes(&[250]).then(move |m| m.cwd = path)
            }
            "CDUP" | "XCUP" | "PWD" | "XPWD" => self.without_name(command),
            "MKD" | "XMKD" => self.mkd(path),
            "RMD" | "XRMD" => self.rmd(path),
            "DELE" => match self.tree.file(&path) {
                None => missing(&path),
                Some(_) if !self.writes() => Expect::codes(&[550]),
                Some(_) => Expect::codes(&[250]).then(move |m| m.tree.remove(&path)),
            },
            "RNFR" if path == b"/" || !self.tree.exists(&path) => missing(&path),
            "RNFR" if !self.writes() => Expect::codes(&[550]),
            "RNFR" => Expect::codes(&[350]).then(move |m| m.renaming = Some(path)),
            "RNTO" => self.rnto(renaming, path),
            "SIZE" => match self.tree.file(&path) {
                None => missing(&path),
                Some(content) => {
                    let size = self.on_wire(content).len();
                    Expect::codes(&[213]).saying(format!("213 {size}").as_bytes())
                }
            },
            "MDTM" if self.tree.exists(&path) => Expect::codes(&[213]),
            "MLST" if self.tree.exists(&path) => {
                Expect::codes(&[250]).saying(&[&b"; "[..], &path].concat())
            }
            "STAT" if self.tree.exists(&path) => Expect::codes(&[213]),
            _ => missing(&path),
        }
    }

    fn without_name(&self, command: &Command) -> Expect {
        match command.verb {
            "CDUP" | "XCUP" => {
                let up = parent(&self.cwd).to_vec();
                if self.tree.is_dir(&up) {
                    Expect::codes(&[250]).then(move |m| m.cwd = up)
                } else {
                    Expect::codes(&[550])
                }
            }
            "PWD" | "XPWD" if self.tree.is_dir(&self.cwd) => {
                Expect::codes(&[257]).saying(&quoted(&self.cwd))
            }
            // The directory is gone; whether its name can still be told is not decided.
            "PWD" | "XPWD" => Expect::codes(&[257, 550]),
            "MLST" if self.tree.is_dir(&self.cwd) => {
                Expect::codes(&[250]).saying(&[&b"; "[..], &self.cwd].concat())
            }
            "MLST" => Expect::codes(&[550]),
            "STAT" => Expect::codes(&[211]),
            _ => Expect::codes(&[501]),
        }
    }

    fn mkd(&self, path: Vec<u8>) -> Expect {
        if self.tree.exists(&path) {
            return Expect::codes(&[550]);
        }
        if let Some(refusal) = self.cannot_make(&path) {
            return refusal;
        }
        let told = quoted(&path);
        Expect::codes(&[257]).saying(&told).then(move |m| m.tree.put(&path, Node::Dir))
    }

    fn rmd(&self, path: Vec<u8>) -> Expect {
        let gone = !self.tree.is_dir(&path);
        if gone {
            return missing(&path);
        }
        if path == b"/" || !self.writes() || !self.tree.names(&path).is_empty() {
            return Expect::codes(&[550]);
        }
        Expect::codes(&[250]).then(move |m| m.tree.remove(&path))
    }

    fn rnto(&self, renaming: Option<Vec<u8>>, to: Vec<u8>) -> Expect {
        let Some(from) = renaming else { return Expect::codes(&[503]) };
        if to == from {
            return Expect::codes(&[250]);
        }
        let moves_dir = self.tree.is_dir(&from);
        if moves_dir && is_within(&to, &from) {
            let place = self.tree.is_dir(parent(&to));
            return Expect::codes(if place { &[553] } else { &[550, 553] });
        }
        let into_empty = moves_dir && self.tree.is_dir(&to) && self.tree.names(&to).is_empty();
        let over_file = !moves_dir && self.tree.file(&to).is_some();
        if self.tree.exists(&to) && !over_file {
            // A directory may take the place of an empty one (POSIX rename) or not.
            let codes: &[u16] = if into_empty { &[250, 550, 553] } else { &[550, 553] };
            return Expect::codes(codes).then(move |m| m.tree.rename(&from, &to));
        }
        match self.cannot_make(&to) {
            Some(refusal) if !over_file => refusal,
            _ => Expect::codes(&[250]).then(move |m| {
                m.tree.remove(&to);
                m.tree.rename(&from, &to);
            }),
        }
    }

    /// Why nothing new can be at `path`: no rights or no directory above it 550, a name that
    /// cannot be 553. Where both hold, either is right.
    pub(super) fn cannot_make(&self, path: &[u8]) -> Option<Expect> {
        let no_place = !self.writes() || !self.tree.is_dir(parent(path));
        match (no_place, is_odd(path)) {
            (true, true) => Some(Expect::codes(&[550, 553])),
            (true, false) => Some(Expect::codes(&[550])),
            (false, true) => Some(Expect::codes(&[553])),
            (false, false) => None,
        }
    }
}

/// What is not there: 550, or 553 if it never could be.
pub(super) fn missing(path: &[u8]) -> Expect {
    Expect::codes(if is_odd(path) { &[550, 553] } else { &[550] })
}

/// Whether a name of this path cannot be made: a control character, or too long.
fn is_odd(path: &[u8]) -> bool {
    path.iter().any(u8::is_ascii_control)
        || path.split(|c| *c == b'/').any(|part| part.len() > NAME_MAX)
}

/// As 257 tells a path.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut all = b"257 \"".to_vec();
    for c in path {
        if *c == b'"' {
            all.push(b'"');
        }
        all.push(*c);
    }
    all.push(b'"');
    all
}
