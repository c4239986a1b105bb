//! vsftpd: two processes, one for each way TLS may start; its account is a guest of PAM.
//!
//! PAM looks for services in `/etc/pam.d` and nowhere else, so a file of ours is put there, for a
//! service no other program has. It takes any password: `pam_exec` cannot work in vsftpd, which
//! waits for children itself, and other modules want accounts of the system.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::running::{Reserved, Running};
use super::{Site, Started, folder};
use crate::USER;

const SERVICE: &str = "ferry-interop";

pub(super) fn binary() -> PathBuf {
    folder().join("vsftpd/usr/sbin/vsftpd")
}

pub(super) fn start(site: &Site<'_>) -> io::Result<Started> {
    pam_service()?;
    fs::create_dir(site.path().join("empty"))?;
    let explicit = site.reserve()?;
    let addr = explicit.addr;
    let mut running = vec![instance(site, explicit, false)?];
    let mut implicit = None;
    if site.tls() {
        let port = site.reserve()?;
        implicit = Some(port.addr);
        running.push(instance(site, port, true)?);
    }
    Ok(Started { addr, implicit, running })
}

fn instance(site: &Site<'_>, port: Reserved, implicit: bool) -> io::Result<Running> {
    let name = if implicit { "implicit.conf" } else { "explicit.conf" };
    let config = site.write(name, &configuration(site, &port, implicit))?;
    let mut command = Command::new(binary());
    command.arg(config);
    if site.tls() {
        // It has a switch for TLS 1.0 and none for what came later.
        command.env("OPENSSL_CONF", site.openssl_limits()?);
    }
    site.launch(command, port)
}

/// Writes the service's file, whole or not at all: tests run side by side.
fn pam_service() -> io::Result<()> {
    let path = Path::new("/etc/pam.d").join(SERVICE);
    let text = format!(
        "# For tests of FTP clients; no program uses this service but the vsftpd they start.\n\
         auth requisite pam_succeed_if.so quiet user = {USER}\n\
         auth required pam_permit.so\naccount required pam_permit.so\n\
         session required pam_permit.so\n"
    );
    if fs::read_to_string(&path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let new = tempfile::NamedTempFile::new_in("/etc/pam.d")?;
    fs::write(new.path(), text)?;
    new.persist(&path).map(drop).map_err(|e| e.error)
}

fn configuration(site: &Site<'_>, port: &Reserved, implicit: bool) -> String {
    let yes = |is: bool| if is { "YES" } else { "NO" };
    let dir = site.path().display();
    let tls = if site.tls() {
        format!(
            "ssl_enable=YES\nrsa_cert_file={dir}/main.pem\nrsa_private_key_file={dir}/main.key\n\
             ssl_ciphers=HIGH\nrequire_ssl_reuse={reuse}\nimplicit_ssl={implicit}\n\
             force_local_logins_ssl=NO\nforce_local_data_ssl=NO\n",
            reuse = yes(site.options.strict),
            implicit = yes(implicit),
        )
    } else {
        String::new()
    };
    format!(
        "listen=YES\nbackground=NO\nlisten_address={ip}\nlisten_port={port}\n\
         pasv_address={announced}\nanonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\n\
         guest_enable=YES\nguest_username=root\nvirtual_use_local_privs=YES\n\
         pam_service_name={SERVICE}\nlocal_root={dir}/files\nchroot_local_user=YES\n\
         allow_writeable_chroot=YES\nsecure_chroot_dir={dir}/empty\nlocal_umask=022\n\
         hide_ids=YES\nmax_clients=0\nmax_per_ip=0\ndelay_failed_login=0\n\
         ascii_upload_enable=YES\nascii_download_enable=YES\nmdtm_write=YES\n\
         xferlog_enable=YES\nvsftpd_log_file={dir}/vsftpd.log\n\
         pasv_promiscuous={foreign}\nport_promiscuous={foreign}\n\
         lock_upload_files={locks}\nseccomp_sandbox=NO\nisolate=NO\nisolate_network=NO\n{tls}",
        locks = yes(site.options.locks),
        ip = port.addr.ip(),
        port = port.addr.port(),
        announced = site.announced(),
        foreign = yes(site.options.foreign),
    )
}
