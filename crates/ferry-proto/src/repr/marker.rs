//! Restart markers (RFC 959 §3.5): the text a sender puts between the data so that a transfer can
//! start again from there. What the text says is the sender's affair; ours name file offsets.

use super::FormatError;

/// The longest marker accepted: what one string of MODE C holds, and what fits twice in a 110
/// reply.
pub const MARKER_MAX: usize = 127;

/// The text of a restart marker: printable ASCII without space, 1 to [`MARKER_MAX`] octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker(Vec<u8>);

impl Marker {
    /// Checks the text of a marker.
    ///
    /// # Errors
    /// [`FormatError::BadMarker`].
    pub fn new(text: &[u8]) -> Result<Self, FormatError> {
        let fits = (1..=MARKER_MAX).contains(&text.len());
        if fits && text.iter().all(u8::is_ascii_graphic) {
            Ok(Self(text.to_vec()))
        } else {
            Err(FormatError::BadMarker)
        }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

/// A place in a file from which a transfer can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "the two facts a restart needs; callers build it")]
pub struct RestartPoint {
    /// The offset in the file.
    pub offset: u64,
    /// In type ASCII: whether a CR stands right before. While sending it is the file's last octet;
    /// while receiving it came on the connection and waits for what follows it.
    pub after_cr: bool,
}

impl RestartPoint {
    /// The marker that names this place: `offset`, or `offset.c` in type ASCII, where c is 1 after
    /// a CR.
    #[must_use]
    pub fn marker(self, ascii: bool) -> Marker {
        let offset = self.offset;
        Marker(match (ascii, self.after_cr) {
            (false, _) => offset.to_string().into_bytes(),
            (true, after_cr) => format!("{offset}.{}", u8::from(after_cr)).into_bytes(),
        })
    }

    /// Reads a marker that [`marker`](Self::marker) made; both forms are understood.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (digits, after_cr) = match text {
            [digits @ .., b'.', b'0'] => (digits, false),
            [digits @ .., b'.', b'1'] => (digits, true),
            digits => (digits, false),
        };
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let offset: u64 = core::str::from_utf8(digits).ok()?.parse().ok()?;
        (i64::try_from(offset).is_ok()).then_some(Self { offset, after_cr })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn marker_text_is_printable_and_not_too_long() {
        for good in [&b"1"[..], b"!~", &[b'x'; MARKER_MAX]] {
            assert_eq!(Marker::new(good).map(|m| m.text().to_vec()), Ok(good.to_vec()));
        }
        for bad in [&b""[..], b" ", b"a b", b"\n", b"\x7f", b"\x80", &[b'x'; MARKER_MAX + 1]] {
            assert_eq!(Marker::new(bad), Err(FormatError::BadMarker), "{bad:?}");
        }
    }

    #[test]
    fn only_our_own_markers_name_a_place() {
        for bad in ["", ".", ".0", "1.2", "1.", "+1", "-1", "1.0.0", "9223372036854775808", "a"] {
            assert_eq!(RestartPoint::parse(bad.as_bytes()), None, "{bad}");
        }
        let point = RestartPoint { offset: 12, after_cr: false };
        assert_eq!(RestartPoint::parse(b"12"), Some(point));
        assert_eq!(point.marker(true).text(), b"12.0");
    }

    proptest! {
        #[test]
        fn a_place_survives_its_marker(offset in 0u64..1 << 63, after_cr: bool, ascii: bool) {
            let point = RestartPoint { offset, after_cr: after_cr && ascii };
            let marker = point.marker(ascii);
            prop_assert_eq!(Marker::new(marker.text()), Ok(marker.clone()));
            prop_assert_eq!(RestartPoint::parse(marker.text()), Some(point));
        }
    }
}
