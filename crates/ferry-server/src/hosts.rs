//! The hosts of one server: the one that is always there and the virtual ones, told apart by HOST
//! (RFC 7151) or by the name a client gives to TLS. What is different from host to host is here,
//! what all share is not.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ferry_proto::charset::Charset;
use ferry_proto::host;
use ferry_proto::server::Rules;

use crate::auth::Authenticator;
use crate::tls::TlsSetup;

/// A virtual host: what is different there.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct VirtualHost {
    /// The names it is asked for by.
    pub names: Vec<String>,
    /// Lines shown when it is chosen, and in the greeting where TLS chose it.
    pub banner: Vec<String>,
    /// Who decides on its log-ins; with the accounts come their roots.
    pub auth: Arc<dyn Authenticator>,
    /// The legacy charset that its clients may turn to, unless their account has its own; `None`
    /// for the server's.
    pub charset: Option<Charset>,
    /// Its certificate; without one it shows the server's.
    pub tls: Option<TlsSetup>,
}

/// Which host; 0 is the one that is always there.
pub(crate) type HostId = u16;

/// One host as sessions see it.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) rules: Rules,
    pub(crate) auth: Arc<dyn Authenticator>,
    pub(crate) charset: Option<Charset>,
    names: Vec<String>,
    tls: Option<TlsSetup>,
}

impl Host {
    pub(crate) fn new(
        rules: Rules,
        auth: Arc<dyn Authenticator>,
        charset: Option<Charset>,
        names: Vec<String>,
        tls: Option<TlsSetup>,
    ) -> Self {
        Self { rules, auth, charset, names, tls }
    }

    fn is_called(&self, name: &[u8]) -> bool {
        self.names.iter().any(|own| host::same(own.as_bytes(), name))
    }
}

/// All hosts.
pub(crate) struct Hosts {
    main: Host,
    others: Vec<Host>,
}

impl Hosts {
    /// The host that is always there, and the virtual ones.
    pub(crate) fn new(main: Host, virtual_hosts: Vec<VirtualHost>) -> Self {
        let others = virtual_hosts.into_iter().map(|host| {
            let rules = Rules {
                tls: main.rules.tls || host.tls.is_some(),
                anonymous: host.auth.welcomes_anonymous(),
                banner: host.banner,
                ..main.rules.clone()
            };
            Host::new(rules, host.auth, host.charset.or(main.charset), host.names, host.tls)
        });
        let others = others.collect();
        Self { main, others }
    }

    /// The host of this number.
    pub(crate) fn get(&self, id: HostId) -> &Host {
        let other = usize::from(id).checked_sub(1).and_then(|i| self.others.get(i));
        other.unwrap_or(&self.main)
    }

    /// The rules of this host.
    pub(crate) fn rules(&self, id: HostId) -> &Rules {
        &self.get(id).rules
    }

    /// The certificate that this host shows.
    pub(crate) fn tls(&self, id: HostId) -> Option<&TlsSetup> {
        self.get(id).tls.as_ref().or(self.main.tls.as_ref())
    }

    /// The host that HOST means on a connection to `local`.
    pub(crate) fn find(&self, name: &[u8], local: IpAddr) -> Option<HostId> {
        if let Some(ip) = host::address(name) {
            return (ip.to_canonical() == local.to_canonical()).then_some(0);
        }
        let alone = self.others.is_empty() && self.main.names.is_empty();
        self.named(name).or_else(|| (alone || self.main.is_called(name)).then_some(0))
    }

    /// The virtual host of this name.
    pub(crate) fn named(&self, name: &[u8]) -> Option<HostId> {
        let index = self.others.iter().position(|host| host.is_called(name))?;
        HostId::try_from(index + 1).ok()
    }
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("others", &self.others.len()).finish_non_exhaustive()
    }
}
