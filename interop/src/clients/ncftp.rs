//! ncftp: its shell, fed by standard input.

use std::io;

use super::{Client, LIMIT, escaped};
use crate::USER;
use crate::link::{Family, Link, Target};
use crate::process::{Finished, run};
use crate::task::Task;

/// ncftp(1), 3.2.6 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Ncftp;

impl Client for Ncftp {
    fn name(&self) -> &'static str {
        "ncftp"
    }

    fn program(&self) -> &'static str {
        "ncftp"
    }

    fn link_left_out(&self, link: &Link) -> Option<&'static str> {
        if link.tls().is_some() {
            Some("ncftp has no TLS")
        } else if link.family == Family::V6 {
            Some("ncftp has no IPv6")
        } else {
            None
        }
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        let passive = if target.link.active() { "off" } else { "on" };
        let mut script = format!(
            "set passive {passive}\nset auto-resume yes\nset confirm-close no\n\
             open -u {USER} -p {} -P {} {}\n",
            escaped(target.password),
            target.port,
            target.host
        );
        script.extend(tasks.iter().map(lines));
        script.push_str("close\nquit\n");
        Ok(vec![run(target.command("ncftp"), script.as_bytes(), LIMIT)?])
    }
}

fn lines(task: &Task) -> String {
    let cd = format!("cd {}\n", escaped(task.dir()));
    let local = |path: &std::path::Path| escaped(&path.display().to_string());
    let force = |resume: &bool| if *resume { "" } else { " -f" };
    cd + &match task {
        Task::List { .. } => "ls -1\nls -l\n".to_owned(),
        Task::Get { name, to, resume, .. } => {
            format!("get{} -z -- {} {}\n", force(resume), escaped(name), local(to))
        }
        Task::Put { from, name, resume, .. } => {
            format!("put{} -z -- {} {}\n", force(resume), local(from), escaped(name))
        }
        Task::Rename { from, to, .. } => format!("rename {} {}\n", escaped(from), escaped(to)),
        Task::Delete { name, .. } => format!("rm {}\n", escaped(name)),
        Task::MakeDir { name, .. } => format!("mkdir {}\n", escaped(name)),
        Task::RemoveDir { name, .. } => format!("rmdir {}\n", escaped(name)),
    }
}
