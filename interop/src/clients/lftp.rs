//! lftp: one script, one session.

use std::io;
use std::process::Command;

use super::{Client, LIMIT, escaped};
use crate::USER;
use crate::link::{Family, Link, Target, Version};
use crate::process::{Finished, run};
use crate::task::Task;

/// lftp(1), 4.9 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Lftp;

impl Client for Lftp {
    fn name(&self) -> &'static str {
        "lftp"
    }

    fn program(&self) -> &'static str {
        "lftp"
    }

    fn link_left_out(&self, link: &Link) -> Option<&'static str> {
        (link.active() && link.family == Family::V6)
            .then_some("lftp 4.9 announces :: as its address in active mode over IPv6")
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        let lines: Vec<String> = tasks.iter().map(line).collect();
        Ok(vec![run(Self::command(target, &lines), b"", LIMIT)?])
    }
}

impl Lftp {
    /// An lftp that logs in and obeys `lines`, stopping at the first that fails.
    #[must_use]
    pub fn command(target: &Target<'_>, lines: &[String]) -> Command {
        let scheme = if target.link.implicit() { "ftps" } else { "ftp" };
        let mut script = vec![
            "set cmd:fail-exit yes".to_owned(),
            "set net:max-retries 1".to_owned(),
            "set net:reconnect-interval-base 1".to_owned(),
            "set net:timeout 20".to_owned(),
            "set cmd:save-cwd-history no".to_owned(),
            "set xfer:clobber yes".to_owned(),
            format!("set ssl:ca-file {}", target.certificate.display()),
            format!("set ftp:passive-mode {}", !target.link.active()),
        ];
        match target.link.tls() {
            None => script.push("set ftp:ssl-allow no".to_owned()),
            Some(version) => {
                let version = if version == Version::V12 { "VERS-TLS1.2" } else { "VERS-TLS1.3" };
                script.push("set ftp:ssl-force yes".to_owned());
                script.push("set ftp:ssl-protect-data yes".to_owned());
                script.push("set ftp:ssl-protect-list yes".to_owned());
                script.push(format!("set ssl:priority NORMAL:-VERS-ALL:+{version}"));
            }
        }
        let login = escaped(&format!("{USER},{}", target.password));
        script.push(format!("open -u {login} {scheme}://{}", target.authority()));
        script.extend(lines.iter().cloned());
        let mut lftp = target.command("lftp");
        lftp.args(["--norc", "-d", "-c"]).arg(script.join("\n"));
        lftp
    }
}

fn line(task: &Task) -> String {
    let cd = format!("cd {}\n", escaped(task.dir()));
    let flag = |resume: &bool| if *resume { " -c" } else { "" };
    let local = |path: &std::path::Path| escaped(&path.display().to_string());
    cd + &match task {
        Task::List { .. } => "ls\nnlist\nrecls -1".to_owned(),
        Task::Get { name, to, resume, .. } => {
            format!("get{} -- {} -o {}", flag(resume), escaped(name), local(to))
        }
        Task::Put { from, name, resume, .. } => {
            format!("put{} -- {} -o {}", flag(resume), local(from), escaped(name))
        }
        Task::Rename { from, to, .. } => format!("mv {} {}", escaped(from), escaped(to)),
        Task::Delete { name, .. } => format!("rm {}", escaped(name)),
        Task::MakeDir { name, .. } => format!("mkdir {}", escaped(name)),
        Task::RemoveDir { name, .. } => format!("rmdir {}", escaped(name)),
    }
}
