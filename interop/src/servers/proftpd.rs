//! ProFTPD's configuration: every module of its packages that says something to clients.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::{Setup, Tls, identity};
use crate::{PASSWORD_CRYPT, USER};

/// Modules that are not part of the program.
const MODULES: [&str; 6] =
    ["mod_tls", "mod_tls_shmcache", "mod_digest", "mod_copy", "mod_site_misc", "mod_deflate"];

pub(super) fn launch(setup: &Setup<'_>) -> io::Result<Command> {
    let [user, uid, group, gid] = ["-un", "-u", "-gn", "-g"].map(identity);
    let (user, uid, group, gid) = (user?, uid?, group?, gid?);
    let root = setup.root.display();
    let account = format!("{USER}:{PASSWORD_CRYPT}:{uid}:{gid}::{root}:/bin/sh\n");
    let passwd = setup.dir.join("passwd");
    fs::write(&passwd, account)?;
    fs::set_permissions(&passwd, Permissions::from_mode(0o600))?;
    let conf = setup.dir.join("proftpd.conf");
    fs::write(&conf, configuration(setup, &user, &group))?;
    let mut command = Command::new(setup.folder.join("usr/sbin/proftpd"));
    command.args(["-n", "-q", "-c"]).arg(conf);
    Ok(command)
}

fn configuration(setup: &Setup<'_>, user: &str, group: &str) -> String {
    let options = setup.options;
    let (modules, dir) = (setup.folder.join("usr/lib/proftpd"), setup.dir.display());
    let mut text = format!("ModulePath {}\n", modules.display());
    for module in MODULES {
        if modules.join(format!("{module}.so")).exists() {
            text += &format!("LoadModule {module}.c\n");
        }
    }
    text += &format!(
        "ServerType standalone\n\
         ServerName peer\n\
         DefaultAddress {ip}\n\
         Port {port}\n\
         UseIPv6 off\n\
         MaxInstances none\n\
         User {user}\n\
         Group {group}\n\
         RootLogin on\n\
         PidFile {dir}/pid\n\
         ScoreboardFile {dir}/scoreboard\n\
         DelayTable {dir}/delay\n\
         DelayEngine off\n\
         SystemLog {dir}/system.log\n\
         TransferLog {dir}/xfer.log\n\
         WtmpLog off\n\
         UseReverseDNS off\n\
         AuthOrder mod_auth_file.c\n\
         AuthUserFile {dir}/passwd\n\
         RequireValidShell off\n\
         DefaultRoot ~\n\
         Umask 022\n\
         AllowOverwrite on\n\
         AllowStoreRestart on\n",
        ip = options.ip,
        port = setup.port,
    );
    if !options.strict {
        text += "AllowForeignAddress on\n";
    }
    if let Some(public) = options.public {
        text += &format!("MasqueradeAddress {public}\n");
    }
    if let Some((first, last)) = options.passive {
        text += &format!("PassivePorts {first} {last}\n");
    }
    let versions = match options.tls {
        Tls::Plain => return text,
        Tls::V12 => "TLSv1.2",
        Tls::V13 => "TLSv1.3",
    };
    // Its own certificate as its own authority: otherwise each log-in reads the system's.
    text += &format!(
        "TLSEngine on\n\
         TLSLog {dir}/tls.log\n\
         TLSProtocol {versions}\n\
         TLSECCertificateFile {dir}/main.pem\n\
         TLSECCertificateKeyFile {dir}/main.key\n\
         TLSCACertificateFile {dir}/main.pem\n\
         TLSVerifyClient off\n\
         TLSVerifyServer off\n\
         TLSRequired off\n"
    );
    if modules.join("mod_tls_shmcache.so").exists() {
        text += &format!("TLSSessionCache shm:/file={dir}/sessions\n");
    }
    if !options.strict {
        text += "TLSOptions NoSessionReuseRequired\n";
    }
    text
}
