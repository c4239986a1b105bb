//! Pure-FTPd: options on its command line, accounts in a database it makes from a file. It has no
//! implicit TLS unless built for nothing else, and its account cannot be root.

use std::io;
use std::os::unix::fs::chown;
use std::path::PathBuf;
use std::process::Command;

use super::{Site, Started, folder};
use crate::{PASSWORD_CRYPT, USER};

/// Whom its account's files belong to.
pub(super) const NOBODY: u32 = 65534;

pub(super) fn binary() -> PathBuf {
    folder().join("pure-ftpd/usr/sbin/pure-ftpd")
}

pub(super) fn start(site: &Site<'_>) -> io::Result<Started> {
    chown(site.files(), Some(NOBODY), Some(NOBODY))?;
    // `pure-pw useradd` would hash with argon2 at a cost of seconds for every log-in.
    let account = format!(
        "{USER}:{PASSWORD_CRYPT}:{NOBODY}:{NOBODY}::{}/./::::::::::::\n",
        site.files().display()
    );
    let passwd = site.write("passwd", &account)?;
    let database = site.path().join("accounts.pdb");
    let made = Command::new(folder().join("pure-ftpd/usr/bin/pure-pw"))
        .arg("mkdb")
        .arg(&database)
        .arg("-f")
        .arg(&passwd)
        .output()?;
    if !made.status.success() {
        let why = String::from_utf8_lossy(&made.stderr).into_owned();
        return Err(io::Error::other(format!("pure-pw: {why}")));
    }
    let port = site.reserve()?;
    let addr = port.addr;
    let sessions = site.options.sessions.to_string();
    let mut command = Command::new(binary());
    command
        .arg("-S")
        .arg(format!("{},{}", addr.ip(), addr.port()))
        // Only accounts, each in its own directory; no names of clients; no limits to speak of.
        .args(["-A", "-E", "-H", "-4", "-L", "1000000:1000"])
        .args(["-c", &sessions, "-C", &sessions])
        .args(["-u", "1", "-U", "022:022", "-f", "none", "-P"])
        .arg(site.announced().to_string())
        .arg("-l")
        .arg(format!("puredb:{}", database.display()));
    if site.options.foreign {
        command.arg("-W");
    }
    if site.tls() {
        let (pem, key) = (site.certificate(), site.key());
        command.arg("-Y").arg("1").arg("-2").arg(format!("{},{}", pem.display(), key.display()));
        command.env("OPENSSL_CONF", site.openssl_limits()?);
    }
    Ok(Started { addr, implicit: None, running: vec![site.launch(command, port)?] })
}
