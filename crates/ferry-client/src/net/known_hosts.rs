//! The file of certificates that were trusted on first use: one `host:port SHA256` a line.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::tls::lock;
use crate::site::Site;

/// Where it is unless said otherwise: `ferry/known_hosts` in the user's folder for state.
pub(super) fn default_path() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("ferry/known_hosts"))
}

/// What could not be written down (file, host, certificate): good until the program ends. As many
/// as a person has said yes to.
static FOR_NOW: Mutex<Vec<(PathBuf, String, [u8; 32])>> = Mutex::new(Vec::new());

/// What the file of known hosts says of one host. Read when it is made, not within a handshake.
#[derive(Debug)]
pub(super) struct KnownHosts {
    path: PathBuf,
    key: String,
    found: Option<[u8; 32]>,
}

impl KnownHosts {
    pub(super) fn at(path: PathBuf, site: &Site) -> Self {
        let key = format!("{}:{}", site.host.to_ascii_lowercase(), site.port());
        let found = find_for_now(&path, &key).or_else(|| find(&path, &key));
        Self { path, key, found }
    }

    /// The certificate known for the host: the last one that was remembered.
    pub(super) fn found(&self) -> Option<[u8; 32]> {
        self.found
    }

    /// Remembers a certificate. One append is one write, so that programs side by side do not
    /// disturb each other. If it cannot be written, the program remembers until it ends.
    pub(super) fn remember(&self, fingerprint: [u8; 32]) {
        if let Some(folder) = self.path.parent() {
            _ = fs::create_dir_all(folder);
        }
        let line = format!("{} {}\n", self.key, ferry_proto::hash::hex(&fingerprint));
        let written = open_to_append(&self.path);
        let written = written.and_then(|mut file| file.write_all(line.as_bytes()));
        let mut for_now = lock(&FOR_NOW);
        for_now.retain(|(path, key, _)| *path != self.path || *key != self.key);
        if written.is_err() {
            for_now.push((self.path.clone(), self.key.clone(), fingerprint));
        }
    }
}

fn find_for_now(path: &Path, key: &str) -> Option<[u8; 32]> {
    let for_now = lock(&FOR_NOW);
    let found = for_now.iter().find(|(of, host, _)| of == path && host == key);
    found.map(|(_, _, fingerprint)| *fingerprint)
}

fn find(path: &Path, key: &str) -> Option<[u8; 32]> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().rfind(|line| line.split(' ').next() == Some(key))?;
    let digits = line.split(' ').nth(1)?;
    let mut fingerprint = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (octet, pair) in fingerprint.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(fingerprint)
}

fn open_to_append(path: &Path) -> std::io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_remembered_for_its_host_and_port_and_the_last_counts() {
        let folder = tempfile::tempdir().unwrap();
        let of = |host: &str, port| {
            let site = Site { port: Some(port), ..Site::new(host) };
            KnownHosts::at(folder.path().join("deep/known_hosts"), &site)
        };
        assert_eq!(of("h", 21).found(), None);
        of("H", 21).remember([1; 32]);
        of("h", 990).remember([2; 32]);
        assert_eq!(of("h", 21).found(), Some([1; 32]));
        of("h", 21).remember([3; 32]);
        assert_eq!(of("h", 21).found(), Some([3; 32]));
        assert_eq!(of("h", 22).found(), None);
    }
}
