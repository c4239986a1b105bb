//! The small texts inside a conversation: quoted octets, durations, addresses, and the patterns
//! that lines are compared with.

use std::collections::BTreeMap;
use std::time::Duration;

/// What lines captured, by name.
pub(crate) type Captures = BTreeMap<String, Vec<u8>>;

/// Reads a quoted octet string at the start of `text`; the octets and what follows it.
/// Escapes: `\r \n \t \0 \\ \" \xHH`.
///
/// # Errors
/// What is wrong with it.
pub fn quoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let bad = || format!("a quoted string was expected at {text:?}");
    let inner = text.trim_start().strip_prefix('"').ok_or_else(bad)?;
    let mut out = Vec::new();
    let mut chars = inner.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Ok((out, inner.get(i + 1..).unwrap_or_default())),
            '\\' => {
                let (_, kind) = chars.next().ok_or_else(bad)?;
                out.push(match kind {
                    'r' => b'\r',
                    'n' => b'\n',
                    't' => b'\t',
                    '0' => 0,
                    '\\' => b'\\',
                    '"' => b'"',
                    'x' => {
                        let mut digit = || chars.next().and_then(|(_, d)| d.to_digit(16));
                        let (high, low) = (digit().ok_or_else(bad)?, digit().ok_or_else(bad)?);
                        u8::try_from(high * 16 + low).map_err(|_| bad())?
                    }
                    _ => return Err(format!("unknown escape \\{kind}")),
                });
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(format!("a quoted string does not end: {text:?}"))
}

/// Reads `300s`, `5m` or `200ms`.
///
/// # Errors
/// It is none of these.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let n: u64 = digits.parse().map_err(|_| format!("not a duration: {text:?}"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(n)),
        "s" => Ok(Duration::from_secs(n)),
        "m" => Ok(Duration::from_secs(n * 60)),
        _ => Err(format!("a duration ends in ms, s or m: {text:?}")),
    }
}

/// Puts what was captured in place of `{name}`.
///
/// # Errors
/// Nothing of that name was captured.
pub(crate) fn fill(text: &[u8], captured: &Captures) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.iter().position(|&b| b == b'{') {
        out.extend_from_slice(rest.get(..open).unwrap_or_default());
        let tail = rest.get(open + 1..).unwrap_or_default();
        let Some(close) = tail.iter().position(|&b| b == b'}') else {
            return Err("a { without }".to_owned());
        };
        let name = String::from_utf8_lossy(tail.get(..close).unwrap_or_default()).into_owned();
        let value = captured.get(&name).ok_or_else(|| format!("nothing captured as {name:?}"))?;
        out.extend_from_slice(value);
        rest = tail.get(close + 1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// A line to compare with: `*` is any run of octets, `{name}` a non-empty run that is captured (or
/// must be what was captured under that name before); everything else stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Octets(Vec<u8>),
    Any,
    Capture(String),
}

impl Pattern {
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = source;
        while !rest.is_empty() {
            let at = rest.find(['*', '{']).unwrap_or(rest.len());
            let (octets, special) = rest.split_at(at);
            if !octets.is_empty() {
                parts.push(Part::Octets(octets.as_bytes().to_vec()));
            }
            rest = if let Some(after) = special.strip_prefix('*') {
                parts.push(Part::Any);
                after
            } else if let Some(after) = special.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or("a { without }")?;
                parts.push(Part::Capture(name.to_owned()));
                after
            } else {
                special
            };
        }
        Ok(Self { parts, source: source.to_owned() })
    }

    /// Exactly these octets, written as `source`.
    pub(crate) fn exactly(octets: Vec<u8>, source: &str) -> Self {
        Self { parts: vec![Part::Octets(octets)], source: source.to_owned() }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether `line` fits; if so, what it captured is added.
    pub(crate) fn fits(&self, line: &[u8], captured: &mut Captures) -> bool {
        let mut found = captured.clone();
        let fits = fits(&self.parts, line, &mut found);
        if fits {
            *captured = found;
        }
        fits
    }
}

fn fits(parts: &[Part], line: &[u8], captured: &mut Captures) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return line.is_empty();
    };
    match first {
        Part::Octets(octets) => {
            line.strip_prefix(&octets[..]).is_some_and(|after| fits(rest, after, captured))
        }
        Part::Any => {
            (0..=line.len()).any(|n| fits(rest, line.get(n..).unwrap_or_default(), captured))
        }
        Part::Capture(name) => {
            if let Some(known) = captured.get(name).cloned() {
                return line
                    .strip_prefix(&known[..])
                    .is_some_and(|after| fits(rest, after, captured));
            }
            (1..=line.len()).any(|n| {
                let (run, after) = line.split_at(n);
                captured.insert(name.clone(), run.to_vec());
                let fits = fits(rest, after, captured);
                if !fits {
                    captured.remove(name);
                }
                fits
            })
        }
    }
}

/// Octets that look like a file: `len` of them, the same for the same length.
#[must_use]
pub fn filler(len: usize) -> Vec<u8> {
    let mut rng = crate::rng::Rng::new(len as u64);
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        out.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    out.truncate(len);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_octets_are_read_with_their_escapes() {
        let (octets, rest) = quoted(r#" "a\r\n\xff\"b" more"#).unwrap();
        assert_eq!((&octets[..], rest), (&b"a\r\n\xff\"b"[..], " more"));
        for bad in ["a", "\"a", r#""\q""#, r#""\xg0""#] {
            assert!(quoted(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn patterns_fit_whole_lines_and_capture() {
        let cases: &[(&str, &str, bool)] = &[
            ("220 *", "220 ready", true),
            ("220 *", "220", false),
            ("a*c", "abcabc", true),
            ("a*c", "abcabd", false),
            ("150 FILE: {n}", "150 FILE: x", true),
            ("150 FILE: {n}", "150 FILE: ", false),
            ("{a}-{a}", "xy-xy", true),
            ("{a}-{a}", "xy-xz", false),
        ];
        for (pattern, line, want) in cases {
            let pattern = Pattern::new(pattern).unwrap();
            let fits = pattern.fits(line.as_bytes(), &mut Captures::new());
            assert_eq!(fits, *want, "{pattern:?} {line}");
        }
    }

    #[test]
    fn what_was_captured_can_be_used_again() {
        let mut captured = Captures::new();
        assert!(Pattern::new("150 FILE: {name}").unwrap().fits(b"150 FILE: u1", &mut captured));
        assert_eq!(fill(b"SIZE {name}", &captured).unwrap(), b"SIZE u1");
        assert!(fill(b"SIZE {other}", &captured).is_err());
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("20ms"), Ok(Duration::from_millis(20)));
        assert!(duration("20").is_err() && duration("s").is_err());
    }
}
