//! Which ALPN names are answered (RFC 7301).
//!
//! A client that offers `ftp` on its control connection, or `ftp-data` on a data connection, gets
//! it back. A client that offers only names of HTTP is a browser led astray, whose cookies the
//! server must not echo (the ALPACA attacks): its handshake ends with no_application_protocol.
//! Any other offer is left unanswered, for clients offer names of their own making.

use super::Channel;

/// The name answered on a connection of this kind.
pub(super) fn name(channel: Channel) -> &'static [u8] {
    match channel {
        Channel::Control => b"ftp",
        Channel::Download | Channel::Upload => b"ftp-data",
    }
}

/// Whether ALPN takes part in the handshake with a client that offered these names, given the one
/// that is `ours`. If it does, rustls answers `ours` or, where it is not among them, aborts.
pub(super) fn takes_part<'a>(offered: impl Iterator<Item = &'a [u8]>, ours: &[u8]) -> bool {
    let mut only_http = true;
    for theirs in offered {
        if theirs == ours {
            return true;
        }
        only_http &= is_http(theirs);
    }
    only_http
}

/// Whether a name of the IANA registry stands for some HTTP.
fn is_http(name: &[u8]) -> bool {
    matches!(name, b"h2" | b"h2c" | b"h3")
        || name.starts_with(b"http/")
        || name.starts_with(b"spdy/")
}

#[cfg(test)]
mod tests {
    use super::takes_part;

    #[test]
    fn only_our_name_and_browsers_are_answered() {
        let cases: [(&[&str], &str, bool); 9] = [
            (&["ftp"], "ftp", true),
            (&["x-filezilla-ftp", "ftp"], "ftp", true),
            (&["http/1.1", "ftp"], "ftp", true),
            (&["h2", "http/1.1"], "ftp", true),
            (&["h2"], "ftp-data", true),
            (&["x-filezilla-ftp"], "ftp", false),
            (&["ftp"], "ftp-data", false),
            (&["h2", "imap"], "ftp", false),
            (&["FTP"], "ftp", false),
        ];
        for (offered, ours, expected) in cases {
            let got = takes_part(offered.iter().map(|n| n.as_bytes()), ours.as_bytes());
            assert_eq!(got, expected, "{offered:?} against {ours}");
        }
    }
}
