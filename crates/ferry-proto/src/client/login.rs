//! From the greeting to 230: AUTH, USER, PASS and ACCT (RFC 959 §5.4, RFC 4217 §4), as a machine.
//!
//! ```text
//! Greeting ──220──▶ AUTH TLS ──234──▶ handshake ─▶ USER ──331──▶ PASS ──332──▶ ACCT ──▶ Done
//!    │ 120: again      │ 5yz: AUTH SSL             │ 230, 232      │ 230, 202     │ 230, 202
//!    ▼                 ▼ 5yz                       ▼               ▼              ▼
//!  Failed         Failed, or on in the clear     Done            Done           Done
//! ```
//! A log-in that needs TLS fails before USER when there is none; nothing falls back.

use crate::client::fault::{self, Fault};
use crate::reply_reader::IncomingReply;

/// Whether AUTH is sent, and what happens when it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "callers map their own settings onto it")]
pub enum Auth {
    /// Not sent: in the clear, or TLS is there already.
    No,
    /// Sent; without TLS no log-in.
    Demand,
    /// Sent; without TLS in the clear.
    Try,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Wait for another reply.
    Wait,
    /// Send `AUTH TLS`, or `AUTH SSL` where `old`.
    SendAuth {
        /// The name that servers knew before RFC 4217.
        old: bool,
    },
    /// Shake hands. Nothing may have come behind the reply: it would be an injected one. Then call
    /// [`Login::on_tls`].
    StartTls,
    /// Send USER.
    SendUser,
    /// Send PASS; if there is no password, give up.
    SendPass,
    /// Send ACCT; if there is no account, give up.
    SendAcct,
    /// Logged in. What was learned before TLS is void.
    Done,
    /// It failed, and why.
    Failed(LoginFault),
}

/// Why a log-in failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginFault {
    /// The server turned us away before the log-in, for now.
    Busy,
    /// The server turned us away before the log-in, for good.
    Unwelcome,
    /// It wants fewer connections.
    TooMany,
    /// It has no TLS.
    NoTls,
    /// Name, password or account are wrong, or a protected connection is demanded.
    Refused,
    /// The log-in ends in a way that RFC 959 does not know.
    Protocol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Greeting,
    Auth { old: bool },
    Handshake,
    User,
    Pass,
    Acct,
    Over,
}

/// The log-in so far.
#[derive(Debug, Clone, Copy)]
pub struct Login {
    auth: Auth,
    state: State,
    waits: u8,
}

/// How often a server may say that it will be ready soon (120).
const WAITS_MAX: u8 = 8;

impl Login {
    /// Before the greeting.
    #[must_use]
    pub fn new(auth: Auth) -> Self {
        Self { auth, state: State::Greeting, waits: 0 }
    }

    /// The handshake that was asked for is done.
    pub fn on_tls(&mut self) -> Step {
        self.state = State::User;
        Step::SendUser
    }

    /// Takes the next reply.
    pub fn on_reply(&mut self, reply: &IncomingReply) -> Step {
        let step = match (self.state, reply.code) {
            (_, 421) => self.fail_for(reply, LoginFault::Busy),
            (State::Greeting, 100..=199) => {
                self.waits += 1;
                if self.waits > WAITS_MAX { self.fail(LoginFault::Busy) } else { Step::Wait }
            }
            (State::Greeting, 200..=299) => self.greeted(reply.code),
            (State::Greeting, 300..=399) => self.fail(LoginFault::Protocol),
            (State::Greeting, _) => self.fail_for(reply, LoginFault::Unwelcome),
            // The greeting once more.
            (State::Auth { .. } | State::User, 220) => {
                self.waits += 1;
                if self.waits > WAITS_MAX { self.fail(LoginFault::Protocol) } else { Step::Wait }
            }
            (State::Auth { .. }, 234 | 334) => {
                self.state = State::Handshake;
                Step::StartTls
            }
            (State::Auth { old: false }, 500..=599) => {
                self.state = State::Auth { old: true };
                Step::SendAuth { old: true }
            }
            (State::Auth { .. }, _) if self.auth == Auth::Try => {
                self.state = State::User;
                Step::SendUser
            }
            (State::Auth { .. }, _) => self.fail(LoginFault::NoTls),
            (State::User, 331 | 336 | 300..=330) => {
                self.state = State::Pass;
                Step::SendPass
            }
            (State::User | State::Pass, 332) => {
                self.state = State::Acct;
                Step::SendAcct
            }
            (State::User | State::Pass | State::Acct, 200..=299) => {
                self.state = State::Over;
                Step::Done
            }
            (State::User | State::Pass | State::Acct, 400..=699) => {
                self.fail_for(reply, LoginFault::Refused)
            }
            _ => self.fail(LoginFault::Protocol),
        };
        if matches!(step, Step::Failed(_)) {
            self.state = State::Over;
        }
        step
    }

    fn greeted(&mut self, code: u16) -> Step {
        if self.auth == Auth::No && code == 230 {
            self.state = State::Over;
            return Step::Done;
        }
        if self.auth == Auth::No {
            self.state = State::User;
            return Step::SendUser;
        }
        self.state = State::Auth { old: false };
        Step::SendAuth { old: false }
    }

    fn fail(&mut self, fault: LoginFault) -> Step {
        self.state = State::Over;
        Step::Failed(fault)
    }

    fn fail_for(&mut self, reply: &IncomingReply, other: LoginFault) -> Step {
        let fault = match fault::of(reply) {
            Fault::TooMany => LoginFault::TooMany,
            _ if (400..=499).contains(&reply.code) && reply.code != 430 => LoginFault::Busy,
            _ => other,
        };
        self.fail(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(auth: Auth, codes: &[(u16, &str)]) -> Vec<Step> {
        let mut login = Login::new(auth);
        let mut steps = Vec::new();
        for (code, text) in codes {
            let reply = IncomingReply { code: *code, lines: vec![text.as_bytes().to_vec()] };
            steps.push(login.on_reply(&reply));
            if steps.last() == Some(&Step::StartTls) {
                steps.push(login.on_tls());
            }
        }
        steps
    }

    #[test]
    fn log_ins_go_the_ways_that_servers_are_known_to_take() {
        use Step::{Done, Failed, SendAcct, SendAuth, SendPass, SendUser, StartTls, Wait};
        let (new, old) = (SendAuth { old: false }, SendAuth { old: true });
        type Case<'a> = (Auth, &'a [(u16, &'a str)], &'a [Step]);
        let cases: [Case<'_>; 19] = [
            (Auth::No, &[(220, ""), (331, ""), (230, "")], &[SendUser, SendPass, Done]),
            (Auth::No, &[(120, ""), (220, ""), (230, "")], &[Wait, SendUser, Done]),
            (Auth::No, &[(230, "")], &[Done]),
            // Said twice.
            (
                Auth::No,
                &[(220, ""), (220, ""), (331, ""), (230, "")],
                &[SendUser, Wait, SendPass, Done],
            ),
            (Auth::No, &[(220, ""), (331, ""), (202, "")], &[SendUser, SendPass, Done]),
            (
                Auth::No,
                &[(220, ""), (331, ""), (332, ""), (230, "")],
                &[SendUser, SendPass, SendAcct, Done],
            ),
            (Auth::No, &[(220, ""), (332, ""), (202, "")], &[SendUser, SendAcct, Done]),
            (
                Auth::Demand,
                &[(220, ""), (234, ""), (331, ""), (230, "")],
                &[new, StartTls, SendUser, SendPass, Done],
            ),
            (
                Auth::Demand,
                &[(220, ""), (500, ""), (334, ""), (232, "")],
                &[new, old, StartTls, SendUser, Done],
            ),
            (
                Auth::Demand,
                &[(220, ""), (502, ""), (502, "")],
                &[new, old, Failed(LoginFault::NoTls)],
            ),
            (
                Auth::Demand,
                &[(230, ""), (500, ""), (500, "")],
                &[new, old, Failed(LoginFault::NoTls)],
            ),
            (
                Auth::Try,
                &[(220, ""), (502, ""), (502, ""), (331, ""), (230, "")],
                &[new, old, SendUser, SendPass, Done],
            ),
            (Auth::No, &[(421, "Too many connections")], &[Failed(LoginFault::TooMany)]),
            (
                Auth::No,
                &[(220, ""), (530, "maximum number of clients reached")],
                &[SendUser, Failed(LoginFault::TooMany)],
            ),
            (
                Auth::No,
                &[(220, ""), (331, ""), (530, "Login incorrect")],
                &[SendUser, SendPass, Failed(LoginFault::Refused)],
            ),
            (
                Auth::No,
                &[(220, ""), (331, ""), (430, "")],
                &[SendUser, SendPass, Failed(LoginFault::Refused)],
            ),
            (Auth::No, &[(500, "go away")], &[Failed(LoginFault::Unwelcome)]),
            (Auth::No, &[(421, "not now")], &[Failed(LoginFault::Busy)]),
            (Auth::No, &[(354, "")], &[Failed(LoginFault::Protocol)]),
        ];
        for (auth, codes, want) in cases {
            assert_eq!(run(auth, codes), want, "{auth:?} {codes:?}");
        }
    }

    #[test]
    fn no_reply_makes_a_demanded_tls_optional() {
        for code in (200..=599).filter(|code| !matches!(code, 234 | 334)) {
            let steps = run(Auth::Demand, &[(220, ""), (code, ""), (code, "")]);
            assert!(!steps.contains(&Step::SendUser), "{code}: {steps:?}");
        }
    }
}
