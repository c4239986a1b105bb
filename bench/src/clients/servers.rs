//! The servers of a run, each over what is to be moved.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

use interop::link::Link;
use interop::server::Extra;

use super::cell;
use super::place::Place;
use super::vsftpd::{self, Vsftpd};

/// Where a server listens, and what clients call it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) listen: Ipv4Addr,
    pub(super) public: Ipv4Addr,
}

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    /// Where clients go.
    pub(super) host: Ipv4Addr,
    pub(super) port: u16,
    pub(super) user: &'static str,
    pub(super) password: &'static str,
    _process: Process,
}

#[derive(Debug)]
enum Process {
    Vsftpd { _process: Vsftpd },
    Ferryd { _process: Box<interop::server::Server> },
}

/// Starts one.
///
/// # Errors
/// It does not start, or is not there.
pub(super) fn start(server: cell::Server, at: Addresses, place: &Place) -> io::Result<Running> {
    match server {
        cell::Server::Vsftpd => {
            let process = Vsftpd::start(&place.served(), at.listen, at.public)?;
            Ok(Running {
                host: at.public,
                port: process.port,
                user: vsftpd::USER,
                password: vsftpd::PASSWORD,
                _process: Process::Vsftpd { _process: process },
            })
        }
        cell::Server::Ferryd => ferryd(at, place),
    }
}

fn ferryd(at: Addresses, place: &Place) -> io::Result<Running> {
    let Addresses { listen, public } = at;
    let [a, b, ..] = public.octets();
    // Clients of private networks are told other addresses only by a table.
    let told =
        format!("public_address = {{ default = \"{public}\", \"{a}.{b}.0.0/16\" = \"{public}\" }}");
    let server = if listen == public { "" } else { told.as_str() };
    let extra = Extra { v4: Some(listen), server, ..Extra::default() };
    let served = place.served();
    let process = interop::server::Server::extended(extra, |dir| {
        // What is served lies in memory; the rest of the server's directory need not.
        fs::remove_dir(dir.join("files"))?;
        std::os::unix::fs::symlink(served, dir.join("files"))
    })?;
    Ok(Running {
        host: public,
        port: process.address(&Link::PLAIN)?.port(),
        user: interop::USER,
        password: interop::PASSWORD,
        _process: Process::Ferryd { _process: Box::new(process) },
    })
}
