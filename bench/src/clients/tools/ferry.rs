//! `ferry`, as it is when nothing is said about parallelism.

use std::io;
use std::path::Path;
use std::process::Command;

use super::{Direction, Job, ONE, Tool, Work, target_dir};

pub(super) const TOOL: Tool = Tool {
    name: "ferry",
    program: || target_dir().join("release/ferry"),
    version: &["--version"],
    ladder: |_| ONE,
    cannot: |_| None,
    command,
};

fn command(program: &Path, job: &Job<'_>) -> io::Result<Command> {
    let mut command = Command::new(program);
    let user = job.user;
    let password = job.password.replace(' ', "%20");
    let url = format!("ftp://{user}:{password}@{}/{}", job.at, job.remote);
    command.arg(match (job.work, job.direction) {
        (Work::Small, _) => "mirror",
        (Work::Large, Direction::Down) => "get",
        (Work::Large, Direction::Up) => "put",
    });
    command.arg("--quiet");
    let security: &[&str] = if job.tls { &["--tls", "--insecure"] } else { &["--plain"] };
    command.args(security);
    match job.direction {
        Direction::Down => command.arg(url).arg(job.local),
        Direction::Up => command.arg(job.local).arg(url),
    };
    Ok(command)
}
