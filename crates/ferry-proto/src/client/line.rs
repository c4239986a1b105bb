//! Command lines as a client sends them. An argument that would be a second command cannot be
//! written: it is refused here, once for all commands.

use core::fmt;

use crate::telnet::IAC;

/// The longest command line that is sent, line end included; many servers stop at 4 KiB.
pub const SENT_LINE_MAX: usize = 32 * 1024;

/// Why an argument cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadArgument {
    /// It holds CR, LF or NUL: the control connection has no way to carry these in a name.
    Control,
    /// The line would be longer than [`SENT_LINE_MAX`].
    TooLong,
}

impl fmt::Display for BadArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "a line end or NUL cannot be part of an FTP command",
            Self::TooLong => "the command would be too long",
        })
    }
}

impl core::error::Error for BadArgument {}

/// One command line with its CR LF. An octet FF is doubled, as Telnet has it (RFC 854).
///
/// # Errors
/// [`BadArgument`] when `argument` cannot be sent.
///
/// ```
/// use ferry_proto::client::line::command;
/// assert_eq!(command("RETR", b"a b").unwrap(), b"RETR a b\r\n");
/// assert!(command("DELE", b"a\r\nDELE b").is_err());
/// ```
pub fn command(verb: &str, argument: &[u8]) -> Result<Vec<u8>, BadArgument> {
    if argument.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)) {
        return Err(BadArgument::Control);
    }
    let mut line = Vec::with_capacity(verb.len() + argument.len() + 3);
    line.extend_from_slice(verb.as_bytes());
    if !argument.is_empty() {
        line.push(b' ');
    }
    for octet in argument {
        line.push(*octet);
        if *octet == IAC {
            line.push(IAC);
        }
    }
    line.extend_from_slice(b"\r\n");
    if line.len() > SENT_LINE_MAX {
        return Err(BadArgument::TooLong);
    }
    Ok(line)
}

/// The line as it may be shown: without line end, the arguments of PASS and ACCT replaced.
#[must_use]
pub fn shown(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\r\n").unwrap_or(line);
    let verb = line.get(..4).unwrap_or_default();
    if verb.eq_ignore_ascii_case(b"PASS") || verb.eq_ignore_ascii_case(b"ACCT") {
        return [verb, b" ****"].concat();
    }
    line.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_never_becomes_a_second_command() {
        for bad in [&b"a\r\nDELE b"[..], b"a\nb", b"a\rb", b"a\0b"] {
            assert_eq!(command("RETR", bad), Err(BadArgument::Control), "{bad:?}");
        }
    }

    #[test]
    fn octets_that_telnet_would_take_are_doubled() {
        assert_eq!(command("CWD", b"a\xFFb").unwrap(), b"CWD a\xFF\xFFb\r\n");
        assert_eq!(command("NOOP", b"").unwrap(), b"NOOP\r\n");
        assert_eq!(command("CWD", b" a ").unwrap(), b"CWD  a \r\n");
    }

    #[test]
    fn no_line_is_longer_than_servers_may_be_given() {
        assert_eq!(command("CWD", &[b'a'; SENT_LINE_MAX]), Err(BadArgument::TooLong));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(shown(b"PASS hunter2\r\n"), b"PASS ****");
        assert_eq!(shown(b"acct x\r\n"), b"acct ****");
        assert_eq!(shown(b"RETR PASS\r\n"), b"RETR PASS");
    }
}
