//! vsftpd's configuration. Its sessions run as root inside of a chroot, for an account that the
//! system does not know; PAM lets everyone in, on loopback and into an empty directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Launch, Setup, pin_openssl};

/// Where PAM looks for a service; there is no other place.
const SERVICES: &str = "/etc/pam.d";
const PREFIX: &str = "ferry-interop-";

pub(super) fn launch(setup: &Setup<'_>) -> io::Result<Launch> {
    fs::create_dir(setup.dir.join("empty"))?;
    let service = service()?;
    let name = service.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let conf = setup.dir.join("vsftpd.conf");
    fs::write(&conf, configuration(setup, &name))?;
    let mut command = Command::new(setup.folder.join("usr/sbin/vsftpd"));
    command.arg(conf);
    pin_openssl(&mut command, setup)?;
    Ok(Launch { command, leftovers: vec![service] })
}

/// A PAM service of our own, removed when the server ends. Those of processes that were killed are
/// removed here.
fn service() -> io::Result<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    for entry in fs::read_dir(SERVICES)?.filter_map(Result::ok) {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            super::end::remove(&[entry.path()]);
        }
    }
    let turn = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = Path::new(SERVICES).join(format!("{PREFIX}{}-{turn}", std::process::id()));
    fs::write(&path, "auth required pam_permit.so\naccount required pam_permit.so\n")?;
    Ok(path)
}

fn configuration(setup: &Setup<'_>, service: &str) -> String {
    let options = setup.options;
    let dir = setup.dir.display();
    let yes = |on: bool| if on { "YES" } else { "NO" };
    let mut text = format!(
        "listen=YES\n\
         background=NO\n\
         listen_address={ip}\n\
         listen_port={port}\n\
         max_per_ip=0\n\
         max_clients=0\n\
         anonymous_enable=NO\n\
         local_enable=YES\n\
         guest_enable=YES\n\
         guest_username=root\n\
         virtual_use_local_privs=YES\n\
         pam_service_name={service}\n\
         write_enable=YES\n\
         local_umask=022\n\
         local_root={root}\n\
         chroot_local_user=YES\n\
         allow_writeable_chroot=YES\n\
         secure_chroot_dir={dir}/empty\n\
         force_dot_files=YES\n\
         ascii_upload_enable=YES\n\
         ascii_download_enable=YES\n\
         seccomp_sandbox=NO\n\
         isolate=NO\n\
         isolate_network=NO\n\
         vsftpd_log_file={dir}/vsftpd.log\n\
         pasv_promiscuous={loose}\n\
         port_promiscuous={loose}\n\
         ssl_enable={tls}\n\
         ssl_ciphers=HIGH\n\
         rsa_cert_file={dir}/main.pem\n\
         rsa_private_key_file={dir}/main.key\n\
         require_ssl_reuse={strict}\n\
         force_local_logins_ssl=NO\n\
         force_local_data_ssl=NO\n",
        ip = options.ip,
        port = setup.port,
        root = setup.root.display(),
        tls = yes(options.tls.is_on()),
        strict = yes(options.strict),
        loose = yes(!options.strict),
    );
    if let Some(public) = options.public {
        text += &format!("pasv_address={public}\n");
    }
    if let Some((first, last)) = options.passive {
        text += &format!("pasv_min_port={first}\npasv_max_port={last}\n");
    }
    text
}
