//! What is asked of clients where, by way of certificates.

use super::*;
use crate::certs::Identity;

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
