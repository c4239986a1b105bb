//! GNU inetutils' ftp, and what it shares with tnftp: the command language of 4.2BSD's ftp.

use std::fs;
use std::io;

use super::{Client, LIMIT, escaped};
use crate::USER;
use crate::link::{Link, Target};
use crate::process::{Finished, run};
use crate::task::Task;

/// inetutils-ftp(1), 2.4 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Inetutils;

impl Client for Inetutils {
    fn name(&self) -> &'static str {
        "inetutils-ftp"
    }

    fn program(&self) -> &'static str {
        "inetutils-ftp"
    }

    fn link_left_out(&self, link: &Link) -> Option<&'static str> {
        link.tls().map(|_| "inetutils-ftp has no TLS")
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        let mut ftp = target.command("inetutils-ftp");
        ftp.args(["-n", "-i", "-v", if target.link.active() { "--active" } else { "--passive" }]);
        ftp.arg(target.host).arg(target.port.to_string());
        let mut script = bsd_log_in(target);
        script.extend(tasks.iter().map(bsd_lines));
        script.push_str("bye\n");
        Ok(vec![run(ftp, script.as_bytes(), LIMIT)?])
    }
}

/// The lines that log in.
pub(super) fn bsd_log_in(target: &Target<'_>) -> String {
    format!("user {USER} {}\nbinary\n", escaped(target.password))
}

/// The lines that do `task`.
pub(super) fn bsd_lines(task: &Task) -> String {
    let cd = format!("cd {}\n", escaped(task.dir()));
    let local = |path: &std::path::Path| escaped(&path.display().to_string());
    cd + &match task {
        Task::List { .. } => "dir\nnlist\n".to_owned(),
        Task::Get { name, to, resume, .. } => {
            let verb = if *resume { "reget" } else { "get" };
            format!("{verb} {} {}\n", escaped(name), local(to))
        }
        Task::Put { from, name, resume, .. } => {
            // There is no `reput`: one looks up the size and says where to go on.
            let restart =
                if *resume { format!("restart {}\n", sent_so_far(from)) } else { String::new() };
            format!("{restart}put {} {}\n", local(from), escaped(name))
        }
        Task::Rename { from, to, .. } => format!("rename {} {}\n", escaped(from), escaped(to)),
        Task::Delete { name, .. } => format!("delete {}\n", escaped(name)),
        Task::MakeDir { name, .. } => format!("mkdir {}\n", escaped(name)),
        Task::RemoveDir { name, .. } => format!("rmdir {}\n", escaped(name)),
    }
}

/// How much of `from` the tests have put on the server before they ask to resume.
fn sent_so_far(from: &std::path::Path) -> u64 {
    crate::task::half(fs::metadata(from).map(|meta| meta.len()).unwrap_or(0))
}
