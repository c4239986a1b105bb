//! ncftp: one connection, one file after the other.

use std::io;
use std::path::Path;
use std::process::Command;

use super::{Direction, Job, ONE, Tool, Work};

pub(super) const TOOL: Tool = Tool {
    name: "ncftp",
    // It is two programs; this one is asked for its version.
    program: || "ncftpget".into(),
    version: &["-?"],
    ladder: |_| ONE,
    cannot: |cell| cell.tls.then_some("has no TLS as Debian builds it"),
    command,
};

fn command(_: &Path, job: &Job<'_>) -> io::Result<Command> {
    let down = job.direction == Direction::Down;
    let mut command = Command::new(if down { "ncftpget" } else { "ncftpput" });
    // No meters; passive; 30 s are too long to wait.
    command.args(["-V", "-F", "-t", "30", "-u", job.user, "-p", job.password, "-P"]);
    command.arg(job.at.port().to_string());
    if job.work == Work::Small {
        command.arg("-R");
    }
    command.arg(job.at.ip().to_string());
    let parent = |path: &Path| path.parent().unwrap_or(path).to_owned();
    match (job.direction, job.work) {
        (Direction::Down, Work::Small) => command.arg(job.local).arg(job.remote),
        (Direction::Down, Work::Large) => command.arg(parent(job.local)).arg(job.remote),
        (Direction::Up, Work::Small) => command.arg(job.remote).arg(job.local),
        (Direction::Up, Work::Large) => command.arg(parent(Path::new(job.remote))).arg(job.local),
    };
    Ok(command)
}
