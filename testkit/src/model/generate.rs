//! Draws commands: mostly sensible ones, so that sequences get somewhere, some out of place, some
//! with arguments no client should send.
//!
//! Left out: names that begin like options or hold wildcards for LIST and NLST, octets FF (Telnet),
//! a slash behind the name of a file, TYPE E, MODE B, C and Z, STRU R and P: conversations and the
//! tests of each representation have them.

use super::Model;
use super::command::{Command, Kind};
use crate::rng::Rng;

/// How PORT and EPRT name the client's own address.
pub(crate) const OWN_PORT: &[u8] = b"192,0,2,1,156,";
pub(crate) const OWN_EPRT: &[u8] = b"|1|192.0.2.1|4";

/// Addresses and ports the server must not connect to.
pub(crate) const ELSEWHERE: [&[u8]; 4] =
    [b"198,51,100,7,156,64", b"192,0,2,1,3,255", b"|1|198.51.100.7|40000|", b"|1|192.0.2.1|80|"];

const NAMES: [&[u8]; 22] = [
    b"a",
    b"b",
    b"c",
    b"pub",
    b"sub",
    b"/",
    b".",
    b"..",
    b"/pub",
    b"/pub/sub",
    b"/a",
    b"../b",
    b"pub/readme",
    b"readme",
    b"sub/.hid",
    b".hid",
    b"x y",
    b" a ",
    b"na\xc3\xafve",
    b"\xe9t\xe9",
    b"say \"hi\"",
    b"/pub/./sub/../b",
];

/// What no client should say, anywhere.
const BAD: [&[u8]; 12] = [
    b"",
    b"-1",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"a\x01b",
    b"\x7f",
    b"a/",
    b"no such thing",
    b"\xe9\xe8",
    b"1 2 3 extra words",
];

const TYPES: [&[u8]; 13] =
    [b"A", b"I", b"I", b"a", b" i ", b"A N", b"A T", b"A C", b"L 8", b"L", b"L 0", b"X", b"L 256"];

const MOVES: [&str; 6] = ["RETR", "STOR", "APPE", "LIST", "NLST", "MLSD"];
const CHANGES: [&str; 7] = ["MKD", "RMD", "DELE", "RNFR", "MKD", "XMKD", "XRMD"];
const LOOKS: [&str; 9] = ["SIZE", "SIZE", "MDTM", "MLST", "STAT", "CWD", "CWD", "XCWD", "MLST"];
const BARE: [&str; 12] =
    ["PWD", "XPWD", "CDUP", "XCUP", "NOOP", "SYST", "FEAT", "HELP", "STAT", "ABOR", "CLNT", "MLST"];
const ODD: [&str; 30] = [
    "USER", "PASS", "ACCT", "TYPE", "MODE", "STRU", "REST", "RETR", "STOR", "APPE", "LIST", "NLST",
    "MLSD", "CWD", "MKD", "RMD", "DELE", "RNFR", "RNTO", "SIZE", "MDTM", "MLST", "STAT", "PORT",
    "EPRT", "EPSV", "OPTS", "PROT", "PBSZ", "ALLO",
];

fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> Option<T> {
    all.get(rng.below(all.len())).copied()
}

/// What is drawn from: chance, and the port the client listens on for PORT.
#[derive(Debug)]
pub(crate) struct Generator {
    rng: Rng,
    port: u16,
    /// What is left of a group that only makes sense together, last one first.
    planned: Vec<Command>,
}

impl Generator {
    pub(crate) fn new(rng: Rng, port: u16) -> Self {
        Self { rng, port, planned: Vec::new() }
    }

    pub(crate) fn chance(&mut self, of: usize) -> bool {
        self.rng.below(of) == 0
    }

    pub(crate) fn number(&mut self, below: usize) -> usize {
        self.rng.below(below)
    }

    /// The next command.
    pub(crate) fn command(&mut self, model: &Model) -> Command {
        let mut command = match self.planned.pop() {
            Some(planned) if !self.chance(12) => planned,
            _ => self.fresh(model),
        };
        command.lower = self.chance(8);
        command.early = self.chance(2);
        if matches!(command.verb, "STOR" | "APPE") {
            command.upload = self.content();
        }
        command
    }

    fn fresh(&mut self, model: &Model) -> Command {
        self.planned.clear();
        if !model.logged_in() && !self.chance(5) {
            return self.login();
        }
        match self.rng.below(24) {
            0..=6 => self.transfer(),
            7..=10 => {
                let verb = pick(&mut self.rng, &CHANGES).unwrap_or("MKD");
                if verb == "RNFR" {
                    let to = self.name();
                    self.planned.push(Command::new("RNTO", Some(to)));
                }
                Command::new(verb, Some(self.name()))
            }
            11..=14 => {
                let verb = pick(&mut self.rng, &LOOKS).unwrap_or("SIZE");
                Command::new(verb, Some(self.name()))
            }
            15 | 16 => Command::new(pick(&mut self.rng, &BARE).unwrap_or("PWD"), None),
            17 => Command::new("TYPE", pick(&mut self.rng, &TYPES).map(<[u8]>::to_vec)),
            18 => self.connection(),
            19..=21 => self.odd(),
            22 => self.hostile(),
            _ => match self.rng.below(8) {
                0 => Command::new("REIN", None),
                1 => Command::new("EPSV", Some(b"ALL".to_vec())),
                2 => Command::new("RNTO", Some(self.name())),
                3 => Command::new("AUTH", Some(b"TLS".to_vec())),
                4 => Command::new("OPTS", Some(b"utf8 on".to_vec())),
                5 => Command::new("OPTS", Some(b"MLST Type;Size;".to_vec())),
                6 => self.login(),
                _ => Command::new("ALLO", Some(b"10".to_vec())),
            },
        }
    }

    fn login(&mut self) -> Command {
        let (user, password) = match self.rng.below(8) {
            0 => ("alice", "wrong"),
            1 => ("nobody", "secret"),
            2 => ("bob", "look"),
            _ => ("alice", "secret"),
        };
        self.planned.push(Command::new("PASS", Some(password.as_bytes().to_vec())));
        if self.chance(6) {
            let between = ["NOOP", "FEAT", "OPTS", "CLNT", "PBSZ", "PROT", "SYST", "PWD"];
            let verb = pick(&mut self.rng, &between).unwrap_or("NOOP");
            self.planned.push(Command::new(verb, None));
        }
        Command::new("USER", Some(user.as_bytes().to_vec()))
    }

    /// A transfer, most often with what belongs before it.
    fn transfer(&mut self) -> Command {
        let verb = pick(&mut self.rng, &MOVES).unwrap_or("RETR");
        let bare = self.chance(3) && !matches!(verb, "RETR" | "STOR" | "APPE");
        let name = if bare { None } else { Some(self.name()) };
        self.planned.push(Command::new(verb, name));
        if self.chance(4) {
            let at = if self.chance(8) { 1 << 62 } else { self.rng.below(24) };
            self.planned.push(Command::new("REST", Some(at.to_string().into_bytes())));
            if self.chance(3) {
                let keeps = ["NOOP", "TYPE", "SIZE", "MDTM", "PASV", "PWD", "STAT"];
                let verb = pick(&mut self.rng, &keeps).unwrap_or("NOOP");
                let argument = if verb == "TYPE" { b"I".to_vec() } else { b"a".to_vec() };
                let between = self.planned.len() - 1;
                self.planned.insert(between, Command::new(verb, Some(argument)));
            }
        }
        if self.chance(6) {
            return self.planned.pop().unwrap_or_else(|| Command::new("NOOP", None));
        }
        self.connection()
    }

    fn connection(&mut self) -> Command {
        let [high, low] = self.port.to_be_bytes();
        match self.rng.below(8) {
            0..=2 => Command::new("PASV", None),
            3 | 4 => Command::new("EPSV", None),
            5 => {
                let own = format!("192,0,2,1,{high},{low}");
                Command::new("PORT", Some(own.into_bytes()))
            }
            6 => {
                let own = format!("|1|192.0.2.1|{}|", self.port);
                Command::new("EPRT", Some(own.into_bytes()))
            }
            _ => {
                let there = pick(&mut self.rng, &ELSEWHERE).unwrap_or(b"");
                let verb = if there.starts_with(b"|") { "EPRT" } else { "PORT" };
                Command::new(verb, Some(there.to_vec()))
            }
        }
    }

    /// A command with an argument that does not suit it: missing, huge, negative, odd octets.
    fn odd(&mut self) -> Command {
        let verb = pick(&mut self.rng, &ODD).unwrap_or("TYPE");
        let argument = match self.rng.below(8) {
            0 | 1 => None,
            2 => Some(vec![b'n'; 300]),
            3 => Some(vec![b'9'; 4000]),
            _ => pick(&mut self.rng, &BAD).map(<[u8]>::to_vec),
        };
        // An option rather than a name; and one whose kind is not known beforehand.
        let option = matches!(verb, "LIST" | "NLST" | "STAT")
            && argument.as_deref().is_some_and(|a| a.starts_with(b"-"));
        let argument = argument.filter(|a| !option && a != b"a/");
        let argument = if verb == "EPRT" && self.chance(2) {
            Some(b"|2|2001:db8::1|40000|".to_vec())
        } else {
            argument
        };
        Command::new(verb, argument)
    }

    /// A line that is no command.
    fn hostile(&mut self) -> Command {
        let mut command = Command::new("SIZE", Some(b"a\0b".to_vec()));
        command.kind = Kind::Nul;
        match self.rng.below(4) {
            0 | 1 => {
                command.kind = Kind::Unknown;
                command.verb = pick(&mut self.rng, &["FROB", "XYZZY", "PASSV", "A"]).unwrap_or("Q");
                command.arg = pick(&mut self.rng, &BAD).map(<[u8]>::to_vec);
            }
            2 => {
                command.kind = Kind::TooLong;
                command.arg = Some(vec![b'x'; 9000]);
            }
            _ => {}
        }
        command
    }

    fn name(&mut self) -> Vec<u8> {
        if self.chance(3) {
            return pick(&mut self.rng, &NAMES[..6]).unwrap_or(b"a").to_vec();
        }
        pick(&mut self.rng, &NAMES).unwrap_or(b"a").to_vec()
    }

    /// Octets for a file, with every kind of line end.
    fn content(&mut self) -> Vec<u8> {
        let pieces: [&[u8]; 8] =
            [b"line", b"\n", b"\r\n", b"\r", b"\r\r\n", b"\xff\xf4", b"\0", b"some more text"];
        let most = if self.chance(20) { 2000 } else { 12 };
        let count = self.rng.below(most);
        (0..count).flat_map(|_| pick(&mut self.rng, &pieces).unwrap_or(b"x")).copied().collect()
    }
}
