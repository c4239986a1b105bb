//! Servers of all makes on one machine, with one face: start, address, files, end. One file per
//! make says how it is configured; what is asked of them is in `tests/`.
//!
//! Packages of servers exclude each other, so `cargo xtask peers` unpacks them below
//! `target/peers`; `FERRY_PEERS` names another folder. They are as strict as they can be told to be
//! (data connections must resume the control connection's TLS session), unless asked otherwise.

mod end;
mod ferryd;
mod proftpd;
mod pureftpd;
mod pyftpdlib;
mod rclone;
mod vsftpd;

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::peers::say;
use crate::process::last_lines;
use crate::server::make_certificate;

/// How often a starting server is tried, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 1500;

/// How often a port that was free is tried, in case it is not any more.
const STARTS_MAX: u32 = 5;

/// Where servers listen: below the ports that systems give to clients, so that no client is ever in
/// the way. Each has a block of its own for what listens later.
const PORTS: std::ops::Range<u32> = 10_000..32_000;
const BLOCK: u32 = 200;

/// The makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "what there is to run")]
pub enum Kind {
    /// vsftpd 3.0.3: no MLSD, no implicit answers beyond RFC 3659's SIZE and MDTM.
    Vsftpd,
    /// ProFTPD 1.3.8 with TLS, digests, MODE Z and SITE commands.
    Proftpd,
    /// Pure-FTPd 1.0.50.
    PureFtpd,
    /// pyftpdlib 2.
    Pyftpdlib,
    /// `rclone serve ftp`, without a cache: no writing in the middle of files.
    Rclone,
    /// Our own.
    Ferryd,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Vsftpd, Self::Proftpd, Self::PureFtpd, Self::Pyftpdlib, Self::Rclone, Self::Ferryd];

    /// The name people know it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vsftpd => "vsftpd",
            Self::Proftpd => "proftpd",
            Self::PureFtpd => "pure-ftpd",
            Self::Pyftpdlib => "pyftpdlib",
            Self::Rclone => "rclone",
            Self::Ferryd => "ferryd",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a server offers besides plain text. rclone and ferryd offer both versions of TLS all the
/// same: a client that wants the older one must ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Tls {
    /// Nothing.
    Plain,
    /// TLS 1.2, by AUTH TLS; see [`Peer::implicit`].
    V12,
    /// TLS 1.3, likewise.
    V13,
}

impl Tls {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::V12, Self::V13];

    /// Whether there is TLS.
    #[must_use]
    pub fn is_on(self) -> bool {
        self != Self::Plain
    }
}

impl fmt::Display for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Plain => "plain",
            Self::V12 => "TLS 1.2",
            Self::V13 => "TLS 1.3",
        })
    }
}

/// How a server is to be started.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Options {
    /// Its make.
    pub kind: Kind,
    /// What protects it.
    pub tls: Tls,
    /// Where it listens.
    pub ip: Ipv4Addr,
    /// The address it names in replies to PASV, if not that.
    pub public: Option<Ipv4Addr>,
    /// The ports of passive data connections, first and last; otherwise any.
    pub passive: Option<(u16, u16)>,
    /// Whether data connections must resume the control connection's TLS session, where the server
    /// can be told so (vsftpd, ProFTPD, ferryd), and must be with the client's own address.
    pub strict: bool,
    /// An existing directory to serve; otherwise a new and empty one.
    pub root: Option<PathBuf>,
}

impl Options {
    /// Strict, on 127.0.0.1.
    #[must_use]
    pub fn new(kind: Kind, tls: Tls) -> Self {
        Self {
            kind,
            tls,
            ip: Ipv4Addr::LOCALHOST,
            public: None,
            passive: None,
            strict: true,
            root: None,
        }
    }
}

/// What a make needs to write its configuration.
struct Setup<'a> {
    options: &'a Options,
    /// What was unpacked for it.
    folder: &'a Path,
    /// Its own directory; `main.pem` and `main.key` are there.
    dir: &'a Path,
    /// What it serves.
    root: &'a Path,
    port: u16,
    /// Ports that are its own, for makes that cannot let the system choose.
    spare: (u16, u16),
}

/// A command to start a server by.
struct Launch {
    command: Command,
    /// Files outside of its directory that are to be removed in the end.
    leftovers: Vec<PathBuf>,
}

impl From<Command> for Launch {
    fn from(command: Command) -> Self {
        Self { command, leftovers: Vec::new() }
    }
}

/// A running server. Dropping it ends it with all its processes and removes its files.
#[derive(Debug)]
#[non_exhaustive]
pub struct Peer {
    /// The name people know it by.
    pub name: &'static str,
    /// Its make.
    pub kind: Kind,
    /// Its control port.
    pub addr: SocketAddr,
    /// Whether TLS begins with the first octet and not with AUTH. So it does with rclone 1.75,
    /// which then refuses PBSZ and PROT and sends files in the clear.
    pub implicit: bool,
    /// Where the files of the account are on this machine. Put things there with
    /// [`write`](Self::write) and [`make_dir`](Self::make_dir), so that the account owns them.
    pub root: PathBuf,
    /// Its certificate in PEM, self-signed, for localhost and its addresses.
    pub certificate: PathBuf,
    dir: TempDir,
    child: Child,
    leftovers: Vec<PathBuf>,
}

/// Starts a server for [`crate::USER`] with [`crate::PASSWORD`]; [`None`], and a printed line,
/// where it cannot be had.
///
/// # Errors
/// It does not start; the error holds its log. It cannot be had, and `FERRY_REQUIRE_PEERS` is set.
pub fn start(kind: Kind, tls: Tls) -> io::Result<Option<Peer>> {
    start_with(&Options::new(kind, tls))
}

/// As [`start`], with more said.
///
/// # Errors
/// As [`start`].
pub fn start_with(options: &Options) -> io::Result<Option<Peer>> {
    let folder = match found(options.kind) {
        Ok(folder) => folder,
        Err(why) => {
            let required = std::env::var_os("FERRY_REQUIRE_PEERS").is_some_and(|v| !v.is_empty());
            if required {
                return Err(io::Error::other(format!("{why}, and FERRY_REQUIRE_PEERS demands it")));
            }
            say(&format!("SKIPPED: {why}\n"));
            return Ok(None);
        }
    };
    let mut failed = io::Error::other("never tried");
    for _ in 0..STARTS_MAX {
        match try_start(options, &folder) {
            Ok(peer) => return Ok(Some(peer)),
            Err(e) => failed = e,
        }
    }
    Err(failed)
}

/// Where servers are unpacked.
fn peers() -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    std::env::var_os("FERRY_PEERS").map_or_else(usual, PathBuf::from)
}

/// The folder of a make, or why there is none.
fn found(kind: Kind) -> Result<PathBuf, String> {
    let peers = peers();
    let (folder, program, needs_root) = match kind {
        Kind::Vsftpd => (peers.join("vsftpd"), "usr/sbin/vsftpd", true),
        Kind::Proftpd => (peers.join("proftpd"), "usr/sbin/proftpd", false),
        Kind::PureFtpd => (peers.join("pure-ftpd"), "usr/sbin/pure-ftpd", true),
        Kind::Pyftpdlib => (peers.join("venv"), "bin/python", false),
        Kind::Rclone => (peers.join("venv"), "bin/rclone", false),
        Kind::Ferryd => return crate::server::binary().map_err(|e| e.to_string()),
    };
    if !folder.join(program).exists() {
        return Err(format!("{kind} is not unpacked (`cargo xtask peers` does that)"));
    }
    if needs_root && !is_root() {
        return Err(format!("{kind} can only be run by root"));
    }
    folder.canonicalize().map_err(|e| e.to_string())
}

fn is_root() -> bool {
    identity("-u").is_ok_and(|id| id == "0")
}

/// What `id` says of whom the tests run as.
fn identity(flag: &str) -> io::Result<String> {
    let said = Command::new("id").arg(flag).output()?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn try_start(options: &Options, folder: &Path) -> io::Result<Peer> {
    let dir = tempfile::tempdir()?;
    // Some servers look at their files as somebody else.
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755))?;
    let root = match &options.root {
        Some(root) => root.clone(),
        None => {
            let root = dir.path().join("files");
            fs::create_dir(&root)?;
            root
        }
    };
    hand_over(options.kind, &root)?;
    let names = [Some(options.ip), options.public].into_iter().flatten().map(|ip| ip.to_string());
    let names: Vec<String> = ["localhost".to_owned()].into_iter().chain(names).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    make_certificate(dir.path(), "main", &names)?;
    fs::set_permissions(dir.path().join("main.key"), Permissions::from_mode(0o600))?;
    let (port, spare) = free_ports(options.ip)?;
    let setup = Setup { options, folder, dir: dir.path(), root: &root, port, spare };
    let launch = match options.kind {
        Kind::Vsftpd => vsftpd::launch(&setup)?,
        Kind::Proftpd => proftpd::launch(&setup)?.into(),
        Kind::PureFtpd => pureftpd::launch(&setup)?.into(),
        Kind::Pyftpdlib => pyftpdlib::launch(&setup)?.into(),
        Kind::Rclone => rclone::launch(&setup).into(),
        Kind::Ferryd => ferryd::launch(&setup)?.into(),
    };
    let Launch { mut command, leftovers } = launch;
    let log = File::create(dir.path().join("log"))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .current_dir(dir.path())
        .process_group(0)
        .spawn();
    let child = child.inspect_err(|_| end::remove(&leftovers))?;
    let mut peer = Peer {
        name: options.kind.name(),
        kind: options.kind,
        addr: SocketAddr::new(IpAddr::V4(options.ip), port),
        implicit: options.kind == Kind::Rclone && options.tls.is_on(),
        root,
        certificate: dir.path().join("main.pem"),
        dir,
        child,
        leftovers,
    };
    peer.wait_until_it_greets()?;
    Ok(peer)
}

/// A control port and a range of further ports, both of one block that nobody listens in.
fn free_ports(ip: Ipv4Addr) -> io::Result<(u16, (u16, u16))> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let blocks = (PORTS.end - PORTS.start) / BLOCK;
    for _ in 0..blocks {
        // Other processes start somewhere else.
        let turn = NEXT.fetch_add(1, Ordering::Relaxed);
        let block = std::process::id().wrapping_mul(37).wrapping_add(turn) % blocks;
        let port = |offset: u32| u16::try_from(PORTS.start + block * BLOCK + offset);
        let (Ok(first), Ok(second), Ok(last)) = (port(0), port(1), port(BLOCK - 1)) else {
            continue;
        };
        if TcpListener::bind((ip, first)).is_ok() {
            return Ok((first, (second, last)));
        }
    }
    Err(io::Error::other(format!("no free port at {ip}")))
}

/// Gives `path` to whom a make's account is.
fn hand_over(kind: Kind, path: &Path) -> io::Result<()> {
    match kind {
        Kind::PureFtpd => chown(path, Some(pureftpd::OWNER), Some(pureftpd::OWNER)),
        _ => Ok(()),
    }
}

impl Peer {
    /// Writes a file below the root, as the account's.
    ///
    /// # Errors
    /// As [`fs::write`].
    pub fn write(&self, path: impl AsRef<Path>, content: &[u8]) -> io::Result<()> {
        let path = self.root.join(path);
        fs::write(&path, content)?;
        hand_over(self.kind, &path)
    }

    /// Makes a directory below the root, as the account's.
    ///
    /// # Errors
    /// As [`fs::create_dir`].
    pub fn make_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = self.root.join(path);
        fs::create_dir(&path)?;
        hand_over(self.kind, &path)
    }

    /// The number of its main process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The ends of its logs, marked as such, for the report of a failure.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let mut text = String::new();
        for name in ["log", "system.log", "tls.log", "xfer.log", "vsftpd.log"] {
            let log = fs::read(self.dir.path().join(name)).unwrap_or_default();
            for line in last_lines(&String::from_utf8_lossy(&log), 20) {
                text += &format!("{} {name}| {line}\n", self.name);
            }
        }
        text
    }

    fn wait_until_it_greets(&mut self) -> io::Result<()> {
        for _ in 0..LOOKS_MAX {
            if let Some(status) = self.child.try_wait()? {
                let log = self.log_tail();
                return Err(io::Error::other(format!("{}: {status}\n{log}", self.name)));
            }
            if greets(self.addr, self.implicit) {
                return Ok(());
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::other(format!("{} does not get ready:\n{}", self.name, self.log_tail())))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        end::family(&mut self.child);
        end::remove(&self.leftovers);
    }
}

/// Whether an FTP server answers; where it waits for TLS, whether anyone does.
fn greets(at: SocketAddr, implicit: bool) -> bool {
    let Ok(mut stream) = TcpStream::connect(at) else { return false };
    if implicit {
        return true;
    }
    let mut code = [0; 3];
    let patient = stream.set_read_timeout(Some(Duration::from_secs(5)));
    patient.is_ok() && stream.read_exact(&mut code).is_ok() && code == *b"220"
}

/// Has OpenSSL speak one version of TLS only, for servers that have no setting of their own.
fn pin_openssl(command: &mut Command, setup: &Setup<'_>) -> io::Result<()> {
    let version = match setup.options.tls {
        Tls::Plain => return Ok(()),
        Tls::V12 => "TLSv1.2",
        Tls::V13 => "TLSv1.3",
    };
    let path = setup.dir.join("openssl.cnf");
    fs::write(
        &path,
        format!(
            "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = pinned\n\
             [pinned]\nMinProtocol = {version}\nMaxProtocol = {version}\n"
        ),
    )?;
    command.env("OPENSSL_CONF", path);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_its_directory_stays() {
        let Some(peer) = start(Kind::Vsftpd, Tls::Plain).unwrap() else { return };
        let outside = peer.leftovers.clone();
        assert!(!outside.is_empty() && outside.iter().all(|path| path.exists()), "{outside:?}");
        drop(peer);
        assert!(outside.iter().all(|path| !path.exists()), "{outside:?}");
    }

    #[test]
    fn servers_do_not_share_ports() {
        let (one, ones) = free_ports(Ipv4Addr::LOCALHOST).unwrap();
        let (two, twos) = free_ports(Ipv4Addr::LOCALHOST).unwrap();
        assert!(one < ones.0 && ones.0 < ones.1 && (ones.1 < two || twos.1 < one));
    }
}
