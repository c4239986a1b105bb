//! `rclone serve ftp`: flags and nothing else.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::{Site, Started, folder};
use crate::{PASSWORD, USER};

/// It cannot be told to take any free port for data, so each gets a share of those that systems
/// do not give out by themselves.
const DATA_FIRST: u16 = 12_000;
const DATA_SHARE: u16 = 200;
const DATA_SHARES: u16 = 100;

/// Debian's has no server; this is the one from Python's index.
pub(super) fn binary() -> PathBuf {
    folder().join("venv/bin/rclone")
}

pub(super) fn start(site: &Site<'_>) -> io::Result<Started> {
    let port = site.reserve()?;
    let addr = port.addr;
    let first = DATA_FIRST + DATA_SHARE * (addr.port() % DATA_SHARES);
    let mut command = Command::new(binary());
    command
        .args(["serve", "ftp"])
        .arg(site.files())
        .args(["--config", "/dev/null", "--vfs-cache-mode", "off"])
        // What tests put there is to be seen at once.
        .args(["--dir-cache-time", "0", "--poll-interval", "0"])
        .args(["--user", USER, "--pass", PASSWORD])
        .args(["--addr", &addr.to_string(), "--public-ip", &site.announced().to_string()])
        .args(["--passive-port", &format!("{first}-{}", first + DATA_SHARE - 1)])
        .env("HOME", site.path());
    if site.tls() {
        command.arg("--cert").arg(site.certificate()).arg("--key").arg(site.key());
    }
    Ok(Started { addr, implicit: None, running: vec![site.launch(command, port)?] })
}
