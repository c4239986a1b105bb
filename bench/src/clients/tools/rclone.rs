//! rclone: `copy` with many transfers, several streams for one file. The one of the Python package
//! index is current; Debian's is old, and cannot shake hands with vsftpd.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::super::cell::Server;
use super::{Cell, Direction, Job, ONE, SEGMENTS, Tool, Work, files_at_once};

pub(super) const TOOL: Tool = Tool {
    name: "rclone",
    program: interop::servers::rclone,
    version: &["version"],
    ladder,
    cannot: |_| None,
    command,
};

pub(super) const OF_DEBIAN: Tool = Tool {
    name: "rclone (Debian)",
    program: || "/usr/bin/rclone".into(),
    version: &["version"],
    ladder,
    cannot: |cell| {
        (cell.tls && cell.server == Server::Vsftpd)
            .then_some("cannot shake hands with vsftpd; the newer one is measured")
    },
    command,
};

fn ladder(cell: &Cell) -> &'static [u32] {
    match (cell.work, cell.direction) {
        (Work::Small, _) => files_at_once(cell),
        (Work::Large, Direction::Down) => SEGMENTS,
        (Work::Large, Direction::Up) => ONE,
    }
}

fn command(program: &Path, job: &Job<'_>) -> io::Result<Command> {
    let mut command = Command::new(program);
    let there = format!(":ftp:{}", job.remote);
    command.arg(if job.work == Work::Small { "copy" } else { "copyto" });
    match job.direction {
        Direction::Down => command.arg(there).arg(job.local),
        Direction::Up => command.arg(job.local).arg(there),
    };
    let (password, parallel) = (obscured(program, job.password)?, job.parallel.to_string());
    command.args([
        "--ftp-host",
        &job.at.ip().to_string(),
        "--ftp-port",
        &job.at.port().to_string(),
    ]);
    command.args(["--ftp-user", job.user, "--ftp-pass", &password]);
    if job.tls {
        command.args(["--ftp-explicit-tls", "--ftp-no-check-certificate"]);
    }
    // Nothing is there yet, so nothing need be looked for.
    command.args(["--config", "/dev/null", "--no-check-dest", "--stats", "0", "--retries", "1"]);
    match job.work {
        Work::Small => command.args(["--transfers", &parallel, "--checkers", &parallel]),
        Work::Large => {
            command.args(["--multi-thread-cutoff", "16Mi", "--multi-thread-streams", &parallel])
        }
    };
    Ok(command)
}

/// The password as rclone wants it on its command line; the form is the same in all versions.
fn obscured(program: &Path, password: &str) -> io::Result<String> {
    static KNOWN: OnceLock<std::sync::Mutex<Vec<(PathBuf, String, String)>>> = OnceLock::new();
    let mut known = match KNOWN.get_or_init(std::sync::Mutex::default).lock() {
        Ok(known) => known,
        Err(poisoned) => poisoned.into_inner(),
    };
    let same = |(p, plain, _): &&(PathBuf, String, String)| p == program && plain == password;
    if let Some((_, _, done)) = known.iter().find(same) {
        return Ok(done.clone());
    }
    let said = Command::new(program).args(["obscure", password]).output()?;
    let done = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    known.push((program.to_owned(), password.to_owned(), done.clone()));
    Ok(done)
}
