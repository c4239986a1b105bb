//! Type ASCII: lines end with CRLF on the connection and with LF in the file (RFC 959 §3.1.1.1).
//!
//! Octets above 7F pass unchanged; no charset is converted. A file whose lines already end with
//! CRLF is sent as it is, as the servers in use do, so such a file comes back with LF. A lone CR or
//! a lone LF from the connection is kept.

use memchr::memchr;

/// From the file to the connection: LF becomes CRLF unless a CR stands before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToNetwork {
    after_cr: bool,
}

impl ToNetwork {
    /// Starts in the middle of a file; `after_cr` says that the octet sent before was a CR.
    #[must_use]
    pub fn after(after_cr: bool) -> Self {
        Self { after_cr }
    }

    /// Whether the octet sent last was a CR.
    #[must_use]
    pub fn is_after_cr(&self) -> bool {
        self.after_cr
    }

    /// Appends what the next octets of the file become. Nothing is ever held back.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len());
        let mut rest = input;
        while let Some((before, after)) = split_at_octet(b'\n', rest) {
            let after_cr = before.last().map_or(self.after_cr, |b| *b == b'\r');
            out.extend_from_slice(before);
            out.extend_from_slice(if after_cr { b"\n" } else { b"\r\n" });
            self.after_cr = false;
            rest = after;
        }
        out.extend_from_slice(rest);
        self.after_cr = rest.last().map_or(self.after_cr, |b| *b == b'\r');
    }
}

/// From the connection to the file: CRLF becomes LF.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToLocal {
    /// A CR at the end of the last chunk, whose LF may come with the next.
    held_cr: bool,
}

impl ToLocal {
    /// Goes on where another stopped; `held_cr` says that it held a CR back.
    #[must_use]
    pub fn holding(held_cr: bool) -> Self {
        Self { held_cr }
    }

    /// Whether a CR is held back.
    #[must_use]
    pub fn holds_cr(&self) -> bool {
        self.held_cr
    }

    /// Appends what the next octets of the connection become; a CR at their end waits for what
    /// follows it.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let Some(first) = input.first() else { return };
        if core::mem::take(&mut self.held_cr) && *first != b'\n' {
            out.push(b'\r');
        }
        out.reserve(input.len());
        let mut rest = input;
        while let Some((before, after)) = split_at_octet(b'\r', rest) {
            out.extend_from_slice(before);
            match after.first() {
                None => self.held_cr = true,
                Some(b'\n') => {}
                Some(_) => out.push(b'\r'),
            }
            rest = after;
        }
        out.extend_from_slice(rest);
    }

    /// Appends a CR that was held back; the connection has ended.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if core::mem::take(&mut self.held_cr) {
            out.push(b'\r');
        }
    }
}

/// Counts what a file becomes on the connection without making it, as SIZE must answer in type
/// ASCII (RFC 3659 §4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WireLen {
    after_cr: bool,
    len: u64,
}

impl WireLen {
    /// Counts the next octets of the file.
    pub fn push(&mut self, input: &[u8]) {
        let mut grown = 0usize;
        let mut rest = input;
        while let Some((before, after)) = split_at_octet(b'\n', rest) {
            let after_cr = before.last().map_or(self.after_cr, |b| *b == b'\r');
            grown += usize::from(!after_cr);
            self.after_cr = false;
            rest = after;
        }
        self.after_cr = rest.last().map_or(self.after_cr, |b| *b == b'\r');
        self.len = self.len.saturating_add(widen(input.len())).saturating_add(widen(grown));
    }

    /// The octets on the connection for everything counted so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.len
    }
}

/// The octets on the connection for a file that is in memory.
#[must_use]
pub fn wire_len(file: &[u8]) -> u64 {
    let mut counter = WireLen::default();
    counter.push(file);
    counter.total()
}

/// What stands before and after the first `octet`.
fn split_at_octet(octet: u8, text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr(octet, text)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// No machine has lengths that do not fit.
fn widen(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut out, mut transducer) = (Vec::new(), ToNetwork::default());
        let mut counter = WireLen::default();
        for chunk in chunks {
            transducer.push(chunk, &mut out);
            counter.push(chunk);
            assert_eq!(counter.total(), widen(out.len()));
        }
        out
    }

    fn received(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut out, mut transducer) = (Vec::new(), ToLocal::default());
        for chunk in chunks {
            transducer.push(chunk, &mut out);
        }
        transducer.finish(&mut out);
        out
    }

    #[test]
    fn line_ends_are_sent_as_crlf_and_never_doubled() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"", b""),
            (b"a", b"a"),
            (b"a\nb\n", b"a\r\nb\r\n"),
            (b"\n\n", b"\r\n\r\n"),
            (b"a\r\nb\n", b"a\r\nb\r\n"),
            (b"a\rb\r", b"a\rb\r"),
            (b"\r\r\n\n", b"\r\r\n\r\n"),
            (b"\xff\n\x80", b"\xff\r\n\x80"),
        ];
        for (file, wire) in cases {
            assert_eq!(&sent(&[file]), wire, "{}", file.escape_ascii());
            assert_eq!(wire_len(file), widen(wire.len()));
        }
    }

    #[test]
    fn crlf_is_received_as_lf_and_lone_ones_are_kept() {
        let cases: &[(&[u8], &[u8])] = &[
            (b"", b""),
            (b"a\r\nb\r\n", b"a\nb\n"),
            (b"a\nb", b"a\nb"),
            (b"a\rb", b"a\rb"),
            (b"a\r", b"a\r"),
            (b"\r\r\n", b"\r\n"),
            (b"\r\r", b"\r\r"),
            (b"\n\r", b"\n\r"),
        ];
        for (wire, file) in cases {
            assert_eq!(&received(&[wire]), file, "{}", wire.escape_ascii());
        }
    }

    #[test]
    fn a_cr_at_a_chunk_end_is_remembered() {
        assert_eq!(sent(&[b"a\r", b"", b"\n"]), b"a\r\n");
        assert_eq!(sent(&[b"a\r\n", b"\n"]), b"a\r\n\r\n");
        assert_eq!(received(&[b"a\r", b"", b"\nb"]), b"a\nb");
        assert_eq!(received(&[b"a\r", b"\r", b"b"]), b"a\r\rb");
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![Just(b'\r'), Just(b'\n'), any::<u8>()];
        proptest::collection::vec(octet, 0..200)
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_octets(input in text(), size in 1usize..7) {
            let chunks: Vec<&[u8]> = input.chunks(size).collect();
            prop_assert_eq!(sent(&chunks), sent(&[&input]));
            prop_assert_eq!(received(&chunks), received(&[&input]));
        }

        #[test]
        fn a_file_comes_back_with_its_crlf_as_lf(file in text()) {
            let followed_by_lf = |i: usize| file.get(i + 1) == Some(&b'\n');
            let kept = file.iter().enumerate().filter(|(i, b)| **b != b'\r' || !followed_by_lf(*i));
            let want: Vec<u8> = kept.map(|(_, b)| *b).collect();
            prop_assert_eq!(received(&[&sent(&[&file])]), want);
        }
    }
}
