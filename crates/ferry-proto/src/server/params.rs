//! Transfer parameters: TYPE, MODE, STRU, PORT, EPRT, LPRT, PASV, EPSV, LPSV, REST, OPTS
//! (RFC 959 §4.1.2, RFC 2428, RFC 1639, RFC 2389 §4, RFC 3659 §5 and §7.9).

use core::net::SocketAddr;

use crate::addr::{self, EpsvArg, canonical_ip};
use crate::command::{Command, Opts, TypeCode};
use crate::facts::FactSet;
use crate::reply::Reply;
use crate::repr::Representation;
use crate::server::{Action, Ask, Outcome, Prepared, ServerSession, Stage};

/// Ports below this are never connected to on a client's word (RFC 2577 §3).
const FIRST_USER_PORT: u16 = 1024;

impl ServerSession {
    pub(super) fn admit_parameter(&mut self, command: Command<'_>, out: &mut Vec<Action>) {
        let reply = match command {
            Command::Type(code) => self.set_type(code),
            Command::Mode(b'S') => Reply::new(200, "Mode is Stream."),
            Command::Mode(_) => Reply::new(504, "Only MODE S is available."),
            Command::Stru(b'F') => Reply::new(200, "Structure is File."),
            Command::Stru(_) => Reply::new(504, "Only STRU F is available."),
            Command::Port(to) => self.set_active(SocketAddr::V4(to), out),
            Command::Eprt(to) => self.set_active(to, out),
            Command::Pasv => match self.pasv() {
                Some(refused) => refused,
                None => return self.listen(false, out),
            },
            Command::Epsv(EpsvArg::All) => {
                self.epsv_all = true;
                Reply::new(200, "Only EPSV from now on.")
            }
            Command::Epsv(family) => match self.epsv(family) {
                Some(refused) => refused,
                None => return self.listen(true, out),
            },
            Command::Lprt(to) => self.set_active_long(to, out),
            Command::Lpsv if self.epsv_all => Self::locked_by_epsv_all(),
            Command::Lpsv => {
                self.close_prepared(out);
                let ask = Ask::Listen { announce: self.peer.is_ipv4() };
                return self.ask(ask, Stage::ListenLong, out);
            }
            Command::Rest(offset) => {
                self.set_range(offset, u64::MAX);
                Reply::new(350, format!("The next transfer starts at {offset}."))
            }
            Command::Rang(range) => self.set_rang(range),
            Command::Opts(Opts::Hash(algorithm)) => {
                self.hash = algorithm.unwrap_or(self.hash);
                Reply::new(200, self.hash.name())
            }
            Command::Opts(Opts::Utf8(true)) => Reply::new(200, "UTF-8 is always on."),
            Command::Opts(Opts::Utf8(false)) => Reply::new(504, "UTF-8 cannot be turned off."),
            Command::Opts(Opts::Mlst(list)) => match FactSet::parse_opts(list) {
                Some(facts) => {
                    self.facts = facts;
                    Reply::new(200, facts.opts_reply())
                }
                None => Reply::new(501, "Syntax: OPTS MLST fact;fact;"),
            },
            _ => return debug_assert!(false, "not a parameter"),
        };
        out.push(Action::Reply(reply));
    }

    pub(super) fn set_range(&mut self, start: u64, end: u64) {
        (self.restart_at, self.range_end) = (start, end);
    }

    /// RANG names octets of the file, which are those of the wire only in TYPE I.
    fn set_rang(&mut self, range: Option<(u64, u64)>) -> Reply {
        let Some((first, last)) = range else {
            self.set_range(0, u64::MAX);
            return Reply::new(350, "The next transfer is of the whole file.");
        };
        if self.representation != Representation::Image {
            return Reply::new(551, "RANG needs TYPE I and MODE S.");
        }
        self.set_range(first, last.saturating_add(1));
        Reply::new(350, format!("The next transfer is of octets {first} to {last}."))
    }

    fn set_type(&mut self, code: TypeCode) -> Reply {
        match code {
            TypeCode::Ascii => {
                self.representation = Representation::Ascii;
                Reply::new(200, "Type is ASCII.")
            }
            TypeCode::Image | TypeCode::Local(8) => {
                self.representation = Representation::Image;
                Reply::new(200, "Type is Image.")
            }
            TypeCode::Ebcdic => Reply::new(504, "TYPE E is not available."),
            TypeCode::Local(_) => Reply::new(504, "Only logical bytes of 8 bits are available."),
        }
    }

    fn locked_by_epsv_all() -> Reply {
        Reply::new(503, "EPSV ALL was given: only EPSV is allowed now.")
    }

    fn set_active(&mut self, to: SocketAddr, out: &mut Vec<Action>) -> Reply {
        if self.epsv_all {
            return Self::locked_by_epsv_all();
        }
        let to = SocketAddr::new(canonical_ip(to.ip()), to.port());
        if to.is_ipv4() != self.peer.is_ipv4() {
            return self.wrong_family();
        }
        // The bounce attack: a server that connects wherever it is told (RFC 2577 §3).
        if to.ip() != self.peer.ip() {
            return Reply::new(504, "Data connections go only to your own address.");
        }
        if to.port() < FIRST_USER_PORT {
            return Reply::new(504, "Data connections go only to ports from 1024 up.");
        }
        self.close_prepared(out);
        self.prepared = Prepared::To(Box::new(to));
        Reply::new(200, "The next transfer connects there.")
    }

    /// LPRT knows the family by its own number and its own reply (RFC 1639).
    fn set_active_long(&mut self, to: SocketAddr, out: &mut Vec<Action>) -> Reply {
        let family = canonical_ip(to.ip()).is_ipv4();
        if family != self.peer.is_ipv4() && !self.epsv_all {
            return Self::wrong_long_family();
        }
        self.set_active(to, out)
    }

    pub(super) fn wrong_long_family() -> Reply {
        Reply::new(521, "Supported address families are (4,6), as on the control connection")
    }

    pub(super) fn conclude_listen_long(&mut self, outcome: &Outcome, out: &mut Vec<Action>) {
        let reply = match outcome {
            Outcome::Listening(at) => {
                self.prepared = Prepared::Listening;
                Reply::new(228, addr::long_passive_text(*at))
            }
            _ => Reply::new(425, "No port is free for a data connection; try again."),
        };
        out.push(Action::Reply(reply));
    }

    fn close_prepared(&mut self, out: &mut Vec<Action>) {
        if self.prepared == Prepared::Listening {
            out.push(Action::CloseData);
        }
        self.prepared = Prepared::No;
    }

    fn pasv(&self) -> Option<Reply> {
        if self.epsv_all {
            return Some(Self::locked_by_epsv_all());
        }
        (!self.peer.is_ipv4()).then(|| Reply::new(501, "PASV is for IPv4: use EPSV."))
    }

    fn epsv(&self, family: EpsvArg) -> Option<Reply> {
        let fits = match family {
            EpsvArg::V4 => self.peer.is_ipv4(),
            EpsvArg::V6 => self.peer.is_ipv6(),
            _ => true,
        };
        (!fits).then(|| self.wrong_family())
    }

    fn listen(&mut self, extended: bool, out: &mut Vec<Action>) {
        self.close_prepared(out);
        self.ask(Ask::Listen { announce: !extended }, Stage::Listen { extended }, out);
    }

    pub(super) fn conclude_listen(
        &mut self,
        extended: bool,
        outcome: &Outcome,
        out: &mut Vec<Action>,
    ) {
        let reply = match outcome {
            Outcome::Listening(at) if extended => {
                self.prepared = Prepared::Listening;
                Reply::new(229, addr::extended_passive_text(at.port()))
            }
            Outcome::Listening(SocketAddr::V4(at)) => {
                self.prepared = Prepared::Listening;
                Reply::new(227, addr::passive_text(*at))
            }
            Outcome::Listening(SocketAddr::V6(_)) => {
                out.push(Action::CloseData);
                Reply::new(501, "PASV is for IPv4: use EPSV.")
            }
            _ => Reply::new(425, "No port is free for a data connection; try again."),
        };
        out.push(Action::Reply(reply));
    }
}
