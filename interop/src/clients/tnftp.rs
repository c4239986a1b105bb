//! tnftp, NetBSD's ftp: fed by standard input.

use std::io;

use super::inetutils::{bsd_lines, bsd_log_in};
use super::{Client, LIMIT};
use crate::link::{Link, Target};
use crate::process::{Finished, run};
use crate::task::Task;

/// tnftp(1), 2021 in Debian 12.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "a unit")]
pub struct Tnftp;

impl Client for Tnftp {
    fn name(&self) -> &'static str {
        "tnftp"
    }

    fn program(&self) -> &'static str {
        "tnftp"
    }

    fn link_left_out(&self, link: &Link) -> Option<&'static str> {
        link.tls().map(|_| "tnftp has no TLS for FTP")
    }

    fn run(&self, target: &Target<'_>, tasks: &[Task]) -> io::Result<Vec<Finished>> {
        let mut tnftp = target.command("tnftp");
        // -p and -A also forbid falling back to the other.
        tnftp.args(["-n", "-i", "-v", if target.link.active() { "-A" } else { "-p" }]);
        tnftp.arg(target.host).arg(target.port.to_string());
        let mut script = bsd_log_in(target);
        script.extend(tasks.iter().map(bsd_lines));
        script.push_str("bye\n");
        Ok(vec![run(tnftp, script.as_bytes(), LIMIT)?])
    }
}
