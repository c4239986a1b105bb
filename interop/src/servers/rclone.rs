//! `rclone serve ftp`, without a cache of files: what is written goes straight to the disk.

use std::process::Command;

use super::Setup;
use crate::{PASSWORD, USER};

pub(super) fn launch(setup: &Setup<'_>) -> Command {
    let options = setup.options;
    let mut command = Command::new(setup.folder.join("bin/rclone"));
    command.args(["serve", "ftp"]).arg(setup.root);
    command.arg("--addr").arg(format!("{}:{}", options.ip, setup.port));
    command.args(["--user", USER, "--pass", PASSWORD]);
    // It knows no "any": without this, all of them share one range.
    let (first, last) = options.passive.unwrap_or(setup.spare);
    command.arg("--passive-port").arg(format!("{first}-{last}"));
    command.args(["--vfs-cache-mode", "off", "--dir-cache-time", "0s", "--config", "/dev/null"]);
    command.arg("--cache-dir").arg(setup.dir.join("cache"));
    if let Some(public) = options.public {
        command.arg("--public-ip").arg(public.to_string());
    }
    if options.tls.is_on() {
        command.arg("--cert").arg(setup.dir.join("main.pem"));
        command.arg("--key").arg(setup.dir.join("main.key"));
    }
    command
}
