//! pyftpdlib, by a script of a few lines.

use std::fs;
use std::io;
use std::process::Command;

use super::{Setup, Tls};
use crate::{PASSWORD, USER};

const SCRIPT: &str = include_str!("pyftpdlib.py");

pub(super) fn launch(setup: &Setup<'_>) -> io::Result<Command> {
    let options = setup.options;
    let script = setup.dir.join("peer.py");
    fs::write(&script, SCRIPT)?;
    let mut command = Command::new(setup.folder.join("bin/python"));
    command.arg("-I").arg(script);
    command.arg(options.ip.to_string()).arg(setup.port.to_string()).arg(setup.root);
    command.args([USER, PASSWORD]);
    command.arg(match options.tls {
        Tls::Plain => "",
        Tls::V12 => "1.2",
        Tls::V13 => "1.3",
    });
    command.arg(setup.dir.join("main.pem")).arg(setup.dir.join("main.key"));
    command.arg(options.public.map_or_else(String::new, |public| public.to_string()));
    let passive = options.passive.map(|(first, last)| format!("{first}-{last}"));
    command.arg(passive.unwrap_or_default());
    command.arg(if options.strict { "strict" } else { "" });
    Ok(command)
}
