//! What an operator decides about a server, as plain data with the defaults of the field. Reading
//! it from a file or a command line is the daemon's work.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

pub use ferry_accounts::{Bandwidth, Rates};
pub use ferry_proto::charset::Charset as NameCharset;
use ferry_proto::network::Network;
pub use ferry_proto::rate::Timetable;
pub use ferry_proto::repr::deflate::Limits as Expansion;
pub use ferry_proto::repr::ebcdic::{Charset, CodePage};
pub use ferry_proto::repr::pipeline::RecordStore;
use ferry_storage::Upload;

/// How a listener speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenTls {
    /// Plain text until AUTH TLS (RFC 4217), where a certificate is configured.
    Explicit,
    /// TLS from the first octet (port 990 by custom).
    Implicit,
}

/// One address to accept control connections on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Listen {
    /// Address and port; port 0 asks for any free one.
    pub at: SocketAddr,
    /// How it speaks TLS.
    pub tls: ListenTls,
}

/// Which connections must be under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RequireTls {
    /// None.
    #[default]
    No,
    /// The control connection before logging in.
    Login,
    /// The control connection and every data connection (PROT P).
    Both,
}

/// Whether a data connection under TLS must resume the session of its control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DataResumption {
    /// Neither offered nor asked for.
    Off,
    /// Offered; a full handshake is accepted too.
    #[default]
    Prefer,
    /// Anything but a resumption is refused with 522.
    Strict,
}

/// Which peers may open a passive data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DataPeer {
    /// Only the address of the control connection's peer.
    #[default]
    Strict,
    /// Its /24 (IPv4) or /64 (IPv6) network: carrier-grade NAT.
    SameNet,
    /// Anyone; sensible only with [`DataResumption::Strict`].
    Any,
}

/// The IPv4 address under which a client outside finds the server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Public {
    /// This one.
    Ip(Ipv4Addr),
    /// What this name stands for now: looked up at start and every minute.
    Name(String),
}

impl fmt::Display for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What an operator decides about representations other than TYPE I.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Coding {
    /// The code page of TYPE E.
    pub code_page: CodePage,
    /// How text files are encoded, for TYPE E.
    pub charset: Charset,
    /// How records of TYPE I and L are kept in files (STRU R).
    pub record_store: RecordStore,
    /// When compressed data that a peer sends is taken for an attack (MODE Z).
    pub expansion: Expansion,
    /// Whether downloads in the modes block and compressed hold a restart marker for about every
    /// megabyte.
    pub markers: bool,
}

/// Numbers that bound what peers can use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Limits {
    /// Sessions in all.
    pub sessions: u32,
    /// Sessions per address.
    pub per_address: u32,
    /// Silence on the control connection after login, while no data moves.
    pub idle: Duration,
    /// From connecting to being logged in.
    pub login: Duration,
    /// Silence on a data connection that should be moving.
    pub stall: Duration,
    /// Waiting for a data connection to be made, after 150.
    pub data_connect: Duration,
    /// A passive port nobody used.
    pub passive_unused: Duration,
    /// A TLS handshake, control or data.
    pub handshake: Duration,
    /// Waiting for the peer to close a data connection after its end was announced.
    pub close: Duration,
    /// Wrong passwords per connection, 1–10; the last is answered 421.
    pub wrong_passwords: u8,
    /// Wrong passwords from one address within [`ban_window`](Self::ban_window) after which it is
    /// turned away for as long again; 0 for never. Loopback addresses never are.
    pub ban_failures: u32,
    /// See [`ban_failures`](Self::ban_failures).
    pub ban_window: Duration,
    /// Longest command line in octets, CRLF included.
    pub line: usize,
    /// Entries in one STAT listing over the control connection.
    pub stat_entries: usize,
    /// Longest file that is scanned to answer SIZE in TYPE A and TYPE E, in octets.
    pub ascii_size_scan: u64,
    /// The longest silence a client can ask for by SITE IDLE.
    pub idle_max: Duration,
    /// Octets that one command without a data connection may read or write (HASH, COMB, COPY).
    pub work_octets: u64,
    /// Files and directories that one command may visit (DSIZ, RMDA, COPY).
    pub work_entries: u64,
    /// Time that one such command may take.
    pub work_time: Duration,
    /// Longest file that is scanned for the place that REST names for RETR where TYPE or STRU
    /// changes octets, in octets.
    pub ascii_restart_scan: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 10_000,
            per_address: 20,
            idle: Duration::from_secs(300),
            login: Duration::from_secs(60),
            stall: Duration::from_secs(120),
            data_connect: Duration::from_secs(30),
            passive_unused: Duration::from_secs(60),
            handshake: Duration::from_secs(15),
            close: Duration::from_secs(5),
            wrong_passwords: 3,
            ban_failures: 100,
            ban_window: Duration::from_secs(600),
            line: 8192,
            stat_entries: 10_000,
            ascii_size_scan: 16 << 20,
            ascii_restart_scan: 256 << 20,
            idle_max: Duration::from_secs(7200),
            work_octets: 256 << 30,
            work_entries: 1_000_000,
            work_time: Duration::from_secs(900),
        }
    }
}

/// How fast octets may go over data connections. Where several limits apply, the lowest does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Bandwidths {
    /// Over all of them together.
    pub in_all: Rates,
    /// Over those of each account that says nothing else of itself.
    pub account: Bandwidth,
}

/// Everything an operator decides.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Options {
    /// Where to accept control connections.
    pub listen: Vec<Listen>,
    /// Lines shown in the greeting before the 220 line; empty for none.
    pub banner: Vec<String>,
    /// Which connections must be under TLS.
    pub require_tls: RequireTls,
    /// Whether data connections must resume.
    pub data_resumption: DataResumption,
    /// Who may open a passive data connection.
    pub data_peer: DataPeer,
    /// Ports for passive data connections.
    pub passive_ports: RangeInclusive<u16>,
    /// One port for the passive data connections of all sessions, in place of
    /// [`passive_ports`](Self::passive_ports), on every address of [`listen`](Self::listen).
    pub shared_data_port: Option<u16>,
    /// Where a router maps the passive ports to others outside: the first of those, as many as
    /// there are inside.
    pub outside_ports: Option<u16>,
    /// The IPv4 address announced in 227 to peers outside private networks.
    pub public_address: Option<Public>,
    /// The IPv4 address announced to peers of certain networks, private ones too; the network
    /// with the longest prefix counts.
    pub public_for: Vec<(Network, Public)>,
    /// Whose connections begin with a header of the PROXY protocol that says whose they are.
    pub proxies: Vec<Network>,
    /// Whether that holds for data connections, too.
    pub data_proxy: bool,
    /// Whether a transfer without PASV or PORT connects to the default data port (RFC 959 §3.3).
    pub default_data_port: bool,
    /// Whether an upload whose TLS data connection ended without close_notify is refused.
    pub strict_close_notify: bool,
    /// What an upload does until it is complete.
    pub uploads: Upload,
    /// Permission bits taken away from new files (0o666) and directories (0o777).
    pub umask: u32,
    /// Whether LIST and NLST show names that start with a dot without being asked.
    pub show_hidden: bool,
    /// Whether LIST and NLST obey `-R`: one command then reads many directories.
    pub recursive_listings: bool,
    /// Names of the host that is served where no virtual host is meant (HOST, RFC 7151). Without
    /// any, and without virtual hosts, every name is this one's.
    pub names: Vec<String>,
    /// The legacy charset that clients of this host may turn to (OPTS UTF8 OFF), unless their
    /// account has one of its own.
    pub charset: Option<NameCharset>,
    /// Whether FF begins Telnet commands on the control connection and is doubled in names; off
    /// for clients of a charset with a letter there (ÿ, я) that know no Telnet.
    pub telnet: bool,
    /// Whether CCC may end TLS on the control connection.
    pub ccc: bool,
    /// Whether LPRT and LPSV are carried out (RFC 1639).
    pub long_addresses: bool,
    /// Whether accounts that may can have data moved between servers (FXP). Needs ports of its own
    /// for passive data connections: on a shared one nobody could tell whose a server's are.
    pub fxp: bool,
    /// Where those other servers may be; empty for anywhere.
    pub fxp_partners: Vec<Network>,
    /// Representations other than TYPE I.
    pub coding: Coding,
    /// How fast octets may go.
    pub bandwidth: Bandwidths,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            banner: Vec::new(),
            require_tls: RequireTls::No,
            data_resumption: DataResumption::Prefer,
            data_peer: DataPeer::Strict,
            passive_ports: 50_000..=50_999,
            shared_data_port: None,
            outside_ports: None,
            public_address: None,
            public_for: Vec::new(),
            proxies: Vec::new(),
            data_proxy: false,
            default_data_port: true,
            strict_close_notify: false,
            uploads: Upload::Atomic,
            umask: 0o022,
            show_hidden: false,
            recursive_listings: false,
            names: Vec::new(),
            charset: None,
            telnet: true,
            ccc: false,
            long_addresses: false,
            fxp: false,
            fxp_partners: Vec::new(),
            coding: Coding::default(),
            bandwidth: Bandwidths::default(),
            limits: Limits::default(),
        }
    }
}
