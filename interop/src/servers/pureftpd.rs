//! Pure-FTPd's command line and accounts. It takes no account that is root, so the files belong to
//! somebody else.

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use super::{Setup, pin_openssl};
use crate::{PASSWORD_CRYPT, USER};

/// The account's user and group: nobody.
pub(super) const OWNER: u32 = 65_534;

pub(super) fn launch(setup: &Setup<'_>) -> io::Result<Command> {
    let options = setup.options;
    let (passwd, base) = (setup.dir.join("passwd"), setup.dir.join("puredb"));
    // Not by its own tool, whose argon2 takes seconds at each log-in.
    let root = setup.root.display();
    let account = format!("{USER}:{PASSWORD_CRYPT}:{OWNER}:{OWNER}::{root}/./::::::::::::\n");
    fs::write(&passwd, account)?;
    let made = Command::new(setup.folder.join("usr/bin/pure-pw"))
        .arg("mkdb")
        .arg(&base)
        .arg("-f")
        .arg(&passwd)
        .stdin(Stdio::null())
        .output()?;
    if !made.status.success() {
        return Err(io::Error::other(format!("pure-pw: {made:?}")));
    }
    let mut command = Command::new(setup.folder.join("usr/sbin/pure-ftpd"));
    command.arg("-S").arg(format!("{},{}", options.ip, setup.port));
    command.arg("-l").arg(format!("puredb:{}", base.display()));
    command.arg("-g").arg(setup.dir.join("pid"));
    // Chroot, no anonymous, no names looked up, dot files shown, any number of sessions, whole
    // listings.
    command.args(["-A", "-E", "-H", "-D", "-u", "1", "-c", "10000", "-C", "10000"]);
    command.args(["-L", "1000000:1000"]);
    if let Some(public) = options.public {
        command.arg("-P").arg(public.to_string());
    }
    if let Some((first, last)) = options.passive {
        command.arg("-p").arg(format!("{first}:{last}"));
    }
    if !options.strict {
        command.arg("-w");
    }
    if options.tls.is_on() {
        let dir = setup.dir.display();
        command.args(["-Y", "1", "-2"]).arg(format!("{dir}/main.pem,{dir}/main.key"));
        pin_openssl(&mut command, setup)?;
    }
    Ok(command)
}
