//! The desktop's keyring, asked through the program that comes with it: `secret-tool` (Secret
//! Service of freedesktop.org), `security` on macOS. No library of a keyring is linked: they bring
//! a hundred crates, and scripts and servers have no keyring. Nothing is ever written to it.

use std::process::{Command, Stdio};

use ferry_client::{Secret, Site};
use zeroize::Zeroizing;

/// The longest password that is believed, in octets.
const SAID_MAX: usize = 4096;

/// The password of a site, if there is a keyring and it has one.
pub(crate) fn lookup(site: &Site) -> Option<Secret> {
    let user = str::from_utf8(site.user.as_deref()?).ok()?;
    let output = question(&site.host, user)?
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let said = Zeroizing::new(output.stdout);
    let line = said.strip_suffix(b"\n").unwrap_or(&said);
    if line.is_empty() || line.len() > SAID_MAX || line.contains(&b'\n') {
        return None;
    }
    Some(Secret::new(line.to_vec()))
}

#[cfg(target_os = "macos")]
fn question(host: &str, user: &str) -> Option<Command> {
    let mut command = Command::new("security");
    command.args(["find-internet-password", "-w", "-r", "ftp ", "-s", host, "-a", user]);
    Some(command)
}

/// Without a session bus there is nobody to ask, and waiting for one to start would take long.
#[cfg(not(target_os = "macos"))]
fn question(host: &str, user: &str) -> Option<Command> {
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").filter(|bus| !bus.is_empty())?;
    let mut command = Command::new("secret-tool");
    command.args(["lookup", "service", "ferry", "server", host, "user", user]);
    Some(command)
}
