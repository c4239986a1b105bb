//! lftp: `mirror --parallel` with commands sent ahead, `pget -n` for one file.

use std::io;
use std::path::Path;
use std::process::Command;

use super::{Cell, Direction, Job, ONE, SEGMENTS, Tool, Work, files_at_once};

pub(super) const TOOL: Tool = Tool {
    name: "lftp",
    program: || "lftp".into(),
    version: &["--version"],
    ladder,
    cannot: |_| None,
    command,
};

fn ladder(cell: &Cell) -> &'static [u32] {
    match (cell.work, cell.direction) {
        (Work::Small, _) => files_at_once(cell),
        (Work::Large, Direction::Down) => SEGMENTS,
        (Work::Large, Direction::Up) => ONE,
    }
}

/// Whatever saves round trips is set. It would compress wherever a server can (MODE Z), which takes
/// more time than it saves on links like these.
fn command(program: &Path, job: &Job<'_>) -> io::Result<Command> {
    let security = if job.tls {
        "set ftp:ssl-force true; set ftp:ssl-protect-data true; set ssl:verify-certificate false"
    } else {
        "set ftp:ssl-allow false"
    };
    let (parallel, remote, local) = (job.parallel, job.remote, job.local.display());
    let task = match (job.work, job.direction) {
        (Work::Small, Direction::Down) => {
            format!("mirror --parallel={parallel} --no-perms {remote} {local}")
        }
        (Work::Small, Direction::Up) => {
            format!("mirror -R --parallel={parallel} --no-perms {local} {remote}")
        }
        (Work::Large, Direction::Down) => format!("pget -n {parallel} {remote} -o {local}"),
        (Work::Large, Direction::Up) => format!("put {local} -o {remote}"),
    };
    let script = format!(
        "set cmd:fail-exit true; set net:max-retries 3; set net:timeout 30; \
         set net:connection-limit 0; set ftp:sync-mode false; set ftp:use-mdtm false; \
         set ftp:use-mode-z false; \
         set mirror:parallel-directories true; set mirror:set-permissions false; \
         set pget:save-status never; set pget:min-chunk-size 1M; {security}; \
         open -u '{},{}' -p {} {}; {task}",
        job.user,
        job.password,
        job.at.port(),
        job.at.ip()
    );
    let mut command = Command::new(program);
    command.args(["--norc", "-c", &script]);
    Ok(command)
}
