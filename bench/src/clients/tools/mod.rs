//! The clients: where each program is, what it can do, how many files or segments at once may suit
//! it, and its command line for a job. A file for each.

mod curl;
mod ferry;
mod lftp;
mod ncftp;
mod rclone;
mod wget;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::cell::{Cell, Direction, Work};
use super::place::Load;
use super::target_dir;

/// What a client is to do.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) work: Work,
    pub(crate) direction: Direction,
    pub(crate) tls: bool,
    /// The server.
    pub(crate) at: SocketAddr,
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) load: &'a Load,
    /// On this side: a tree or file to upload, or where its copy goes. The place of a copied tree
    /// is there, that of a copied file is not.
    pub(crate) local: &'a Path,
    /// On the other side, without `/` in front.
    pub(crate) remote: &'a str,
    /// Files, or segments of one file, at once.
    pub(crate) parallel: u32,
    /// Empty, for what it writes beside.
    pub(crate) home: &'a Path,
}

impl Job<'_> {
    /// The server's URL, without log-in.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}/{path}", self.at)
    }
}

/// A client.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// Where it is, unless another place is given.
    program: fn() -> PathBuf,
    version: &'static [&'static str],
    /// How parallel it may be for a cell, rising; the search starts in the middle.
    pub(crate) ladder: fn(&Cell) -> &'static [u32],
    /// Why a cell is beyond it.
    pub(crate) cannot: fn(&Cell) -> Option<&'static str>,
    command: fn(&Path, &Job<'_>) -> io::Result<Command>,
}

/// All of them, ours first.
pub(crate) static ALL: [Tool; 7] =
    [ferry::TOOL, lftp::TOOL, rclone::TOOL, rclone::OF_DEBIAN, curl::TOOL, ncftp::TOOL, wget::TOOL];

/// For what cannot be parallel, or decides by itself.
pub(super) const ONE: &[u32] = &[1];

/// For trees: without delay few connections keep a machine busy.
pub(super) fn files_at_once(cell: &Cell) -> &'static [u32] {
    if cell.rtt_ms == 0 { &[1, 2, 4, 8, 16] } else { &[8, 16, 32, 64, 128] }
}

/// For one file, down.
pub(super) const SEGMENTS: &[u32] = &[1, 2, 4, 8, 16];

/// A client and what was found out about it on this machine.
pub(crate) struct Ready {
    pub(crate) kind: &'static Tool,
    program: PathBuf,
    /// What it says of its version; `None` if it cannot be run.
    pub(crate) version: Option<String>,
}

impl Ready {
    /// Looks for `kind`; `ferry` may be elsewhere.
    pub(crate) fn look(kind: &'static Tool, ferry: Option<&Path>) -> Self {
        let program = match ferry {
            Some(path) if kind.name == "ferry" => path.to_owned(),
            _ => (kind.program)(),
        };
        let version = version(&program, kind.version);
        Self { kind, program, version }
    }

    /// The command for a job.
    ///
    /// # Errors
    /// A file it needs cannot be written.
    pub(crate) fn command(&self, job: &Job<'_>) -> io::Result<Command> {
        let mut command = (self.kind.command)(&self.program, job)?;
        // Settings and proxies of whoever measures have no part in it.
        command.env("HOME", job.home).env("XDG_CONFIG_HOME", job.home.join("config"));
        command.env("XDG_CACHE_HOME", job.home.join("cache"));
        command.env("XDG_STATE_HOME", job.home.join("state"));
        for proxy in ["ftp_proxy", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        command.current_dir(job.home);
        Ok(command)
    }
}

/// The first line, without lists of libraries and addresses behind the number.
fn version(program: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    let done = command.args(arguments).stdin(Stdio::null()).output().ok()?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty())?;
    let line = line.replace(" | ", " ");
    Some(line.split(" (").next().unwrap_or(&line).trim().chars().take(60).collect())
}
