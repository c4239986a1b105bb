//! What is read out of replies: addresses, paths, sizes, times, hashes. Everything here is
//! tolerant of what servers really send (docs/protocol.md) and refuses NUL, which no path and no
//! number holds.

use std::net::SocketAddrV4;

use crate::addr;
use crate::date::UnixTime;
use crate::path::read_quoted;
use crate::reply_reader::IncomingReply;

fn text(reply: &IncomingReply) -> Option<Vec<u8>> {
    let text = reply.lines.join(&b' ');
    (!text.contains(&0)).then_some(text)
}

/// The port of a 229 reply (RFC 2428 §3).
#[must_use]
pub fn extended_passive_port(reply: &IncomingReply) -> Option<u16> {
    addr::parse_extended_passive(&text(reply)?)
}

/// The address of a 227 reply, which may be on any of its lines.
#[must_use]
pub fn passive_address(reply: &IncomingReply) -> Option<SocketAddrV4> {
    addr::parse_passive(&text(reply)?)
}

/// The path of a 257 reply (RFC 959 appendix II); [`None`] where there is none or it holds
/// control characters.
#[must_use]
pub fn path(reply: &IncomingReply) -> Option<Vec<u8>> {
    // A path in quotes may begin on any line; without quotes only the first word counts.
    let line =
        reply.lines.iter().find(|line| line.contains(&b'"')).or_else(|| reply.lines.first())?;
    let path = read_quoted(line)?;
    // Quotes of the other kind, where there are no proper ones.
    let path = match path.strip_prefix(b"'").and_then(|path| path.strip_suffix(b"'")) {
        Some(bare) if !line.contains(&b'"') && bare.starts_with(b"/") => bare.to_vec(),
        _ => path,
    };
    let control = path.iter().any(|octet| *octet < 0x20 || *octet == 0x7F);
    (!control).then_some(path)
}

fn numbers(text: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    text.split(|octet| !octet.is_ascii_digit()).filter(|digits| !digits.is_empty())
}

fn number(digits: &[u8]) -> Option<u64> {
    let number: u64 = core::str::from_utf8(digits).ok()?.parse().ok()?;
    (i64::try_from(number).is_ok()).then_some(number)
}

/// The size in a 213 reply: its first word if that is a number, else the last number of the line.
/// [`None`] means unknown: no number, a negative one, or one beyond 2^63 - 1.
#[must_use]
pub fn size(reply: &IncomingReply) -> Option<u64> {
    let text = text(reply)?;
    let first = text.split(|octet| *octet == b' ').find(|word| !word.is_empty())?;
    if first.first() == Some(&b'-') {
        return None;
    }
    if first.iter().all(u8::is_ascii_digit) {
        return number(first);
    }
    number(numbers(&text).next_back()?)
}

/// The time in a 213 reply to MDTM (RFC 3659 §3), and whether it has a fraction. Years that a
/// server wrote as "19" and the years since 1900 are mended; a time nobody set is [`None`].
#[must_use]
pub fn time(reply: &IncomingReply) -> Option<(UnixTime, bool)> {
    let text = text(reply)?;
    let word = text
        .split(|octet| *octet == b' ')
        .find(|word| word.len() >= 12 && word.iter().take(12).all(u8::is_ascii_digit))?;
    let (whole, fraction) = word.split_at(word.iter().take_while(|o| o.is_ascii_digit()).count());
    let mended = match whole.len() {
        // No seconds.
        12 => [whole, b"00"].concat(),
        // 19124MMDDhhmmss is 2024.
        15 if whole.starts_with(b"191") => {
            let since = number(whole.get(2..5)?)?;
            let year = format!("{:04}", 1900 + since);
            [year.as_bytes(), whole.get(5..)?].concat()
        }
        _ => whole.to_vec(),
    };
    let time = UnixTime::parse_timeval(&[&mended, fraction].concat())?;
    // "Unknown" of servers that have no such word.
    (time.civil().year > 1).then_some((time, fraction.len() > 1))
}

/// The size that a 150 or 125 reply mentions: `(123 bytes)`.
#[must_use]
pub fn transfer_size(reply: &IncomingReply) -> Option<u64> {
    let text = text(reply)?;
    let lower = text.to_ascii_lowercase();
    let end = lower.windows(6).rposition(|word| word == b" bytes")?;
    let head = text.get(..end)?;
    let start = head.len() - head.iter().rev().take_while(|o| o.is_ascii_digit()).count();
    let before = start.checked_sub(1).and_then(|i| head.get(i));
    // Only what a parenthesis or a space sets apart is a count.
    matches!(before, Some(b'(' | b' ')).then(|| number(head.get(start..)?)).flatten()
}

/// The digest in a reply to HASH and its kin: the last word of just so many hexadecimal digits.
#[must_use]
pub fn digest(reply: &IncomingReply, octets: usize) -> Option<Vec<u8>> {
    let text = text(reply)?;
    let word = text
        .split(|octet| !octet.is_ascii_alphanumeric())
        .rfind(|word| word.len() == octets * 2 && word.iter().all(u8::is_ascii_hexdigit))?;
    word.chunks(2)
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, lines: &[&str]) -> IncomingReply {
        IncomingReply { code, lines: lines.iter().map(|l| l.as_bytes().to_vec()).collect() }
    }

    #[test]
    fn addresses_are_found_wherever_servers_put_them() {
        let cases = [
            (&["Entering Passive Mode (127,0,0,1,4,1)."][..], Some("127.0.0.1:1025")),
            (&["Entering Passive Mode 127,0,0,1,4,1"], Some("127.0.0.1:1025")),
            (&["will passively listen to [127,0,0,1,4,1]"], Some("127.0.0.1:1025")),
            (&["Entering passive mode; use PORT 161,115,147,1,10,31"], Some("161.115.147.1:2591")),
            (&["listen socket created", "=127,0,0,1,4,1"], Some("127.0.0.1:1025")),
            (&["Entering Passive Mode (1216,256,2,127,127,127)"], None),
            (&["Entering Passive Mode (127,0,0,1,0,0)"], None),
            (&["ok"], None),
        ];
        for (lines, want) in cases {
            let got = passive_address(&reply(227, lines)).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), want, "{lines:?}");
        }
        assert_eq!(extended_passive_port(&reply(229, &["ok (|||6446|)"])), Some(6446));
        assert_eq!(extended_passive_port(&reply(229, &["ok (!!!6446!)"])), Some(6446));
        assert_eq!(extended_passive_port(&reply(229, &["ok (|||1000000|)"])), None);
    }

    #[test]
    fn paths_are_read_in_all_quotings_and_never_with_controls() {
        let cases = [
            (r#""/a" is the current directory"#, Some("/a")),
            (r#""/a""b" created"#, Some("/a\"b")),
            (r#""/unclosed"#, Some("/unclosed")),
            ("'/single' is current", Some("/single")),
            (r#""'HLQ.DATA'" is current"#, Some("'HLQ.DATA'")),
            ("'HLQ.DATA' is current", Some("'HLQ.DATA'")),
            ("/bare is current", Some("/bare")),
            (r#"now in "QGPL" is the current library."#, Some("QGPL")),
            ("\"/a\x07\"", None),
            ("", None),
        ];
        for (line, want) in cases {
            let got = path(&reply(257, &[line]));
            assert_eq!(got.as_deref(), want.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn sizes_that_are_none_are_unknown() {
        let cases = [
            ("1024", Some(1024)),
            ("file: 213, Size =51", Some(51)),
            ("1024 bytes", Some(1024)),
            ("-1", None),
            ("9223372036854775807", Some(i64::MAX as u64)),
            ("9223372036854775808", None),
            ("unknown", None),
        ];
        for (line, want) in cases {
            assert_eq!(size(&reply(213, &[line])), want, "{line}");
        }
    }

    #[test]
    fn times_are_mended_where_it_is_clear_how() {
        let cases = [
            ("20240102030405", Some("20240102030405")),
            ("20240102030405.123", Some("20240102030405")),
            ("202401020304", Some("20240102030400")),
            ("191240102030405", Some("20240102030405")),
            ("19100010203040", None),
            ("00010101000000", None),
            ("yesterday", None),
        ];
        for (line, want) in cases {
            let got = time(&reply(213, &[line])).map(|(time, _)| time.format_timeval(false));
            assert_eq!(got.as_deref(), want, "{line}");
        }
        assert_eq!(time(&reply(213, &["20240102030405.5"])).unwrap().0.nanos, 500_000_000);
    }

    #[test]
    fn a_transfer_says_its_size_in_many_ways() {
        let cases = [
            ("Opening BINARY mode data connection for f (2241 bytes).", Some(2241)),
            ("Opening for /f (127.0.0.1,2000) (545 bytes)", Some(545)),
            ("Opening data connection for 12 bytes", Some(12)),
            ("Opening f12 bytes.bin", None),
            ("ok", None),
        ];
        for (line, want) in cases {
            assert_eq!(transfer_size(&reply(150, &[line])), want, "{line}");
        }
    }

    #[test]
    fn a_digest_is_the_word_of_its_length() {
        let hex = "0123456789abcdef0123456789ABCDEF";
        for line in [
            hex.to_owned(),
            format!("MD5 0-511 {hex} a/b"),
            format!("\"deadbeef\" {hex}"),
            format!("{hex}: file"),
        ] {
            let got = digest(&reply(213, &["Computing", &line]), 16).unwrap();
            assert_eq!(got.first_chunk(), Some(&[0x01, 0x23, 0x45, 0x67]), "{line}");
        }
        assert_eq!(digest(&reply(213, &[hex]), 32), None);
    }
}
