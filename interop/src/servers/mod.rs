//! Other people's FTP servers on loopback, for the client's tests and the benchmarks: one face for
//! all of them ([`Peer`]), one file for what each needs to be told.
//!
//! `cargo xtask peers` gets them: Debian packages, which exclude each other, are unpacked into
//! `target/peers/NAME`, Python's live in `target/peers/venv`; `FERRY_PEERS` names another folder.
//! Each start has its own directory, ports and certificate, so that any number may run side by
//! side, and dropping a [`Peer`] ends it with all its processes.

mod ferryd;
mod proftpd;
mod pureftpd;
mod pyftpdlib;
mod rclone;
mod running;
mod vsftpd;

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::peers::say;
use crate::server::make_certificate;
use crate::{PASSWORD, USER};
use running::{Running, reserve};

/// A server of others, or ours to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "tests mean to name all of them")]
pub enum Kind {
    /// vsftpd 3.0.3: no MLSD, sessions of TLS must be resumed. Runs as root only.
    Vsftpd,
    /// `ProFTPD` 1.3.8 with its modules for TLS, hashes, copies, MODE Z and SITE commands; sessions
    /// of TLS must be resumed.
    Proftpd,
    /// Pure-FTPd 1.0.50. Runs as root only; its account is nobody, see [`Peer::settle`].
    PureFtpd,
    /// pyftpdlib 2: one thread of Python, REIN.
    Pyftpdlib,
    /// `rclone serve ftp`: its TLS is implicit only.
    Rclone,
    /// Our own, beside them.
    Ferryd,
}

/// Which TLS a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "tests mean to name all of them")]
pub enum Tls {
    /// None: AUTH is refused.
    Plain,
    /// 1.2 and nothing else.
    V12,
    /// 1.3; from servers that cannot be told so ([`Kind::Rclone`], [`Kind::Ferryd`]) 1.2, too.
    V13,
}

/// How to start a server; [`Options::new`] is what tests want.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Options<'a> {
    /// Which TLS it offers.
    pub tls: Tls,
    /// Where it listens.
    pub ip: Ipv4Addr,
    /// What it names in its replies to PASV, if not that.
    pub announced: Option<Ipv4Addr>,
    /// Where its directory is made, if not among temporary files.
    pub base: Option<&'a Path>,
    /// Whether it demands that data connections resume the control connection's TLS session,
    /// where it knows how to.
    pub strict: bool,
    /// Whether it locks a file that is being uploaded, where it knows how to.
    pub locks: bool,
    /// Whether data may come from and go to other servers, where it knows how to let it.
    pub foreign: bool,
    /// The most sessions it lets in, all from one address.
    pub sessions: u32,
}

impl Options<'_> {
    /// On 127.0.0.1 and as strict as it can be.
    #[must_use]
    pub fn new(tls: Tls) -> Self {
        Self {
            tls,
            ip: Ipv4Addr::LOCALHOST,
            announced: None,
            base: None,
            strict: true,
            locks: true,
            foreign: false,
            sessions: 1000,
        }
    }
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Vsftpd, Self::Proftpd, Self::PureFtpd, Self::Pyftpdlib, Self::Rclone, Self::Ferryd];

    /// Its name.
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

    /// Why it cannot offer `tls`, if it cannot: no machine has it then, and it is no failure.
    #[must_use]
    pub fn tls_left_out(self, tls: Tls) -> Option<&'static str> {
        match (self, tls) {
            (Self::Rclone | Self::Ferryd, Tls::V12) => Some("always offers TLS 1.3 as well"),
            (Self::Ferryd, Tls::Plain) => Some("always offers TLS"),
            _ => None,
        }
    }

    /// Whether it refuses wrong passwords. vsftpd asks PAM, and the modules of PAM that need no
    /// account of the system or no helper process take any password.
    #[must_use]
    pub fn checks_passwords(self) -> bool {
        self != Self::Vsftpd
    }

    /// Whether it knows AUTH TLS at all.
    #[must_use]
    pub fn has_auth(self) -> bool {
        self != Self::Rclone
    }

    /// Why it cannot be run here, if it cannot.
    fn missing(self) -> Option<String> {
        let needs_root = matches!(self, Self::Vsftpd | Self::PureFtpd);
        if needs_root && !is_root() {
            return Some("runs as root only".to_owned());
        }
        let runs = match self {
            Self::Vsftpd => runs(&vsftpd::binary(), &["-v"]),
            Self::Proftpd => runs(&proftpd::binary(), &["-v"]),
            Self::PureFtpd => runs(&pureftpd::binary(), &["--help"]),
            Self::Pyftpdlib => runs(&pyftpdlib::python(), &["-c", "import pyftpdlib, OpenSSL"]),
            Self::Rclone => runs(&rclone::binary(), &["serve", "ftp", "--help"]),
            Self::Ferryd => crate::server::binary().is_ok(),
        };
        (!runs).then(|| "is not here (`cargo xtask peers` gets it)".to_owned())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A running server. Dropping it ends it and removes its files.
#[derive(Debug)]
#[non_exhaustive]
pub struct Peer {
    /// Which one it is.
    pub kind: Kind,
    /// Where it listens; AUTH TLS there if [`Kind::has_auth`], unless [`Tls::Plain`].
    pub addr: SocketAddr,
    /// Where TLS starts with the first octet, if it can do that.
    pub implicit_addr: Option<SocketAddr>,
    /// The directory the account sees as `/`.
    pub root: PathBuf,
    /// Its certificate in PEM, for localhost and the addresses it has and announces.
    pub certificate: PathBuf,
    /// Before the directory, so that processes end before their files go.
    running: Vec<Running>,
    dir: TempDir,
}

impl Peer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }

    /// The account's name.
    #[must_use]
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The account's password; it has a space in it.
    #[must_use]
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Hands everything below [`root`](Self::root) to the account. To be called after putting
    /// directories there that the account shall write into: Pure-FTPd's is not root.
    ///
    /// # Errors
    /// Something there cannot be changed.
    pub fn settle(&self) -> io::Result<()> {
        if self.kind == Kind::PureFtpd { give(&self.root, pureftpd::NOBODY) } else { Ok(()) }
    }

    /// Its processes as it was started; those it has started itself are below them.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.running.iter().map(Running::id).collect()
    }

    /// The ends of its logs, marked as such, for the report of a failure.
    #[must_use]
    pub fn log_tail(&self) -> String {
        running::log_tail(self.name(), self.dir.path())
    }
}

/// Starts a server as tests want it. `None`: it cannot be had here, and that has been printed.
///
/// # Errors
/// It does not start; the error holds its logs.
///
/// # Panics
/// It cannot be had and `FERRY_REQUIRE_PEERS` is set: there a skip would pass for a success.
pub fn start(kind: Kind, tls: Tls) -> io::Result<Option<Peer>> {
    start_with(kind, Options::new(tls))
}

/// Starts a server. `None`: it cannot be had here, and that has been printed.
///
/// # Errors
/// It does not start; the error holds its logs.
///
/// # Panics
/// It cannot be had and `FERRY_REQUIRE_PEERS` is set: there a skip would pass for a success.
#[allow(clippy::panic, reason = "called from tests, as an assertion")]
pub fn start_with(kind: Kind, options: Options<'_>) -> io::Result<Option<Peer>> {
    if let Some(why) = kind.tls_left_out(options.tls) {
        say(&format!("LEFT OUT: {kind} with {:?}: {why}\n", options.tls));
        return Ok(None);
    }
    if let Some(why) = kind.missing() {
        let required = std::env::var_os("FERRY_REQUIRE_PEERS").is_some_and(|v| !v.is_empty());
        assert!(!required, "{kind} {why}, and FERRY_REQUIRE_PEERS demands it");
        say(&format!("SKIPPED: {kind} {why}\n"));
        return Ok(None);
    }
    let site = Site::new(kind, options)?;
    let started = match kind {
        Kind::Vsftpd => vsftpd::start(&site),
        Kind::Proftpd => proftpd::start(&site),
        Kind::PureFtpd => pureftpd::start(&site),
        Kind::Pyftpdlib => pyftpdlib::start(&site),
        Kind::Rclone => rclone::start(&site),
        Kind::Ferryd => ferryd::start(&site),
    };
    let started = started.map_err(|e| {
        io::Error::other(format!("{kind}: {e}\n{}", running::log_tail(kind.name(), site.path())))
    })?;
    let (root, certificate) = (site.files(), site.certificate());
    Ok(Some(Peer {
        kind,
        addr: started.addr,
        implicit_addr: started.implicit,
        root,
        certificate,
        running: started.running,
        dir: site.dir,
    }))
}

/// What a server's own file hands back.
struct Started {
    addr: SocketAddr,
    implicit: Option<SocketAddr>,
    running: Vec<Running>,
}

/// A server's directory before it runs: `files`, `main.pem`, `main.key` and its configuration.
struct Site<'a> {
    options: Options<'a>,
    dir: TempDir,
}

impl<'a> Site<'a> {
    fn new(kind: Kind, options: Options<'a>) -> io::Result<Self> {
        let named = tempfile::Builder::new().prefix(kind.name()).to_owned();
        let dir = options.base.map_or_else(|| named.tempdir(), |base| named.tempdir_in(base))?;
        // An account that is not ours must get through.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755))?;
        fs::create_dir(dir.path().join("files"))?;
        let ip = options.ip.to_string();
        let announced = options.announced.unwrap_or(options.ip).to_string();
        make_certificate(dir.path(), "main", &["localhost", &ip, &announced])?;
        fs::set_permissions(dir.path().join("main.key"), fs::Permissions::from_mode(0o600))?;
        Ok(Self { options, dir })
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn files(&self) -> PathBuf {
        self.path().join("files")
    }

    fn certificate(&self) -> PathBuf {
        self.path().join("main.pem")
    }

    fn key(&self) -> PathBuf {
        self.path().join("main.key")
    }

    fn announced(&self) -> Ipv4Addr {
        self.options.announced.unwrap_or(self.options.ip)
    }

    fn tls(&self) -> bool {
        self.options.tls != Tls::Plain
    }

    /// The only version of TLS it may offer, as OpenSSL calls it.
    fn version(&self) -> &'static str {
        if self.options.tls == Tls::V12 { "TLSv1.2" } else { "TLSv1.3" }
    }

    /// Writes a file of its configuration and says where it is.
    fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }

    /// A configuration of OpenSSL, for servers that cannot be told which versions to offer.
    fn openssl_limits(&self) -> io::Result<PathBuf> {
        let version = self.version();
        let text = format!(
            "openssl_conf = start\n[start]\nssl_conf = ssl\n[ssl]\nsystem_default = limits\n\
             [limits]\nMinProtocol = {version}\nMaxProtocol = {version}\n"
        );
        self.write("openssl.cnf", &text)
    }

    /// Starts `command`, which is to listen at one port, and waits until it does.
    fn launch(&self, command: Command, port: running::Reserved) -> io::Result<Running> {
        Running::start(command, vec![port], &self.path().join("log"))
    }

    fn reserve(&self) -> io::Result<running::Reserved> {
        reserve(self.options.ip)
    }
}

/// The folder `cargo xtask peers` puts servers into.
#[must_use]
pub fn folder() -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    let folder = std::env::var_os("FERRY_PEERS").map_or_else(usual, PathBuf::from);
    // Servers change their directory before they look for what their configuration names.
    fs::canonicalize(&folder).unwrap_or(folder)
}

/// The newest rclone, which is a client as well; Debian's is years behind.
#[must_use]
pub fn rclone() -> PathBuf {
    rclone::binary()
}

fn runs(program: &Path, arguments: &[&str]) -> bool {
    let quiet =
        Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).output();
    // `vsftpd -v` says what it is and calls that a failure.
    quiet.is_ok_and(|done| done.status.code().is_some_and(|code| code < 126))
}

/// What `id` says of whom we run as.
fn identity(flag: &str) -> io::Result<String> {
    let said = Command::new("id").arg(flag).output()?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn is_root() -> bool {
    identity("-u").is_ok_and(|uid| uid == "0")
}

fn give(path: &Path, to: u32) -> io::Result<()> {
    chown(path, Some(to), Some(to))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), to)?;
        }
    }
    Ok(())
}
