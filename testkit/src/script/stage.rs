//! What a conversation plays on: the network, the files, the accounts and the options, made from
//! the setup lines before anyone connects.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use ferry_accounts::AcctFor;
use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_server::options::{
    DataPeer, Limits, Listen, ListenTls, NameCharset, Options, Public, RequireTls,
};
use ferry_storage::memory::Memory;
use ferry_storage::{Storage, Upload};

use super::step::Setup;
use super::text::{duration, quoted};
use crate::net::{ENGINE_V4, SimNet};

/// The time of day in every conversation: 2026-03-05 12:00:00 UTC.
pub const NOW: UnixTime = UnixTime::from_secs(1_772_712_000);

/// Where clients come from when the text does not say.
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Someone who may log in.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct User {
    /// The name.
    pub name: String,
    /// The password, compared as it is.
    pub password: Vec<u8>,
    /// Whether files may be changed.
    pub writes: bool,
    /// Where sessions start.
    pub home: FtpPath,
    /// Whether it may see who is connected.
    pub admin: bool,
    /// The legacy charset of the account.
    pub charset: Option<NameCharset>,
    /// What ACCT is needed for, and what it must say.
    pub acct: Option<(AcctFor, Vec<u8>)>,
    /// Whether it may have data moved between servers.
    pub fxp: bool,
    /// What may be mounted.
    pub volumes: Vec<(String, Arc<Memory>)>,
}

/// A virtual host: one user, who may write, and files of its own.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VirtualStage {
    /// Its name.
    pub name: String,
    /// Its banner.
    pub banner: String,
    /// Its legacy charset.
    pub charset: Option<NameCharset>,
    /// Who may log in.
    pub user: User,
    /// Its files: at first `/host.txt`, in which its name stands.
    pub storage: Arc<Memory>,
}

/// Everything a server needs to be started for one conversation.
#[derive(Debug)]
#[non_exhaustive]
pub struct Stage {
    /// The network.
    pub net: SimNet,
    /// The files.
    pub storage: Arc<Memory>,
    /// The options; one listener, at [`server`](Self::server).
    pub options: Options,
    /// Who may log in.
    pub users: Vec<User>,
    /// Hosts of other names.
    pub hosts: Vec<VirtualStage>,
    /// Whether the anonymous account exists.
    pub anonymous: bool,
    /// Where clients find the server.
    pub server: SocketAddr,
    /// The address it listens at, where that is not the same one.
    pub listen: Option<IpAddr>,
    /// Where clients come from unless a line says otherwise.
    pub peer: IpAddr,
    /// The seed of this run.
    pub seed: u64,
}

impl User {
    fn new(name: &str, password: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            password: password.to_vec(),
            writes: true,
            home: FtpPath::root(),
            admin: false,
            charset: None,
            acct: None,
            fxp: false,
            volumes: Vec::new(),
        }
    }
}

fn empty() -> Arc<Memory> {
    let storage = Memory::new();
    storage.set_now(NOW);
    Arc::new(storage)
}

impl Stage {
    pub(crate) fn new(seed: u64) -> Self {
        let storage = Memory::new();
        storage.set_now(NOW);
        Self {
            net: SimNet::new(seed),
            storage: Arc::new(storage),
            options: Options::default(),
            users: Vec::new(),
            hosts: Vec::new(),
            anonymous: false,
            server: SocketAddr::new(ENGINE_V4.into(), 21),
            listen: None,
            peer: CLIENT,
            seed,
        }
    }

    /// Makes the last arrangements: a user to log in with, if the text named none, and the
    /// listener.
    pub(crate) fn finish(&mut self) {
        if self.users.is_empty() {
            self.users.push(User::new("alice", b"secret"));
        }
        let ip = self.listen.unwrap_or_else(|| self.server.ip());
        let at = SocketAddr::new(ip, self.server.port());
        self.options.listen = vec![Listen { at, tls: ListenTls::Explicit }];
    }

    /// Lets one more user log in.
    pub(crate) fn add_user(
        &mut self,
        name: &str,
        password: &str,
        writes: bool,
        home: &str,
    ) -> Result<(), String> {
        let home = FtpPath::new(home.as_bytes()).map_err(|e| e.to_string())?;
        self.users.push(User { writes, home, ..User::new(name, password.as_bytes()) });
        Ok(())
    }

    fn user(&mut self, name: &str) -> Result<&mut User, String> {
        let user = self.users.iter_mut().find(|user| user.name == name);
        user.ok_or_else(|| format!("no user {name} was named before"))
    }

    /// The content of a file.
    #[must_use]
    pub fn file(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.storage.get(FtpPath::new(path).ok()?.as_bytes())
    }

    /// Whether a directory has this name.
    pub async fn is_dir(&self, path: &[u8]) -> bool {
        let Ok(path) = FtpPath::new(path) else {
            return false;
        };
        self.storage.list(&path).await.is_ok()
    }

    pub(crate) async fn set_up(&mut self, setup: &Setup) -> Result<(), String> {
        match setup {
            Setup::File(path, content) => {
                self.storage.put(path, &content.octets()).map_err(|e| e.to_string())?;
            }
            Setup::Dir(path) => {
                let path = FtpPath::new(path).map_err(|e| e.to_string())?;
                self.storage.make_dir(&path, 0o755).await.map_err(|e| e.to_string())?;
            }
            Setup::Symlink(path, target) => {
                self.storage.add_symlink(path, target).map_err(|e| e.to_string())?;
            }
            Setup::User { name, password, writes, home } => self.users.push(User {
                name: name.clone(),
                password: password.clone(),
                writes: *writes,
                home: FtpPath::new(home).map_err(|e| e.to_string())?,
                ..User::new(name, password)
            }),
            Setup::Admin(name) => self.user(name)?.admin = true,
            Setup::Acct { name, until, info } => {
                self.user(name)?.acct = Some((*until, info.clone()));
            }
            Setup::Fxp { name } => self.user(name)?.fxp = true,
            Setup::Charset { whose, label } => {
                let charset = Some(charset(label)?);
                match self.hosts.iter_mut().find(|host| host.name == *whose) {
                    Some(host) => host.charset = charset,
                    None => self.user(whose)?.charset = charset,
                }
            }
            Setup::Volume { user, name, path, content } => {
                let user = self.user(user)?;
                let found = user.volumes.iter().find(|(known, _)| known == name);
                let storage = match found {
                    Some((_, storage)) => Arc::clone(storage),
                    None => {
                        let storage = empty();
                        user.volumes.push((name.clone(), Arc::clone(&storage)));
                        storage
                    }
                };
                storage.put(path, &content.octets()).map_err(|e| e.to_string())?;
            }
            Setup::VirtualHost { name, user, password, banner } => {
                let storage = empty();
                storage.put(b"/host.txt", name.as_bytes()).map_err(|e| e.to_string())?;
                self.hosts.push(VirtualStage {
                    name: name.clone(),
                    banner: banner.clone(),
                    charset: None,
                    user: User::new(user, password),
                    storage,
                });
            }
            Setup::Anonymous => self.anonymous = true,
            Setup::Option { name, value } => set(&mut self.options, name, value)?,
            Setup::Server(ip) => self.server.set_ip(*ip),
            Setup::Listen(ip) => self.listen = Some(*ip),
            Setup::Peer(ip) => self.peer = *ip,
            Setup::Host(ip, how) => self.net.set_host(*ip, *how),
            Setup::Taken(at) => self.net.refuse_bind(*at, io::ErrorKind::AddrInUse),
            Setup::Forbidden(at) => self.net.refuse_bind(*at, io::ErrorKind::PermissionDenied),
            Setup::Free(octets) => self.storage.set_free_space(Some(*octets)),
        }
        Ok(())
    }
}

/// Sets one option by the name it has in [`Options`] or [`Limits`].
fn set(options: &mut Options, name: &str, value: &str) -> Result<(), String> {
    match name {
        "banner" => options.banner.push(text(value)?),
        "require_tls" => {
            options.require_tls = match value {
                "no" => RequireTls::No,
                "login" => RequireTls::Login,
                "both" => RequireTls::Both,
                _ => return Err(format!("require_tls is no, login or both, not {value}")),
            }
        }
        "data_peer" => {
            options.data_peer = match value {
                "strict" => DataPeer::Strict,
                "same-net" => DataPeer::SameNet,
                "any" => DataPeer::Any,
                _ => return Err(format!("data_peer is strict, same-net or any, not {value}")),
            }
        }
        "uploads" => {
            options.uploads = match value {
                "atomic" => Upload::Atomic,
                "discard" => Upload::Discard,
                "direct" => Upload::Direct,
                _ => {
                    return Err(format!("uploads are atomic, discard or direct, not {value}"));
                }
            }
        }
        "passive_ports" => options.passive_ports = range(value)?,
        "public_address" => options.public_address = Some(public(value)),
        "public_for" => {
            let (network, address) = value.split_once('=').ok_or("public_for=NETWORK=ADDRESS")?;
            options.public_for.push((parse(network)?, public(address)));
        }
        "outside_ports" => options.outside_ports = Some(parse(value)?),
        "shared_data_port" => options.shared_data_port = Some(parse(value)?),
        "proxy" => options.proxies.push(parse(value)?),
        "data_proxy" => options.data_proxy = parse(value)?,
        "default_data_port" => options.default_data_port = parse(value)?,
        "ccc" => options.ccc = parse(value)?,
        "long_addresses" => options.long_addresses = parse(value)?,
        "fxp" => options.fxp = parse(value)?,
        "fxp_partner" => options.fxp_partners.push(parse(value)?),
        "charset" => options.charset = Some(charset(value)?),
        "telnet" => options.telnet = parse(value)?,
        "name" => options.names.push(value.to_owned()),
        "show_hidden" => options.show_hidden = parse(value)?,
        "recursive_listings" => options.recursive_listings = parse(value)?,
        _ => set_limit(&mut options.limits, name, value)?,
    }
    Ok(())
}

fn set_limit(limits: &mut Limits, name: &str, value: &str) -> Result<(), String> {
    match name {
        "sessions" => limits.sessions = parse(value)?,
        "ban_failures" => limits.ban_failures = parse(value)?,
        "ban_window" => limits.ban_window = duration(value)?,
        "per_address" => limits.per_address = parse(value)?,
        "idle" => limits.idle = duration(value)?,
        "login" => limits.login = duration(value)?,
        "stall" => limits.stall = duration(value)?,
        "data_connect" => limits.data_connect = duration(value)?,
        "passive_unused" => limits.passive_unused = duration(value)?,
        "close" => limits.close = duration(value)?,
        "wrong_passwords" => limits.wrong_passwords = parse(value)?,
        "line" => limits.line = parse(value)?,
        "stat_entries" => limits.stat_entries = parse(value)?,
        "ascii_size_scan" => limits.ascii_size_scan = parse(value)?,
        "idle_max" => limits.idle_max = duration(value)?,
        "work_octets" => limits.work_octets = parse(value)?,
        "work_entries" => limits.work_entries = parse(value)?,
        "work_time" => limits.work_time = duration(value)?,
        "ascii_restart_scan" => limits.ascii_restart_scan = parse(value)?,
        _ => return Err(format!("there is no option {name}")),
    }
    Ok(())
}

fn charset(label: &str) -> Result<NameCharset, String> {
    NameCharset::named(label).ok_or_else(|| format!("there is no charset {label}"))
}

fn parse<T: FromStr>(value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("not a value for this option: {value}"))
}

fn public(value: &str) -> Public {
    value.parse().map_or_else(|_| Public::Name(value.to_owned()), Public::Ip)
}

fn range(value: &str) -> Result<RangeInclusive<u16>, String> {
    let (low, high) = value.split_once('-').ok_or("a range is LOW-HIGH")?;
    Ok(parse(low)?..=parse(high)?)
}

fn text(value: &str) -> Result<String, String> {
    let (octets, _) = quoted(value)?;
    String::from_utf8(octets).map_err(|e| e.to_string())
}
