//! The server's protocol interpreter as a pure state machine (RFC 959 §6, RFC 4217 §4).
//!
//! Inputs are method calls ([`command`](ServerSession::command),
//! [`conclude`](ServerSession::conclude), [`tls_up`](ServerSession::tls_up), …); each appends the
//! [`Action`]s it causes, to be performed in order. Nothing happens without an input, no clock is
//! read, and the same inputs give the same actions.
//!
//! ```text
//!            USER            PASS, Ask::Login            LoggedIn
//! NeedUser ───────▶ NeedPass ────────────────▶ (busy) ───────────▶ Ready
//!    ▲  ▲              │ any other verb           │ refused           │
//!    │  └──────────────┴──────────────────────────┘    USER, AUTH    │
//!    └───────────────────────────────────────────────────────────────┘
//!
//! PASS of an account that must send ACCT:   (busy) ──AccountWanted──▶ NeedAcct ──ACCT──▶ Ready
//!                                                any other verb, wrong ACCT ──▶ NeedUser
//!
//! Ready ── command ──▶ reply, or Ask ──▶ (busy) ── conclude ──▶ reply
//!
//! transfer:  Open ──Opened──▶ 150, Move ──Ended──▶ 226 or 4yz/5yz
//!                               │ ABOR
//!                               ▼
//!                             Aborting ──Ended──▶ 426, 226
//!
//! long work: Work ──done──▶ its reply
//!              │ ABOR
//!              ▼
//!            stopping ──Stopped──▶ 426, 226
//! ```
//!
//! The driver's duties: one input at a time; at most one [`Ask`] is outstanding; while one is, only
//! commands that [`overtake`](ServerSession::overtakes) may be given, all others wait in order.
//!
//! Replies are made in English and leave in the session's language, see [`crate::lang`].

mod account;
mod action;
mod admission;
mod files;
mod form;
mod fxp;
mod info;
mod join;
pub mod listing;
mod login;
mod params;
mod place;
mod site;
mod state;
mod transfer;
mod who;
mod work;

#[cfg(test)]
mod tests;

use core::net::SocketAddr;

pub use action::{
    AccountFor, Action, Ask, DataVia, Digest, End, Failure, LoginRefusal, Outcome, Plan, Rules,
    Transfer, Work,
};
pub use fxp::{Fxp, is_partner};
pub use who::{Doing, Presence, WHO_MAX};

use admission::Carry;
pub(crate) use admission::gap;
use state::{Acct, Opening, Phase, Prepared, Protection, Stage};

use crate::addr::canonical_ip;
use crate::command::{Command, CommandError, is_foreign};
use crate::facts::FactSet;
use crate::hash::Algorithm;
use crate::lang::Language;
use crate::path::FtpPath;
use crate::reply::Reply;
use crate::repr::pipeline::Form;

/// One session's protocol state. Small on purpose: it is what an idle session costs.
#[derive(Debug, Clone)]
pub struct ServerSession {
    phase: Phase,
    /// `None` is the root, so that most sessions hold no path at all.
    cwd: Option<FtpPath>,
    rename_from: Option<FtpPath>,
    work: Option<Box<Stage>>,
    prepared: Prepared,
    restart_at: u64,
    /// RANG: the first octet that no longer belongs to the range; `u64::MAX` without one.
    range_end: u64,
    /// SITE IDLE; 0 for what the rules say.
    idle_secs: u32,
    peer: SocketAddr,
    umask: u16,
    facts: FactSet,
    protection: Protection,
    form: Form,
    /// How hard MODE Z compresses.
    level: u8,
    /// REST named a place behind a CR.
    restart_after_cr: bool,
    /// The last transfer left its data connection open (MODE B).
    kept: bool,
    hash: Algorithm,
    /// What `rename_from` names is to be copied: it came by CPFR.
    copying: bool,
    wrong_passwords: u8,
    long_lines: u8,
    pbsz_given: bool,
    private_data: bool,
    epsv_all: bool,
    first_verb_seen: bool,
    implicit_tls: bool,
    /// The peer showed a certificate on the control connection.
    certified: bool,
    acct: Acct,
    fxp: fxp::Right,
    language: Language,
    /// OPTS UTF8 OFF.
    utf8_off: bool,
}

impl ServerSession {
    /// A session that has just been accepted. Under implicit TLS the handshake is already done.
    #[must_use]
    pub fn new(peer: SocketAddr, umask: u16, implicit_tls: bool) -> Self {
        Self {
            phase: Phase::NeedUser,
            cwd: None,
            rename_from: None,
            work: None,
            prepared: Prepared::No,
            restart_at: 0,
            range_end: u64::MAX,
            idle_secs: 0,
            peer: canonical(peer),
            umask: umask & 0o777,
            facts: FactSet::ALL,
            protection: if implicit_tls { Protection::Tls } else { Protection::Plain },
            form: Form::default(),
            level: form::LEVEL,
            restart_after_cr: false,
            kept: false,
            hash: Algorithm::default(),
            copying: false,
            wrong_passwords: 0,
            long_lines: 0,
            pbsz_given: implicit_tls,
            private_data: implicit_tls,
            epsv_all: false,
            first_verb_seen: false,
            implicit_tls,
            certified: false,
            acct: Acct::Unneeded,
            fxp: fxp::Right::None,
            language: Language::default(),
            utf8_off: false,
        }
    }

    /// Whether someone is logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        matches!(self.phase, Phase::Ready(_))
    }

    /// Whether something asked for is outstanding.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.work.is_some()
    }

    /// Whether data is moving, or is about to: the time in which ABOR and STAT overtake.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        matches!(self.work.as_deref(), Some(Stage::Moving { .. }))
    }

    /// Whether a command may be given although something is outstanding (RFC 959 §4.1.3: ABOR and
    /// STAT during a transfer; everything else waits its turn).
    #[must_use]
    pub fn overtakes(&self, command: &Command<'_>) -> bool {
        (self.is_moving() || self.is_working())
            && matches!(command, Command::Abor | Command::Stat(None))
    }

    /// Whether long work without a data connection is under way and may yet be stopped.
    #[must_use]
    pub fn is_working(&self) -> bool {
        matches!(self.work.as_deref(), Some(Stage::Working { stopping: false, .. }))
    }

    /// Seconds of silence after which a session that is logged in is closed: what the rules say,
    /// or SITE IDLE.
    #[must_use]
    pub fn idle_secs(&self, rules: &Rules) -> u64 {
        match self.idle_secs {
            0 => rules.idle_secs,
            secs => secs.into(),
        }
    }

    /// Whether data connections are to be private (PROT P).
    #[must_use]
    pub fn is_data_private(&self) -> bool {
        self.private_data
    }

    /// The peer, with an IPv4-mapped address as IPv4.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Whether the control connection is under TLS.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.protection == Protection::Tls
    }

    /// Whether names are to be in the legacy charset, where one is configured.
    #[must_use]
    pub fn has_left_utf8(&self) -> bool {
        self.utf8_off
    }

    /// Whether CCC has ended TLS on the control connection, while data connections stay as they
    /// are.
    #[must_use]
    pub fn is_cleared(&self) -> bool {
        self.protection == Protection::Cleared
    }

    /// Takes one command line, already read. `moved` is the number of octets the running transfer
    /// has moved so far, for STAT.
    pub fn command(&mut self, line: &[u8], rules: &Rules, moved: u64, out: &mut Vec<Action>) {
        if line.is_empty() {
            return;
        }
        if !self.first_verb_seen {
            self.first_verb_seen = true;
            if !self.is_logged_in() && is_foreign(line) {
                self.foreign(out);
                return;
            }
        }
        let from = out.len();
        self.parsed(Command::parse(line), rules, moved, out);
        self.translate(out, from);
    }

    /// Takes a line that could not be framed: too long, or with a NUL in it.
    pub fn bad_line(&mut self, error: CommandError, rules: &Rules, out: &mut Vec<Action>) {
        let from = out.len();
        self.unframed(error, rules, out);
        self.translate(out, from);
    }

    fn unframed(&mut self, error: CommandError, rules: &Rules, out: &mut Vec<Action>) {
        if error == CommandError::TooLong {
            self.long_lines = self.long_lines.saturating_add(1);
            if self.long_lines >= 3 {
                out.push(Action::Reply(Reply::new(421, "Too many overlong lines; closing.")));
                out.push(Action::Close("overlong lines"));
                return;
            }
        }
        self.parsed(Err(error), rules, 0, out);
    }

    /// The peer speaks another protocol: answered once, then closed (cross-protocol attacks).
    pub fn foreign(&mut self, out: &mut Vec<Action>) {
        out.push(Action::Reply(Reply::new(421, "This is an FTP server; closing.")));
        out.push(Action::Close("the peer does not speak FTP"));
    }

    /// Takes the answer to the outstanding [`Ask`].
    pub fn conclude(&mut self, outcome: Outcome, rules: &Rules, out: &mut Vec<Action>) {
        let from = out.len();
        self.concluded(outcome, rules, out);
        self.translate(out, from);
    }

    fn concluded(&mut self, outcome: Outcome, rules: &Rules, out: &mut Vec<Action>) {
        let Some(stage) = self.work.take() else {
            debug_assert!(false, "nothing was asked");
            return;
        };
        match *stage {
            Stage::Recognise(user) => self.conclude_recognise(user, outcome, rules, out),
            Stage::Login | Stage::Penalty => self.conclude_login(&stage, outcome, rules, out),
            Stage::Account | Stage::AccountPenalty => {
                self.conclude_account(&stage, &outcome, rules, out);
            }
            Stage::Host => self.conclude_host(&outcome, rules, out),
            Stage::Mount => self.conclude_mount(&outcome, out),
            Stage::ListenAsTlsClient => self.conclude_cpsv(&outcome, out),
            Stage::LeaveUtf8 => self.conclude_leave_utf8(&outcome, out),
            Stage::ListenLong => self.conclude_listen_long(&outcome, out),
            Stage::Expect => self.conclude_expect(&outcome, out),
            Stage::Join => Self::conclude_join(&outcome, out),
            Stage::Listen { extended } => self.conclude_listen(extended, &outcome, out),
            Stage::Who => Self::conclude_who(&outcome, out),
            Stage::Working { .. } => self.conclude_work(*stage, outcome, out),
            Stage::Open(opening) => {
                self.conclude_open(opening, outcome, rules, out);
                if opening.upload && !self.is_busy() {
                    self.close_kept(out);
                }
            }
            Stage::Moving { .. } | Stage::Aborting { .. } => {
                self.conclude_move(&stage, &outcome, out);
            }
            other => self.conclude_file(other, outcome, out),
        }
    }

    /// The control connection's handshake is done: everything is as after connecting
    /// (RFC 4217 §4), and what was learned in the clear counts no more.
    pub fn tls_up(&mut self) {
        let private_data = matches!(self.protection, Protection::Starting { private_data: true });
        *self = Self {
            protection: Protection::Tls,
            private_data,
            pbsz_given: private_data,
            wrong_passwords: self.wrong_passwords,
            long_lines: self.long_lines,
            first_verb_seen: true,
            ..Self::new(self.peer, self.umask, false)
        };
    }

    /// Whether the peer showed a certificate in the control connection's handshake, so that it may
    /// log in by it.
    pub fn set_certified(&mut self, certified: bool) {
        self.certified = certified;
    }

    /// Puts the replies from `from` on into the session's language.
    fn translate(&self, out: &mut [Action], from: usize) {
        for action in out.iter_mut().skip(from) {
            if let Action::Reply(reply) = action {
                reply.translate(self.language);
            }
        }
    }

    /// The data connection that was kept has ended: the peer closed it, or nobody used it in time.
    pub fn kept_ended(&mut self) {
        self.kept = false;
    }

    /// Whether the driver holds a data connection for the next transfer.
    #[must_use]
    pub fn keeps_data(&self) -> bool {
        self.kept
    }

    /// The passive port was closed because nobody used it in time.
    pub fn passive_expired(&mut self) {
        if self.prepared.is_listening() {
            self.prepared = Prepared::No;
        }
    }

    /// Nothing was heard for as long as the rules allow.
    pub fn timed_out(&mut self, rules: &Rules, out: &mut Vec<Action>) {
        let text = if self.is_logged_in() {
            format!("Timeout: no command for {}; closing.", info::span(self.idle_secs(rules)))
        } else {
            format!("Timeout: no login within {}; closing.", info::span(rules.login_secs))
        };
        out.push(Action::Reply(self.reply(421, text)));
        out.push(Action::Close("timeout"));
    }

    /// The server is going away, or an operator ends this session.
    pub fn dismissed(&mut self, out: &mut Vec<Action>) {
        let text = "The server is shutting down; come back later.";
        out.push(Action::Reply(self.reply(421, text)));
        out.push(Action::Close("shutdown"));
    }

    /// A reply in the session's language, for what is said unasked.
    fn reply(&self, code: u16, text: impl Into<std::borrow::Cow<'static, str>>) -> Reply {
        let mut reply = Reply::new(code, text);
        reply.translate(self.language);
        reply
    }

    /// Both ends of a connection are of one family; data connections must be of the same.
    fn wrong_family(&self) -> Reply {
        let own = if self.peer.is_ipv4() { 1 } else { 2 };
        Reply::new(522, format!("Network protocol not supported, use ({own})"))
    }

    fn cwd(&self) -> FtpPath {
        self.cwd.clone().unwrap_or_else(FtpPath::root)
    }

    fn ask(&mut self, ask: Ask, stage: Stage, out: &mut Vec<Action>) {
        self.work = Some(Box::new(stage));
        out.push(Action::Ask(ask));
    }

    /// Resolves a name against the current directory, or says why it is none.
    fn resolve(&self, name: &[u8], out: &mut Vec<Action>) -> Option<FtpPath> {
        match self.cwd.as_ref().map_or_else(|| FtpPath::new(name), |cwd| cwd.resolve(name)) {
            Ok(path) => Some(path),
            Err(error) => {
                out.push(Action::Reply(files::path_refusal(error)));
                None
            }
        }
    }
}

/// An address with an IPv4-mapped one as IPv4; the scope of a link-local one stays.
#[must_use]
pub fn canonical(at: SocketAddr) -> SocketAddr {
    let mut at = at;
    at.set_ip(canonical_ip(at.ip()));
    at
}

const _: () = assert!(size_of::<ServerSession>() <= 192, "an idle session must stay small");
