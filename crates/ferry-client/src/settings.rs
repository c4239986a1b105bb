//! How to get to a server and whom to trust there; the same for every site of a run unless said
//! otherwise. Read by the engine, never changed by it.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ferry_proto::repr::deflate::Level;

use crate::secret::Secret;
use crate::site::Site;

/// Everything about connections and trust.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..Settings::default()")]
pub struct Settings {
    /// The longest silence of the peer, for every wait: connecting, replies, data, the end.
    pub timeout: Duration,
    /// After so long a silence on the control connection while a transfer runs, NOOP is said, so
    /// that nothing on the way forgets the connection; not at all if none. One that stays without
    /// an answer is not repeated in the same transfer.
    pub keep_alive: Option<Duration>,
    /// Which address family to use.
    pub family: Family,
    /// The way to the server, for control and data connections alike.
    pub proxy: Option<Proxy>,
    /// Which certificates are good.
    pub trust: Trust,
    /// The certificate to show to servers that ask for one.
    pub client_certificate: Option<ClientCertificate>,
    /// The newest TLS version to offer.
    pub tls_max: TlsVersion,
    /// How data connections are made.
    pub data: DataMode,
    /// Which address of a 227 reply is believed.
    pub passive_address: PassiveAddress,
    /// The charset of the server's names, by a name that `ferry_proto::charset` knows, where
    /// they are not UTF-8.
    pub charset: Option<String>,
    /// Whether files and listings are compressed on their way (MODE Z) where the server can. Files
    /// whose names say that they are compressed already are left alone.
    pub compress: Compress,
    /// How often an operation is tried again after a failure that may pass.
    pub retries: u32,
    /// The most control connections to one server at a time; 0 for as many as the way there makes
    /// worth while (8 to 192, the more the longer the round trip).
    pub connections: usize,
    /// Whether operations keep out of each other's way: right for whoever serves others, of whom
    /// one may read a file for hours. A session then does nothing beside a transfer, and an
    /// operation for which there is none within `timeout` fails ([`ErrorKind::TooMany`]) instead of
    /// waiting on.
    ///
    /// [`ErrorKind::TooMany`]: crate::ErrorKind::TooMany
    pub apart: bool,
    /// The most entries of one listing. One that has more is given up: a server that never stops
    /// must not fill the memory.
    pub listing_entries: u64,
    /// The most octets of one listing.
    pub listing_octets: u64,
    /// Where what was learned of servers is kept between runs; nowhere if none.
    pub memory: Option<PathBuf>,
    /// Whom to ask for passwords, accounts and trust.
    pub asker: Option<Arc<dyn Asker>>,
    /// Who watches the conversation.
    pub watcher: Option<Arc<dyn Watcher>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            keep_alive: None,
            family: Family::default(),
            proxy: None,
            trust: Trust::default(),
            client_certificate: None,
            tls_max: TlsVersion::default(),
            data: DataMode::default(),
            passive_address: PassiveAddress::default(),
            charset: None,
            compress: Compress::default(),
            retries: 2,
            connections: 0,
            apart: false,
            listing_entries: 10_000_000,
            listing_octets: 2 << 30,
            memory: None,
            asker: None,
            watcher: None,
        }
    }
}

/// Which address family to connect over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums, reason = "there are two families")]
pub enum Family {
    /// Either, both tried side by side (RFC 8305).
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// A proxy between us and the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name and password for it.
    pub login: Option<(String, Secret)>,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyKind {
    /// SOCKS version 5 (RFC 1928, RFC 1929); names are resolved by the proxy.
    Socks5,
    /// HTTP CONNECT (RFC 9110 §9.3.6).
    HttpConnect,
}

/// Which certificates of servers are good.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Trust {
    /// Those the system's roots vouch for and those in the file of known hosts; an unknown one is
    /// put before [`Asker::trust`], and refused without an asker.
    #[default]
    System,
    /// As `System`, with that file of known hosts.
    KnownHosts(PathBuf),
    /// Those issued by one of the certificates in these PEM files, and no others.
    Roots(Vec<PathBuf>),
    /// The one with this SHA-256 (of the whole certificate, DER), whatever else it says.
    Pinned(Vec<[u8; 32]>),
    /// Any at all. Who listens and changes is then not kept out.
    Any,
}

/// Files of a client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct ClientCertificate {
    /// PEM: the certificate and what leads to its root.
    pub chain: PathBuf,
    /// PEM: its key.
    pub key: PathBuf,
}

/// A TLS version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[allow(clippy::exhaustive_enums, reason = "older ones are dead (RFC 8996)")]
pub enum TlsVersion {
    /// 1.2
    V12,
    /// 1.3
    #[default]
    V13,
}

/// How data connections are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DataMode {
    /// The server listens: EPSV, else PASV.
    #[default]
    Passive,
    /// We listen: EPRT, else PORT.
    Active,
    /// Passive, and active where that fails.
    Auto,
}

/// What to do with the address in a 227 reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PassiveAddress {
    /// Use the control connection's address instead: right behind every NAT, and no server can
    /// send us elsewhere.
    #[default]
    Ignore,
    /// Use it unless it is unroutable from where the control connection goes.
    PublicOnly,
    /// Use it, whatever it is.
    Trust,
}

/// Whether data is compressed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compress {
    /// As it is.
    #[default]
    Off,
    /// As hard as is usual, on either side.
    On,
    /// At this level, which the server is told, too.
    At(Level),
}

impl Compress {
    /// The level at which this side compresses.
    pub(crate) fn level(self) -> Level {
        match self {
            Self::At(level) => level,
            Self::Off | Self::On => Level::default(),
        }
    }
}

/// A boxed future of an answer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whom the engine asks what only a person or a keyring knows. There is no deadline on answers.
pub trait Asker: Send + Sync + fmt::Debug {
    /// The password for this site; [`None`] gives up.
    fn password<'a>(&'a self, site: &'a Site) -> Answer<'a, Option<Secret>>;

    /// What to send as ACCT; [`None`] gives up.
    fn account<'a>(&'a self, site: &'a Site) -> Answer<'a, Option<Secret>> {
        let _ = site;
        Box::pin(std::future::ready(None))
    }

    /// Whether to trust a certificate that nobody vouches for, from now on; refused by default.
    fn trust<'a>(&'a self, unknown: &'a UnknownCertificate) -> Answer<'a, bool> {
        let _ = unknown;
        Box::pin(std::future::ready(false))
    }
}

/// A server's certificate that nothing vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownCertificate {
    /// The server's name or address and its port.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The SHA-256 of the certificate, DER.
    pub fingerprint: [u8; 32],
    /// Why it is not trusted, in a sentence.
    pub why: String,
    /// Whether another certificate was known for this host: a warning, not a greeting.
    pub changed: bool,
}

/// Sees what goes over the wire. Called from the engine: it must not block.
pub trait Watcher: Send + Sync + fmt::Debug {
    /// Something happened on a session.
    fn on(&self, session: u64, event: &WireEvent<'_>);
}

/// What a [`Watcher`] is told. Secrets never are in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireEvent<'a> {
    /// What the engine does, in a few words.
    Status(&'a str),
    /// A command, without line end; the argument of PASS and ACCT is replaced by `****`.
    Command(&'a [u8]),
    /// One line of a reply as it came, and how long after its command its first octet came.
    Response(&'a [u8], Duration),
    /// A data connection is there.
    Data {
        /// Who is at the other end.
        peer: SocketAddr,
        /// For TLS: whether the control connection's session was resumed.
        resumed: Option<bool>,
    },
}
