//! Every command in every state of a session with every kind of argument, given to the pure
//! machine of `ferry-proto` by the simplest driver there can be: what is asked succeeds at once, or
//! fails once in every way there is. What must be answered is computed from tables written from the
//! rules (RFC 959 and its extensions, `docs/protocol.md`), not from the machine.
//!
//! After each command the session must be usable: NOOP, a login and PWD are answered as ever, or
//! it was closed by right (221, 421).

mod arguments;
mod driver;
mod expect;
mod pipelined;
mod rows;
mod states;

use std::collections::{BTreeMap, BTreeSet};

use ferry_proto::repr::FormatError;
use ferry_proto::server::{End, LoginRefusal};

use self::arguments::Argument;
use self::driver::{Driver, Fail};
use self::expect::{Expected, Why};
pub use self::pipelined::pipelined;
use self::rows::{ROWS, Row};
use self::states::{Busy, STATES, State};

/// What a walk has seen of one command.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Seen {
    /// Last replies where nothing was in its way.
    pub done: BTreeSet<u16>,
    /// Replies to arguments that do not suit it.
    pub bad: BTreeSet<u16>,
    /// Replies where the state of the session did not allow it.
    pub wrong: BTreeSet<u16>,
    /// Replies where something failed below the protocol.
    pub failed: BTreeSet<u16>,
}

/// A whole walk.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Walked {
    /// By command: a verb, or a verb and a subcommand.
    pub commands: BTreeMap<&'static str, Seen>,
    /// How often a command was given.
    pub steps: usize,
}

/// The commands of the table, in its order.
pub fn commands() -> impl Iterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// Goes through all of it.
///
/// # Errors
/// Of each command the first reply that is not as the rules have it, with what led there.
pub fn walk() -> Result<Walked, String> {
    let mut walked = Walked::default();
    let mut wrong = Vec::new();
    for row in ROWS {
        let mut seen = Seen::default();
        match of_row(row, &mut seen) {
            Ok(steps) => walked.steps += steps,
            Err(report) => wrong.push(report),
        }
        walked.commands.insert(row.name, seen);
    }
    if wrong.is_empty() { Ok(walked) } else { Err(wrong.join("\n")) }
}

/// One command everywhere; how often it was given.
fn of_row(row: &Row, seen: &mut Seen) -> Result<usize, String> {
    let mut steps = 0;
    for state in STATES {
        for argument in arguments::of(row) {
            step(row, state, &argument, None, seen)?;
            steps += 1;
        }
    }
    for state in STATES.iter().filter(|s| s.busy == Busy::No) {
        for argument in arguments::good(row) {
            for fail in failures() {
                step(row, state, &argument, Some(fail), seen)?;
                steps += 1;
            }
        }
    }
    Ok(steps)
}

/// All that can go wrong below the protocol.
fn failures() -> impl Iterator<Item = Fail> {
    let ends = [
        End::Aborted,
        End::NotConnected,
        End::NotPrivate,
        End::NotResumed,
        End::Broken,
        End::Truncated,
    ];
    let malformed = [
        FormatError::BadDeflate,
        FormatError::BadEscape(7),
        FormatError::BadMarker,
        FormatError::BadPageHeader,
        FormatError::BombSuspected,
        FormatError::PageOverflow,
        FormatError::TrailingData,
        FormatError::Truncated,
        FormatError::UnknownDescriptor(1),
        FormatError::UnknownPageType(9),
        FormatError::ZeroLength,
    ];
    let ends = ends.into_iter().chain(malformed.map(End::Format));
    let stored = expect::FAILURES.iter().map(|f| Fail::Ended(End::Storage(*f)));
    let refusals = [LoginRefusal::Wrong, LoginRefusal::TooManySessions];
    let failures = expect::FAILURES.iter().copied().map(Fail::Failed);
    let login = refusals.into_iter().map(Fail::Login);
    failures.chain(login).chain(ends.map(Fail::Ended)).chain(stored)
}

fn step(
    row: &Row,
    state: &State,
    argument: &Argument,
    fail: Option<Fail>,
    seen: &mut Seen,
) -> Result<(), String> {
    let story = |what: &str| {
        let shown = argument.line.get(..argument.line.len().min(120)).unwrap_or_default();
        format!("{}: {} (failing: {fail:?}): {what}", state.title, shown.escape_ascii())
    };
    let mut driver = Driver::at(state).map_err(|e| story(&e))?;
    driver.fail = fail;
    let got = driver.give(&argument.line, state).map_err(|e| story(&e))?;
    let expected = expect::expect(row, state, argument, driver.failed);
    if !expected.allows(&got) {
        return Err(story(&format!("{got:?} instead of {:?}", expected.replies)));
    }
    if state.busy == Busy::No {
        note(&expected, *got.last().unwrap_or(&0), seen);
    }
    driver.must_be_usable(expected.may_close).map_err(|e| story(&e))
}

fn note(expected: &Expected, code: u16, seen: &mut Seen) {
    match expected.why {
        Why::Done => seen.done.insert(code),
        Why::Bad => seen.bad.insert(code),
        Why::Wrong => seen.wrong.insert(code),
        Why::Failed => seen.failed.insert(code),
        Why::Ended => false,
        Why::Open if code < 400 => seen.done.insert(code),
        Why::Open => seen.bad.insert(code),
    };
}
