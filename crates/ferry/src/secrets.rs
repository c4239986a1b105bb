//! Where passwords come from, in this order: the URL (already in the site), `--password-command`,
//! `FERRY_PASSWORD`, the netrc file, the keyring, a question at the terminal. And whether a person
//! trusts a certificate. None of it is ever printed.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use ferry_client::settings::{Answer, Asker, UnknownCertificate};
use ferry_client::{Secret, Site};
use ferry_proto::path::ForPeople;
use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};
use crate::keyring;
use crate::netrc::{Netrc, NetrcError};
use crate::say;
use crate::tty::Tty;

/// The environment variable that may hold a password.
pub(crate) const VARIABLE: &str = "FERRY_PASSWORD";

/// The most that a password command may say, in octets.
const SAID_MAX: usize = 4096;

/// Answers what the engine asks for. Clones are not needed: it is shared.
#[derive(Debug)]
pub(crate) struct Secrets {
    command: Option<String>,
    netrc: Netrc,
    /// Whether a person may be asked.
    interactive: bool,
    /// What was answered, so that twenty sessions ask once.
    known: Mutex<HashMap<Key, Option<Secret>>>,
    /// One question at a time.
    turn: Arc<tokio::sync::Semaphore>,
}

/// What an answer is for: the question, the host, the port and the user.
type Key = (&'static str, String, u16, Vec<u8>);

impl Secrets {
    /// What the flags say; `netrc` is [`None`] for the usual file, which may be missing.
    pub(crate) fn new(
        command: Option<String>,
        netrc: Option<&Path>,
        interactive: bool,
    ) -> Outcome<Self> {
        Ok(Self {
            command,
            netrc: load_netrc(netrc)?,
            interactive,
            known: Mutex::default(),
            turn: Arc::new(tokio::sync::Semaphore::new(1)),
        })
    }

    /// Who logs in at that host, if the netrc file says so.
    pub(crate) fn login_at(&self, host: &str) -> Option<Vec<u8>> {
        self.netrc.find(host, None)?.login.clone()
    }

    fn recall(&self, key: &Key) -> Option<Option<Secret>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    fn remember(&self, key: Key, answer: Option<Secret>) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer);
    }

    /// The answer for `key`: the known one, else one that is now looked for, on a thread that may
    /// wait for a person.
    async fn once(
        &self,
        key: Key,
        search: impl FnOnce() -> Option<Secret> + Send + 'static,
    ) -> Option<Secret> {
        let _turn = self.turn.acquire().await.ok()?;
        if let Some(known) = self.recall(&key) {
            return known;
        }
        let answer = tokio::task::spawn_blocking(search).await.ok().flatten();
        self.remember(key, answer.clone());
        answer
    }
}

fn load_netrc(path: Option<&Path>) -> Outcome<Netrc> {
    let usual = || {
        let set = std::env::var_os("NETRC").map(std::path::PathBuf::from);
        set.or_else(|| Some(crate::bookmarks::home()?.join(".netrc")))
    };
    let Some(file) = path.map(Path::to_owned).or_else(usual) else { return Ok(Netrc::default()) };
    match Netrc::load(&file) {
        Ok(netrc) => {
            if netrc.exposed {
                let shown = file.display();
                say::warn(&format!("others may read the passwords in {shown}; chmod 600 {shown}"));
            }
            Ok(netrc)
        }
        // Nobody named it, so nobody expects it.
        Err(NetrcError::Read(_)) if path.is_none() => Ok(Netrc::default()),
        Err(wrong) if path.is_none() => {
            say::warn(&format!("{}: {wrong}; it is not used", file.display()));
            Ok(Netrc::default())
        }
        Err(NetrcError::Read(e)) => Err(Failure::local(file.display(), &e)),
        Err(wrong) => Err(Failure::usage(format!("{}: {wrong}", file.display()))),
    }
}

fn key(what: &'static str, site: &Site) -> Key {
    (what, site.host.clone(), site.port(), site.user.clone().unwrap_or_default())
}

fn at(site: &Site) -> String {
    let user = site.user.as_deref().unwrap_or(b"anonymous");
    format!("{} at {}", ForPeople(user), ForPeople(site.host.as_bytes()))
}

/// Runs the user's command by the shell and takes its first line.
fn from_command(command: &str, site: &Site) -> Option<Secret> {
    let user = String::from_utf8_lossy(site.user.as_deref().unwrap_or_default()).into_owned();
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .env("FERRY_HOST", &site.host)
        .env("FERRY_USER", user)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(e) => {
            say::warn(&format!("the password command cannot be run: {e}"));
            return None;
        }
    };
    let said = Zeroizing::new(output.stdout);
    if !output.status.success() {
        say::warn(&format!("the password command failed ({})", output.status));
        return None;
    }
    let line = said.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() || line.len() > SAID_MAX {
        say::warn("the password command said no password");
        return None;
    }
    Some(Secret::new(line.to_vec()))
}

fn ask(what: &str, site: &Site) -> Option<Secret> {
    let tty = Tty::open()?;
    tty.secret(&format!("{what} of {}: ", at(site))).ok().flatten()
}

impl Asker for Secrets {
    fn password<'a>(&'a self, site: &'a Site) -> Answer<'a, Option<Secret>> {
        Box::pin(async move {
            if site.is_anonymous() {
                return None;
            }
            let entry = self.netrc.find(&site.host, site.user.as_deref());
            let listed = entry.and_then(|entry| entry.password.clone());
            let (command, interactive) = (self.command.clone(), self.interactive);
            let (site, key) = (site.clone(), key("password", site));
            let search = move || {
                if let Some(command) = command {
                    return from_command(&command, &site);
                }
                std::env::var_os(VARIABLE)
                    .map(|set| Secret::new(std::os::unix::ffi::OsStringExt::into_vec(set)))
                    .or(listed)
                    .or_else(|| keyring::lookup(&site))
                    .or_else(|| interactive.then(|| ask("Password", &site)).flatten())
            };
            self.once(key, search).await
        })
    }

    fn account<'a>(&'a self, site: &'a Site) -> Answer<'a, Option<Secret>> {
        Box::pin(async move {
            let entry = self.netrc.find(&site.host, site.user.as_deref());
            if let Some(account) = entry.and_then(|entry| entry.account.clone()) {
                return Some(account);
            }
            let (site, interactive) = (site.clone(), self.interactive);
            let key = key("account", &site);
            self.once(key, move || interactive.then(|| ask("Account", &site)).flatten()).await
        })
    }

    fn trust<'a>(&'a self, unknown: &'a UnknownCertificate) -> Answer<'a, bool> {
        Box::pin(async move {
            if !self.interactive {
                return false;
            }
            let key = ("trust", unknown.host.clone(), unknown.port, unknown.fingerprint.to_vec());
            let question = question(unknown);
            let yes = move || {
                let yes = Tty::open()?.yes(&question).ok()?;
                yes.then(|| Secret::new(Vec::new()))
            };
            self.once(key, yes).await.is_some()
        })
    }
}

/// What a person is asked about a certificate.
fn question(unknown: &UnknownCertificate) -> String {
    let host = ForPeople(unknown.host.as_bytes());
    let why = ForPeople(unknown.why.as_bytes());
    let warning = match unknown.changed {
        true => "\nIT IS NOT THE ONE THAT WAS KNOWN: someone may be listening in between.",
        false => "",
    };
    let fingerprint = colons(&unknown.fingerprint);
    format!(
        "The certificate of {host}:{} is not trusted: {why}.{warning}\n\
         Its SHA-256 is\n  {fingerprint}\nTrust it from now on? (yes/no) ",
        unknown.port
    )
}

/// A fingerprint as other programs show it.
pub(crate) fn colons(octets: &[u8]) -> String {
    let parts: Vec<String> = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    parts.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn site(user: &str) -> Site {
        Site { user: Some(user.as_bytes().to_vec()), ..Site::new("h.example") }
    }

    fn secrets(command: Option<&str>, netrc: &str) -> Secrets {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(netrc.as_bytes()).unwrap();
        Secrets::new(command.map(str::to_owned), Some(file.path()), false).unwrap()
    }

    fn revealed(secret: Option<Secret>) -> Option<String> {
        secret.map(|secret| String::from_utf8(secret.reveal().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_command_goes_before_the_file_and_knows_for_whom() {
        let netrc = "machine h.example login u password from-file";
        let file = secrets(None, netrc);
        assert_eq!(revealed(file.password(&site("u")).await).as_deref(), Some("from-file"));
        assert_eq!(revealed(file.password(&site("other")).await), None);
        let both = secrets(Some("echo $FERRY_USER@$FERRY_HOST; echo more"), netrc);
        let said = revealed(both.password(&site("u")).await);
        assert_eq!(said.as_deref(), Some("u@h.example"));
    }

    #[tokio::test]
    async fn a_command_that_fails_or_says_nothing_is_no_password() {
        for command in ["exit 3", "true", "echo"] {
            let secrets = secrets(Some(command), "machine h.example login u password p");
            assert_eq!(revealed(secrets.password(&site("u")).await), None, "{command}");
        }
    }

    #[tokio::test]
    async fn many_sessions_ask_once() {
        let count = tempfile::NamedTempFile::new().unwrap();
        let command = format!("echo x >>{}; echo pw", count.path().display());
        let secrets = secrets(Some(&command), "");
        let site = site("u");
        for _ in 0..3 {
            assert_eq!(revealed(secrets.password(&site).await).as_deref(), Some("pw"));
        }
        assert_eq!(std::fs::read_to_string(count.path()).unwrap(), "x\n");
    }

    #[tokio::test]
    async fn nobody_in_particular_needs_no_password() {
        let secrets = secrets(Some("echo pw"), "");
        assert_eq!(revealed(secrets.password(&Site::new("h.example")).await), None);
    }

    #[test]
    fn fingerprints_look_as_elsewhere() {
        assert_eq!(colons(&[0x0a, 0xff, 0]), "0A:FF:00");
    }
}
