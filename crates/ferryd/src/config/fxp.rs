//! The keys of `[server]` about data that moves between servers (FXP): whether, where those other
//! servers are, and how they prove themselves where this one is the TLS client.

use std::ops::Range;
use std::path::Path;

use ferry_proto::network::Network;
use ferry_server::options::Options;
use rustls_pki_types::CertificateDer;
use toml::de::DeValue;

use super::diagnose::Problems;
use super::file::{NEED_TLS, set};
use super::read;
use super::section::Section;
use crate::certs::{self, Identity};
use crate::serve::HostPlan;
use crate::values::{self, Wrong};

const NAME_PEM: &str =
    "name a PEM file with the certificates of other servers, or of who issued them";

/// Certificates to know other servers by, and where the file says so.
pub(super) type Known = (Vec<CertificateDer<'static>>, Range<usize>);

/// Reads them all.
pub(super) fn read(
    section: &Section<'_>,
    options: &mut Options,
    has_tls: bool,
    base: &Path,
    problems: &mut Problems,
) -> Option<Known> {
    if let Some((yes, at)) = section.get("fxp", problems, read::boolean) {
        if yes && options.shared_data_port.is_some() {
            let right = "keep fxp or shared_data_port, not both";
            let what = "on a shared data port nobody can tell whose the data of a server is";
            problems.add(at, Wrong::new(what, right));
        }
        options.fxp = yes;
    }
    set(&mut options.fxp_partners, section.get("fxp_partners", problems, partners));
    let (known, at) = section.get("fxp_ca", problems, |value| {
        let path = base.join(read::text(value)?);
        certs::chain(&path).map_err(|e| Wrong::new(e.to_string(), NAME_PEM))
    })?;
    if !has_tls {
        problems.add(at.clone(), Wrong::new("certificates to check but no [tls]", NEED_TLS));
    }
    Some((known, at))
}

/// Makes every host believe no other servers than those.
pub(super) fn trust(
    (known, at): Known,
    main: Option<&mut Identity>,
    hosts: &mut [HostPlan],
    problems: &mut Problems,
) {
    let others = hosts.iter_mut().filter_map(|host| host.identity.as_mut());
    for identity in main.into_iter().chain(others) {
        match identity.setup.clone().with_partners(known.clone()) {
            Ok(setup) => identity.setup = setup,
            Err(e) => return problems.add(at, Wrong::new(e.to_string(), NAME_PEM)),
        }
    }
}

/// The networks of other servers.
fn partners(value: &DeValue<'_>) -> Result<Vec<Network>, Wrong> {
    let right = "write networks in quotes between brackets, as in [\"192.0.2.0/24\"]";
    let DeValue::Array(items) = value else {
        return Err(Wrong::new("not a list of networks", right));
    };
    if items.is_empty() {
        return Err(Wrong::new("no network at all", "name some, or leave the line out for any"));
    }
    items.iter().map(|item| read::text(item.get_ref()).and_then(values::network)).collect()
}
