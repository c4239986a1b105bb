//! rclone: one run per task, a remote made up on the command line.

use std::io;
use std::process::Command;

use super::{Client, LIMIT, Skill};
use crate::USER;
use crate::link::{Family, Link, Target, Version};
use crate::process::{Finished, run};
use crate::task::Task;

/// rclone(1), 1.60 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Rclone;

impl Client for Rclone {
    fn name(&self) -> &'static str {
        "rclone"
    }

    fn program(&self) -> &'static str {
        "rclone"
    }

    fn link_left_out(&self, link: &Link) -> Option<&'static str> {
        link.active().then_some("rclone has no active mode")
    }

    fn skill_left_out(&self, skill: Skill) -> Option<&'static str> {
        match skill {
            Skill::ResumeGet | Skill::ResumePut => Some("rclone never resumes"),
            _ => None,
        }
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        tasks.iter().map(|task| run(command(target, task)?, b"", LIMIT)).collect()
    }
}

impl Rclone {
    /// An rclone that knows the remote `:ftp:`.
    ///
    /// # Errors
    /// rclone cannot be run.
    pub fn command(target: &Target<'_>) -> io::Result<Command> {
        let mut obscure = target.command("rclone");
        obscure.args(["obscure", target.password]);
        let password = run(obscure, b"", LIMIT)?.success().map_err(io::Error::other)?.stdout;
        let mut rclone = target.command("rclone");
        rclone.args(["--config", "", "--retries", "1", "--low-level-retries", "1"]);
        // 1.60 joins host and port by a colon.
        let host = match target.link.family {
            Family::V4 => target.host.to_owned(),
            Family::V6 => format!("[{}]", target.host),
        };
        rclone.args(["--ftp-host", &host, "--ftp-port", &target.port.to_string()]);
        rclone.args(["--ftp-user", USER, "--ftp-pass", password.trim()]);
        match target.link.tls() {
            None => &mut rclone,
            Some(_) if target.link.implicit() => rclone.arg("--ftp-tls"),
            Some(_) => rclone.arg("--ftp-explicit-tls"),
        };
        if target.link.tls() == Some(Version::V12) {
            rclone.arg("--ftp-disable-tls13");
        }
        if target.link.tls().is_some() {
            // It has no way to name a certificate to trust for FTP.
            rclone.arg("--ftp-no-check-certificate");
        }
        Ok(rclone)
    }
}

fn command(target: &Target<'_>, task: &Task) -> io::Result<Command> {
    let mut rclone = Rclone::command(target)?;
    rclone.arg("-vv");
    let remote = |name: &str| format!(":ftp:{}/{name}", task.dir());
    match task {
        Task::List { .. } => rclone.arg("lsf").arg(remote("")),
        Task::Get { name, to, .. } => rclone.arg("copyto").arg(remote(name)).arg(to),
        Task::Put { from, name, .. } => rclone.arg("copyto").arg(from).arg(remote(name)),
        Task::Rename { from, to, .. } => rclone.arg("moveto").arg(remote(from)).arg(remote(to)),
        Task::Delete { name, .. } => rclone.arg("deletefile").arg(remote(name)),
        Task::MakeDir { name, .. } => rclone.arg("mkdir").arg(remote(name)),
        Task::RemoveDir { name, .. } => rclone.arg("rmdir").arg(remote(name)),
    };
    Ok(rclone)
}
