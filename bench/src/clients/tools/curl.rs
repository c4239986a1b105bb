//! curl: a list of URLs and `--parallel`. It is given every name, so it need not list; and whole
//! paths, so it need not change directories.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::{Cell, Direction, Job, ONE, Tool, Work, files_at_once};

pub(super) const TOOL: Tool = Tool {
    name: "curl",
    program: || "curl".into(),
    version: &["--version"],
    ladder,
    cannot: |_| None,
    command,
};

fn ladder(cell: &Cell) -> &'static [u32] {
    if cell.work == Work::Small { files_at_once(cell) } else { ONE }
}

fn command(program: &Path, job: &Job<'_>) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.args(["-q", "--silent", "--show-error", "--user"]);
    command.arg(format!("{}:{}", job.user, job.password));
    if job.tls {
        command.args(["--ssl-reqd", "--insecure"]);
    }
    let local = job.local.display();
    if job.work == Work::Large {
        let flag = if job.direction == Direction::Down { "--output" } else { "--upload-file" };
        command.arg(flag).arg(job.local).arg(job.url("ftp", job.remote));
        return Ok(command);
    }
    let mut list = String::new();
    for name in job.load.files.keys() {
        let url = job.url("ftp", &format!("{}/{name}", job.remote));
        let flag = if job.direction == Direction::Down { "output" } else { "upload-file" };
        list += &format!("url = \"{url}\"\n{flag} = \"{local}/{name}\"\n");
    }
    let path = job.home.join("urls");
    fs::write(&path, list)?;
    command.args(["--parallel", "--parallel-immediate", "--parallel-max"]);
    command.arg(job.parallel.to_string());
    match job.direction {
        Direction::Down => command.args(["--create-dirs", "--ftp-method", "nocwd"]),
        // It makes directories only on the way through them.
        Direction::Up => command.args(["--ftp-create-dirs", "--ftp-method", "multicwd"]),
    };
    command.arg("--config").arg(path);
    Ok(command)
}
