//! vsftpd for measuring: anonymous log-in with the right to write, so that neither PAM nor accounts
//! of the machine have a part in it.
//!
//! Its Debian package cannot stand beside other servers, so it is unpacked into a folder:
//! `FERRY_VSFTPD` names the folder, else `target/peers/vsftpd` is looked into.

use std::fs::{self, File, Permissions};
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use interop::process::last_lines;
use interop::server::make_certificate;
use tempfile::TempDir;

/// Who logs in, and with what.
pub(super) const USER: &str = "anonymous";
pub(super) const PASSWORD: &str = "bench";

const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS_MAX: u32 = 1000;

/// A running vsftpd. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Vsftpd {
    child: Child,
    pub(super) port: u16,
    _dir: TempDir,
}

/// The program.
///
/// # Errors
/// It is not unpacked.
pub(super) fn program() -> io::Result<PathBuf> {
    let usual = || super::target_dir().join("peers/vsftpd");
    let folder = std::env::var_os("FERRY_VSFTPD").map_or_else(usual, PathBuf::from);
    let program = folder.join("usr/sbin/vsftpd");
    if program.exists() {
        return Ok(program);
    }
    let folder = folder.display();
    Err(io::Error::other(format!(
        "vsftpd is not unpacked in {folder}: `cargo xtask peers` does it"
    )))
}

impl Vsftpd {
    /// Serves `files` at `listen`; replies to PASV name `public`.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(files: &Path, listen: Ipv4Addr, public: Ipv4Addr) -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        make_certificate(dir.path(), "main", &["localhost", "127.0.0.1"])?;
        let empty = dir.path().join("empty");
        fs::create_dir(&empty)?;
        fs::set_permissions(&empty, Permissions::from_mode(0o555))?;
        let port = TcpListener::bind((listen, 0))?.local_addr()?.port();
        let config = dir.path().join("vsftpd.conf");
        fs::write(&config, configuration(dir.path(), files, listen, public, port))?;
        let log_path = dir.path().join("log");
        let log = File::create(&log_path)?;
        let mut child = Command::new(program()?)
            .arg(&config)
            // It says what is wrong to whatever has number 0.
            .stdin(log.try_clone()?)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        for _ in 0..LOOKS_MAX {
            if TcpStream::connect((listen, port)).is_ok() {
                return Ok(Self { child, port, _dir: dir });
            }
            if child.try_wait()?.is_some() {
                break;
            }
            thread::sleep(LOOK_EVERY);
        }
        drop(child.kill());
        drop(child.wait());
        let said = fs::read_to_string(log_path).unwrap_or_default();
        let said = last_lines(&said, 3).join(" ");
        Err(io::Error::other(format!("vsftpd does not start: {said}")))
    }
}

impl Drop for Vsftpd {
    fn drop(&mut self) {
        // Its sessions end with their connections.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Resumption is not demanded: half of the clients cannot do it, and then there was nothing to
/// compare. Who is anonymous becomes an account whose home exists on any machine, or no log-in
/// succeeds.
fn configuration(
    dir: &Path,
    files: &Path,
    listen: Ipv4Addr,
    public: Ipv4Addr,
    port: u16,
) -> String {
    let (dir, files) = (dir.display(), files.display());
    format!(
        "listen=YES\nlisten_address={listen}\nlisten_port={port}\nbackground=NO\n\
         pasv_address={public}\nconnect_from_port_20=NO\n\
         anonymous_enable=YES\nlocal_enable=NO\nno_anon_password=NO\nftp_username=daemon\n\
         nopriv_user=nobody\nanon_root={files}\nsecure_chroot_dir={dir}/empty\n\
         allow_writeable_chroot=YES\nwrite_enable=YES\nanon_upload_enable=YES\n\
         anon_mkdir_write_enable=YES\nanon_other_write_enable=YES\n\
         anon_world_readable_only=NO\nanon_umask=022\n\
         max_clients=0\nmax_per_ip=0\nxferlog_enable=NO\n\
         seccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n\
         ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_data_ssl=NO\nforce_anon_logins_ssl=NO\n\
         require_ssl_reuse=NO\nssl_request_cert=NO\nssl_ciphers=HIGH\n\
         rsa_cert_file={dir}/main.pem\nrsa_private_key_file={dir}/main.key\n"
    )
}
