//! Virtual hosts: whoever asks for one, by the name given to TLS (SNI) or by HOST (RFC 7151), gets
//! its certificate, its banner and its accounts, and nothing of the others'.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use interop::clients::{Curl, LIMIT, Python};
use interop::link::{DataMode, Family, Link, Security, Version};
use interop::openssl::converse;
use interop::peers::have;
use interop::process::{Finished, run};
use interop::server::{Extra, Server, make_certificate};
use interop::{PASSWORD, PASSWORD_HASH, USER};

/// One host: its short name, the names it is asked for by, and who is at home there.
const HOSTS: [(&str, &[&str], &str); 2] =
    [("one", &["ftp.one.test", "files.one.test"], USER), ("two", &["ftp.two.test"], "kim")];

const EXPLICIT: Link = Link {
    security: Security::Explicit(Version::V13),
    data: DataMode::Passive,
    family: Family::V4,
};
const IMPLICIT: Link = Link { security: Security::Implicit(Version::V12), ..EXPLICIT };

fn start() -> Server {
    let tables: String = HOSTS.iter().map(|(host, names, user)| table(host, names, user)).collect();
    let server = "banner = \"Files of main\"\nnames = [\"main.test\"]";
    Server::extended(Extra { server, tables: &tables, ..Extra::default() }, prepare).unwrap()
}

fn table(host: &str, names: &[&str], user: &str) -> String {
    format!(
        "[[host]]\nnames = {names:?}\nbanner = \"Files of {host}\"\n\
         [host.tls]\ncert = \"{host}.pem\"\nkey = \"{host}.key\"\n\
         [[host.user]]\nname = \"{user}\"\npassword = \"{PASSWORD_HASH}\"\n\
         home = \"{host}\"\naccess = \"read-only\"\n\n"
    )
}

fn prepare(dir: &Path) -> io::Result<()> {
    fs::write(dir.join("files/whose"), "main")?;
    for (host, names, _) in HOSTS {
        fs::create_dir(dir.join(host))?;
        fs::write(dir.join(host).join("whose"), host)?;
        make_certificate(dir, host, names)?;
    }
    Ok(())
}

fn certificate(server: &Server, host: &str) -> PathBuf {
    server.dir().join(format!("{host}.pem"))
}

/// curl fetches `whose` from the host called `name`, of which it expects this certificate.
fn curl(server: &Server, link: Link, name: &str, trusted: &str, user: &str) -> Finished {
    let done = server.target(link, |target| {
        let scheme = if link.implicit() { "ftps" } else { "ftp" };
        let mut curl = Curl::command(&target);
        curl.arg("--cacert").arg(certificate(server, trusted));
        curl.arg("--user").arg(format!("{user}:{PASSWORD}"));
        curl.arg("--resolve").arg(format!("{name}:{}:{}", target.port, target.host));
        curl.args(["--quote", "*HOST ftp.two.test"]);
        curl.arg(format!("{scheme}://{name}:{}/whose", target.port));
        run(curl, b"", LIMIT)
    });
    done.unwrap().unwrap()
}

#[test]
fn curl_gets_the_certificate_and_the_accounts_of_the_host_in_its_url() {
    if !have("curl") {
        return;
    }
    let server = start();
    for link in [EXPLICIT, IMPLICIT] {
        for (host, names, user) in HOSTS {
            for name in names {
                let done = curl(&server, link, name, host, user);
                let report = format!("{link} {name}\n{done}{}", server.log_tail());
                assert!(done.ok() && done.stdout == host, "{report}");
                assert!(done.stderr.contains("< 503 "), "HOST after the log-in: {report}");
                // Only where TLS comes first is the host known when the greeting is sent.
                let greeting = if link.implicit() { host } else { "main" };
                let banner = format!("< 220-Files of {greeting}");
                assert!(done.stderr.contains(&banner), "{report}");
            }
            let other = if host == "one" { "kim" } else { USER };
            let done = curl(&server, link, names[0], host, other);
            assert_eq!(done.status.code(), Some(67), "an account of another: {done}");
            let done = curl(&server, link, names[0], "main", user);
            assert_eq!(done.status.code(), Some(60), "a certificate of another: {done}");
        }
        // What no host is called is the server itself, whose certificate is for localhost.
        let done = curl(&server, link, "localhost", "main", USER);
        assert!(done.ok() && done.stdout == "main", "{link}\n{done}{}", server.log_tail());
    }
}

#[test]
fn openssl_sees_the_certificate_of_the_host_it_names_and_host_must_name_the_same() {
    if !have("openssl") {
        return;
    }
    let server = start();
    let at = server.address(&EXPLICIT).unwrap();
    let ask = |name: Option<&str>, host: &str, valid_for: &str, lines: &str| {
        converse(at, name, &certificate(&server, host), valid_for, lines).unwrap()
    };
    for (host, names, user) in HOSTS {
        for name in names {
            let lines = format!("HOST {name}\nUSER {user}\nPASS {PASSWORD}\nPWD\nQUIT\n");
            let done = ask(Some(name), host, name, &lines);
            let report = format!("{name}\n{done}{}", server.log_tail());
            assert!(done.stdout.contains(&format!("220-Files of {host}")), "{report}");
            assert!(done.stdout.contains("230 ") && done.stdout.contains("257 "), "{report}");
        }
        for other in ["main.test", "ftp.three.test", "files.two.test"] {
            let done = ask(Some(names[0]), host, names[0], &format!("HOST {other}\nQUIT\n"));
            assert!(done.stdout.contains("504 ") && !done.stdout.contains("220"), "{done}");
        }
    }
    // Without a name there is the server's own certificate, and HOST may name any host.
    let done = ask(None, "main", "localhost", "HOST ftp.two.test\nUSER kim\nQUIT\n");
    assert!(done.stdout.contains("220-Files of two"), "{done}");
    // The check itself: another host's certificate does not pass.
    let done = ask(Some("ftp.two.test"), "one", "ftp.one.test", "QUIT\n");
    assert!(!done.ok() && !done.stdout.contains("221"), "{done}");
}

#[test]
fn ftplib_chooses_hosts_by_host_and_under_tls_only_the_one_tls_was_started_for() {
    if !have("python3") {
        return;
    }
    let server = start();
    let script = include_str!("scripts/hosts.py");
    let done = server.target(EXPLICIT, |target| Python::script(&target, script)).unwrap().unwrap();
    assert!(done.ok(), "{done}{}", server.log_tail());
}
