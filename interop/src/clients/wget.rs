//! wget: one run per task, URLs, download only.

use std::io;
use std::process::Command;

use super::{Client, LIMIT, Skill, percent_encode};
use crate::USER;
use crate::link::{Link, Target, Version};
use crate::process::{Finished, run};
use crate::task::Task;

/// wget(1), 1.21 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Wget;

impl Client for Wget {
    fn name(&self) -> &'static str {
        "wget"
    }

    fn program(&self) -> &'static str {
        "wget"
    }

    fn link_left_out(&self, _link: &Link) -> Option<&'static str> {
        None
    }

    fn skill_left_out(&self, skill: Skill) -> Option<&'static str> {
        match skill {
            Skill::Read | Skill::ResumeGet | Skill::OddNames => None,
            Skill::Write | Skill::ResumePut | Skill::Manage => Some("wget only downloads"),
        }
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        let commands = tasks.iter().filter_map(|task| command(target, task));
        commands.map(|command| run(command, b"", LIMIT).map(plain_text)).collect()
    }
}

/// Listings come as HTML, with the spaces in names escaped.
fn plain_text(mut finished: Finished) -> Finished {
    finished.stdout = finished.stdout.replace("&#32;", " ");
    finished
}

fn command(target: &Target<'_>, task: &Task) -> Option<Command> {
    let mut wget = target.command("wget");
    wget.args(["--no-config", "--tries=1", "--timeout=20", "--debug"]);
    wget.arg(format!("--ftp-user={USER}")).arg(format!("--ftp-password={}", target.password));
    wget.arg("--ca-certificate").arg(target.certificate);
    if target.link.active() {
        wget.arg("--no-passive-ftp");
    }
    if target.link.implicit() {
        wget.arg("--ftps-implicit");
    }
    if let Some(version) = target.link.tls() {
        let version = if version == Version::V12 { "VERS-TLS1.2" } else { "VERS-TLS1.3" };
        wget.arg(format!("--ciphers=NORMAL:-VERS-ALL:+{version}"));
    }
    let scheme = if target.link.tls().is_some() { "ftps" } else { "ftp" };
    let url = |name: &str| {
        let path = percent_encode(&format!("{}/{name}", task.dir()));
        format!("{scheme}://{}{path}", target.authority())
    };
    match task {
        Task::List { .. } => wget.args(["-O", "-"]).arg(url("")),
        Task::Get { name, to, resume, .. } => {
            if *resume {
                wget.arg("--continue");
            }
            wget.arg("-O").arg(to).arg(url(name))
        }
        _ => return None,
    };
    Some(wget)
}
