//! curl: one run per task, URLs.

use std::io;
use std::process::Command;

use super::{Client, LIMIT, percent_encode};
use crate::USER;
use crate::link::{Link, Target, Version};
use crate::process::{Finished, run};
use crate::task::Task;

/// curl(1), 7.88 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Curl;

impl Client for Curl {
    fn name(&self) -> &'static str {
        "curl"
    }

    fn program(&self) -> &'static str {
        "curl"
    }

    fn link_left_out(&self, link: &Link) -> Option<&'static str> {
        (link.active() && link.tls().is_some())
            .then_some("curl 7.88 fails in active mode under TLS, against every server")
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        let commands = tasks.iter().flat_map(|task| Self::commands(target, task));
        commands.map(|command| run(command, b"", LIMIT)).collect()
    }
}

impl Curl {
    /// A curl that knows whom to log in as and how to connect.
    #[must_use]
    pub fn command(target: &Target<'_>) -> Command {
        let mut curl = target.command("curl");
        // --disable must come first.
        curl.args(["--disable", "-sS", "-v", "--globoff", "--user"]);
        curl.arg(format!("{USER}:{}", target.password));
        curl.arg("--cacert").arg(target.certificate);
        match target.link.tls() {
            Some(Version::V12) => curl.args(["--ssl-reqd", "--tls-max", "1.2"]),
            Some(Version::V13) => curl.args(["--ssl-reqd", "--tlsv1.3"]),
            None => &mut curl,
        };
        if target.link.active() {
            curl.args(["--ftp-port", "-"]);
        }
        curl
    }

    /// The URL of a path.
    #[must_use]
    pub fn url(target: &Target<'_>, path: &str) -> String {
        let scheme = if target.link.implicit() { "ftps" } else { "ftp" };
        format!("{scheme}://{}{}", target.authority(), percent_encode(path))
    }

    fn commands(target: &Target<'_>, task: &Task) -> Vec<Command> {
        let dir = task.dir();
        let in_dir = |name: &str| Self::url(target, &format!("{dir}/{name}"));
        let mut curl = Self::command(target);
        match task {
            Task::List { .. } => {
                let mut names = Self::command(target);
                names.arg("--list-only").arg(in_dir(""));
                let mut facts = Self::command(target);
                facts.args(["--request", "MLSD"]).arg(in_dir(""));
                curl.arg(in_dir(""));
                return vec![curl, names, facts];
            }
            Task::Get { name, to, resume, .. } => {
                if *resume {
                    curl.args(["--continue-at", "-"]);
                }
                curl.arg("--output").arg(to).arg(in_dir(name));
            }
            Task::Put { from, name, resume, .. } => {
                if *resume {
                    curl.args(["--continue-at", "-"]);
                }
                curl.arg("--upload-file").arg(from).arg(in_dir(name));
            }
            Task::Rename { from, to, .. } => Self::quote(
                target,
                &mut curl,
                &[format!("RNFR {dir}/{from}"), format!("RNTO {dir}/{to}")],
            ),
            Task::Delete { name, .. } => {
                Self::quote(target, &mut curl, &[format!("DELE {dir}/{name}")]);
            }
            Task::MakeDir { name, .. } => {
                Self::quote(target, &mut curl, &[format!("MKD {dir}/{name}")]);
            }
            Task::RemoveDir { name, .. } => {
                Self::quote(target, &mut curl, &[format!("RMD {dir}/{name}")]);
            }
        }
        vec![curl]
    }

    /// Commands sent as they are, without a transfer.
    fn quote(target: &Target<'_>, curl: &mut Command, lines: &[String]) {
        for line in lines {
            curl.arg("--quote").arg(line);
        }
        curl.arg("--head").arg(Self::url(target, "/"));
    }
}
