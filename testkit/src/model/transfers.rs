//! What the model expects of commands that use a data connection.

use super::command::Command;
use super::expect::{Data, Expect};
use super::files::missing;
use super::tree::{Node, last};
use super::{Model, Way};

impl Model {
    /// A file's octets as RETR sends them now.
    pub(super) fn on_wire(&self, content: &[u8]) -> Vec<u8> {
        if !self.ascii {
            return content.to_vec();
        }
        let mut wire = Vec::new();
        for octet in content {
            if *octet == b'\n' && wire.last() != Some(&b'\r') {
                wire.push(b'\r');
            }
            wire.push(*octet);
        }
        wire
    }

    /// What is stored of octets that came by STOR or APPE.
    fn stored(&self, wire: &[u8]) -> Vec<u8> {
        let mut content: Vec<u8> = Vec::new();
        for octet in wire {
            if self.ascii && *octet == b'\n' && content.last() == Some(&b'\r') {
                content.pop();
            }
            content.push(*octet);
        }
        content
    }

    pub(super) fn retr(&self, command: &Command, rest: Option<u64>) -> Expect {
        let Some(name) = command.name() else { return Expect::codes(&[501]) };
        let path = self.path(name);
        let Some(content) = self.tree.file(&path) else { return missing(&path) };
        let wire = self.on_wire(content);
        let from = usize::try_from(rest.unwrap_or(0)).unwrap_or(usize::MAX);
        match wire.get(from..) {
            None => Expect::codes(&[554]),
            Some(rest) => self.moves(Data::Octets(rest.to_vec())),
        }
    }

    pub(super) fn stor(&self, command: &Command, rest: Option<u64>) -> Expect {
        let Some(name) = command.name() else { return Expect::codes(&[501]) };
        let path = self.path(name);
        if self.tree.is_dir(&path) {
            // The engine looks at the offset first; the rules would have 550 either way.
            let offset = rest.is_some_and(|n| n > 0);
            return Expect::codes(if offset { &[550, 554] } else { &[550] });
        }
        let old = self.tree.file(&path);
        let refusal = self.cannot_make(&path).filter(|_| old.is_none() || !self.writes());
        if let Some(mut refusal) = refusal {
            // Two things are wrong; the rules do not say which is told.
            if rest.is_some_and(|n| n > 0) {
                refusal.codes.push(554);
            }
            return refusal;
        }
        if old.is_none() && rest.is_some_and(|n| n > 0) {
            return Expect::codes(&[550, 554]);
        }
        let old = old.unwrap_or_default().to_vec();
        let appends = command.verb == "APPE";
        let at = match rest {
            None if appends => old.len(),
            None => 0,
            Some(n) => usize::try_from(n).unwrap_or(usize::MAX),
        };
        let misfit = if appends { at != old.len() } else { at > old.len() };
        // Zero is the same as no REST, or an offset like any other: not decided for APPE.
        let zero = rest == Some(0) && appends && !old.is_empty();
        if zero {
            let mut both = self.stores(path, old, command);
            both.codes.push(554);
            return both;
        }
        if misfit || (self.ascii && rest.is_some_and(|n| n > 0)) {
            return Expect::codes(&[554]);
        }
        self.stores(path, old.get(..at).unwrap_or_default().to_vec(), command)
    }

    fn stores(&self, path: Vec<u8>, mut content: Vec<u8>, command: &Command) -> Expect {
        content.extend_from_slice(&self.stored(&command.upload));
        self.moves(Data::Upload).then(move |m| {
            m.used_connection();
            m.tree.put(&path, Node::File(content));
        })
    }

    pub(super) fn list(&self, command: &Command) -> Expect {
        let path = command.name().map_or_else(|| self.cwd.clone(), |name| self.path(name));
        if !self.tree.exists(&path) {
            return missing(&path);
        }
        let is_dir = self.tree.is_dir(&path);
        let given = command.name().unwrap_or_default();
        let hidden = |name: &Vec<u8>| !name.starts_with(b".");
        let lines = match (command.verb, is_dir) {
            ("MLSD", false) => return Expect::codes(&[501]),
            ("MLSD", true) => self.tree.names(&path),
            ("NLST", false) => vec![given.to_vec()],
            (_, false) => vec![last(&path).to_vec()],
            ("NLST", true) if !given.is_empty() => {
                let slash = if given.ends_with(b"/") { &b""[..] } else { b"/" };
                let names = self.tree.names(&path).into_iter().filter(hidden);
                names.map(|name| [given, slash, &name].concat()).collect()
            }
            (_, true) => self.tree.names(&path).into_iter().filter(hidden).collect(),
        };
        self.moves(Data::Lines(lines))
    }

    /// A transfer as far as its data connection goes.
    fn moves(&self, data: Data) -> Expect {
        let nobody = self.way == Way::Default && !self.default_port;
        let mut expect = Expect::data(data);
        if nobody {
            expect.codes = vec![425];
        }
        expect.then(Self::used_connection)
    }

    /// A passive port serves one connection; what PORT named stays.
    fn used_connection(&mut self) {
        if self.way == Way::Passive {
            self.way = Way::Default;
        }
    }
}
