//! What is printed when a directory is served from flags: where to connect, as whom, and what to
//! expect. Text only; nothing is decided here.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::addresses::{self, Endpoint};
use crate::secret::Password;

/// Everything the announcement tells.
#[derive(Debug)]
pub(crate) struct Announcement<'a> {
    /// The directory.
    pub(crate) directory: &'a str,
    /// Whether nobody may change anything.
    pub(crate) read_only: bool,
    /// Who may log in; at least one.
    pub(crate) logins: &'a [Announced],
    /// Whether anyone may.
    pub(crate) anonymous: bool,
    /// Where to connect to, best first.
    pub(crate) endpoints: &'a [Endpoint],
    /// Whether nothing goes without TLS.
    pub(crate) tls_required: bool,
    /// SHA-256 of the certificate.
    pub(crate) fingerprint: &'a str,
    /// Whether the certificate was made up.
    pub(crate) self_signed: bool,
    /// Ports of passive data connections.
    pub(crate) passive_ports: RangeInclusive<u16>,
    /// Something that is not as one might expect.
    pub(crate) note: Option<&'a str>,
}

/// Someone who may log in.
#[derive(Debug)]
pub(crate) struct Announced {
    pub(crate) name: String,
    /// The password, if it was made up; one that was given is not repeated.
    pub(crate) made: Option<Password>,
}

impl Announcement<'_> {
    /// The text, lines ended.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let rights = if self.read_only { "read only" } else { "read and write" };
        let _ = writeln!(out, "Serving {}, {rights}.", self.directory);
        if let Some(note) = self.note {
            let _ = writeln!(out, "{note}");
        }
        if let Some(first) = self.logins.first() {
            let _ = writeln!(out, "\nAs {}, {rights}:", first.name);
            self.write_urls(&mut out, Some((&first.name, first.made.as_ref())));
        }
        if self.anonymous {
            let _ = writeln!(out, "\nAnonymously, read only:");
            self.write_urls(&mut out, None);
        }
        out.push('\n');
        for login in self.logins {
            let password = match &login.made {
                Some(made) => format!("password {} (for this run only)", made.reveal()),
                None => "password as given".to_owned(),
            };
            let _ = writeln!(out, "User          {}, {password}", login.name);
        }
        let kind = if self.self_signed { "self-signed, for this run only" } else { "as given" };
        let _ = writeln!(out, "Certificate   {kind}; SHA-256 fingerprint:");
        for half in halves(self.fingerprint) {
            let _ = writeln!(out, "              {half}");
        }
        let (low, high) = self.passive_ports.clone().into_inner();
        let _ = writeln!(out, "Data ports    {low}-{high} (passive mode)");
        let _ = writeln!(
            out,
            "Stop          Ctrl-C; transfers get {} s to finish, a second Ctrl-C stops at once\n",
            crate::serve::GRACE.as_secs()
        );
        out
    }

    /// The URL that another device can use: the first that is not loopback.
    pub(crate) fn url_for_others(&self) -> Option<String> {
        let others = self.endpoints.iter().find(|e| !e.at.ip().is_loopback())?;
        let login = match self.anonymous {
            true => None,
            false => self.logins.first().map(|l| (l.name.as_str(), l.made.as_ref())),
        };
        addresses::urls(others, login, self.tls_required).into_iter().next()
    }

    fn write_urls(&self, out: &mut String, login: Option<(&str, Option<&Password>)>) {
        for endpoint in self.endpoints {
            for url in addresses::urls(endpoint, login, self.tls_required) {
                let _ = writeln!(out, "  {url}");
            }
        }
        if self.endpoints.iter().all(|e| IpAddr::is_loopback(&e.at.ip())) {
            let _ = writeln!(out, "  (only from this machine)");
        }
    }
}

/// A fingerprint in two lines, so that people can follow it.
fn halves(fingerprint: &str) -> [&str; 2] {
    let middle = fingerprint.match_indices(':').nth(15).map(|(at, _)| at);
    let (first, second) =
        middle.and_then(|at| fingerprint.split_at_checked(at + 1)).unwrap_or((fingerprint, ""));
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_server::options::ListenTls;

    const PRINT: &str = "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:\
                         10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F";

    fn endpoint(at: &str, tls: ListenTls) -> Endpoint {
        Endpoint { at: at.parse().unwrap(), tls }
    }

    fn made(name: &str) -> Announced {
        let made = Some(Password::new("abcd-efgh-jkmn-pqrs".to_owned()));
        Announced { name: name.to_owned(), made }
    }

    fn announcement<'a>(logins: &'a [Announced], endpoints: &'a [Endpoint]) -> Announcement<'a> {
        Announcement {
            directory: "/srv/share",
            read_only: false,
            logins,
            anonymous: false,
            endpoints,
            tls_required: false,
            fingerprint: PRINT,
            self_signed: true,
            passive_ports: 50_000..=50_999,
            note: None,
        }
    }

    #[test]
    fn a_share_is_announced_with_urls_to_paste() {
        let logins = [made("ferry")];
        let endpoints = [
            endpoint("192.0.2.7:2121", ListenTls::Explicit),
            endpoint("[2001:db8::7]:2121", ListenTls::Explicit),
            endpoint("127.0.0.1:2121", ListenTls::Explicit),
        ];
        let mut share = announcement(&logins, &endpoints);
        share.note = Some("Port 21 is not to be had, so this is port 2121.");
        let want = "\
Serving /srv/share, read and write.
Port 21 is not to be had, so this is port 2121.

As ferry, read and write:
  ftp://ferry:abcd-efgh-jkmn-pqrs@192.0.2.7:2121/
  ftpes://ferry:abcd-efgh-jkmn-pqrs@192.0.2.7:2121/
  ftp://ferry:abcd-efgh-jkmn-pqrs@[2001:db8::7]:2121/
  ftpes://ferry:abcd-efgh-jkmn-pqrs@[2001:db8::7]:2121/
  ftp://ferry:abcd-efgh-jkmn-pqrs@127.0.0.1:2121/
  ftpes://ferry:abcd-efgh-jkmn-pqrs@127.0.0.1:2121/

User          ferry, password abcd-efgh-jkmn-pqrs (for this run only)
Certificate   self-signed, for this run only; SHA-256 fingerprint:
              00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:
              10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F
Data ports    50000-50999 (passive mode)
Stop          Ctrl-C; transfers get 30 s to finish, a second Ctrl-C stops at once

";
        assert_eq!(share.text(), want);
        assert_eq!(
            share.url_for_others().unwrap(),
            "ftp://ferry:abcd-efgh-jkmn-pqrs@192.0.2.7:2121/"
        );
    }

    #[test]
    fn passwords_that_were_given_are_not_repeated() {
        let logins = [Announced { name: "bob".to_owned(), made: None }, made("eve")];
        let endpoints = [endpoint("127.0.0.1:990", ListenTls::Implicit)];
        let mut share = announcement(&logins, &endpoints);
        share.read_only = true;
        share.anonymous = true;
        share.self_signed = false;
        let text = share.text();
        let top: Vec<_> = text.lines().take(11).collect();
        assert_eq!(
            top,
            [
                "Serving /srv/share, read only.",
                "",
                "As bob, read only:",
                "  ftps://bob@127.0.0.1:990/",
                "  (only from this machine)",
                "",
                "Anonymously, read only:",
                "  ftps://127.0.0.1:990/",
                "  (only from this machine)",
                "",
                "User          bob, password as given",
            ]
        );
        assert!(text.contains("User          eve, password abcd-efgh-jkmn-pqrs"));
        assert_eq!(share.url_for_others(), None, "no other machine can reach loopback");
    }

    #[test]
    fn where_tls_is_required_no_url_goes_without() {
        let logins = [made("ferry")];
        let endpoints = [endpoint("192.0.2.7:21", ListenTls::Explicit)];
        let mut share = announcement(&logins, &endpoints);
        share.tls_required = true;
        assert!(!share.text().contains("ftp://"));
        assert!(share.url_for_others().unwrap().starts_with("ftpes://"));
    }
}
