//! What follows `OPTS MODE Z`: pairs of a name and a value (the deflate draft, §3.2). Only the
//! level changes anything here; what other servers know is accepted where it says what is so
//! anyway.

/// Reads the pairs: `Some(None)` when none of them names a level, `None` when one cannot be met.
#[allow(clippy::option_option, reason = "no level is an answer, no reading is none")]
pub(super) fn settings(argument: &[u8]) -> Option<Option<u8>> {
    let mut words = argument.split(|&b| b == b' ').filter(|word| !word.is_empty());
    let mut level = None;
    while let Some(name) = words.next() {
        let value = words.next()?;
        let is = |s: &str, with: &[u8]| with.eq_ignore_ascii_case(s.as_bytes());
        match () {
            () if is("LEVEL", name) => level = Some(digit(value)?),
            () if is("ENGINE", name) && is("ZLIB", value) => {}
            () if is("METHOD", name) && (value == b"8" || is("DEFLATE", value)) => {}
            () if is("BLOCKSIZE", name) && value.iter().all(u8::is_ascii_digit) => {}
            () if is("EXTRA", name) && (is("ON", value) || is("OFF", value)) => {}
            () => return None,
        }
    }
    Some(level)
}

/// A level: 0 (not at all) to 9.
fn digit(value: &[u8]) -> Option<u8> {
    match value {
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_in_any_order_and_what_cannot_be_met_is_refused() {
        let cases: &[(&str, Option<Option<u8>>)] = &[
            ("", Some(None)),
            ("LEVEL 9", Some(Some(9))),
            ("level 0", Some(Some(0))),
            ("engine zlib  method 8 LEVEL 1", Some(Some(1))),
            ("BLOCKSIZE 8192 EXTRA OFF", Some(None)),
            ("LEVEL", None),
            ("LEVEL 10", None),
            ("LEVEL -1", None),
            ("LEVEL x", None),
            ("ENGINE LZO", None),
            ("METHOD 9", None),
            ("WINDOW 15", None),
        ];
        for (argument, want) in cases {
            assert_eq!(settings(argument.as_bytes()), *want, "{argument}");
        }
    }
}
