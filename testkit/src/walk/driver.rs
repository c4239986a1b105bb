//! The simplest driver of the machine: lines go in, what is asked is answered at once, and every
//! reply is looked at as it would go over the wire.

use std::net::SocketAddr;

use ferry_proto::command::{Command, CommandError};
use ferry_proto::date::UnixTime;
use ferry_proto::line::{LineEvent, LineReader};
use ferry_proto::path::FtpPath;
use ferry_proto::reply::Reply;
use ferry_proto::server::{
    AccountFor, Action, Ask, Digest, End, Failure, LoginRefusal, Outcome, Rules, ServerSession,
    Transfer, Work,
};

use super::arguments::LINE_MAX;
use super::states::{Busy, Has, State};

/// The most that one command may cause: actions, and octets of replies.
const ACTIONS_MAX: usize = 8;
const REPLIES_MAX: usize = 32 << 10;

/// What is to go wrong, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fail {
    Failed(Failure),
    Login(LoginRefusal),
    Ended(End),
}

/// A session and what drives it.
#[derive(Debug)]
pub(crate) struct Driver {
    session: ServerSession,
    rules: Rules,
    lines: LineReader,
    /// What goes wrong next.
    pub(crate) fail: Option<Fail>,
    /// What did go wrong.
    pub(crate) failed: Option<Fail>,
    /// Whether transfers and long work stay under way.
    holds: bool,
    /// Whether the client shows a certificate.
    certified: bool,
    /// How what is under way would end.
    held: Option<Outcome>,
    replies: Vec<u16>,
    closed: bool,
}

impl Driver {
    /// A session in this state.
    pub(crate) fn at(state: &State) -> Result<Self, String> {
        let v6 = state.has(Has::V6);
        let peer = if v6 { "[2001:db8::9]:4000" } else { "192.0.2.9:4000" };
        let peer: SocketAddr = peer.parse().map_err(|_| "an address".to_owned())?;
        let mut driver = Self {
            session: ServerSession::new(peer, 0o022, state.has(Has::Implicit)),
            rules: rules(state),
            lines: LineReader::default(),
            fail: None,
            failed: None,
            holds: state.busy != Busy::No,
            certified: state.has(Has::Certified),
            held: None,
            replies: Vec::new(),
            closed: false,
        };
        for line in state.lines {
            if *line == "LONG" {
                driver.feed(&[&[b'x'; 2 * LINE_MAX][..], b"\r\n"].concat())?;
                continue;
            }
            driver.feed([line.as_bytes(), b"\r\n"].concat().as_slice())?;
        }
        if driver.holds && driver.held.is_none() {
            return Err("nothing is under way".to_owned());
        }
        driver.holds = false;
        driver.replies.clear();
        Ok(driver)
    }

    /// Gives one line, before or after the end of what is under way, as the machine wants it; the
    /// codes of all replies from now on.
    pub(crate) fn give(&mut self, line: &[u8], state: &State) -> Result<Vec<u16>, String> {
        let overtakes = state.busy != Busy::No && self.overtakes(line);
        if !overtakes {
            self.end_held()?;
        }
        self.feed(line)?;
        self.end_held()?;
        Ok(std::mem::take(&mut self.replies))
    }

    fn overtakes(&self, line: &[u8]) -> bool {
        let mut lines = LineReader::default();
        let mut input = line;
        while let Some(event) = lines.next(&mut input, LINE_MAX) {
            if let LineEvent::Line(line) = event {
                return Command::parse(&line).is_ok_and(|c| self.session.overtakes(&c));
            }
        }
        false
    }

    fn end_held(&mut self) -> Result<(), String> {
        let Some(outcome) = self.held.take() else { return Ok(()) };
        let mut out = Vec::new();
        self.session.conclude(outcome, &self.rules, &mut out);
        self.perform(out)
    }

    /// Whether the session goes on as ever: or, if it may, has been closed with a word.
    pub(crate) fn must_be_usable(&mut self, may_close: bool) -> Result<(), String> {
        if self.closed {
            return if may_close { Ok(()) } else { Err("it closed the session".to_owned()) };
        }
        self.fail = None;
        self.must("NOOP", 200)?;
        if self.session.is_cleared() {
            return self.must("PWD", 257);
        }
        if self.rules.login_needs_tls && !self.session.is_secured() {
            self.must("AUTH TLS", 234)?;
        }
        self.must("USER alice", 331)?;
        self.must("PASS secret", 230)?;
        self.must("PWD", 257)
    }

    fn must(&mut self, line: &str, code: u16) -> Result<(), String> {
        self.replies.clear();
        self.feed([line.as_bytes(), b"\r\n"].concat().as_slice())?;
        if self.replies == [code] {
            return Ok(());
        }
        Err(format!("afterwards {line} is answered {:?}", self.replies))
    }

    fn feed(&mut self, mut octets: &[u8]) -> Result<(), String> {
        while let Some(event) = self.lines.next(&mut octets, LINE_MAX) {
            if self.closed {
                return Err("something was carried out after the end".to_owned());
            }
            let mut out = Vec::new();
            match event {
                LineEvent::Line(line) => self.session.command(&line, &self.rules, 7, &mut out),
                LineEvent::TooLong => {
                    self.session.bad_line(CommandError::TooLong, &self.rules, &mut out);
                }
                LineEvent::Nul => self.session.bad_line(CommandError::Nul, &self.rules, &mut out),
                LineEvent::Answer(_) => {}
            }
            self.perform(out)?;
        }
        Ok(())
    }

    fn perform(&mut self, mut actions: Vec<Action>) -> Result<(), String> {
        let mut octets = 0;
        for _ in 0..ACTIONS_MAX {
            if actions.len() > ACTIONS_MAX {
                return Err(format!("{} actions", actions.len()));
            }
            let mut asked = None;
            for action in actions.drain(..) {
                if asked.is_some() {
                    return Err(format!("{action:?} behind a question"));
                }
                match action {
                    Action::Reply(reply) => octets += self.hear(&reply)?,
                    Action::Ask(ask) => asked = Some(ask),
                    Action::StartTls => {
                        self.session.tls_up();
                        self.session.set_certified(self.certified);
                    }
                    Action::AbortTransfer => {
                        self.held = self.held.take().map(|outcome| match outcome {
                            Outcome::Ended(_) => Outcome::Ended(End::Aborted),
                            _ => Outcome::Stopped,
                        });
                    }
                    Action::Close(_) => self.closed = true,
                    _ => {}
                }
            }
            if octets > REPLIES_MAX {
                return Err(format!("{octets} octets of replies"));
            }
            let Some(ask) = asked else { return Ok(()) };
            let outcome = self.outcome(&ask);
            if self.holds && matches!(ask, Ask::Move { .. } | Ask::Work { .. }) {
                self.held = Some(outcome);
                return Ok(());
            }
            self.session.conclude(outcome, &self.rules, &mut actions);
        }
        Err("it asks without end".to_owned())
    }

    /// Takes in a reply; its length on the wire, where it must have the form of RFC 959 §4.2.
    fn hear(&mut self, reply: &Reply) -> Result<usize, String> {
        let mut wire = Vec::new();
        reply.write(&mut wire);
        let bad = |what: &str| Err(format!("{what}: {}", wire.escape_ascii()));
        let code = reply.code().to_string();
        let Some(text) = wire.strip_suffix(b"\r\n") else { return bad("no CRLF") };
        if text.contains(&0) {
            return bad("a NUL");
        }
        let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
        let Some((last, before)) = lines.split_last() else { return bad("no line") };
        if !last.starts_with(format!("{code} ").as_bytes()) || last.len() <= 4 {
            return bad("the last line");
        }
        for (i, line) in before.iter().enumerate() {
            // Some clients stop at any line of three digits and a space.
            let begins = line.starts_with(format!("{code}-").as_bytes());
            let within = i > 0 && !line.first().is_some_and(u8::is_ascii_digit);
            if !line.ends_with(b"\r") || !(begins || within) {
                return bad("a line before the last");
            }
        }
        self.replies.push(reply.code());
        Ok(wire.len())
    }

    /// What is asked succeeds, but for what is to go wrong now.
    fn outcome(&mut self, ask: &Ask) -> Outcome {
        let failing = self.fail.filter(|fail| match (fail, ask) {
            (_, Ask::Pause(_)) => false,
            (Fail::Failed(_), Ask::Move { .. } | Ask::Login { .. }) => false,
            (Fail::Failed(_), _) => true,
            (Fail::Login(_), ask) => matches!(ask, Ask::Login { .. }),
            (Fail::Ended(_), ask) => matches!(ask, Ask::Move { .. }),
        });
        if let Some(fail) = failing {
            self.fail = None;
            self.failed = Some(fail);
            return match fail {
                Fail::Failed(failure) => Outcome::Failed(failure),
                Fail::Login(refusal) => Outcome::LoginRefused(refusal),
                Fail::Ended(end) => Outcome::Ended(end),
            };
        }
        if matches!(ask, Ask::Login { user, .. } if **user == *b"pat") {
            self.session.may_use_partners();
        }
        self.success(ask)
    }

    fn success(&self, ask: &Ask) -> Outcome {
        match ask {
            Ask::Login { user, password } => login(user, password),
            Ask::Recognise(user) if **user == *b"carol" => Outcome::LoggedIn(FtpPath::root()),
            Ask::Recognise(_) => Outcome::Failed(Failure::NotFound),
            Ask::Account(info) if **info != *b"info" => Outcome::Failed(Failure::Denied),
            Ask::Listen { .. } => {
                let port = 50_000;
                Outcome::Listening(SocketAddr::new(self.session.peer().ip(), port))
            }
            Ask::Size(..) | Ask::FreeSpace(_) => Outcome::Number(1234),
            Ask::ModTime { or_set: Some(_), .. } => Outcome::Done,
            Ask::ModTime { .. } => Outcome::Time(UnixTime::from_secs(1_577_836_800)),
            Ask::Facts(..) => Outcome::Text(b"Type=file;Size=3; /f".to_vec()),
            Ask::Who => Outcome::Present(Vec::new()),
            Ask::Status(_) => Outcome::Text(b"-rw-r--r-- 1 0 0 3 Jan  1 00:00 f\r\n".to_vec()),
            Ask::Open(plan) => {
                let unique = matches!(plan.what, Transfer::StoreUnique { .. });
                let stored_as = FtpPath::new(b"/unique").ok().filter(|_| unique);
                Outcome::Opened { wire_len: Some(3), stored_as }
            }
            Ask::Move { keep: true, .. } => Outcome::Ended(End::Kept),
            Ask::Move { .. } => Outcome::Ended(End::Complete),
            Ask::Work { work, .. } => match &**work {
                Work::Hash { paths, .. } => {
                    let digest = || Digest { octets: vec![0xab; 4], end: 3 };
                    Outcome::Digests(paths.iter().map(|_| digest()).collect())
                }
                Work::TreeSize(_) => Outcome::Number(99),
                _ => Outcome::Done,
            },
            _ => Outcome::Done,
        }
    }
}

fn login(user: &[u8], password: &[u8]) -> Outcome {
    let home = FtpPath::root();
    match (user, password) {
        (b"alice" | b"pat", b"secret") => Outcome::LoggedIn(home),
        (b"needs", b"secret") => Outcome::AccountWanted { home, until: AccountFor::Login },
        (b"writes", b"secret") => Outcome::AccountWanted { home, until: AccountFor::Writing },
        _ => Outcome::LoginRefused(LoginRefusal::Wrong),
    }
}

fn rules(state: &State) -> Rules {
    Rules {
        tls: !state.has(Has::NoTls),
        login_needs_tls: state.has(Has::LoginNeedsTls),
        data_needs_tls: state.has(Has::DataNeedsTls),
        wrong_passwords: 3,
        default_data_port: !state.has(Has::NoDefaultPort),
        anonymous: false,
        banner: Vec::new(),
        idle_secs: 300,
        login_secs: 60,
        ccc: state.has(Has::CccAllowed),
        long_addresses: state.has(Has::LongAddresses),
        fxp: state.has(Has::Fxp),
        partners: Vec::new(),
        umask: 0o022,
        idle_max_secs: 7200,
        sets_created: true,
        joins: !state.has(Has::Balanced),
    }
}
