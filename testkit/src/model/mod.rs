//! A small, independent model of the protocol: what RFC 959 and its extensions want of one session,
//! as this server decides it where they leave a choice. It was written from the rules, in the
//! plainest way, and not from the engine; [`run`] makes sequences of commands from a seed, sends
//! them to the engine over [`SimNet`](crate::net::SimNet), and compares every reply and, at the
//! end, every file.
//!
//! One session, no TLS, no links, two accounts; TYPE A and I, MODE S, STRU F. What is not here is
//! left to conversations.

mod command;
mod drive;
mod expect;
mod files;
mod generate;
mod transfers;
mod tree;

use self::command::{Command, Kind};
pub use self::drive::{Done, run};
use self::expect::Expect;
use self::tree::Tree;

/// Who may log in: name, password, whether they may change anything, home.
pub(crate) const USERS: [(&str, &str, bool, &str); 2] =
    [("alice", "secret", true, "/"), ("bob", "look", false, "/pub")];

/// Wrong passwords, and lines that are too long, that a connection may send: the last ends it.
const PATIENCE: u8 = 3;

/// How far the login is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Login {
    Out,
    Named(Vec<u8>),
    In { writes: bool },
}

/// How the next data connection is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// By the server to the client's control port, where somebody listens or nobody does.
    Default,
    Passive,
    Active,
}

/// One session and the files it sees.
#[derive(Debug)]
pub(crate) struct Model {
    login: Login,
    pub(crate) tree: Tree,
    cwd: Vec<u8>,
    ascii: bool,
    rest: Option<u64>,
    renaming: Option<Vec<u8>>,
    way: Way,
    /// Whether the client listens on its control port.
    default_port: bool,
    epsv_all: bool,
    wrong_passwords: u8,
    long_lines: u8,
}

impl Model {
    pub(crate) fn new(default_port: bool) -> Self {
        Self {
            login: Login::Out,
            tree: Tree::new(),
            cwd: b"/".to_vec(),
            ascii: true,
            rest: None,
            renaming: None,
            way: Way::Default,
            default_port,
            epsv_all: false,
            wrong_passwords: 0,
            long_lines: 0,
        }
    }

    pub(crate) const fn way(&self) -> Way {
        self.way
    }

    pub(crate) const fn logged_in(&self) -> bool {
        matches!(self.login, Login::In { .. })
    }

    const fn writes(&self) -> bool {
        matches!(self.login, Login::In { writes: true })
    }

    /// What must be answered to `command` now. What is forgotten on its arrival is forgotten.
    pub(crate) fn expect(&mut self, command: &Command) -> Expect {
        let renaming = self.renaming.take();
        let rest = self.rest;
        if command.kind != Kind::Known || !keeps_rest(command.verb) {
            self.rest = None;
        }
        let named = match &self.login {
            Login::Named(name) => Some(name.clone()),
            _ => None,
        };
        if named.is_some() && (command.kind != Kind::Known || !keeps_user(command.verb)) {
            self.login = Login::Out;
        }
        match command.kind {
            Kind::Unknown => return Expect::codes(&[500]),
            Kind::Nul => return Expect::codes(&[501]),
            Kind::TooLong => {
                self.long_lines += 1;
                return Expect::codes(&[if self.long_lines < PATIENCE { 500 } else { 421 }]);
            }
            Kind::Known => {}
        }
        if let Some(expect) = self.session(command, named) {
            return expect;
        }
        if !self.logged_in() {
            return Expect::codes(&[530]);
        }
        let parameters = self.parameters(command).or_else(|| self.connections(command));
        parameters.unwrap_or_else(|| match command.verb {
            "RETR" => self.retr(command, rest),
            "STOR" | "APPE" => self.stor(command, rest),
            "LIST" | "NLST" | "MLSD" => self.list(command),
            _ => self.files(command, renaming),
        })
    }

    /// Commands that are allowed without a login.
    fn session(&mut self, command: &Command, named: Option<Vec<u8>>) -> Option<Expect> {
        let has_arg = command.name().is_some();
        Some(match command.verb {
            "USER" if !has_arg => Expect::codes(&[501]),
            "USER" => {
                let name = command.arg.clone().unwrap_or_default();
                Expect::codes(&[331]).then(move |m| {
                    m.login = Login::Named(name);
                    m.cwd = b"/".to_vec();
                    m.rest = None;
                    // What PORT set stays, as every transfer parameter (RFC 959 §4.1.1); a passive
                    // port was opened for who was there.
                    if m.way != Way::Active {
                        m.way = Way::Default;
                    }
                })
            }
            "PASS" => self.pass(command, named),
            "ACCT" if !has_arg => Expect::codes(&[501]),
            // Where nothing asks for it: 202 after a login; before one the rules do not say.
            "ACCT" if self.logged_in() => Expect::codes(&[202]),
            "ACCT" => Expect::codes(&[202, 503, 530]),
            "NOOP" | "CLNT" => Expect::codes(&[200]),
            "SYST" => Expect::codes(&[215]).saying(b"215 UNIX Type: L8"),
            "FEAT" if has_arg => Expect::codes(&[501]),
            "FEAT" => Expect::codes(&[211]).saying(b" UTF8"),
            "HELP" if command.parameter() == b"FROB" => Expect::codes(&[502]),
            "HELP" => Expect::codes(&[214]),
            "OPTS" => match command.parameter().to_ascii_uppercase().as_slice() {
                b"UTF8 ON" | b"MLST TYPE;SIZE;" => Expect::codes(&[200]),
                b"UTF8 OFF" => Expect::codes(&[504]),
                _ => Expect::codes(&[501]),
            },
            // There is no TLS here.
            "PBSZ" | "PROT" if command.parameter().is_empty() => Expect::codes(&[501]),
            "PBSZ" if offset(command.parameter()).is_none_or(|n| n >= 1 << 32) => {
                Expect::codes(&[501])
            }
            "PROT" if !matches!(command.parameter(), b"C" | b"P") => {
                Expect::codes(&[501, 503, 504])
            }
            "PBSZ" | "PROT" => Expect::codes(&[503]),
            "AUTH" => Expect::codes(&[5]),
            _ => return None,
        })
    }

    fn pass(&mut self, command: &Command, named: Option<Vec<u8>>) -> Expect {
        let Some(name) = named else { return Expect::codes(&[503]) };
        self.login = Login::Out;
        let password = command.arg.as_deref().unwrap_or_default();
        let user = USERS.iter().find(|u| u.0.as_bytes() == name && u.1.as_bytes() == password);
        let Some((_, _, writes, home)) = user else {
            self.wrong_passwords += 1;
            return Expect::codes(&[if self.wrong_passwords < PATIENCE { 530 } else { 421 }]);
        };
        Expect::codes(&[230]).then(|m| {
            m.login = Login::In { writes: *writes };
            m.cwd = home.as_bytes().to_vec();
        })
    }

    fn parameters(&self, command: &Command) -> Option<Expect> {
        let parameter = command.parameter().to_ascii_uppercase();
        Some(match command.verb {
            "TYPE" => match parameter.as_slice() {
                b"A" | b"A N" | b"A T" | b"A C" => Expect::codes(&[200]).then(|m| m.ascii = true),
                b"I" | b"L 8" => Expect::codes(&[200]).then(|m| m.ascii = false),
                b"L" | b"X" | b"" | b"-1" => Expect::codes(&[501]),
                _ => Expect::codes(&[501, 504]),
            },
            "MODE" if parameter == b"S" => Expect::codes(&[200]),
            "STRU" if parameter == b"F" => Expect::codes(&[200]),
            "MODE" | "STRU" if parameter.is_empty() => Expect::codes(&[501]),
            "MODE" | "STRU" => Expect::codes(&[501, 504]),
            "REST" => match offset(&parameter) {
                Some(at) => Expect::codes(&[350]).then(move |m| m.rest = Some(at)),
                None => Expect::codes(&[501]),
            },
            // Nothing limits the space here; a number beyond 64 bits is a bad one or too much.
            "ALLO" if offset(&parameter).is_some() => Expect::codes(&[200]),
            "ALLO" if !parameter.is_empty() && parameter.iter().all(u8::is_ascii_digit) => {
                Expect::codes(&[200, 501, 552])
            }
            "ALLO" => Expect::codes(&[501]),
            _ => return None,
        })
    }

    /// PORT and its kin: what makes the next data connection.
    fn connections(&self, command: &Command) -> Option<Expect> {
        let argument = command.parameter();
        Some(match command.verb {
            "PASV" if self.epsv_all => Expect::codes(&[503]),
            "PASV" => Expect::codes(&[227]).then(|m| m.way = Way::Passive),
            "EPSV" => match argument.to_ascii_uppercase().as_slice() {
                b"" | b"1" => Expect::codes(&[229]).then(|m| m.way = Way::Passive),
                b"ALL" => Expect::codes(&[200]).then(|m| m.epsv_all = true),
                b"2" => Expect::codes(&[522]),
                _ => Expect::codes(&[501, 522]),
            },
            // The generator's good addresses all begin with the client's own.
            "PORT" | "EPRT" => {
                let own = argument.starts_with(generate::OWN_PORT)
                    || argument.starts_with(generate::OWN_EPRT);
                let foreign = generate::ELSEWHERE.contains(&argument);
                let other_family = argument.starts_with(b"|2|") || argument.starts_with(b"|3|");
                match (own || foreign, self.epsv_all) {
                    (true, true) => Expect::codes(&[503]),
                    (true, false) if own => Expect::codes(&[200]).then(|m| m.way = Way::Active),
                    (true, false) => Expect::codes(&[504]),
                    (false, true) => Expect::codes(&[501, 503, 522]),
                    (false, false) if other_family => Expect::codes(&[522]),
                    (false, false) => Expect::codes(&[501]),
                }
            }
            "ABOR" => Expect::codes(&[226]).then(|m| {
                if m.way == Way::Passive {
                    m.way = Way::Default;
                }
            }),
            "REIN" => Expect::codes(&[220]).then(|m| {
                let fresh = Self::new(m.default_port);
                let old = std::mem::replace(m, fresh);
                m.tree = old.tree;
                m.wrong_passwords = old.wrong_passwords;
                m.long_lines = old.long_lines;
            }),
            _ => return None,
        })
    }
}

/// An offset REST may name: digits, at most 2^63 - 1.
fn offset(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()?;
    (number < 1 << 63).then_some(number)
}

/// Commands that may stand between REST and its transfer.
fn keeps_rest(verb: &str) -> bool {
    const KEEPS: [&str; 13] = [
        "TYPE", "MODE", "STRU", "PORT", "PASV", "EPRT", "EPSV", "PROT", "PBSZ", "NOOP", "SIZE",
        "MDTM", "OPTS",
    ];
    KEEPS.contains(&verb) || verb == "REST"
}

/// Commands that may stand between USER and PASS, and PASS.
fn keeps_user(verb: &str) -> bool {
    ["NOOP", "FEAT", "OPTS", "CLNT", "PBSZ", "PROT", "SYST", "HELP"].contains(&verb)
}
