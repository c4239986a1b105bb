//! How the parameters of single commands are read: codes, numbers and pairs, where one look does
//! not tell.

use super::mode_z;
use super::{
    CommandError, Format, Mechanism, Opts, ProtectionLevel, TypeCode, number, split, trim,
};
use crate::addr::AddrError;
use crate::hash::Algorithm;
use crate::verb::Verb;

pub(super) fn address(verb: Verb) -> impl Fn(AddrError) -> CommandError {
    move |e| match e {
        AddrError::UnknownFamily => CommandError::Family(verb),
        AddrError::Syntax => CommandError::Syntax(verb),
    }
}

/// A language tag as RFC 1766 writes it: letters, then perhaps letters and digits after hyphens.
pub(super) fn is_language_tag(p: &[u8]) -> bool {
    let mut parts = p.split(|&b| b == b'-');
    let fits = |part: &[u8]| (1..=8).contains(&part.len());
    parts.next().is_some_and(|first| fits(first) && first.iter().all(u8::is_ascii_alphabetic))
        && parts.all(|part| fits(part) && part.iter().all(u8::is_ascii_alphanumeric))
}

/// The name of a data connection that comes to the control port: long enough not to be guessed.
pub(super) fn is_identifier(p: &[u8]) -> bool {
    (16..=64).contains(&p.len()) && p.iter().all(u8::is_ascii_alphanumeric)
}

pub(super) fn mechanism(p: &[u8]) -> Result<Mechanism, CommandError> {
    let is = |s: &str| p.eq_ignore_ascii_case(s.as_bytes());
    match () {
        () if is("TLS") || is("TLS-C") => Ok(Mechanism::Tls),
        () if is("SSL") || is("TLS-P") => Ok(Mechanism::TlsPrivate),
        () => Err(CommandError::Parameter(Verb::Auth)),
    }
}

pub(super) fn protection(p: &[u8]) -> Result<ProtectionLevel, CommandError> {
    match p {
        b"C" | b"c" => Ok(ProtectionLevel::Clear),
        b"S" | b"s" => Ok(ProtectionLevel::Safe),
        b"E" | b"e" => Ok(ProtectionLevel::Confidential),
        b"P" | b"p" => Ok(ProtectionLevel::Private),
        _ => Err(CommandError::Parameter(Verb::Prot)),
    }
}

/// `A [N|T|C]`, `E [N|T|C]`, `I [N]`, `L n`. FileZilla Server takes `I N`, and so do we.
pub(super) fn type_code(p: &[u8]) -> Result<(TypeCode, Format), CommandError> {
    let mut words = p.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let syntax = Err(CommandError::Syntax(Verb::Type));
    let letter = words.next().unwrap_or_default().to_ascii_uppercase();
    let second = words.next().map(<[u8]>::to_ascii_uppercase);
    if words.next().is_some() {
        return syntax;
    }
    let parameter = CommandError::Parameter(Verb::Type);
    let format = |second: Option<&[u8]>| Format::of_argument(second).ok_or(parameter);
    match (letter.as_slice(), second.as_deref()) {
        (b"A", second) => Ok((TypeCode::Ascii, format(second)?)),
        (b"E", second) => Ok((TypeCode::Ebcdic, format(second)?)),
        (b"I", None | Some(b"N")) => Ok((TypeCode::Image, Format::NonPrint)),
        (b"I", Some(_)) => Err(parameter),
        (b"L", Some(size)) => match number(size) {
            Some(n @ 1..=255) => {
                Ok((TypeCode::Local(u8::try_from(n).unwrap_or(8)), Format::NonPrint))
            }
            Some(_) => Err(parameter),
            None => syntax,
        },
        _ => syntax,
    }
}

/// The first word and what follows the space behind it, if there is something.
pub(super) fn two_words(argument: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = split(argument);
    Some((first, rest.filter(|r| !r.is_empty())?))
}

/// `first last`, both counted; `1 0` takes a range back.
#[allow(clippy::option_option, reason = "no range is an answer, no reading is none")]
pub(super) fn range(p: &[u8]) -> Option<Option<(u64, u64)>> {
    let mut words = p.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let (first, last) = (number(words.next()?)?, number(words.next()?)?);
    match (first, last, words.next()) {
        (_, _, Some(_)) => None,
        (1, 0, None) => Some(None),
        _ => (first <= last).then_some(Some((first, last))),
    }
}

/// `n` or `n R m`; the record size says nothing to a file system without records.
pub(super) fn allocation(p: &[u8]) -> Option<u64> {
    let mut words = p.split(|&b| b == b' ').filter(|w| !w.is_empty());
    let octets = number(words.next()?)?;
    match (words.next(), words.next(), words.next()) {
        (None, ..) => Some(octets),
        (Some(b"R" | b"r"), Some(size), None) => number(size).map(|_| octets),
        _ => None,
    }
}

pub(super) fn opts(p: &[u8]) -> Result<Opts<'_>, CommandError> {
    let (target, rest) = split(p);
    let rest = trim(rest.unwrap_or_default());
    let is = |s: &str, with: &[u8]| with.eq_ignore_ascii_case(s.as_bytes());
    if is("MLST", target) {
        return Ok(Opts::Mlst(rest));
    }
    if is("HASH", target) {
        let named = Algorithm::find(rest);
        return match named {
            None if !rest.is_empty() => Err(CommandError::Syntax(Verb::Opts)),
            named => Ok(Opts::Hash(named)),
        };
    }
    if is("MODE", target) {
        return match split(rest) {
            (b"Z" | b"z", settings) => mode_z::settings(settings.unwrap_or_default())
                .map(Opts::ModeZ)
                .ok_or(CommandError::Syntax(Verb::Opts)),
            _ => Err(CommandError::Syntax(Verb::Opts)),
        };
    }
    if is("REST", target) {
        let known = ["STOR", "RETR"].into_iter().find(|verb| is(verb, rest));
        return known.map(Opts::Rest).ok_or(CommandError::Syntax(Verb::Opts));
    }
    let utf8 = is("UTF8", target) || is("UTF-8", target);
    match () {
        () if utf8 && (rest.is_empty() || is("ON", rest) || is("NLST", rest)) => {
            Ok(Opts::Utf8(true))
        }
        () if utf8 && is("OFF", rest) => Ok(Opts::Utf8(false)),
        () => {
            Err(Verb::find(target)
                .map_or(CommandError::Syntax(Verb::Opts), CommandError::NoOptions))
        }
    }
}
