//! Our own server's configuration, beside the others.

use std::fs;
use std::io;
use std::process::Command;

use super::Setup;
use crate::{PASSWORD_HASH, USER};

pub(super) fn launch(setup: &Setup<'_>) -> io::Result<Command> {
    let conf = setup.dir.join("ferry.toml");
    fs::write(&conf, configuration(setup))?;
    let mut command = Command::new(setup.folder);
    command.arg("--config").arg(conf);
    Ok(command)
}

fn configuration(setup: &Setup<'_>) -> String {
    let options = setup.options;
    let tls = options.tls.is_on();
    let mut text = String::from("[server]\nshow_hidden = true\nrequire_tls = \"no\"\n");
    if tls {
        let resumption = if options.strict { "strict" } else { "prefer" };
        text += &format!("resumption = \"{resumption}\"\n");
    }
    if !options.strict {
        text += "fxp = true\n";
    }
    if let Some(public) = options.public {
        text += &format!("public_address = {{ default = \"{public}\", \"0.0.0.0/0\" = ");
        text += &format!("\"{public}\" }}\n");
    }
    if let Some((first, last)) = options.passive {
        text += &format!("passive_ports = \"{first}-{last}\"\n");
    }
    text += &format!("[[listen]]\naddress = \"{}\"\nport = {}\n", options.ip, setup.port);
    if tls {
        text += "[tls]\ncert = \"main.pem\"\nkey = \"main.key\"\n";
    }
    text += &format!(
        "[limits]\nper_address = 1000\n[[user]]\nname = \"{USER}\"\n\
         password = \"{PASSWORD_HASH}\"\nhome = {root:?}\naccess = \"read-write\"\nfxp = {fxp}\n",
        root = setup.root.display().to_string(),
        fxp = !options.strict,
    );
    text
}
