//! Single values: from what TOML knows to what a setting is.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use ferry_proto::charset;
use ferry_server::options::{NameCharset, Timetable};
use toml::de::DeValue;

use super::section::closest;
use crate::values::{self, Wrong};

/// Text in quotes.
pub(super) fn text<'a>(value: &'a DeValue<'_>) -> Result<&'a str, Wrong> {
    match value {
        DeValue::String(text) => Ok(text),
        other => Err(Wrong::new(kind(other), "write text in double quotes")),
    }
}

/// `true` or `false`.
pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, Wrong> {
    match value {
        DeValue::Boolean(yes) => Ok(*yes),
        other => Err(Wrong::new(kind(other), "write true or false, without quotes")),
    }
}

/// A whole number within bounds.
pub(super) fn number<T: TryFrom<u64>>(
    value: &DeValue<'_>,
    bounds: RangeInclusive<u64>,
) -> Result<T, Wrong> {
    let right = || format!("write a number from {} to {}", bounds.start(), bounds.end());
    let DeValue::Integer(digits) = value else {
        return Err(Wrong::new(kind(value), right()));
    };
    u64::from_str_radix(digits.as_str(), digits.radix())
        .ok()
        .filter(|number| bounds.contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| Wrong::new("a number out of range", right()))
}

/// Seconds, or text as [`values::duration`] reads it.
pub(super) fn duration(value: &DeValue<'_>) -> Result<Duration, Wrong> {
    match value {
        DeValue::String(text) => values::duration(text),
        DeValue::Integer(_) => number(value, 0..=u64::MAX).and_then(values::seconds),
        other => Err(Wrong::new(
            kind(other),
            "write a number of seconds, or something like \"90s\", \"5m\" or \"1h30m\"",
        )),
    }
}

/// Octets a second, or text as [`values::rate`] reads it.
pub(super) fn rate(value: &DeValue<'_>) -> Result<Timetable, Wrong> {
    match value {
        DeValue::Integer(digits) => values::rate(digits.as_str()),
        other => text(other).and_then(values::rate),
    }
}

/// Octets, or text as [`values::size`] reads it.
pub(super) fn size(value: &DeValue<'_>) -> Result<u64, Wrong> {
    match value {
        DeValue::String(text) => values::size(text),
        other => number(other, 0..=u64::MAX),
    }
}

/// A range of ports.
pub(super) fn ports(value: &DeValue<'_>) -> Result<RangeInclusive<u16>, Wrong> {
    match value {
        DeValue::String(text) => values::ports(text),
        other => Err(Wrong::new(kind(other), "write two ports in quotes, as in \"50000-50999\"")),
    }
}

/// An address of this host.
pub(super) fn address(value: &DeValue<'_>) -> Result<IpAddr, Wrong> {
    let right = "write an IP address in quotes, as in \"192.0.2.7\" or \"::\"; \
                 the port is a key of its own";
    text(value)?.parse().map_err(|_| Wrong::new("not an IP address", right))
}

/// A charset for names, by any label that the Encoding Standard gives it.
pub(super) fn charset(value: &DeValue<'_>) -> Result<NameCharset, Wrong> {
    let text = text(value)?;
    NameCharset::named(text).ok_or_else(|| {
        let what = format!("no charset `{}` for names", text.escape_debug());
        let right = match closest(text, charset::NAMES) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => String::from(
                "write a name of the Encoding Standard, as in \"windows-1251\" or \"shift_jis\"",
            ),
        };
        Wrong::new(what, right)
    })
}

/// One of a few words.
pub(super) fn word<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, Wrong> {
    let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let right = match all.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            format!("write {} or {last}", rest.join(", "))
        }
        _ => format!("write {}", all.join("")),
    };
    let DeValue::String(text) = value else {
        return Err(Wrong::new(kind(value), right));
    };
    words
        .iter()
        .find(|(word, _)| word == text)
        .map(|&(_, meaning)| meaning)
        .ok_or_else(|| Wrong::new("not a word known here", right))
}

/// Permission bits to take away: octal, in quotes or as TOML's `0o` number, because a bare 22
/// would mean something else than people think.
pub(super) fn umask(value: &DeValue<'_>) -> Result<u32, Wrong> {
    let right = "write octal digits up to \"777\" in quotes, as in \"022\"";
    let digits = match value {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(number) if number.radix() == 8 => number.as_str(),
        DeValue::Integer(_) => return Err(Wrong::new("a decimal number", right)),
        other => return Err(Wrong::new(kind(other), right)),
    };
    let octal = !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b));
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|bits| octal && *bits <= 0o777)
        .ok_or_else(|| Wrong::new("not permission bits", right))
}

/// The most lines of a banner, and octets in one.
const BANNER_LINES_MAX: usize = 20;
const BANNER_LINE_LEN_MAX: usize = 500;

/// Lines of text for the greeting.
pub(super) fn banner(value: &DeValue<'_>) -> Result<Vec<String>, Wrong> {
    let lines: Vec<String> = text(value)?.lines().map(str::to_owned).collect();
    if lines.len() > BANNER_LINES_MAX || lines.iter().any(|l| l.len() > BANNER_LINE_LEN_MAX) {
        return Err(Wrong::new(
            "a banner too long for a greeting",
            format!("write at most {BANNER_LINES_MAX} lines of {BANNER_LINE_LEN_MAX} octets"),
        ));
    }
    if lines.iter().any(|line| line.chars().any(char::is_control)) {
        return Err(Wrong::new("control characters in a banner", "write plain text"));
    }
    Ok(lines)
}

/// What a value is, for someone who wrote something else than was wanted.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
