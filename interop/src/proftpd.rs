//! ProFTPD on loopback, for transfers between servers: where it is, configuration, start, end.
//!
//! Its Debian package cannot be installed beside other servers, so `cargo xtask peers` unpacks it
//! below the folder [`crate::servers`] has its servers from.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::peers::say;
use crate::process::last_lines;
use crate::server::make_certificate;
use crate::{PASSWORD_CRYPT, USER};

/// How often a starting server is tried, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 3000;

/// How often a port that was free is tried, in case it is not any more.
const STARTS_MAX: u32 = 5;

/// The folder that holds what its package holds, if there is one.
///
/// # Panics
/// There is none and `FERRY_REQUIRE_PEERS` is set.
#[must_use]
#[allow(clippy::panic, reason = "called from tests, as an assertion")]
pub fn unpacked() -> Option<PathBuf> {
    let folder = crate::servers::folder().join("proftpd");
    let program = Command::new(folder.join("usr/sbin/proftpd"))
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if program.is_ok_and(|status| status.success()) {
        return Some(folder);
    }
    let required = std::env::var_os("FERRY_REQUIRE_PEERS").is_some_and(|v| !v.is_empty());
    assert!(!required, "proftpd is not unpacked, and FERRY_REQUIRE_PEERS demands it");
    say("SKIPPED: proftpd is not unpacked (`cargo xtask test` does that)\n");
    None
}

/// A running ProFTPD. Dropping it ends it and removes its files.
#[derive(Debug)]
pub struct Proftpd {
    child: Child,
    at: SocketAddr,
    dir: TempDir,
}

impl Proftpd {
    /// Starts it at `ip`, with AUTH TLS, an account for [`USER`], and data connections to anywhere.
    ///
    /// # Errors
    /// It does not start; the error holds its log.
    pub fn start(folder: &Path, ip: Ipv4Addr) -> io::Result<Self> {
        let mut failed = io::Error::other("never tried");
        for _ in 0..STARTS_MAX {
            match Self::try_start(folder, ip) {
                Ok(server) => return Ok(server),
                Err(e) => failed = e,
            }
        }
        Err(failed)
    }

    fn try_start(folder: &Path, ip: Ipv4Addr) -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let files = dir.path().join("files");
        fs::create_dir(&files)?;
        make_certificate(dir.path(), "main", &["localhost", "127.0.0.1"])?;
        fs::set_permissions(dir.path().join("main.key"), fs::Permissions::from_mode(0o600))?;
        let [user, uid, group, gid] = ["-un", "-u", "-gn", "-g"].map(identity);
        let (user, uid, group, gid) = (user?, uid?, group?, gid?);
        let account = format!("{USER}:{PASSWORD_CRYPT}:{uid}:{gid}::{}:/bin/sh\n", files.display());
        fs::write(dir.path().join("passwd"), account)?;
        fs::set_permissions(dir.path().join("passwd"), fs::Permissions::from_mode(0o600))?;
        let at = TcpListener::bind((ip, 0))?.local_addr()?;
        let config = dir.path().join("proftpd.conf");
        fs::write(&config, configuration(folder, dir.path(), at, &user, &group))?;
        let log = File::create(dir.path().join("log"))?;
        let child = Command::new(folder.join("usr/sbin/proftpd"))
            .args(["-n", "-q", "-c"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Self { child, at, dir };
        for _ in 0..LOOKS_MAX {
            if TcpStream::connect(at).is_ok() {
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("proftpd: {status}\n{}", server.log_tail())));
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::other(format!("proftpd does not get ready:\n{}", server.log_tail())))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.at
    }

    /// The directory the account sees as `/`.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        self.dir.path().join("files")
    }

    /// The server's certificate in PEM.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("main.pem")
    }

    /// The ends of its logs, marked as such, for the report of a failure.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let mut text = String::new();
        for name in ["log", "system.log", "tls.log", "xfer.log"] {
            let log = fs::read(self.dir.path().join(name)).unwrap_or_default();
            for line in last_lines(&String::from_utf8_lossy(&log), 20) {
                text += &format!("proftpd {name}| {line}\n");
            }
        }
        text
    }
}

impl Drop for Proftpd {
    fn drop(&mut self) {
        // The master takes its children with it.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if asked.is_err() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}

/// What `id` says of whom the tests run as.
fn identity(flag: &str) -> io::Result<String> {
    let said = Command::new("id").arg(flag).output()?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

fn configuration(folder: &Path, dir: &Path, at: SocketAddr, user: &str, group: &str) -> String {
    let (modules, dir) = (folder.join("usr/lib/proftpd"), dir.display());
    format!(
        "ModulePath {modules}\n\
         LoadModule mod_tls.c\n\
         ServerType standalone\n\
         ServerName peer\n\
         DefaultAddress {ip}\n\
         Port {port}\n\
         UseIPv6 off\n\
         User {user}\n\
         Group {group}\n\
         RootLogin on\n\
         PidFile {dir}/pid\n\
         ScoreboardFile {dir}/scoreboard\n\
         DelayTable {dir}/delay\n\
         DelayEngine off\n\
         SystemLog {dir}/system.log\n\
         WtmpLog off\n\
         UseReverseDNS off\n\
         AuthOrder mod_auth_file.c\n\
         AuthUserFile {dir}/passwd\n\
         RequireValidShell off\n\
         DefaultRoot ~\n\
         Umask 022\n\
         AllowOverwrite on\n\
         AllowForeignAddress on\n\
         TLSEngine on\n\
         TLSLog {dir}/tls.log\n\
         TLSProtocol TLSv1.2 TLSv1.3\n\
         TLSECCertificateFile {dir}/main.pem\n\
         TLSECCertificateKeyFile {dir}/main.key\n\
         TLSCACertificateFile {dir}/main.pem\n\
         TLSVerifyClient off\n\
         TLSVerifyServer off\n\
         TLSOptions NoSessionReuseRequired\n\
         TLSRequired off\n\
         TransferLog {dir}/xfer.log\n",
        modules = modules.display(),
        ip = at.ip(),
        port = at.port(),
    )
}
