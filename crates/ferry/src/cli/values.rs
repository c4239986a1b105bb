//! Values of flags, out of text: sizes, ages, fingerprints, proxies, rates. Pure functions.

use std::fmt;
use std::time::Duration;

use ferry_client::Secret;
use ferry_client::settings::{Compress, Proxy, ProxyKind};
use ferry_proto::date::{Civil, UnixTime};
use ferry_proto::hash::Algorithm;
use ferry_proto::repr::deflate::Level;

/// A value that cannot be, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong(String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

fn wrong<T>(right: &str) -> Result<T, Wrong> {
    Err(Wrong(right.to_owned()))
}

/// `10M`: octets, with `K`, `M`, `G`, `T` for powers of 1024.
pub(crate) fn size(text: &str) -> Result<u64, Wrong> {
    const RIGHT: &str = "write a number of octets, or something like 500K, 10M or 1.5G";
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default().to_ascii_lowercase();
    let shift = match unit.trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return wrong(RIGHT),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let numeric = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !numeric(whole) || !numeric(part) || whole.is_empty() || part.len() > 6 {
        return wrong(RIGHT);
    }
    let scale = 10_u128.pow(u32::try_from(part.len()).unwrap_or(0));
    let number: u128 = format!("{whole}{part}").parse().map_err(|_| Wrong(RIGHT.to_owned()))?;
    let octets = number.checked_mul(1 << shift).map(|octets| octets / scale);
    octets.and_then(|octets| u64::try_from(octets).ok()).map_or_else(|| wrong(RIGHT), Ok)
}

/// A point in time, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(UnixTime),
}

impl Since {
    /// The point itself, seen from `now`.
    pub(crate) fn from(self, now: UnixTime) -> UnixTime {
        match self {
            Self::At(time) => time,
            Self::Ago(ago) => {
                let secs = i64::try_from(ago.as_secs()).unwrap_or(i64::MAX);
                UnixTime { secs: now.secs.saturating_sub(secs), nanos: now.nanos }
            }
        }
    }
}

/// `90s`, `15m`, `3h`, `2d`, `6w` ago; or `2026-03-01`, `2026-03-01T12:30[:15]` (UTC), `@SECONDS`.
pub(crate) fn since(text: &str) -> Result<Since, Wrong> {
    const RIGHT: &str =
        "write an age like 15m, 3h, 2d or 6w, or a date (UTC) like 2026-03-01 or 2026-03-01T12:30";
    if let Some(secs) = text.strip_prefix('@') {
        let secs = secs.parse().map_err(|_| Wrong(RIGHT.to_owned()))?;
        return Ok(Since::At(UnixTime::from_secs(secs)));
    }
    if let Some(unit) = text.chars().last().filter(char::is_ascii_alphabetic) {
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return wrong(RIGHT),
        };
        let number: Option<u64> = text.strip_suffix(unit).and_then(|digits| digits.parse().ok());
        let secs = number.and_then(|number| number.checked_mul(factor));
        return secs.map_or_else(|| wrong(RIGHT), |secs| Ok(Since::Ago(Duration::from_secs(secs))));
    }
    date(text).map_or_else(|| wrong(RIGHT), |time| Ok(Since::At(time)))
}

fn date(text: &str) -> Option<UnixTime> {
    let (day, clock) = text.split_once(['T', ' ']).unwrap_or((text, "0:0"));
    let numbers = |text: &str, by: char| -> Option<Vec<u16>> {
        let digits = |part: &str| part.parse().ok().filter(|_| !part.starts_with('+'));
        text.split(by).map(digits).collect()
    };
    let (day, clock) = (numbers(day, '-')?, numbers(clock, ':')?);
    let ([year, month, date], [hour, minute, rest @ ..]) = (day.as_slice(), clock.as_slice())
    else {
        return None;
    };
    let second = match rest {
        [] => 0,
        [second] => *second,
        _ => return None,
    };
    let small = |number: u16| u8::try_from(number).ok();
    let civil = Civil {
        year: i64::from(*year),
        month: small(*month)?,
        day: small(*date)?,
        hour: small(*hour)?,
        minute: small(*minute)?,
        second: small(second)?,
    };
    civil.exists().then(|| UnixTime::from_civil(civil))
}

/// The SHA-256 of a certificate: 64 hexadecimal digits, with or without colons.
pub(crate) fn fingerprint(text: &str) -> Result<[u8; 32], Wrong> {
    const RIGHT: &str = "write the SHA-256 of the certificate: 64 hexadecimal digits";
    let digits: Option<Vec<u8>> = text
        .chars()
        .filter(|c| *c != ':')
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let octets = digits.map(|digits| {
        let pair = |pair: &[u8]| pair.iter().fold(0, |high, low| high << 4 | low);
        (digits.len() == 64).then(|| digits.chunks(2).map(pair).collect::<Vec<u8>>())
    });
    octets.flatten().and_then(|octets| octets.try_into().ok()).map_or_else(|| wrong(RIGHT), Ok)
}

/// `socks5://[user:password@]host[:port]` or `http://…`.
pub(crate) fn proxy(text: &str) -> Result<Proxy, Wrong> {
    const RIGHT: &str = "write socks5://[USER:PASSWORD@]HOST[:PORT] or http://…";
    let Some((scheme, rest)) = text.split_once("://") else { return wrong(RIGHT) };
    let (kind, usual) = match scheme.to_ascii_lowercase().as_str() {
        "socks5" | "socks5h" | "socks" => (ProxyKind::Socks5, 1080),
        "http" => (ProxyKind::HttpConnect, 8080),
        _ => return wrong(RIGHT),
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (login, at) = match rest.rsplit_once('@') {
        Some((login, at)) => (Some(login.split_once(':').unwrap_or((login, ""))), at),
        None => (None, rest),
    };
    let (host, port) = match at.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => at.split_once(':').map_or((at, None), |(host, port)| (host, Some(port))),
    };
    let port = match port.map(str::parse) {
        None => usual,
        Some(Ok(port)) if port > 0 => port,
        Some(_) => return wrong(RIGHT),
    };
    if host.is_empty() || host.contains(['/', ' ']) {
        return wrong(RIGHT);
    }
    let login = login.map(|(user, password)| (user.to_owned(), Secret::new(password)));
    Ok(Proxy { kind, host: host.to_owned(), port, login })
}

/// What `--limit-rate` says: a timetable for each direction, as text that the engine reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) down: String,
    pub(crate) up: String,
}

/// `RATE` for both directions, `DOWN:UP`, or with timetables `DOWN / UP`.
pub(crate) fn rates(text: &str) -> Result<Rates, Wrong> {
    let halves = match text.split_once('/') {
        Some(halves) => Some(halves),
        // Times of the day hold colons, and blanks behind them.
        None if text.trim().contains(' ') => None,
        None => text.split_once(':'),
    };
    let (down, up) = halves.unwrap_or((text, text));
    let (down, up) = (down.trim(), up.trim());
    for half in [down, up] {
        crate::engine::timetable(half).map_err(Wrong)?;
    }
    Ok(Rates { down: down.to_owned(), up: up.to_owned() })
}

/// Seconds of silence: one to a week.
pub(crate) fn timeout(text: &str) -> Result<Duration, Wrong> {
    match text.strip_suffix('s').unwrap_or(text).parse::<u64>() {
        Ok(secs @ 1..=604_800) => Ok(Duration::from_secs(secs)),
        _ => wrong("write a number of seconds, from 1 to 604800"),
    }
}

/// Whether data is compressed, and how hard; no text is as hard as is usual.
pub(crate) fn compress(text: &str) -> Result<Compress, Wrong> {
    if text.is_empty() {
        return Ok(Compress::On);
    }
    match text.parse().ok().and_then(Level::new) {
        Some(level) if text.len() == 1 => Ok(Compress::At(level)),
        _ => wrong("write a level from 0, not at all, to 9, as small as can be"),
    }
}

/// Permission bits in octal.
pub(crate) fn mode(text: &str) -> Result<u32, Wrong> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 && !text.starts_with('+') => Ok(mode),
        _ => wrong("write permission bits in octal, like 644"),
    }
}

/// The name of an algorithm, however it is written.
pub(crate) fn algorithm(text: &str) -> Result<Algorithm, Wrong> {
    let bare = |name: &str| {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let found = Algorithm::ALL.into_iter().find(|known| bare(known.name()).ends_with(&bare(text)));
    match found {
        Some(algorithm) if bare(text).len() > 2 => Ok(algorithm),
        _ => wrong("there are SHA-256, SHA-512, SHA-1, MD5, CRC32 and BLAKE3"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let cases = [
            ("0", Some(0)),
            ("1000", Some(1000)),
            ("1k", Some(1024)),
            ("10M", Some(10 << 20)),
            ("1.5G", Some(3 << 29)),
            ("2TiB", Some(2 << 40)),
            ("5b", Some(5)),
            ("", None),
            ("-1", None),
            ("M", None),
            ("1X", None),
            ("1.2.3", None),
            ("99999999999T", None),
        ];
        for (text, want) in cases {
            assert_eq!(size(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn points_in_time_are_ages_or_dates() {
        let ago = |secs| Some(Since::Ago(Duration::from_secs(secs)));
        let at = |secs| Some(Since::At(UnixTime::from_secs(secs)));
        let cases = [
            ("90s", ago(90)),
            ("2d", ago(172_800)),
            ("1w", ago(604_800)),
            ("1970-01-02", at(86_400)),
            ("1970-01-01T01:02:03", at(3723)),
            ("1970-01-01 01:02", at(3720)),
            ("@-5", at(-5)),
            ("2026-02-30", None),
            ("2026-1", None),
            ("x", None),
            ("d", None),
            ("1y", None),
            ("2026-01-01T1", None),
        ];
        for (text, want) in cases {
            assert_eq!(since(text).ok(), want, "{text}");
        }
        let now = UnixTime::from_secs(1000);
        assert_eq!(Since::Ago(Duration::from_secs(90)).from(now), UnixTime::from_secs(910));
    }

    #[test]
    fn fingerprints_come_with_colons_or_without() {
        let hex = "00ff".repeat(16);
        let colons: Vec<String> =
            hex.as_bytes().chunks(2).map(|c| String::from_utf8_lossy(c).into_owned()).collect();
        let want = fingerprint(&hex).unwrap();
        assert_eq!((want[0], want[1]), (0, 0xff));
        assert_eq!(fingerprint(&colons.join(":")), Ok(want));
        for text in ["", "00", "zz"] {
            assert!(fingerprint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn proxies_are_urls() {
        let parsed = proxy("socks5://u:p@h:99").unwrap();
        assert_eq!((parsed.host.as_str(), parsed.port), ("h", 99));
        assert_eq!(parsed.login, Some(("u".to_owned(), Secret::new("p"))));
        let parsed = proxy("http://[::1]/").unwrap();
        assert_eq!((parsed.kind, parsed.port), (ProxyKind::HttpConnect, 8080));
        for text in ["h:1", "ftp://h", "http://", "http://h:0", "http://h:x", "http://a/b"] {
            assert!(proxy(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_for_both_directions_or_for_each() {
        let cases = [
            ("1M", "1M", "1M"),
            ("1M:200K", "1M", "200K"),
            ("off:1M", "off", "1M"),
            ("08:00-18:00 1M, else off / 2M", "08:00-18:00 1M, else off", "2M"),
            ("08:00-18:00 1M, else off", "08:00-18:00 1M, else off", "08:00-18:00 1M, else off"),
        ];
        for (text, down, up) in cases {
            let want = Rates { down: down.to_owned(), up: up.to_owned() };
            assert_eq!(rates(text), Ok(want), "{text}");
        }
        for text in ["", "fast", "1M:", "1M / x"] {
            assert!(rates(text).is_err(), "{text}");
        }
    }

    #[test]
    fn levels_have_one_digit() {
        assert_eq!(compress(""), Ok(Compress::On));
        for level in 0..=9 {
            let want = Compress::At(Level::new(level).unwrap());
            assert_eq!(compress(&level.to_string()), Ok(want));
        }
        for text in ["10", "-1", "+1", "01", " 1", "1.5", "fast", "best", "on", "Z", "\u{661}"] {
            assert!(compress(text).is_err(), "{text}");
        }
    }

    #[test]
    fn algorithms_are_known_however_they_are_written() {
        let cases = [
            ("sha256", Some(Algorithm::Sha256)),
            ("SHA-256", Some(Algorithm::Sha256)),
            ("sha1", Some(Algorithm::Sha1)),
            ("md5", Some(Algorithm::Md5)),
            ("crc32", Some(Algorithm::Crc32)),
            ("blake3", Some(Algorithm::Blake3)),
            ("1", None),
            ("", None),
            ("sha3", None),
        ];
        for (text, want) in cases {
            assert_eq!(algorithm(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn silence_and_bits_have_bounds() {
        assert_eq!(timeout("30"), Ok(Duration::from_secs(30)));
        assert!(timeout("0").is_err() && timeout("x").is_err() && timeout("604801").is_err());
        assert_eq!(mode("755"), Ok(0o755));
        assert!(mode("8").is_err() && mode("10000").is_err() && mode("").is_err());
    }
}
