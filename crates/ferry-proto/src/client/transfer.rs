//! When a transfer is whole. The data connection's end, the final reply and the size may come in
//! any order and contradict each other; what they mean together is decided here (docs/protocol.md,
//! client).

/// How the data connection ended for who was reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a connection ends in no other way")]
pub enum Ended {
    /// The sender said that it was done: FIN in the clear, close_notify under TLS; in MODE B the
    /// file's own mark.
    Properly,
    /// TCP ended without close_notify, or was reset.
    CutOff,
}

/// What a download is, once its end and its final reply are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The whole file is here.
    Whole,
    /// The whole file and more than the size that was announced; worth a warning.
    Longer,
    /// Fewer octets than the file has, or no proof that there were no more.
    Truncated,
    /// The server says that it failed.
    Refused,
}

/// Judges a download. `size` is what must have come in this transfer, if known from the 150 reply,
/// SIZE or a listing; `code` the final reply's code, [`None`] if it never came.
#[must_use]
pub fn judge(size: Option<u64>, received: u64, ended: Ended, code: Option<u16>) -> Verdict {
    let exact = size == Some(received);
    match code {
        // 426 and 451 after all octets have come: some servers cannot wait for our close.
        Some(400..=599) if !(exact && received > 0) => Verdict::Refused,
        // Nobody said that it went well; then only the count can prove it.
        None | Some(400..=599) if exact => Verdict::Whole,
        None => Verdict::Truncated,
        Some(_) => match (size, ended) {
            _ if exact => Verdict::Whole,
            (Some(size), _) if received < size => Verdict::Truncated,
            (_, Ended::CutOff) => Verdict::Truncated,
            (Some(_), Ended::Properly) => Verdict::Longer,
            (None, Ended::Properly) => Verdict::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_whole_only_where_something_proves_it() {
        use Ended::{CutOff, Properly};
        use Verdict::{Longer, Refused, Truncated, Whole};
        let cases = [
            // size, received, end, code, verdict
            (Some(5), 5, Properly, Some(226), Whole),
            (None, 5, Properly, Some(226), Whole),
            (None, 5, Properly, Some(250), Whole),
            (None, 0, Properly, Some(226), Whole),
            (Some(5), 4, Properly, Some(226), Truncated),
            (Some(5), 4, CutOff, Some(226), Truncated),
            (Some(5), 5, CutOff, Some(226), Whole),
            (None, 5, CutOff, Some(226), Truncated),
            (Some(5), 6, Properly, Some(226), Longer),
            (Some(5), 6, CutOff, Some(226), Truncated),
            (Some(5), 5, Properly, None, Whole),
            (None, 5, Properly, None, Truncated),
            (Some(5), 5, Properly, Some(426), Whole),
            (Some(5), 5, CutOff, Some(451), Whole),
            (Some(5), 4, Properly, Some(426), Refused),
            (None, 5, Properly, Some(426), Refused),
            (Some(0), 0, Properly, Some(451), Refused),
            (None, 0, CutOff, Some(550), Refused),
        ];
        for (size, received, ended, code, want) in cases {
            let got = judge(size, received, ended, code);
            assert_eq!(got, want, "{size:?} {received} {ended:?} {code:?}");
        }
    }
}
