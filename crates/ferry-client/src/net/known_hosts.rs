//! The file of certificates that were trusted on first use: one `host:port SHA256` a line.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Where it is unless said otherwise: `ferry/known_hosts` in the user's folder for state.
pub(super) fn default_path() -> Option<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("ferry/known_hosts"))
}

/// The file of known hosts.
#[derive(Debug)]
pub(super) struct KnownHosts(PathBuf);

fn key(host: &str, port: u16) -> String {
    format!("{}:{port}", host.to_ascii_lowercase())
}

fn hex(octets: &[u8]) -> String {
    ferry_proto::hash::hex(octets)
}

impl KnownHosts {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// The certificate known for a host: the last one that was remembered.
    pub(super) fn find(&self, host: &str, port: u16) -> Option<[u8; 32]> {
        let text = fs::read_to_string(&self.0).ok()?;
        let key = key(host, port);
        let line = text.lines().rfind(|line| line.split(' ').next() == Some(&key))?;
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

    /// Remembers a certificate. One append is one write, so that programs side by side do not
    /// disturb each other. That it cannot be written only means to be asked again.
    pub(super) fn remember(&self, host: &str, port: u16, fingerprint: [u8; 32]) {
        if let Some(folder) = self.0.parent() {
            _ = fs::create_dir_all(folder);
        }
        let line = format!("{} {}\n", key(host, port), hex(&fingerprint));
        _ = open_to_append(&self.0).and_then(|mut file| file.write_all(line.as_bytes()));
    }
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
        let known = KnownHosts::at(folder.path().join("deep/known_hosts"));
        assert_eq!(known.find("h", 21), None);
        known.remember("H", 21, [1; 32]);
        known.remember("h", 990, [2; 32]);
        assert_eq!(known.find("h", 21), Some([1; 32]));
        known.remember("h", 21, [3; 32]);
        assert_eq!(known.find("h", 21), Some([3; 32]));
        assert_eq!(known.find("h", 22), None);
    }
}
