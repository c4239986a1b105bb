//! Python's ftplib: a short script that reads tasks from standard input.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::{Client, LIMIT};
use crate::USER;
use crate::link::{Link, Target, Version};
use crate::process::{Finished, run};
use crate::task::Task;

/// ftplib of Python 3, 3.11 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Python;

const SCRIPT: &str = include_str!("ftplib_session.py");
const PRELUDE: &str = include_str!("ftplib_prelude.py");

impl Client for Python {
    fn name(&self) -> &'static str {
        "ftplib"
    }

    fn program(&self) -> &'static str {
        "python3"
    }

    fn link_left_out(&self, _link: &Link) -> Option<&'static str> {
        None
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        let script: String = tasks.iter().map(line).collect();
        Ok(vec![run(Self::command(target), script.as_bytes(), LIMIT)?])
    }
}

impl Python {
    /// A session that reads tab-separated tasks from standard input.
    #[must_use]
    pub fn command(target: &Target<'_>) -> Command {
        let mut python = interpreter(target);
        let security = match target.link.tls() {
            None => "plain",
            Some(_) if target.link.implicit() => "implicit",
            Some(_) => "explicit",
        };
        let version = if target.link.tls() == Some(Version::V12) { "1.2" } else { "1.3" };
        let data = if target.link.active() { "active" } else { "passive" };
        python.args(["-c", SCRIPT, target.host, &target.port.to_string(), USER, target.password]);
        python.args([security, version, data]).arg(target.certificate);
        python
    }

    /// Runs `script` behind a prelude that names the target and how to reach it; see there. With
    /// an assertion that fails or a reply that was not expected, it does not succeed.
    ///
    /// # Errors
    /// The script cannot be written or the program not be run.
    pub fn script(target: &Target<'_>, script: &str) -> io::Result<Finished> {
        // A file of its own, so that a failure's report names it instead of showing all of it.
        let file = target.home.join("script.py");
        fs::write(&file, format!("{PRELUDE}\n\n{script}"))?;
        let mut python = interpreter(target);
        python.arg(file);
        python.args([target.host, &target.port.to_string(), USER, target.password]);
        python.arg(target.certificate);
        run(python, b"", LIMIT)
    }
}

/// The distribution's own before any other that happens to come first in PATH.
fn interpreter(target: &Target<'_>) -> Command {
    let own = "/usr/bin/python3";
    target.command(if Path::new(own).exists() { own } else { "python3" })
}

fn line(task: &Task) -> String {
    let dir = task.dir();
    let flag = |resume: &bool| if *resume { "resume" } else { "whole" };
    match task {
        Task::List { .. } => format!("list\t{dir}\n"),
        Task::Get { name, to, resume, .. } => {
            format!("get\t{dir}\t{name}\t{}\t{}\n", to.display(), flag(resume))
        }
        Task::Put { from, name, resume, .. } => {
            format!("put\t{dir}\t{name}\t{}\t{}\n", from.display(), flag(resume))
        }
        Task::Rename { from, to, .. } => format!("rename\t{dir}\t{from}\t{to}\n"),
        Task::Delete { name, .. } => format!("delete\t{dir}\t{name}\n"),
        Task::MakeDir { name, .. } => format!("mkdir\t{dir}\t{name}\n"),
        Task::RemoveDir { name, .. } => format!("rmdir\t{dir}\t{name}\n"),
    }
}
