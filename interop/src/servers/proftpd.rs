//! `ProFTPD` as a peer of the client: everything it can do that has a module, one virtual server
//! for each way TLS may start. The one for transfers between servers is [`crate::proftpd`].

use std::io;
use std::path::PathBuf;
use std::process::Command;

use super::running::{Reserved, Running};
use super::{Site, Started, folder, identity};
use crate::{PASSWORD_CRYPT, USER};

pub(super) fn binary() -> PathBuf {
    folder().join("proftpd/usr/sbin/proftpd")
}

pub(super) fn start(site: &Site<'_>) -> io::Result<Started> {
    let [user, uid, group, gid] = ["-un", "-u", "-gn", "-g"].map(identity);
    let (user, uid, group, gid) = (user?, uid?, group?, gid?);
    let home = site.files();
    let account = format!("{USER}:{PASSWORD_CRYPT}:{uid}:{gid}::{}:/bin/sh\n", home.display());
    site.write("passwd", &account)?;
    let mut ports = vec![site.reserve()?];
    if site.tls() {
        ports.push(site.reserve()?);
    }
    let text = configuration(site, &ports, &user, &group);
    let config = site.write("proftpd.conf", &text)?;
    let mut command = Command::new(binary());
    command.args(["-n", "-q", "-c"]).arg(config);
    let addresses: Vec<_> = ports.iter().map(|port| port.addr).collect();
    let running = Running::start(command, ports, &site.path().join("log"))?;
    let [addr, rest @ ..] = addresses.as_slice() else {
        return Err(io::Error::other("no port"));
    };
    Ok(Started { addr: *addr, implicit: rest.first().copied(), running: vec![running] })
}

fn configuration(site: &Site<'_>, ports: &[Reserved], user: &str, group: &str) -> String {
    let dir = site.path().display();
    let modules = ["mod_digest", "mod_deflate", "mod_copy", "mod_site_misc"];
    let tls_modules = ["mod_tls", "mod_tls_shmcache"];
    let loaded: String = modules
        .iter()
        .chain(tls_modules.iter().filter(|_| site.tls()))
        .map(|module| format!("LoadModule {module}.c\n"))
        .collect();
    let [first, others @ ..] = ports else { return String::new() };
    let mut text = format!(
        "ModulePath {modules}\n{loaded}\
         ServerType standalone\nServerName peer\nDefaultAddress {ip}\nPort {port}\nUseIPv6 off\n\
         User {user}\nGroup {group}\nPidFile {dir}/pid\nScoreboardFile none\n\
         DelayTable {dir}/delay\nSystemLog {dir}/system.log\nTransferLog none\nWtmpLog off\n\
         UseReverseDNS off\nMaxInstances none\nTimesGMT on\n\
         <Global>\n\
         RootLogin on\nAuthOrder mod_auth_file.c\nAuthUserFile {dir}/passwd\n\
         RequireValidShell off\nDefaultRoot ~\nUmask 022\nAllowOverwrite on\n\
         AllowStoreRestart on\nAllowRetrieveRestart on\nMasqueradeAddress {announced}\n\
         DelayEngine off\nDeflateEngine on\nAllowForeignAddress {foreign}\n\
         </Global>\n",
        modules = folder().join("proftpd/usr/lib/proftpd").display(),
        ip = first.addr.ip(),
        port = first.addr.port(),
        announced = site.announced(),
        foreign = if site.options.foreign { "on" } else { "off" },
    );
    if site.tls() {
        text += &format!("TLSSessionCache shm:/file={dir}/sessions\n");
        text += &tls(site, false);
    }
    for implicit in others {
        text += &format!(
            "<VirtualHost {ip}>\nServerName implicit\nPort {port}\n{tls}</VirtualHost>\n",
            ip = implicit.addr.ip(),
            port = implicit.addr.port(),
            tls = tls(site, true),
        );
    }
    text
}

/// The lines about TLS of one virtual server. That the file of authorities is its own certificate
/// saves it from reading all of the system's, 160 ms for every log-in.
fn tls(site: &Site<'_>, implicit: bool) -> String {
    let dir = site.path().display();
    let mut options = String::new();
    if !site.options.strict {
        options += " NoSessionReuseRequired";
    }
    if implicit {
        options += " UseImplicitSSL";
    }
    if !options.is_empty() {
        options = format!("TLSOptions{options}\n");
    }
    format!(
        "TLSEngine on\nTLSLog {dir}/tls.log\nTLSProtocol {version}\n\
         TLSECCertificateFile {dir}/main.pem\nTLSECCertificateKeyFile {dir}/main.key\n\
         TLSCACertificateFile {dir}/main.pem\nTLSVerifyClient off\nTLSVerifyServer off\n\
         TLSRequired off\n{options}",
        version = site.version(),
    )
}
