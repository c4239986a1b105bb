//! `[[host]]`: virtual hosts, each with names, a banner, a certificate and accounts of its own.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ferry_proto::host;
use ferry_server::tls::ClientCertificates;
use toml::de::{DeTable, DeValue};

use super::diagnose::Problems;
use super::file::{File, NEED_TLS};
use super::read;
use super::section::Section;
use super::users::{Names, Users};
use crate::homes::Homes;
use crate::serve::HostPlan;
use crate::values::Wrong;

const HOST_KEYS: &[&str] = &["names", "banner", "charset", "tls", "user", "anonymous"];

const SECTIONS: Names = Names { user: "[[host.user]]", anonymous: "[host.anonymous]" };

/// What hosts take over from the one that is always there, or must keep apart from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Main<'a> {
    pub(super) names: &'a [String],
    pub(super) has_tls: bool,
    /// What its TLS asks clients for.
    pub(super) clients: Option<&'a ClientCertificates>,
    /// How long right passwords are remembered.
    pub(super) remember: Duration,
}

/// Reads every `[[host]]` of `tables`, none of which may have a name of another or of `main`.
pub(super) fn read<'a>(
    tables: &[(&'a DeTable<'a>, Range<usize>)],
    base: &Path,
    main: Main<'_>,
    homes: &mut Homes,
    problems: &mut Problems,
) -> Vec<HostPlan> {
    let mut taken = main.names.to_vec();
    let mut hosts = Vec::with_capacity(tables.len());
    for (table, at) in tables {
        let section = Section::open("[[host]]", table, at.clone(), HOST_KEYS, problems);
        let named = section.need("names", "[\"ftp.example.org\"]", problems, names);
        if let Some((names, at)) = &named {
            let same = |a: &String, b: &String| host::same(a.as_bytes(), b.as_bytes());
            for name in names {
                if taken.iter().any(|other| same(other, name)) {
                    let what = format!("a second host named `{name}`");
                    problems.add(at.clone(), Wrong::new(what, "give each host names of its own"));
                }
                taken.push(name.clone());
            }
        }
        let names = named.map(|(names, _)| names).unwrap_or_default();
        let banner = section.get("banner", problems, read::banner);
        let charset = section.get("charset", problems, read::charset);
        let file = File { top: table, within: "host." };
        let name = names.first().map(String::as_str);
        let identity = file.tls("[host.tls]", name, main.clients, base, problems);
        if let (Some(at), false) = (section.at_value("tls"), main.has_tls) {
            let what = "a host has a certificate but there is no [tls]";
            problems.add(at, Wrong::new(what, NEED_TLS));
        }
        let auth = file.users(Users::new(base, SECTIONS, homes), true, at.clone(), problems);
        hosts.push(HostPlan {
            names,
            banner: banner.map(|(banner, _)| banner).unwrap_or_default(),
            charset: charset.map(|(charset, _)| charset),
            auth: Arc::new(auth.remembering_for(main.remember)),
            identity,
        });
    }
    hosts
}

/// Names that a host is asked for by.
pub(super) fn names(value: &DeValue<'_>) -> Result<Vec<String>, Wrong> {
    let right = "write names in quotes between brackets, as in [\"ftp.example.org\"]";
    let DeValue::Array(items) = value else {
        return Err(Wrong::new("not a list of names", right));
    };
    if items.is_empty() {
        return Err(Wrong::new("no name at all", right));
    }
    items
        .iter()
        .map(|item| {
            let name = read::text(item.get_ref())?;
            let fits = host::is_valid(name.as_bytes()) && host::address(name.as_bytes()).is_none();
            if fits {
                return Ok(name.to_owned());
            }
            let what = format!("`{}` is not the name of a host", name.escape_debug());
            Err(Wrong::new(what, "write a DNS name, international ones as xn--…, without a port"))
        })
        .collect()
}
