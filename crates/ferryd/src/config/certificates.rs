//! Certificates of clients: `client_certificates` and `client_ca` in `[tls]`, `certificates` and
//! `needs_both` in `[[user]]`.

use std::path::{Path, PathBuf};

use ferry_accounts::{Certificates, Fingerprint};
use ferry_server::tls::{ClientCertificates, ClientTrust};
use rustls::RootCertStore;
use toml::de::{DeTable, DeValue};

use super::diagnose::Problems;
use super::read;
use super::section::Section;
use crate::certs;
use crate::values::Wrong;

/// Whether clients are asked for a certificate; a section that says nothing of it, asks for what
/// is `usual`.
pub(super) fn asked(
    section: &Section<'_>,
    usual: Option<&ClientCertificates>,
    base: &Path,
    problems: &mut Problems,
) -> Option<ClientCertificates> {
    if !section.has("client_certificates") && !section.has("client_ca") {
        return usual.cloned();
    }
    let asked = section.get("client_certificates", problems, |value| {
        read::word(value, &[("off", None), ("optional", Some(false)), ("required", Some(true))])
    });
    let signers = section.get("client_ca", problems, |value| {
        let path: PathBuf = base.join(read::text(value)?);
        let right = "name a PEM file with the certificates that sign those of clients";
        let signers = certs::chain(&path).map_err(|e| Wrong::new(e.to_string(), right))?;
        // Here, where the file is named, and not where the server's own certificate is.
        let mut roots = RootCertStore::empty();
        let usable = signers.iter().try_for_each(|signer| roots.add(signer.clone()));
        usable.map_err(|e| Wrong::new(format!("{}: {e}", path.display()), right))?;
        Ok(signers)
    });
    let required = asked.and_then(|(asked, _)| asked);
    if let (Some((_, at)), None) = (&signers, required) {
        let right = "add client_certificates = \"optional\" or \"required\"";
        problems.add(at.clone(), Wrong::new("clients are not asked for a certificate", right));
    }
    // A file that cannot be read was noted; without one every certificate would be taken.
    if section.has("client_ca") && signers.is_none() {
        return None;
    }
    let trust = signers.map_or(ClientTrust::Any, |(signers, _)| ClientTrust::SignedBy(signers));
    required.map(|required| ClientCertificates { trust, required })
}

/// Notes users with certificates that nobody asks for: `top` is the whole file.
pub(super) fn check(top: &DeTable<'_>, problems: &mut Problems) {
    let hosts = match top.get("host").map(|hosts| hosts.get_ref()) {
        Some(DeValue::Array(hosts)) => hosts.iter().collect(),
        _ => Vec::new(),
    };
    let usual = asks(top).unwrap_or(false);
    unasked(top, usual, "[tls]", problems);
    for host in hosts {
        if let DeValue::Table(host) = host.get_ref() {
            let section = if host.contains_key("tls") { "[host.tls]" } else { "[tls]" };
            unasked(host, asks(host).unwrap_or(usual), section, problems);
        }
    }
}

/// Whether the `tls` of `table` asks clients for a certificate, if it says anything of it.
fn asks(table: &DeTable<'_>) -> Option<bool> {
    let DeValue::Table(tls) = table.get("tls")?.get_ref() else { return None };
    let word = read::text(tls.get("client_certificates")?.get_ref());
    Some(word.is_ok_and(|word| word != "off"))
}

fn unasked(table: &DeTable<'_>, asked: bool, section: &str, problems: &mut Problems) {
    let users = match table.get("user").map(|users| users.get_ref()) {
        Some(DeValue::Array(users)) if !asked => users,
        _ => return,
    };
    for user in users {
        if let DeValue::Table(user) = user.get_ref()
            && let Some(known) = user.get("certificates")
        {
            let right = format!("add client_certificates = \"optional\" to {section}");
            let what = "clients are not asked for a certificate";
            problems.add(known.span(), Wrong::new(what, right));
        }
    }
}

/// The certificates of a user.
pub(super) fn of_user(section: &Section<'_>, problems: &mut Problems) -> Option<Certificates> {
    let known = section.get("certificates", problems, fingerprints);
    let both = section.get("needs_both", problems, read::boolean);
    if let (Some((true, at)), false) = (&both, section.has("certificates")) {
        let right = "add certificates = [\"sha256:…\"]";
        problems.add(at.clone(), Wrong::new("a certificate is needed but none is known", right));
    }
    let with_password = both.is_some_and(|(both, _)| both);
    known.map(|(known, _)| Certificates { known, with_password })
}

const RIGHT: &str = "write [\"sha256:AB:CD:…\"], as `openssl x509 -noout -fingerprint -sha256` \
                     prints it";

fn fingerprints(value: &DeValue<'_>) -> Result<Vec<Fingerprint>, Wrong> {
    let DeValue::Array(items) = value else {
        return Err(Wrong::new("not a list of fingerprints", RIGHT));
    };
    if items.is_empty() {
        return Err(Wrong::new("no fingerprint at all", RIGHT));
    }
    items
        .iter()
        .map(|item| read::text(item.get_ref()).and_then(fingerprint))
        .collect::<Result<Vec<_>, _>>()
}

/// `sha256:` and 64 digits, perhaps with colons between pairs.
fn fingerprint(text: &str) -> Result<Fingerprint, Wrong> {
    let digits = after_sha256(text).and_then(digest);
    digits.ok_or_else(|| Wrong::new("not a SHA-256 fingerprint", RIGHT))
}

/// The same where the key says already which hash it is.
pub(super) fn sha256(text: &str) -> Result<Fingerprint, Wrong> {
    let right = "write \"AB:CD:…\", as `openssl x509 -noout -fingerprint -sha256` prints it";
    let digits = digest(after_sha256(text).unwrap_or(text));
    digits.ok_or_else(|| Wrong::new("not a SHA-256 fingerprint", right))
}

fn after_sha256(text: &str) -> Option<&str> {
    let (kind, digits) = text.split_once(':')?;
    kind.eq_ignore_ascii_case("sha256").then_some(digits)
}

/// 64 digits, perhaps with colons between pairs.
fn digest(digits: &str) -> Option<Fingerprint> {
    let digits: String = digits.chars().filter(|&c| c != ':').collect();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut fingerprint = [0; 32];
    for (octet, pair) in fingerprint.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_openssl_prints_them_and_nothing_else_is() {
        let pairs = ["AB"; 32].join(":");
        for good in [format!("sha256:{pairs}"), format!("SHA256:{}", "ab".repeat(32))] {
            assert_eq!(fingerprint(&good).ok(), Some([0xab; 32]), "{good}");
        }
        for good in [format!("sha256:{pairs}"), pairs, "ab".repeat(32)] {
            assert_eq!(sha256(&good).ok(), Some([0xab; 32]), "{good}");
        }
        assert!(sha256("md5:ab").is_err());
        let digits = "ab".repeat(32);
        for bad in [
            digits.clone(),
            format!("sha1:{digits}"),
            format!("sha256:{digits}ab"),
            format!("sha256:{}", "ab".repeat(31)),
            format!("sha256:{}", "+b".repeat(32)),
            format!("sha256:{}", "é".repeat(32)),
            String::from("sha256:"),
        ] {
            assert!(fingerprint(&bad).is_err(), "{bad}");
        }
    }
}
