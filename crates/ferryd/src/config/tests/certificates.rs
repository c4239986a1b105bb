//! What is asked of clients where, by way of certificates.

use super::*;
use crate::certs::Identity;

const TLS: &str = "[tls]\nself_signed = true\n";

fn known(digit: char) -> String {
    format!("certificates = [\"sha256:{}\"]\n", digit.to_string().repeat(64))
}

#[test]
fn an_account_has_a_password_or_certificates_or_both() {
    let nameless = "[[user]]\nname = \"bob\"\nhome = \".\"\n";
    let asking = format!("{TLS}client_certificates = \"optional\"\n");
    let source = format!("{asking}{USER}{}needs_both = true\n", known('a'));
    let plan = read(&format!("{source}{nameless}{}", known('B'))).unwrap();
    let table = plan.auth.table();
    assert!(table.recognise(b"bob", &[0xbb; 32]).is_some());
    assert!(table.recognise(b"bob", &[0xaa; 32]).is_none());
    assert!(table.recognise(b"alice", &[0xaa; 32]).is_none(), "it needs the password, too");
    for neither in [nameless.to_owned(), format!("{nameless}{}needs_both = true\n", known('b'))] {
        let text = read(&format!("{asking}{neither}")).unwrap_err();
        assert!(text.contains("[[user]] has no `password`"), "{text}");
    }
}

#[test]
fn mistakes_with_certificates_are_shown_where_they_are() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("empty.pem"), "").unwrap();
    // In the armour of a certificate, but none.
    let junk = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(dir.path().join("junk.pem"), junk).unwrap();
    let asking = format!("{TLS}client_certificates = \"optional\"\n");
    let off = format!("{TLS}client_certificates = \"off\"\n");
    let (a, pem, list) = (known('a'), "name a PEM file with the", "write [\"sha256:AB:CD:…\"]");
    let unasked = "add client_certificates = \"optional\" to [tls]";
    let cases = [
        (format!("{TLS}client_ca = \"empty.pem\"\n{USER}"), "3:13", pem),
        (format!("{asking}client_ca = \"empty.pem\"\n{USER}"), "4:13", pem),
        (format!("{asking}client_ca = \"junk.pem\"\n{USER}"), "4:13", pem),
        (format!("{asking}{USER}certificates = []\n"), "8:16", list),
        (format!("{asking}{USER}certificates = \"ab\"\n"), "8:16", list),
        (format!("{asking}{USER}certificates = [\"sha256:ab\"]\n"), "8:16", list),
        (format!("{asking}{USER}needs_both = true\n"), "8:14", "add certificates = ["),
        (format!("{USER}{a}"), "5:16", unasked),
        (format!("{TLS}{USER}{a}"), "7:16", unasked),
        (format!("{off}{USER}{a}"), "8:16", unasked),
    ];
    for (source, place, right) in cases {
        let read = file::read(&source, dir.path(), "ferry.toml");
        let text = read.map_err(|problems| problems.render(false)).expect_err(&source);
        assert!(text.contains(&format!("--> ferry.toml:{place}\n")), "{place} in {text}");
        assert!(text.contains(right), "{right} in {text}");
        assert_eq!(text.matches("error: ").count(), 1, "{text}");
    }
}

#[test]
fn certificates_of_a_hosts_users_are_asked_for_there_or_by_the_server() {
    let host = |says: &str| {
        let user = USER.replace("[[user]]", "[[host.user]]");
        format!("[[host]]\nnames = [\"b.example\"]\n{says}{user}{}", known('a'))
    };
    let asking = format!("{TLS}client_certificates = \"optional\"\n");
    let of_host = |tls: &str| tls.replace("[tls]", "[host.tls]");
    for (server, own) in [(&*asking, ""), (&*asking, TLS), (TLS, &*asking)] {
        let source = format!("{server}{}", host(&of_host(own)));
        assert!(read(&source).is_ok(), "{source}");
    }
    let off = format!("{TLS}client_certificates = \"off\"\n");
    for (server, own, section) in
        [(TLS, "", "[tls]"), (TLS, TLS, "[host.tls]"), (&*asking, &*off, "[host.tls]")]
    {
        let text = read(&format!("{server}{}", host(&of_host(own)))).unwrap_err();
        assert!(text.contains(&format!("= \"optional\" to {section}\n")), "{section} in {text}");
    }
}

#[test]
fn a_host_asks_clients_for_the_certificates_that_the_server_asks_for_unless_it_says_otherwise() {
    let host = |name: &str, says: &str| {
        format!(
            "[[host]]\nnames = [\"{name}.example\"]\n[host.anonymous]\nhome = \".\"\n\
             [host.tls]\nself_signed = true\n{says}\n"
        )
    };
    let source = format!(
        "{USER}[tls]\nself_signed = true\nclient_certificates = \"required\"\n{}{}{}",
        host("b", ""),
        host("c", "client_certificates = \"optional\""),
        host("d", "client_certificates = \"off\""),
    );
    let plan = read(&source).unwrap();
    let required = |identity: &Option<Identity>| {
        identity.as_ref().unwrap().setup.clients().map(|clients| clients.required)
    };
    let hosts: Vec<_> = plan.hosts.iter().map(|host| required(&host.identity)).collect();
    assert_eq!(required(&plan.identity), Some(true));
    assert_eq!(hosts, [Some(true), Some(false), None]);
}
