//! pyftpdlib: a few lines of Python around its classes.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::{Site, Started, folder};
use crate::{PASSWORD, USER};

/// What runs it: reads its settings from the environment.
const SCRIPT: &str = r#"
import os
from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

word = os.environ.__getitem__
authorizer = DummyAuthorizer()
authorizer.add_user(word("NAME"), word("PASSWORD"), word("FILES"), perm="elradfmwMT")
handler = FTPHandler
if "VERSION" in os.environ:
    handler = TLS_FTPHandler
    handler.certfile = word("PEM")
    handler.keyfile = word("KEY")
    version = {"TLSv1.2": SSL.TLS1_2_VERSION, "TLSv1.3": SSL.TLS1_3_VERSION}[word("VERSION")]
    context = handler.get_ssl_context()
    context.set_min_proto_version(version)
    context.set_max_proto_version(version)
handler.authorizer = authorizer
handler.banner = "ready"
handler.permit_foreign_addresses = word("FOREIGN") == "true"
handler.auth_failed_timeout = 0
handler.masquerade_address = word("ANNOUNCED")
server = FTPServer((word("IP"), int(word("PORT"))), handler)
server.max_cons = server.max_cons_per_ip = int(word("SESSIONS"))
server.serve_forever()
"#;

pub(super) fn python() -> PathBuf {
    folder().join("venv/bin/python3")
}

pub(super) fn start(site: &Site<'_>) -> io::Result<Started> {
    let port = site.reserve()?;
    let addr = port.addr;
    let mut command = Command::new(python());
    command
        .args(["-c", SCRIPT])
        .env("NAME", USER)
        .env("PASSWORD", PASSWORD)
        .env("FILES", site.files())
        .env("PEM", site.certificate())
        .env("KEY", site.key())
        .env("FOREIGN", site.options.foreign.to_string())
        .env("ANNOUNCED", site.announced().to_string())
        .env("SESSIONS", site.options.sessions.to_string())
        .env("IP", addr.ip().to_string())
        .env("PORT", addr.port().to_string());
    if site.tls() {
        command.env("VERSION", site.version());
    }
    Ok(Started { addr, implicit: None, running: vec![site.launch(command, port)?] })
}
