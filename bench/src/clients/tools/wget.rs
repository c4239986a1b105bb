//! wget: one connection, one file after the other, downloads only.

use std::io;
use std::path::Path;
use std::process::Command;

use super::{Direction, Job, ONE, Tool, Work};

pub(super) const TOOL: Tool = Tool {
    name: "wget",
    program: || "wget".into(),
    version: &["--version"],
    ladder: |_| ONE,
    cannot: |cell| (cell.direction == Direction::Up).then_some("has no uploads"),
    command,
};

fn command(program: &Path, job: &Job<'_>) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.args(["--no-config", "--quiet", "--tries=2", "--timeout=30", "--no-check-certificate"]);
    command.arg(format!("--ftp-user={}", job.user)).arg(format!("--ftp-password={}", job.password));
    let scheme = if job.tls { "ftps" } else { "ftp" };
    match job.work {
        Work::Small => {
            command.args(["--recursive", "--level=inf", "--no-host-directories", "--cut-dirs=1"]);
            command.arg("--directory-prefix").arg(job.local);
            command.arg(job.url(scheme, &format!("{}/", job.remote)));
        }
        Work::Large => {
            command.arg("--output-document").arg(job.local).arg(job.url(scheme, job.remote));
        }
    }
    Ok(command)
}
