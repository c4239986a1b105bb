//! The configuration file: TOML, read whole, checked whole, and answered with everything that is
//! wrong in it.
//!
//! [`section`] and [`read`] walk the parsed document, [`mod@file`] says which keys there are and
//! what they mean, [`diagnose`] shows mistakes where they are. Nothing is opened to the network
//! here.

mod bandwidth;
mod certificates;
mod diagnose;
mod elsewhere;
mod file;
mod fxp;
mod hosts;
mod listeners;
mod outside;
mod read;
mod representation;
mod section;
mod users;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use ferry_accounts::Access;
use ferry_server::options::{ListenTls, RequireTls};

use crate::serve::Plan;
use diagnose::Problems;

/// Why there is nothing to serve.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The file cannot be read at all.
    Unreadable { path: PathBuf, source: io::Error },
    /// What is in it is wrong.
    Wrong(Problems),
}

impl ConfigError {
    /// The text for a person, without the last line end; in colour where that can be seen.
    pub(crate) fn render(&self, colours: bool) -> String {
        match self {
            Self::Unreadable { path, source } => {
                format!("ferryd: cannot read {}: {source}", path.display())
            }
            Self::Wrong(problems) => problems.render(colours),
        }
    }
}

/// Reads and checks `path`, with all it refers to: homes, certificates, hashes. Relative paths in
/// it start from the directory it is in.
pub(crate) fn load(path: &Path) -> Result<Plan, ConfigError> {
    let source = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    file::read(&source, base, &path.display().to_string()).map_err(ConfigError::Wrong)
}

/// What `check-config` says of a file without mistakes.
pub(crate) fn summary(path: &Path, plan: &Plan) -> String {
    let options = &plan.options;
    let mut out = format!("{}: ok\n", path.display());
    for listen in &options.listen {
        let tls = match (listen.tls, &plan.identity) {
            (ListenTls::Implicit, _) => "implicit TLS",
            (_, None) => "no TLS",
            (_, Some(_)) if options.require_tls == RequireTls::No => "explicit TLS",
            (_, Some(_)) => "explicit TLS, required",
        };
        let _ = writeln!(out, "  listens on    {} ({tls})", listen.at);
    }
    let _ = writeln!(out, "  data ports    {}", outside::data_ports(options));
    if let Some(public) = &options.public_address {
        let _ = writeln!(out, "  public        {public}");
    }
    for (network, public) in &options.public_for {
        let _ = writeln!(out, "  public        {public} for {network}");
    }
    if !options.proxies.is_empty() {
        let networks: Vec<String> = options.proxies.iter().map(ToString::to_string).collect();
        let data = if options.data_proxy { ", data connections too" } else { "" };
        let _ = writeln!(out, "  proxies       {}{data}", networks.join(", "));
    }
    for there in plan.homes.servers() {
        let _ = writeln!(out, "  elsewhere     {there}");
        if let Some(path) = &there.exposed {
            let _ = writeln!(out, "                everyone here can read {}", path.display());
        }
    }
    let table = plan.auth.table();
    let named = || table.accounts().filter(|account| !account.anonymous);
    let writers = named().filter(|account| account.access == Access::ReadWrite).count();
    let _ = writeln!(out, "  users         {}, of whom {writers} may write", named().count());
    if options.fxp {
        let hosts = plan.hosts.iter().flat_map(|host| host.auth.table().accounts());
        let may = table.accounts().chain(hosts).filter(|account| account.fxp).count();
        let _ = writeln!(out, "  fxp           on, users who may: {may}");
    }
    if table.welcomes_anonymous() {
        let _ = writeln!(out, "  anonymous     welcome, read only");
    }
    let _ = writeln!(
        out,
        "  limits        {} sessions, {} per address, {} s idle",
        options.limits.sessions,
        options.limits.per_address,
        options.limits.idle.as_secs()
    );
    if let Some(identity) = &plan.identity {
        let kind = if identity.self_signed { "self-signed, new at each start" } else { "given" };
        let _ = writeln!(out, "  certificate   {kind}");
    }
    for host in &plan.hosts {
        let users = host.auth.table().accounts().count();
        let own = if host.identity.is_some() { ", a certificate of its own" } else { "" };
        let _ = writeln!(out, "  host          {} ({users} users{own})", host.names.join(", "));
    }
    out
}

#[cfg(test)]
mod tests;
