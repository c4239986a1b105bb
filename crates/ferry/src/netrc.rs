//! The file of log-ins that ftp(1) began: `machine`, `default`, `login`, `password`, `account`,
//! and `macdef`, which is passed over. Nothing is asked here and nothing sent.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ferry_client::Secret;
use zeroize::Zeroizing;

/// The longest file that is read, in octets.
const FILE_MAX: u64 = 1 << 20;

/// One log-in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Entry {
    /// [`None`] for `default`.
    machine: Option<String>,
    pub(crate) login: Option<Vec<u8>>,
    pub(crate) password: Option<Secret>,
    pub(crate) account: Option<Secret>,
}

/// All of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Netrc {
    entries: Vec<Entry>,
    /// Others may read the passwords in it.
    pub(crate) exposed: bool,
}

/// Why a file cannot be used.
#[derive(Debug)]
pub(crate) enum NetrcError {
    Read(io::Error),
    TooLong,
    /// What is wrong, and in which line.
    Wrong(usize, String),
}

impl fmt::Display for NetrcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(source) => source.fmt(f),
            Self::TooLong => f.write_str("too long for such a file"),
            Self::Wrong(line, what) => write!(f, "line {line}: {what}"),
        }
    }
}

impl std::error::Error for NetrcError {}

impl Netrc {
    /// Reads a file.
    pub(crate) fn load(path: &Path) -> Result<Self, NetrcError> {
        let meta = fs::metadata(path).map_err(NetrcError::Read)?;
        if meta.len() > FILE_MAX {
            return Err(NetrcError::TooLong);
        }
        let text = Zeroizing::new(fs::read(path).map_err(NetrcError::Read)?);
        let mut netrc = Self::read(&text)?;
        let secret = netrc.entries.iter().any(|entry| entry.password.is_some());
        netrc.exposed = secret && meta.permissions().mode() & 0o077 != 0;
        Ok(netrc)
    }

    /// Out of the text of a file.
    pub(crate) fn read(text: &[u8]) -> Result<Self, NetrcError> {
        let mut tokens = Tokens { text, at: 0, line: 1 };
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(word) = tokens.next()? {
            let line = tokens.line;
            let wrong = |what: &str| NetrcError::Wrong(line, what.to_owned());
            let entry = entries.last_mut();
            match (word.as_slice(), entry) {
                (b"machine", _) => {
                    let name = tokens.value("machine")?;
                    let name = String::from_utf8(name.to_vec())
                        .map_err(|_| wrong("the name of a machine is no text"))?;
                    entries.push(Entry { machine: Some(name), ..Entry::default() });
                }
                (b"default", _) => entries.push(Entry::default()),
                (b"macdef", _) => tokens.skip_macro(),
                (b"login" | b"user", Some(entry)) => {
                    entry.login = Some(tokens.value("login")?.to_vec());
                }
                (b"password" | b"passwd", Some(entry)) => {
                    entry.password = Some(Secret::new(tokens.value("password")?.to_vec()));
                }
                (b"account", Some(entry)) => {
                    entry.account = Some(Secret::new(tokens.value("account")?.to_vec()));
                }
                (b"port", Some(_)) => {
                    tokens.value("port")?;
                }
                (b"login" | b"user" | b"password" | b"passwd" | b"account" | b"port", None) => {
                    return Err(wrong("this belongs behind a machine or default"));
                }
                // The word itself is not shown: it may be a password that was torn apart.
                _ => return Err(wrong("a word that is not known; quote values with blanks")),
            }
        }
        Ok(Self { entries, exposed: false })
    }

    /// The first log-in for that host, and that user if one is named; `default` counts for every
    /// host.
    pub(crate) fn find(&self, host: &str, user: Option<&[u8]>) -> Option<&Entry> {
        self.entries.iter().find(|entry| {
            let machine = entry.machine.as_deref();
            let host_fits = machine.is_none_or(|machine| machine.eq_ignore_ascii_case(host));
            let login = entry.login.as_deref();
            host_fits && user.is_none_or(|user| login.is_none_or(|login| login == user))
        })
    }
}

/// Words, quoted or not, and comments between them.
struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl Tokens<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn step(&mut self) -> Option<u8> {
        let octet = self.peek()?;
        self.at += 1;
        self.line += usize::from(octet == b'\n');
        Some(octet)
    }

    fn skip_line(&mut self) {
        while self.step().is_some_and(|octet| octet != b'\n') {}
    }

    /// A macro goes to the next empty line.
    fn skip_macro(&mut self) {
        self.skip_line();
        while let Some(octet) = self.peek() {
            self.skip_line();
            if matches!(octet, b'\n') {
                break;
            }
        }
    }

    fn next(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, NetrcError> {
        loop {
            match self.peek() {
                None => return Ok(None),
                Some(octet) if octet.is_ascii_whitespace() => {
                    self.step();
                }
                Some(b'#') => self.skip_line(),
                Some(_) => return self.word().map(Some),
            }
        }
    }

    fn word(&mut self) -> Result<Zeroizing<Vec<u8>>, NetrcError> {
        let mut word = Zeroizing::new(Vec::with_capacity(64));
        let quoted = self.peek() == Some(b'"');
        if quoted {
            self.step();
        }
        let line = self.line;
        loop {
            match self.peek() {
                Some(b'"') if quoted => {
                    self.step();
                    return Ok(word);
                }
                None | Some(b'\n') if quoted => {
                    let what = "a quote that does not end".to_owned();
                    return Err(NetrcError::Wrong(line, what));
                }
                None => return Ok(word),
                Some(octet) if !quoted && octet.is_ascii_whitespace() => return Ok(word),
                Some(b'\\') => {
                    self.step();
                    if let Some(octet) = self.step() {
                        word.push(octet);
                    }
                }
                Some(octet) => {
                    self.step();
                    word.push(octet);
                }
            }
        }
    }

    /// The word behind `key`, which may begin with `#`.
    fn value(&mut self, key: &str) -> Result<Zeroizing<Vec<u8>>, NetrcError> {
        while self.peek().is_some_and(|octet| octet.is_ascii_whitespace()) {
            self.step();
        }
        if self.peek().is_none() {
            return Err(NetrcError::Wrong(self.line, format!("nothing behind {key}")));
        }
        self.word()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "\
# who I am
machine one.example login alice password \"two words\" account x
machine two.example
    login bob
    password #hash\\\"quote
macdef init
    password not this
    put password

machine one.example login carol passwd pw2
default login anonymous password me@here
";

    fn found(host: &str, user: Option<&str>) -> Option<(Option<String>, Option<String>)> {
        let netrc = Netrc::read(FILE.as_bytes()).unwrap();
        let entry = netrc.find(host, user.map(str::as_bytes))?.clone();
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        let password = entry.password.as_ref().map(|secret| text(secret.reveal()));
        Some((entry.login.as_deref().map(text), password))
    }

    #[test]
    fn the_first_entry_that_fits_counts() {
        let cases = [
            ("one.example", None, Some(("alice", "two words"))),
            ("ONE.example", Some("carol"), Some(("carol", "pw2"))),
            ("two.example", None, Some(("bob", "#hash\"quote"))),
            ("two.example", Some("eve"), None),
            ("else.example", None, Some(("anonymous", "me@here"))),
            ("else.example", Some("eve"), None),
        ];
        for (host, user, want) in cases {
            let want = want.map(|(login, pw): (&str, &str)| (Some(login.into()), Some(pw.into())));
            assert_eq!(found(host, user), want, "{host} {user:?}");
        }
    }

    #[test]
    fn an_entry_without_a_login_is_for_any_user() {
        let netrc = Netrc::read(b"machine h password p").unwrap();
        assert!(netrc.find("h", Some(b"anyone")).is_some());
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_without_secrets() {
        let cases = [
            ("login x", 1, "belongs behind"),
            ("machine h\nlogin a password b c", 2, "not known"),
            ("machine", 1, "nothing behind machine"),
            ("machine h login \"a", 1, "does not end"),
        ];
        for (text, line, want) in cases {
            match Netrc::read(text.as_bytes()) {
                Err(NetrcError::Wrong(at, what)) => {
                    assert_eq!(at, line, "{text}");
                    assert!(what.contains(want), "{text}: {what}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_exposed_if_it_holds_a_password() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netrc");
        let exposed = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            Netrc::load(&path).unwrap().exposed
        };
        assert!(exposed("machine h password p", 0o644));
        assert!(!exposed("machine h password p", 0o600));
        assert!(!exposed("machine h login p", 0o644));
    }

    proptest! {
        #[test]
        fn no_file_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Netrc::read(&text);
        }
    }
}
