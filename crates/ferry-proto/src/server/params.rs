//! Transfer parameters: PORT, EPRT, LPRT, PASV, EPSV, LPSV, OPTS (RFC 959 §4.1.2, RFC 2428,
//! RFC 1639, RFC 2389 §4, RFC 3659 §7.9). How data looks on the connection is in
//! [`form`](super::form).

use core::net::SocketAddr;

use crate::addr::{self, EpsvArg, canonical_ip};
use crate::command::{Command, Opts};
use crate::facts::FactSet;
use crate::reply::Reply;
use crate::server::{Action, Ask, Outcome, Prepared, Rules, ServerSession, Stage};

/// Ports below this are never connected to on a client's word (RFC 2577 §3).
const FIRST_USER_PORT: u16 = 1024;

impl ServerSession {
    pub(super) fn admit_parameter(
        &mut self,
        command: Command<'_>,
        rules: &Rules,
        out: &mut Vec<Action>,
    ) {
        let reply = match command {
            Command::Type(code, format) => self.set_type(code, format),
            Command::Mode(letter) => self.set_mode(letter, out),
            Command::Stru(letter) => self.set_structure(letter),
            Command::Port(to) => self.set_active(SocketAddr::V4(to), rules, out),
            Command::Eprt(to) => self.set_active(to, rules, out),
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
            Command::Lprt(to) => self.set_active_long(to, rules, out),
            Command::Lpsv if self.epsv_all => Self::locked_by_epsv_all(),
            Command::Lpsv => {
                self.close_prepared(out);
                let ask = Ask::Listen { announce: self.peer.is_ipv4() };
                return self.ask(ask, Stage::ListenLong, out);
            }
            Command::Cpsv => return self.cpsv(out),
            Command::Xpsv(name) => return self.expect(name, out),
            Command::Sscn(wanted) => self.sscn(wanted, out),
            Command::Rest(offset) => self.set_restart(offset),
            Command::RestMark(point) => self.set_restart_mark(point),
            Command::Rang(range) => self.set_rang(range),
            Command::Opts(Opts::Rest(verb)) => {
                Reply::new(200, format!("REST is allowed before {verb}."))
            }
            Command::Opts(Opts::ModeZ(level)) => self.set_level(level),
            Command::Opts(Opts::Hash(algorithm)) => {
                self.hash = algorithm.unwrap_or(self.hash);
                Reply::new(200, self.hash.name())
            }
            Command::Opts(Opts::Utf8(true)) => {
                self.utf8_off = false;
                Reply::new(200, "UTF-8 is on.")
            }
            Command::Opts(Opts::Utf8(false)) => {
                return self.ask(Ask::LeaveUtf8, Stage::LeaveUtf8, out);
            }
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

    pub(super) fn conclude_leave_utf8(&mut self, outcome: &Outcome, out: &mut Vec<Action>) {
        out.push(Action::Reply(if *outcome == Outcome::Done {
            self.utf8_off = true;
            Reply::new(200, "UTF-8 is off.")
        } else {
            Reply::new(504, "UTF-8 cannot be turned off.")
        }));
    }

    pub(super) fn locked_by_epsv_all() -> Reply {
        Reply::new(503, "EPSV ALL was given: only EPSV is allowed now.")
    }

    fn set_active(&mut self, to: SocketAddr, rules: &Rules, out: &mut Vec<Action>) -> Reply {
        if self.epsv_all {
            return Self::locked_by_epsv_all();
        }
        let to = SocketAddr::new(canonical_ip(to.ip()), to.port());
        if to.is_ipv4() != self.peer.is_ipv4() {
            return self.wrong_family();
        }
        if to.ip() != self.peer.ip()
            && let Some(refused) = self.refused_partner(to.ip(), rules)
        {
            return refused;
        }
        if to.port() < FIRST_USER_PORT {
            return Reply::new(504, "Data connections go only to ports from 1024 up.");
        }
        self.close_prepared(out);
        self.prepared = Prepared::To(Box::new(to));
        Reply::new(200, "The next transfer connects there.")
    }

    /// LPRT knows the family by its own number and its own reply (RFC 1639).
    fn set_active_long(&mut self, to: SocketAddr, rules: &Rules, out: &mut Vec<Action>) -> Reply {
        let family = canonical_ip(to.ip()).is_ipv4();
        if family != self.peer.is_ipv4() && !self.epsv_all {
            return Self::wrong_long_family();
        }
        self.set_active(to, rules, out)
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

    pub(super) fn close_prepared(&mut self, out: &mut Vec<Action>) {
        self.close_data(out);
        self.prepared = Prepared::No;
    }

    pub(super) fn pasv(&self) -> Option<Reply> {
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
