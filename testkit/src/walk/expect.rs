//! What must be answered, by the rules alone. The order of checks is that of `docs/protocol.md`:
//! logged in, syntax, sequence, then what happens below, protection, and the data connection.

use ferry_proto::repr::FormatError;
use ferry_proto::server::{End, Failure, LoginRefusal};

use super::arguments::{Argument, Frame};
use super::driver::Fail;
use super::rows::{Reads, Row};
use super::states::{Busy, Has, Login, State};

/// Every way in which something can fail below the protocol.
pub(crate) const FAILURES: [Failure; 18] = [
    Failure::NotFound,
    Failure::Denied,
    Failure::Exists,
    Failure::NotEmpty,
    Failure::NotFile,
    Failure::NotDir,
    Failure::BadName,
    Failure::IntoItself,
    Failure::BadOffset,
    Failure::NoSpace,
    Failure::Quota,
    Failure::Busy,
    Failure::Unsupported,
    Failure::Io,
    Failure::TooCostly,
    Failure::SameFile,
    Failure::NoPort,
    Failure::NeedsAccount,
];

/// The longest component of a path, and the longest path.
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4095;

/// Why a command is answered so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    Done,
    Bad,
    Wrong,
    Failed,
    /// Whatever it was: it was one too many.
    Ended,
    /// Either: the rules of this walk do not look into the words.
    Open,
}

/// What must be answered.
#[derive(Debug)]
pub(crate) struct Expected {
    /// One set of codes for each reply, in order.
    pub(crate) replies: Vec<Vec<u16>>,
    pub(crate) why: Why,
    /// Whether the session may be closed by it.
    pub(crate) may_close: bool,
}

impl Expected {
    fn last(codes: &[u16], why: Why) -> Self {
        Self { replies: vec![codes.to_vec()], why, may_close: false }
    }

    /// The session ends with a word.
    fn end(why: Why) -> Self {
        Self { may_close: true, ..Self::last(&[421], why) }
    }

    pub(crate) fn allows(&self, got: &[u16]) -> bool {
        got.len() == self.replies.len()
            && got.iter().zip(&self.replies).all(|(code, codes)| codes.contains(code))
    }
}

/// What an argument is to a command.
enum Verdict {
    Good(u16),
    Bad(&'static [u16]),
    Either(u16, &'static [u16]),
}

/// What must be answered to this command in this state, when `failed` happened below.
pub(crate) fn expect(
    row: &Row,
    state: &State,
    argument: &Argument,
    failed: Option<Fail>,
) -> Expected {
    let whole = argument.frame == Frame::Whole;
    let means = argument.means.as_deref();
    // ABOR and STAT overtake what runs; everything else comes after its end.
    if whole && matches!(state.busy, Busy::Moving | Busy::Working) {
        let before: Option<&[u16]> = match row.name {
            "ABOR" => Some(&[426, 226]),
            "STAT" if is_empty(means) => Some(&[211]),
            _ => None,
        };
        if let Some(before) = before {
            let mut replies: Vec<Vec<u16>> = before.iter().map(|code| vec![*code]).collect();
            if row.name == "STAT" {
                replies.push(ends(state));
            }
            return Expected { replies, why: Why::Open, may_close: false };
        }
    }
    let mut expected = idle(row, state, argument, failed);
    let before: Vec<Vec<u16>> = match state.busy {
        Busy::No => Vec::new(),
        Busy::Aborting => vec![vec![426], vec![226]],
        Busy::Moving | Busy::Working => vec![ends(state)],
    };
    expected.replies.splice(0..0, before);
    expected
}

/// How what runs is answered in the end.
fn ends(state: &State) -> Vec<u16> {
    vec![if state.busy == Busy::Moving { 226 } else { 0 }, 213, 250]
}

fn idle(row: &Row, state: &State, argument: &Argument, failed: Option<Fail>) -> Expected {
    match argument.frame {
        Frame::TooLong if state.has(Has::LastLongLine) => return Expected::end(Why::Ended),
        Frame::TooLong => return Expected::last(&[500], Why::Bad),
        Frame::Nul => return Expected::last(&[501], Why::Bad),
        Frame::Whole => {}
    }
    // The first word of a connection that belongs to another protocol (SMTP has MAIL, too).
    if row.name == "MAIL" && state.lines.is_empty() {
        return Expected::end(Why::Ended);
    }
    if row.login && !state.is_logged_in() {
        return Expected::last(&[530], Why::Wrong);
    }
    let means = argument.means.as_deref();
    if matches!(row.name, "LPRT" | "LPSV") && !state.has(Has::LongAddresses) {
        return Expected::last(&[502], Why::Wrong);
    }
    if matches!(row.name, "XPSV" | "XDTP") && state.has(Has::Balanced) {
        return Expected::last(&[502], Why::Wrong);
    }
    if matches!(row.name, "SSCN" | "CPSV") && !state.has(Has::Fxp) {
        return Expected::last(&[502], Why::Wrong);
    }
    let (good, or): (u16, &[u16]) = match verdict(row, means) {
        Verdict::Bad(codes) => return Expected::last(codes, Why::Bad),
        Verdict::Good(code) => (code, &[]),
        Verdict::Either(code, or) => (code, or),
    };
    let refused = matches!(failed, Some(Fail::Login(_)))
        || row.name == "PASS" && means.unwrap_or_default() != b"secret";
    if row.name == "PASS" && refused && state.has(Has::LastPassword) {
        return match failed {
            Some(Fail::Login(LoginRefusal::TooManySessions)) => Expected::last(&[530], Why::Failed),
            _ => Expected::end(Why::Wrong),
        };
    }
    if let Some(code) = out_of_place(row, state, means.unwrap_or_default()) {
        return Expected::last(&[&[code], or].concat(), open(or, Why::Wrong));
    }
    if too_long(row, means) {
        return Expected::last(&[553], Why::Bad);
    }
    // What STRU R and P make of a file has no size that could be told beforehand.
    if row.name == "SIZE" && (state.has(Has::Records) || state.has(Has::Pages)) {
        return Expected::last(&[550], Why::Wrong);
    }
    if moves(row) {
        return transfer(row, state, failed);
    }
    let code = match failed {
        Some(fail) => failure(row, fail),
        None => told(row, state, means, good),
    };
    let why = if failed.is_some() { Why::Failed } else { Why::Done };
    let may_close = row.name == "QUIT";
    Expected { may_close, ..Expected::last(&[&[code], or].concat(), open(or, why)) }
}

fn open(or: &[u16], why: Why) -> Why {
    if or.is_empty() { why } else { Why::Open }
}

fn is_empty(means: Option<&[u8]>) -> bool {
    means.is_none_or(<[u8]>::is_empty)
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

fn verdict(row: &Row, means: Option<&[u8]>) -> Verdict {
    let given = means.unwrap_or_default();
    let first = row.good.first().map_or(0, |(_, code)| *code);
    let listed = |text: &[u8]| {
        row.good.iter().find(|(argument, _)| argument.as_bytes() == text).map(|(_, code)| *code)
    };
    let missing = Verdict::Bad(&[501]);
    match row.reads {
        Reads::Nothing | Reads::MaybePath | Reads::MaybeText => Verdict::Good(first),
        Reads::Off | Reads::Unknown => Verdict::Good(first),
        Reads::NothingAtAll if trim(given).is_empty() => Verdict::Good(first),
        Reads::NothingAtAll => missing,
        Reads::Path | Reads::Text if given.is_empty() => missing,
        Reads::Path | Reads::Text => Verdict::Good(first),
        Reads::Digits(max) => {
            let digits = trim(given);
            let number: Option<u64> = std::str::from_utf8(digits)
                .ok()
                .filter(|_| digits.iter().all(u8::is_ascii_digit))
                .and_then(|text| text.parse().ok());
            match number {
                Some(n) if n <= max => Verdict::Good(first),
                _ => missing,
            }
        }
        Reads::Listed(_) if trim(given).is_empty() => missing,
        Reads::Listed(bad) | Reads::MaybeListed(bad) => {
            listed(trim(given)).map_or(Verdict::Bad(bad), Verdict::Good)
        }
        Reads::Loose(_) if given.is_empty() => missing,
        Reads::Loose(bad) | Reads::MaybeLoose(bad) => {
            listed(given).map_or(Verdict::Either(first, bad), Verdict::Good)
        }
    }
}

/// Whether it names a path that cannot be one.
fn too_long(row: &Row, means: Option<&[u8]>) -> bool {
    let path = means.unwrap_or_default();
    matches!(row.reads, Reads::Path | Reads::MaybePath)
        && (path.len() > PATH_MAX || path.split(|b| *b == b'/').any(|part| part.len() > NAME_MAX))
}

/// The refusal of a command that is well written and comes at the wrong time.
fn out_of_place(row: &Row, state: &State, argument: &[u8]) -> Option<u16> {
    let has = |what| state.has(what);
    let waits_for_acct = matches!(state.login, Login::NeedsAcct | Login::WantsAcct);
    match row.name {
        "USER" if has(Has::Cleared) => Some(503),
        "USER" if has(Has::LoginNeedsTls) && !has(Has::Secured) => Some(530),
        "PASS" if has(Has::Certified) && state.is_logged_in() => Some(202),
        "PASS" if state.login != Login::Named => Some(503),
        "PASS" if argument != b"secret" => Some(530),
        "ACCT" if waits_for_acct && argument != b"info" => Some(530),
        "ACCT" if waits_for_acct => None,
        "ACCT" if state.is_logged_in() => Some(202),
        "ACCT" => Some(503),
        "HOST" if state.is_logged_in() => Some(503),
        "AUTH" if has(Has::Cleared) || has(Has::Secured) => Some(503),
        "AUTH" if has(Has::NoTls) => Some(502),
        "PBSZ" if !has(Has::Secured) => Some(503),
        "PROT" if !has(Has::Secured) || !has(Has::Pbsz) => Some(503),
        "PROT" if has(Has::DataNeedsTls) && trim(argument) == b"C" => Some(534),
        "CCC" if !has(Has::Secured) => Some(533),
        "CCC" if !has(Has::CccAllowed) => Some(534),
        "SSCN" | "CPSV" if !has(Has::Partners) => Some(504),
        "SSCN" if !has(Has::Secured) => Some(503),
        "PASV" | "PORT" | "EPRT" | "LPRT" | "LPSV" | "CPSV" if has(Has::EpsvAll) => Some(503),
        "XPSV" if has(Has::EpsvAll) || has(Has::Cleared) => Some(503),
        "XDTP" if state.is_logged_in() => Some(503),
        "PASV" | "CPSV" if has(Has::V6) => Some(501),
        "CPSV" if !has(Has::Secured) || !has(Has::Private) => Some(503),
        "PORT" | "EPRT" if has(Has::V6) => Some(522),
        "LPRT" if has(Has::V6) => Some(521),
        "EPSV" if has(Has::V6) && trim(argument) == b"1" => Some(522),
        "RANG" if trim(argument) != b"1 0" && !has(Has::Image) => Some(551),
        "RETR" | "STOR" | "APPE" if has(Has::Rang) && !has(Has::Image) => Some(551),
        "RETR" | "STOR" | "APPE" | "STOU" if has(Has::NoPages) => Some(555),
        "APPE" if has(Has::Pages) => Some(555),
        "APPE" if has(Has::Rang) => Some(503),
        "STOU" if has(Has::Rest) => Some(503),
        "HASH" if has(Has::Rang) && !has(Has::Image) => Some(504),
        "RNTO" if !has(Has::Renaming) => Some(503),
        "SITE CPTO" if !has(Has::Copying) => Some(503),
        _ => None,
    }
}

/// The code of a command that was carried out.
fn told(row: &Row, state: &State, means: Option<&[u8]>, good: u16) -> u16 {
    match row.name {
        "STAT" if is_empty(means) => 211,
        "PASS" if state.has(Has::AsksForAcct) => 332,
        "USER" if state.has(Has::Certified) && means == Some(b"carol") => 232,
        // Another's address, and a port that is no service's.
        "PORT" | "EPRT" if state.has(Has::Partners) => {
            let text = means.unwrap_or_default();
            let foreign = [&b"198,51,100,7"[..], b"198.51.100.7"]
                .iter()
                .any(|ip| text.windows(ip.len()).any(|part| part == *ip));
            if foreign { 200 } else { good }
        }
        _ => good,
    }
}

fn moves(row: &Row) -> bool {
    matches!(row.name, "RETR" | "STOR" | "APPE" | "STOU" | "LIST" | "NLST" | "MLSD")
}

fn transfer(row: &Row, state: &State, failed: Option<Fail>) -> Expected {
    let end = match failed {
        Some(Fail::Ended(end)) => end,
        Some(fail) => return Expected::last(&[failure(row, fail)], Why::Failed),
        None if state.has(Has::DataNeedsTls) && !state.has(Has::Private) => {
            return Expected::last(&[521], Why::Wrong);
        }
        None if state.has(Has::NoDefaultPort) && !state.has(Has::Prepared) => {
            return Expected::last(&[425], Why::Wrong);
        }
        None => End::Complete,
    };
    let why = if end == End::Complete { Why::Done } else { Why::Failed };
    let begun = if state.has(Has::Kept) { 125 } else { 150 };
    let code = match end {
        End::Complete if state.has(Has::Block) => 250,
        end => ended(end),
    };
    Expected { replies: vec![vec![begun], vec![code]], why, may_close: false }
}

/// RFC 959 §4.2 and RFC 4217 §10, for a transfer that ended so.
fn ended(end: End) -> u16 {
    match end {
        End::Complete => 226,
        End::NotConnected => 425,
        End::NotPrivate | End::NotResumed => 522,
        End::Storage(Failure::NoSpace) => 452,
        End::Storage(Failure::Quota | Failure::BadOffset) => 552,
        End::Storage(_) => 451,
        End::Format(FormatError::Truncated) => 426,
        End::Format(FormatError::UnknownPageType(_)) => 551,
        End::Format(FormatError::BombSuspected) => 552,
        End::Format(_) => 451,
        _ => 426,
    }
}

/// `docs/protocol.md`, "Replies": failures.
fn failure(row: &Row, fail: Fail) -> u16 {
    let Fail::Failed(failure) = fail else { return 530 };
    match (row.name, failure) {
        ("PASV" | "EPSV" | "LPSV" | "CPSV" | "XPSV" | "XDTP", _) => 425,
        ("HOST" | "OPTS UTF8", _) => 504,
        ("SMNT", _) => 550,
        ("ACCT" | "PASS", _) => 530,
        // Then a password is asked for.
        ("USER", _) => 331,
        ("MKD" | "XMKD", Failure::Exists) => 550,
        ("ALLO", Failure::NoSpace) => 552,
        ("MLSD", Failure::NotDir) => 501,
        ("HASH", Failure::TooCostly) => 556,
        ("XCRC" | "XMD5" | "XSHA" | "XSHA1" | "XSHA256" | "XSHA512", Failure::BadOffset) => 550,
        (_, Failure::TooCostly) if moves(row) => 554,
        (_, failure) => match failure {
            Failure::Exists | Failure::BadName | Failure::IntoItself | Failure::SameFile => 553,
            Failure::BadOffset => 554,
            Failure::NoSpace => 452,
            Failure::Quota => 552,
            Failure::Busy => 450,
            Failure::Unsupported => 504,
            Failure::Io => 451,
            Failure::NeedsAccount => 532,
            Failure::NoPort => 425,
            _ => 550,
        },
    }
}
