//! The real `ferryd` on loopback: configuration, certificate, start, log, end.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::link::{Family, Link, Target};
use crate::process::last_lines;
use crate::{PASSWORD, PASSWORD_HASH, USER};

/// How often a starting server's log is looked at, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 3000;

/// A running server. Dropping it ends it and removes its files.
#[derive(Debug)]
pub struct Server {
    child: Child,
    listeners: Vec<(Family, bool, SocketAddr)>,
    dir: TempDir,
}

/// What a server's configuration holds beyond what all have; relative paths start from the
/// server's own directory.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Extra<'a> {
    /// Where it listens over IPv4, if not at 127.0.0.1.
    pub v4: Option<Ipv4Addr>,
    /// Lines of `[server]`.
    pub server: &'a str,
    /// Lines of the account's `[[user]]`.
    pub user: &'a str,
    /// Lines of `[tls]`.
    pub tls: &'a str,
    /// Whole tables.
    pub tables: &'a str,
}

/// Whether this machine can listen on ::1.
#[must_use]
pub fn ipv6() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

/// The binary under test: `FERRYD_BIN`, else the newest build in `target`.
///
/// # Errors
/// There is none.
pub fn binary() -> io::Result<PathBuf> {
    built("ferryd", "FERRYD_BIN")
}

/// The client's command: `FERRY_BIN`, else the newest build in `target`.
///
/// # Errors
/// There is none.
pub fn command_binary() -> io::Result<PathBuf> {
    built("ferry", "FERRY_BIN")
}

fn built(name: &str, variable: &str) -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let builds = ["release", "debug"].map(|build| target.join(build).join(name));
    builds.into_iter().find(|build| build.exists()).ok_or_else(|| {
        let how = format!("run `cargo build --release --bin {name}` first");
        io::Error::other(format!("no {name} to test: {how}"))
    })
}

impl Server {
    /// Starts a server with listeners for every [`Link`] this machine has.
    ///
    /// # Errors
    /// It does not start; the error holds its log.
    pub fn start() -> io::Result<Self> {
        Self::with("")
    }

    /// Starts a server with more lines in its configuration's `[server]` table.
    ///
    /// # Errors
    /// It does not start; the error holds its log.
    pub fn with(server_lines: &str) -> io::Result<Self> {
        Self::extended(Extra { server: server_lines, ..Extra::default() }, |_| Ok(()))
    }

    /// Starts a server with more in its configuration, after `prepare` has put into its directory
    /// what that names.
    ///
    /// # Errors
    /// `prepare` fails, or it does not start; the error holds its log.
    pub fn extended(
        extra: Extra<'_>,
        prepare: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        fs::create_dir(dir.path().join("files"))?;
        make_certificate(dir.path(), "main", &["localhost", "127.0.0.1", "::1"])?;
        prepare(dir.path())?;
        let families = if ipv6() { vec![Family::V4, Family::V6] } else { vec![Family::V4] };
        let wanted: Vec<(Family, bool)> =
            families.iter().flat_map(|family| [(*family, false), (*family, true)]).collect();
        fs::write(dir.path().join("ferry.toml"), configuration(&wanted, extra))?;
        let log = File::create(dir.path().join("log"))?;
        let child = Command::new(binary()?)
            .arg("--config")
            .arg(dir.path().join("ferry.toml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Self { child, listeners: Vec::new(), dir };
        let addresses = server.wait_for_addresses(wanted.len())?;
        server.listeners = wanted
            .into_iter()
            .zip(addresses)
            .map(|((family, implicit), at)| (family, implicit, at))
            .collect();
        Ok(server)
    }

    /// Its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The server's own directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
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

    /// Where it can be reached over `link`.
    ///
    /// # Errors
    /// This machine has no such link.
    pub fn address(&self, link: &Link) -> io::Result<SocketAddr> {
        self.listeners
            .iter()
            .find(|(family, implicit, _)| *family == link.family && *implicit == link.implicit())
            .map(|(_, _, at)| *at)
            .ok_or_else(|| io::Error::other(format!("no listener for {link}")))
    }

    /// Calls `with` with everything a client needs for `link`; the client's home is new and empty.
    ///
    /// # Errors
    /// This machine has no such link or the home cannot be made.
    pub fn target<T>(&self, link: Link, with: impl FnOnce(Target<'_>) -> T) -> io::Result<T> {
        let address = self.address(&link)?;
        let home = tempfile::tempdir()?;
        Ok(with(Target {
            host: &address.ip().to_string(),
            port: address.port(),
            password: PASSWORD,
            link,
            certificate: &self.certificate(),
            home: home.path(),
        }))
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.dir.path().join("log"))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// The end of the log, marked as such, for the report of a failure.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        last_lines(&log, 30).iter().map(|line| format!("server| {line}\n")).collect()
    }

    fn wait_for_addresses(&mut self, count: usize) -> io::Result<Vec<SocketAddr>> {
        for _ in 0..LOOKS_MAX {
            let addresses = listening(&self.log());
            if addresses.len() >= count {
                return Ok(addresses);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("ferryd: {status}\n{}", self.log_tail())));
            }
            thread::sleep(LOOK_EVERY);
        }
        Err(io::Error::other(format!("ferryd does not get ready:\n{}", self.log_tail())))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not politely: the tests have seen all they want to see.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The addresses in the lines that say "listening", in their order.
fn listening(log: &str) -> Vec<SocketAddr> {
    log.lines()
        .filter(|line| line.to_lowercase().contains("listening"))
        .flat_map(str::split_whitespace)
        .filter_map(|word| word.trim_matches([',', ';', '(', ')', '"']).parse().ok())
        .collect()
}

fn configuration(listeners: &[(Family, bool)], extra: Extra<'_>) -> String {
    let mut text = format!("[server]\n{}\n\n", extra.server);
    for (family, implicit) in listeners {
        let v4 = extra.v4.unwrap_or(Ipv4Addr::LOCALHOST).to_string();
        let address = if *family == Family::V4 { v4.as_str() } else { "::1" };
        let tls = if *implicit { "implicit" } else { "explicit" };
        text.push_str(&format!(
            "[[listen]]\naddress = \"{address}\"\nport = 0\ntls = \"{tls}\"\n\n"
        ));
    }
    let tls = extra.tls;
    text.push_str(&format!("[tls]\ncert = \"main.pem\"\nkey = \"main.key\"\n{tls}\n\n"));
    text.push_str("[limits]\nper_address = 200\n\n");
    text.push_str(&format!("[[user]]\nname = \"{USER}\"\npassword = \"{PASSWORD_HASH}\"\n"));
    text.push_str("home = \"files\"\naccess = \"read-write\"\n");
    text + extra.user + "\n\n" + extra.tables
}

/// Makes a certificate for `names`: `STEM.pem` and `STEM.key` in `dir`.
///
/// # Errors
/// A name is none, or the files cannot be written.
pub fn make_certificate(dir: &Path, stem: &str, names: &[&str]) -> io::Result<()> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    fs::write(dir.join(format!("{stem}.pem")), made.cert.pem())?;
    fs::write(dir.join(format!("{stem}.key")), made.signing_key.serialize_pem())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_log_lines_and_nowhere_else() {
        let log = "ready 127.0.0.1:9\nINFO listening on 127.0.0.1:21 (explicit)\n\
                   INFO Listening at [::1]:990, implicit TLS\n";
        let found: Vec<String> = listening(log).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["127.0.0.1:21", "[::1]:990"]);
    }
}
