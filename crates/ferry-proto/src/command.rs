//! Commands: from a line to a typed [`Command`] and back (RFC 959 §5.3 and its successors).
//!
//! Syntax only. Whether a command may be given now, and what it does, the session machine decides;
//! paths stay as the client wrote them until a directory is known to resolve them against.

use core::fmt;
use core::net::{SocketAddr, SocketAddrV4};

use self::parameters::{
    address, allocation, is_identifier, is_language_tag, mechanism, opts, protection, range,
    two_words, type_code,
};
use crate::addr::{self, EpsvArg};
use crate::date::UnixTime;
use crate::hash::Algorithm;
use crate::host;
use crate::modify::{FactChange, FactError};
use crate::repr::RestartPoint;
use crate::repr::pipeline::Format;
use crate::site::SiteCommand;
use crate::verb::{ArgumentKind, Verb};
use crate::words::{self, Word};

/// A representation type (TYPE).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypeCode {
    /// A: text with CRLF line ends; the format letter (N, T or C) changes nothing in a stream.
    Ascii,
    /// E: EBCDIC text.
    Ebcdic,
    /// I: octets as they are.
    Image,
    /// L: logical bytes of that many bits.
    Local(u8),
}

/// A protection level (PROT, RFC 2228 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtectionLevel {
    /// C: in the clear.
    Clear,
    /// S: integrity only; TLS has no such thing.
    Safe,
    /// E: confidentiality only; TLS has no such thing.
    Confidential,
    /// P: private, under TLS.
    Private,
}

/// A security mechanism (AUTH).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// `TLS` or `TLS-C`: data connections stay clear until PROT.
    Tls,
    /// `SSL` or `TLS-P`: by old custom data connections are private at once.
    TlsPrivate,
}

/// What OPTS sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Opts<'a> {
    /// `OPTS UTF8 ON` or `OFF` (and forms without an argument, which mean on).
    Utf8(bool),
    /// `OPTS MLST facts`: which facts MLST and MLSD show.
    Mlst(&'a [u8]),
    /// `OPTS HASH [algorithm]`: tells or sets what HASH computes.
    Hash(Option<Algorithm>),
    /// `OPTS MODE Z [name value]…`: how hard to compress; `None` for what is customary.
    ModeZ(Option<u8>),
    /// `OPTS REST STOR` or `OPTS REST RETR`: asks whether REST may come before that.
    Rest(&'static str),
}

/// One command, its argument read. Names and passwords borrow from the line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each variant is the verb of the same name, see `VERBS`")]
pub enum Command<'a> {
    User(&'a [u8]),
    Pass(&'a [u8]),
    Acct(&'a [u8]),
    /// A host name or an address literal, of valid form.
    Host(&'a [u8]),
    Auth(Mechanism),
    Pbsz(u32),
    Prot(ProtectionLevel),
    Ccc,
    Rein,
    Quit,
    Cwd(&'a [u8]),
    Cdup,
    Pwd,
    /// The name of a volume.
    Smnt(&'a [u8]),
    Type(TypeCode, Format),
    /// The mode letter, upper case: S, B, C or Z.
    Mode(u8),
    /// The structure letter, upper case: F, R or P.
    Stru(u8),
    Port(SocketAddrV4),
    Eprt(SocketAddr),
    Pasv,
    Epsv(EpsvArg),
    Lprt(SocketAddr),
    Lpsv,
    Cpsv,
    /// By what name the next data connection will come.
    Xpsv(&'a [u8]),
    /// By what name this connection is expected as a data connection.
    Xdtp(&'a [u8]),
    /// Who is TLS client on data connections: on, off, or to be told.
    Sscn(Option<bool>),
    /// The command that is to follow, unread.
    Pret(&'a [u8]),
    /// An offset: decimal digits.
    Rest(u64),
    /// A marker of the form `offset.c`, as the modes block and compressed have it in TYPE A.
    RestMark(RestartPoint),
    /// The first and the last octet; `None` takes a range back (`RANG 1 0`).
    Rang(Option<(u64, u64)>),
    Opts(Opts<'a>),
    /// Octets to reserve.
    Allo(u64),
    /// A language tag of valid form, or the default language.
    Lang(Option<&'a [u8]>),
    Retr(&'a [u8]),
    Stor(&'a [u8]),
    Appe(&'a [u8]),
    Stou(Option<&'a [u8]>),
    List(Option<&'a [u8]>),
    Nlst(Option<&'a [u8]>),
    Mlsd(Option<&'a [u8]>),
    Abor,
    Dele(&'a [u8]),
    Rmd(&'a [u8]),
    Mkd(&'a [u8]),
    Rnfr(&'a [u8]),
    Rnto(&'a [u8]),
    Size(&'a [u8]),
    Mdtm(&'a [u8]),
    Mfmt {
        time: UnixTime,
        path: &'a [u8],
    },
    Mfct {
        time: UnixTime,
        path: &'a [u8],
    },
    Mff {
        change: FactChange,
        path: &'a [u8],
    },
    Avbl(Option<&'a [u8]>),
    Dsiz(&'a [u8]),
    Rmda(&'a [u8]),
    /// The target, then the sources.
    Comb(Vec<Word<'a>>),
    Hash(&'a [u8]),
    /// XCRC, XMD5, XSHA, XSHA1, XSHA256 or XSHA512.
    XHash {
        verb: Verb,
        path: Word<'a>,
        /// The first octet and the first behind the last.
        range: Option<(u64, u64)>,
    },
    Md5(&'a [u8]),
    Mmd5(Vec<Word<'a>>),
    Mlst(Option<&'a [u8]>),
    Feat,
    Syst,
    Stat(Option<&'a [u8]>),
    Help(Option<&'a [u8]>),
    Noop,
    Clnt(&'a [u8]),
    /// Facts about the client.
    Csid(&'a [u8]),
    Site(SiteCommand<'a>),
}

/// Why a line is not a command that can be carried out; the verb, where it is known, lets the
/// session ask for a login first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// 500: nobody defined that verb.
    Unknown,
    /// 502: a known verb that is not carried out here.
    NotServed(Verb),
    /// 501: the argument cannot be read.
    Syntax(Verb),
    /// 501: OPTS of a verb that has no options.
    NoOptions(Verb),
    /// 504: the argument is well formed but asks for something that is not implemented.
    Parameter(Verb),
    /// 522: a network protocol (EPRT, EPSV) that is not known; 521 for LPRT (RFC 1639).
    Family(Verb),
    /// 500: the line was longer than the limit; nothing of it was looked at.
    TooLong,
    /// 501: the line held a NUL octet.
    Nul,
}

impl CommandError {
    /// The verb, where one was recognised.
    #[must_use]
    pub fn verb(self) -> Option<Verb> {
        match self {
            Self::NotServed(v) | Self::Syntax(v) | Self::Parameter(v) | Self::Family(v) => Some(v),
            Self::NoOptions(_) => Some(Verb::Opts),
            Self::Unknown | Self::TooLong | Self::Nul => None,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown command"),
            Self::NotServed(v) => write!(f, "{} is not available", v.name()),
            Self::Syntax(v) => write!(f, "the argument of {} cannot be read", v.name()),
            Self::NoOptions(v) => write!(f, "{} has no options", v.name()),
            Self::Parameter(v) => write!(f, "that parameter of {} is not available", v.name()),
            Self::Family(v) => write!(f, "unknown network protocol in {}", v.name()),
            Self::TooLong => f.write_str("the command line is too long"),
            Self::Nul => f.write_str("the command line holds a NUL octet"),
        }
    }
}

impl core::error::Error for CommandError {}

/// Splits a line (without its end) into the word before the first space and what follows it.
fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|&b| b == b' ') {
        Some(i) => (line.get(..i).unwrap_or_default(), line.get(i + 1..)),
        None => (line, None),
    }
}

/// Whether a line shows that its sender speaks another protocol (HTTP, SMTP, SSH): a browser or
/// mailer made to talk to this port (docs/protocol.md). Meant for the first line of a connection.
#[must_use]
pub fn is_foreign(line: &[u8]) -> bool {
    const VERBS: [&[u8]; 12] = [
        b"GET",
        b"HEAD",
        b"POST",
        b"PUT",
        b"OPTIONS",
        b"CONNECT",
        b"PATCH",
        b"PROPFIND",
        b"EHLO",
        b"HELO",
        b"MAIL",
        b"RCPT",
    ];
    let (word, _) = split(line);
    VERBS.iter().any(|v| v.eq_ignore_ascii_case(word))
        || (word.len() > 1 && word.ends_with(b":"))
        || word.starts_with(b"HTTP/")
        || word.starts_with(b"SSH-")
}

/// Whether the first octet of a connection cannot begin a command: control characters, as in a
/// TLS ClientHello (16 03). TAB, LF and CR are let pass.
#[must_use]
pub fn is_foreign_first_octet(octet: u8) -> bool {
    matches!(octet, 0x00..=0x08 | 0x0b | 0x0c | 0x0e..=0x1f)
}

fn trim(mut s: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = s {
        s = rest;
    }
    s
}

/// Digits only, no sign, at most 2^63 − 1.
pub(crate) fn number(s: &[u8]) -> Option<u64> {
    if s.is_empty() || s.len() > 19 || !s.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n: u64 = core::str::from_utf8(s).ok()?.parse().ok()?;
    (n <= i64::MAX.unsigned_abs()).then_some(n)
}

impl<'a> Command<'a> {
    /// Reads one line, without its line end.
    ///
    /// # Errors
    /// [`CommandError`], by the reply that is due.
    pub fn parse(line: &'a [u8]) -> Result<Self, CommandError> {
        let (word, rest) = split(line);
        let verb = Verb::find(word).ok_or(CommandError::Unknown)?;
        let info = verb.info();
        if !info.served {
            return Err(CommandError::NotServed(verb));
        }
        let syntax = Err(CommandError::Syntax(verb));
        let given = rest.filter(|r| !r.is_empty());
        match info.argument {
            ArgumentKind::None => Self::bare(verb),
            ArgumentKind::NoneStrict if rest.is_some_and(|r| !trim(r).is_empty()) => syntax,
            ArgumentKind::NoneStrict => Self::bare(verb),
            ArgumentKind::Name => given.map_or(syntax, |name| Self::named(verb, name)),
            ArgumentKind::OptionalName => Ok(Self::maybe_named(verb, given)),
            ArgumentKind::Parameter => match trim(rest.unwrap_or_default()) {
                b"" => syntax,
                p => Self::with_parameter(verb, p),
            },
            ArgumentKind::OptionalParameter => {
                Self::maybe_parameter(verb, trim(rest.unwrap_or_default()))
            }
        }
    }

    fn bare(verb: Verb) -> Result<Self, CommandError> {
        Ok(match verb {
            Verb::Quit => Self::Quit,
            Verb::Cdup | Verb::Xcup => Self::Cdup,
            Verb::Pwd | Verb::Xpwd => Self::Pwd,
            Verb::Pasv => Self::Pasv,
            Verb::Lpsv => Self::Lpsv,
            Verb::Cpsv => Self::Cpsv,
            Verb::Ccc => Self::Ccc,
            Verb::Rein => Self::Rein,
            Verb::Abor => Self::Abor,
            Verb::Feat => Self::Feat,
            Verb::Syst => Self::Syst,
            Verb::Noop => Self::Noop,
            _ => return Err(CommandError::NotServed(verb)),
        })
    }

    fn named(verb: Verb, name: &'a [u8]) -> Result<Self, CommandError> {
        Ok(match verb {
            Verb::User => Self::User(name),
            Verb::Acct => Self::Acct(name),
            Verb::Cwd | Verb::Xcwd => Self::Cwd(name),
            Verb::Mkd | Verb::Xmkd => Self::Mkd(name),
            Verb::Rmd | Verb::Xrmd => Self::Rmd(name),
            Verb::Retr => Self::Retr(name),
            Verb::Stor => Self::Stor(name),
            Verb::Appe => Self::Appe(name),
            Verb::Dele => Self::Dele(name),
            Verb::Rnfr => Self::Rnfr(name),
            Verb::Rnto => Self::Rnto(name),
            Verb::Smnt => Self::Smnt(name),
            Verb::Pret => Self::Pret(name),
            Verb::Size => Self::Size(name),
            Verb::Mdtm => Self::Mdtm(name),
            Verb::Site => Self::Site(SiteCommand::parse(name)?),
            Verb::Mfmt | Verb::Mfct => {
                let (time, path) = two_words(name).ok_or(CommandError::Syntax(verb))?;
                let time = UnixTime::parse_timeval(time).ok_or(CommandError::Syntax(verb))?;
                if verb == Verb::Mfct {
                    Self::Mfct { time, path }
                } else {
                    Self::Mfmt { time, path }
                }
            }
            Verb::Dsiz => Self::Dsiz(name),
            Verb::Rmda => Self::Rmda(name),
            Verb::Hash => Self::Hash(name),
            Verb::Md5 => Self::Md5(name),
            _ => return Self::of_several(verb, name),
        })
    }

    /// Arguments that are more than one name.
    fn of_several(verb: Verb, argument: &'a [u8]) -> Result<Self, CommandError> {
        let syntax = CommandError::Syntax(verb);
        Ok(match verb {
            Verb::Mff => {
                let (facts, path) = two_words(argument).ok_or(syntax)?;
                let change = FactChange::parse(facts).map_err(|e| match e {
                    FactError::Syntax => syntax,
                    FactError::Unknown => CommandError::Parameter(verb),
                })?;
                Self::Mff { change, path }
            }
            Verb::Comb => {
                let names = words::split(argument).filter(|w| w.len() >= 2);
                Self::Comb(names.ok_or(syntax)?)
            }
            Verb::Mmd5 => Self::Mmd5(words::split_commas(argument).ok_or(syntax)?),
            Verb::Xcrc | Verb::Xmd5 | Verb::Xsha | Verb::Xsha1 | Verb::Xsha256 | Verb::Xsha512 => {
                let (path, range) = words::name_and_range(argument).ok_or(syntax)?;
                if range.is_some_and(|(start, end)| start > end) {
                    return Err(syntax);
                }
                Self::XHash { verb, path, range }
            }
            _ => return Err(CommandError::NotServed(verb)),
        })
    }

    fn maybe_named(verb: Verb, name: Option<&'a [u8]>) -> Self {
        match verb {
            Verb::Pass => Self::Pass(name.unwrap_or_default()),
            Verb::Stou => Self::Stou(name),
            Verb::List => Self::List(name),
            Verb::Nlst => Self::Nlst(name),
            Verb::Mlsd => Self::Mlsd(name),
            Verb::Mlst => Self::Mlst(name),
            Verb::Avbl => Self::Avbl(name),
            _ => Self::Stat(name),
        }
    }

    fn maybe_parameter(verb: Verb, p: &'a [u8]) -> Result<Self, CommandError> {
        Ok(match verb {
            Verb::Epsv => Self::Epsv(addr::parse_epsv_argument(p).map_err(address(verb))?),
            Verb::Help => Self::Help((!p.is_empty()).then_some(p)),
            Verb::Clnt => Self::Clnt(p),
            Verb::Sscn if p.is_empty() => Self::Sscn(None),
            Verb::Sscn if p.eq_ignore_ascii_case(b"ON") => Self::Sscn(Some(true)),
            Verb::Sscn if p.eq_ignore_ascii_case(b"OFF") => Self::Sscn(Some(false)),
            Verb::Sscn => return Err(CommandError::Syntax(verb)),
            Verb::Lang if p.is_empty() => Self::Lang(None),
            Verb::Lang if is_language_tag(p) => Self::Lang(Some(p)),
            Verb::Lang => return Err(CommandError::Syntax(verb)),
            _ => return Err(CommandError::NotServed(verb)),
        })
    }

    fn with_parameter(verb: Verb, p: &'a [u8]) -> Result<Self, CommandError> {
        let syntax = CommandError::Syntax(verb);
        let letter = |allowed: &[u8]| match p {
            [l] if allowed.contains(&l.to_ascii_uppercase()) => Ok(l.to_ascii_uppercase()),
            _ => Err(syntax),
        };
        Ok(match verb {
            Verb::Auth => Self::Auth(mechanism(p)?),
            Verb::Pbsz => Self::Pbsz(number(p).and_then(|n| u32::try_from(n).ok()).ok_or(syntax)?),
            Verb::Prot => Self::Prot(protection(p)?),
            Verb::Type => type_code(p).map(|(code, format)| Self::Type(code, format))?,
            Verb::Mode => Self::Mode(letter(b"SBCZ")?),
            Verb::Stru => Self::Stru(letter(b"FRP")?),
            Verb::Port => Self::Port(addr::parse_port(p).map_err(address(verb))?),
            Verb::Eprt => Self::Eprt(addr::parse_eprt(p).map_err(address(verb))?),
            Verb::Lprt => Self::Lprt(addr::parse_lprt(p).map_err(address(verb))?),
            Verb::Xpsv if is_identifier(p) => Self::Xpsv(p),
            Verb::Xdtp if is_identifier(p) => Self::Xdtp(p),
            Verb::Xpsv | Verb::Xdtp => return Err(syntax),
            Verb::Host if host::is_valid(p) => Self::Host(p),
            Verb::Host => return Err(syntax),
            Verb::Csid => Self::Csid(p),
            Verb::Rest if p.contains(&b'.') => {
                Self::RestMark(RestartPoint::parse(p).ok_or(syntax)?)
            }
            Verb::Rest => Self::Rest(number(p).ok_or(syntax)?),
            Verb::Rang => Self::Rang(range(p).ok_or(syntax)?),
            Verb::Allo => Self::Allo(allocation(p).ok_or(syntax)?),
            Verb::Opts => Self::Opts(opts(p)?),
            _ => return Err(CommandError::NotServed(verb)),
        })
    }
}

mod mode_z;
mod parameters;
mod print;
#[cfg(test)]
mod tests;
