//! Our own server with the others' face, so that a comparison can treat all alike.

use std::io;
use std::process::Command;

use super::running::Running;
use super::{Site, Started};
use crate::{PASSWORD_HASH, USER};

pub(super) fn start(site: &Site<'_>) -> io::Result<Started> {
    let ports = vec![site.reserve()?, site.reserve()?];
    let addresses: Vec<_> = ports.iter().map(|port| port.addr).collect();
    let [addr, implicit] = addresses.as_slice() else {
        return Err(io::Error::other("no ports"));
    };
    let listeners: String = [(addr, "explicit"), (implicit, "implicit")]
        .into_iter()
        .map(|(at, tls)| {
            let (ip, port) = (at.ip(), at.port());
            format!("[[listen]]\naddress = \"{ip}\"\nport = {port}\ntls = \"{tls}\"\n\n")
        })
        .collect();
    let resumption = if site.options.strict { "strict" } else { "prefer" };
    // Clients on this machine are told the address they reached, unless theirs is named.
    let public = site.options.announced.map_or_else(String::new, |ip| {
        format!("public_address = {{ \"0.0.0.0/0\" = \"{ip}\" }}\n")
    });
    let (foreign, sessions) = (site.options.foreign, site.options.sessions);
    // Some measure sessions that say nothing for longer than usual, and so many that each of the
    // ports that the system gives to clients is in use.
    let text = format!(
        "[server]\nresumption = \"{resumption}\"\nfxp = {foreign}\n{public}\
         passive_ports = \"20000-29999\"\n\n{listeners}\
         [tls]\ncert = \"main.pem\"\nkey = \"main.key\"\n\n\
         [limits]\nsessions = {sessions}\nper_address = {sessions}\nidle = \"1h\"\n\n\
         [[user]]\nname = \"{USER}\"\npassword = \"{PASSWORD_HASH}\"\nhome = \"files\"\n\
         access = \"read-write\"\nfxp = {foreign}\n"
    );
    let config = site.write("ferry.toml", &text)?;
    let mut command = Command::new(crate::server::binary()?);
    command.arg("--config").arg(config);
    let (addr, implicit) = (*addr, Some(*implicit));
    let running = Running::start(command, ports, &site.path().join("log"))?;
    Ok(Started { addr, implicit, running: vec![running] })
}
