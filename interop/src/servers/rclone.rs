//! `rclone serve ftp`: flags and nothing else. A certificate makes its TLS implicit, so there are
//! two processes: one in the clear, one for that.

use std::io;
use std::net::SocketAddr;
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
    let plain = site.reserve()?;
    let addr = plain.addr;
    let mut running = vec![site.launch(command(site, addr, false), plain)?];
    let mut implicit = None;
    if site.tls() {
        let port = site.reserve()?;
        implicit = Some(port.addr);
        running.push(site.launch(command(site, port.addr, true), port)?);
    }
    Ok(Started { addr, implicit, running })
}

fn command(site: &Site<'_>, addr: SocketAddr, implicit: bool) -> Command {
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
    if implicit {
        command.arg("--cert").arg(site.certificate()).arg("--key").arg(site.key());
    }
    command
}
