//! `ferryd hash-password`: reads a password where nobody sees it and gives its hash.

use std::fmt;
use std::io::{self, BufRead as _, IsTerminal as _, Read};

use ferry_accounts::password::{self, HashError};
use rustix::stdio::stdin;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::say;
use crate::secret::PASSWORD_LEN_MAX;

/// Why there is no hash.
#[derive(Debug)]
pub(crate) enum NoHash {
    /// Standard input cannot be read, or the terminal not be silenced.
    Input(io::Error),
    /// Nothing was typed.
    Empty,
    /// More than a client could send was typed.
    TooLong,
    /// What was typed the second time was something else.
    Differ,
    /// Ctrl-C or Ctrl-D was typed.
    Cancelled,
    /// Hashing failed.
    Hash(HashError),
}

impl fmt::Display for NoHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(source) => write!(f, "the password cannot be read: {source}"),
            Self::Empty => f.write_str("the password is empty"),
            Self::TooLong => write!(f, "the password is longer than {PASSWORD_LEN_MAX} octets"),
            Self::Differ => f.write_str("the two passwords differ"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Hash(source) => source.fmt(f),
        }
    }
}

impl std::error::Error for NoHash {}

type Secret = Zeroizing<Vec<u8>>;

/// Asks for a password and hashes it.
pub(crate) fn run() -> Result<String, NoHash> {
    let password = match io::stdin().is_terminal() {
        true => ask_twice()?,
        false => first_line(io::stdin().lock())?,
    };
    if password.is_empty() {
        return Err(NoHash::Empty);
    }
    password::hash(&password).map_err(NoHash::Hash)
}

fn ask_twice() -> Result<Secret, NoHash> {
    let first = ask("Password: ")?;
    if first.is_empty() {
        return Err(NoHash::Empty);
    }
    let second = ask("Once more: ")?;
    if first == second { Ok(first) } else { Err(NoHash::Differ) }
}

fn ask(prompt: &str) -> Result<Secret, NoHash> {
    let silence = Silence::begin().map_err(NoHash::Input)?;
    say::prompt(prompt);
    let typed = typed_line(&mut io::stdin().lock());
    drop(silence);
    say::err("");
    typed
}

/// The terminal without echo, line editing and signal keys, until dropped. Signal keys are read
/// like any other, so that Ctrl-C cannot leave the terminal silent.
struct Silence {
    before: Termios,
}

impl Silence {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(stdin())?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        tcsetattr(stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self { before })
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.before);
    }
}

/// Reads keys up to the line end, with the keys that edit and cancel a line.
fn typed_line(keys: &mut impl Read) -> Result<Secret, NoHash> {
    // All of it at once, so that growing never leaves copies behind.
    let mut line = Zeroizing::new(Vec::with_capacity(PASSWORD_LEN_MAX));
    loop {
        let mut key = [0];
        if keys.read(&mut key).map_err(NoHash::Input)? == 0 {
            return Err(NoHash::Cancelled);
        }
        match key[0] {
            b'\r' | b'\n' => return Ok(line),
            0x03 | 0x04 => return Err(NoHash::Cancelled),
            0x08 | 0x7f => {
                // One character, however many octets UTF-8 takes for it.
                while line.pop().is_some_and(|octet| octet & 0xc0 == 0x80) {}
            }
            0x15 => line.clear(),
            _ if line.len() == PASSWORD_LEN_MAX => return Err(NoHash::TooLong),
            octet => line.push(octet),
        }
    }
}

/// The first line of a file or pipe.
fn first_line(input: impl io::BufRead) -> Result<Secret, NoHash> {
    // With its line end of up to two octets, and one more to tell what is too long.
    let most = PASSWORD_LEN_MAX + 3;
    let mut line = Zeroizing::new(Vec::with_capacity(most));
    let bound = u64::try_from(most).unwrap_or(u64::MAX);
    input.take(bound).read_until(b'\n', &mut line).map_err(NoHash::Input)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    if line.len() > PASSWORD_LEN_MAX { Err(NoHash::TooLong) } else { Ok(line) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8]) -> Result<Vec<u8>, String> {
        typed_line(&mut &*keys).map(|line| line.to_vec()).map_err(|e| e.to_string())
    }

    #[test]
    fn keys_edit_the_line_as_on_any_terminal() {
        let lines = [
            ("secret\n", "secret"),
            ("secret\r", "secret"),
            ("sx\x7fecret\n", "secret"),
            ("\x08\x7fa\n", "a"),
            ("aé\x08b\n", "ab"),
            ("wrong\x15right\n", "right"),
        ];
        for (keys, want) in lines {
            assert_eq!(typed(keys.as_bytes()).as_deref(), Ok(want.as_bytes()), "{keys:?}");
        }
        for keys in ["sec\x03", "\x04", "no end"] {
            assert_eq!(typed(keys.as_bytes()).unwrap_err(), "cancelled", "{keys:?}");
        }
    }

    #[test]
    fn a_line_from_a_pipe_loses_only_its_end() {
        let line = |input: &[u8]| first_line(input).map(|l| l.to_vec()).map_err(|e| e.to_string());
        assert_eq!(line(b"pass word \n").unwrap(), b"pass word ");
        assert_eq!(line(b"secret\r\nmore").unwrap(), b"secret");
        assert_eq!(line(b"no end").unwrap(), b"no end");
        assert_eq!(line(b"").unwrap(), b"");
    }

    #[test]
    fn a_password_no_client_could_send_is_refused() {
        for len in [255, 256, 400] {
            let mut text = vec![b'x'; len];
            text.push(b'\n');
            let ok = len <= 255;
            assert_eq!(typed(&text).is_ok(), ok, "{len} typed");
            assert_eq!(first_line(&text[..]).is_ok(), ok, "{len} piped");
        }
    }
}
