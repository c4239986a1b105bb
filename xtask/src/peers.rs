//! The programs that the tests drive, and getting them from Debian where that is allowed: clients
//! are installed, servers, whose packages exclude each other, unpacked.

use std::path::{Path, PathBuf};

use crate::step::{Failed, program};

/// Program and Debian package.
const PEERS: [(&str, &str); 10] = [
    ("curl", "curl"),
    ("lftp", "lftp"),
    ("ncftp", "ncftp"),
    ("tnftp", "tnftp"),
    ("inetutils-ftp", "inetutils-ftp"),
    ("wget", "wget"),
    ("rclone", "rclone"),
    ("python3", "python3"),
    ("openssl", "openssl"),
    // Not in everyone's path.
    ("/usr/sbin/haproxy", "haproxy"),
];

/// What makes up ProFTPD, and the libraries it needs that few machines have.
const PROFTPD: [&str; 2] = ["proftpd-core", "proftpd-mod-crypto"];
const PROFTPD_LIBRARIES: [&str; 8] = [
    "libacl1",
    "libcap2",
    "libhiredis0.14",
    "libidn2-0",
    "libmemcached11",
    "libmemcachedutil2",
    "libpcre2-posix3",
    "libsodium23",
];

fn missing() -> Vec<(&'static str, &'static str)> {
    let has = |name: &str| program("sh", &["-c", "command -v \"$0\"", name]).succeeds();
    PEERS.into_iter().filter(|(name, _)| !has(name)).collect()
}

/// Installs what is missing. What cannot be had is an error if `required`, else a printed skip.
pub(crate) fn install(required: bool) -> Result<(), Failed> {
    let wanted = missing();
    if wanted.is_empty() {
        println!("all {} are here", PEERS.len());
        return Ok(());
    }
    let names = wanted.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    println!("missing: {names}");
    if let Some(become_root) = become_root() {
        let packages: Vec<&str> = wanted.iter().map(|(_, package)| *package).collect();
        // The lists on the machine may be stale or absent; that install fails is what counts.
        drop(apt(&become_root, &["update", "-qq"]).run());
        let install = ["install", "-qq", "-y", "--no-install-recommends"];
        let arguments: Vec<&str> = install.into_iter().chain(packages).collect();
        if let Err(failed) = apt(&become_root, &arguments).run() {
            println!("{failed}");
        }
    }
    let still = missing();
    if still.is_empty() {
        return Ok(());
    }
    let names = still.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if required {
        return Err(Failed(format!("cannot be installed here: {names}")));
    }
    println!("SKIPPED: the tests that drive {names}; install them to run these");
    Ok(())
}

/// Unpacks ProFTPD below `target`, if it is not there: the folder it is in. That it cannot be had
/// is an error if `required`, else a printed skip.
pub(crate) fn proftpd(target: &Path, required: bool) -> Result<Option<PathBuf>, Failed> {
    let folder = target.join("peers/proftpd");
    let binary = folder.join("usr/sbin/proftpd").display().to_string();
    let runs = || program(&binary, &["-v"]).succeeds();
    if runs() {
        println!("proftpd is here");
        return Ok(Some(folder));
    }
    if let Some(become_root) = become_root() {
        drop(apt(&become_root, &["update", "-qq"]).run());
        let install = ["install", "-qq", "-y", "--no-upgrade", "--no-install-recommends"];
        let arguments: Vec<&str> = install.into_iter().chain(PROFTPD_LIBRARIES).collect();
        let done = apt(&become_root, &arguments).run().and_then(|()| unpack(&PROFTPD, &folder));
        if let Err(failed) = done {
            println!("{failed}");
        }
    }
    if runs() {
        return Ok(Some(folder));
    }
    if required {
        return Err(Failed("cannot be unpacked here: proftpd".to_owned()));
    }
    println!("SKIPPED: the tests that drive proftpd");
    Ok(None)
}

/// Fetches Debian packages and lays out what they hold below `folder`; nothing is installed.
fn unpack(packages: &[&str], folder: &Path) -> Result<(), Failed> {
    const SCRIPT: &str = "set -e
        rm -rf \"$0\" && mkdir -p \"$0/packages\" && cd \"$0/packages\"
        apt-get download -qq \"$@\"
        for package in *.deb; do dpkg-deb -x \"$package\" ..; done";
    let folder = folder.display().to_string();
    let words: Vec<&str> =
        ["-c", SCRIPT, folder.as_str()].into_iter().chain(packages.iter().copied()).collect();
    program("sh", &words).run()
}

/// The words before `apt-get` that make it root, if there are any: none as root.
fn become_root() -> Option<Vec<&'static str>> {
    if !program("sh", &["-c", "command -v apt-get"]).succeeds() {
        return None;
    }
    if program("sh", &["-c", "test \"$(id -u)\" = 0"]).succeeds() {
        return Some(Vec::new());
    }
    program("sudo", &["-n", "true"]).succeeds().then(|| vec!["sudo", "-n"])
}

fn apt(become_root: &[&'static str], arguments: &[&str]) -> crate::step::Program {
    let quietly = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let words: Vec<&str> =
        become_root.iter().copied().chain(quietly).chain(arguments.iter().copied()).collect();
    match words.split_first() {
        Some((first, rest)) => program(first, rest),
        None => program("apt-get", arguments),
    }
}
