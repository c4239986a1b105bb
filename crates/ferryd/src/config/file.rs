//! Which sections and keys a configuration file has and what they mean. The operator's view of
//! the same is docs/ferry.toml.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ferry_server::WallClock as _;
use ferry_server::options::{DataPeer, DataResumption, Limits, Options, RequireTls};
use ferry_server::tls::ClientCertificates;
use ferry_storage::Upload;
use toml::de::{DeTable, DeValue};

use super::diagnose::Problems;
use super::fxp::{self, Known};
use super::section::Section;
use super::users::{Names, Users};
use super::{bandwidth, certificates, hosts, listeners, outside, read, representation};
use crate::addresses;
use crate::auth::{REMEMBERED_FOR, TableAuth};
use crate::certs::{self, Identity};
use crate::clock::SystemClock;
use crate::homes::Homes;
use crate::serve::Plan;
use crate::values::Wrong;

const SECTIONS: &[&str] = &[
    "server",
    "listen",
    "tls",
    "limits",
    "bandwidth",
    "representation",
    "user",
    "anonymous",
    "host",
];

const SERVER_KEYS: &[&str] = &[
    "banner",
    "names",
    "charset",
    "telnet",
    "ccc",
    "long_addresses",
    "fxp",
    "fxp_partners",
    "fxp_ca",
    "uploads",
    "umask",
    "show_hidden",
    "recursive_listings",
    "require_tls",
    "resumption",
    "data_peer",
    "strict_close_notify",
    "public_address",
    "passive_ports",
    "shared_data_port",
    "outside_ports",
    "proxies",
    "data_proxy",
    "default_data_port",
];

const TLS_KEYS: &[&str] = &["cert", "key", "self_signed", "client_certificates", "client_ca"];

const LIMIT_KEYS: &[&str] = &[
    "sessions",
    "per_address",
    "idle",
    "login",
    "stall",
    "data_connect",
    "passive_unused",
    "handshake",
    "close",
    "wrong_passwords",
    "ban_failures",
    "ban_window",
    "password_memory",
    "line",
    "stat_entries",
    "ascii_size_scan",
    "ascii_restart_scan",
    "idle_max",
    "work_octets",
    "work_entries",
    "work_time",
];

/// Checks the text of a configuration file called `path`; relative paths in it start from `base`.
pub(super) fn read(source: &str, base: &Path, path: &str) -> Result<Plan, Problems> {
    let mut problems = Problems::new(path, source);
    let (document, syntax) = DeTable::parse_recoverable(source);
    if !syntax.is_empty() {
        problems.mask_password_lines();
        for error in &syntax {
            problems.add_syntax(error.span(), error.message());
        }
        return Err(problems);
    }
    let file = File { top: document.get_ref(), within: "" };
    let plan = file.plan(base, &mut problems);
    if problems.is_empty() { Ok(plan) } else { Err(problems) }
}

/// The document, or a section of it with sections of its own.
pub(super) struct File<'a> {
    pub(super) top: &'a DeTable<'a>,
    /// What stands before the names of its sections.
    pub(super) within: &'static str,
}

impl<'a> File<'a> {
    fn plan(&self, base: &Path, problems: &mut Problems) -> Plan {
        let _ = Section::open("the file", self.top, 0..0, SECTIONS, problems);
        let mut homes = Homes::default();
        let names = Names { user: "[[user]]", anonymous: "[anonymous]" };
        let wanted = !self.top.contains_key("host");
        let auth = self.users(Users::new(base, names, &mut homes), wanted, 0..0, problems);
        let mut options = Options::default();
        let mut identity = self.tls("[tls]", None, None, base, problems);
        let has_tls = self.top.contains_key("tls");
        let known = self.server(&mut options, has_tls, base, problems);
        let (sessions_named, remember) = self.limits(&mut options.limits, problems);
        if let Some((table, at)) = self.table("bandwidth", problems) {
            bandwidth::read(table, at, &mut options.bandwidth, problems);
        }
        if let Some((table, at)) = self.table("representation", problems) {
            representation::read(table, at, &mut options.coding, problems);
        }
        options.listen = match self.top.contains_key("listen") {
            true => listeners::read(&self.tables("listen", problems), has_tls, problems),
            false => listeners::usual(),
        };
        certificates::check(self.top, problems);
        let tables = self.tables("host", problems);
        let usual = identity.as_ref().and_then(|identity| identity.setup.clients());
        let main = hosts::Main { names: &options.names, has_tls, clients: usual, remember };
        let mut hosts = hosts::read(&tables, base, main, &mut homes, problems);
        if let Some(known) = known {
            fxp::trust(known, identity.as_mut(), &mut hosts, problems);
        }
        let auth = Arc::new(auth.remembering_for(remember));
        Plan { options, sessions_named, auth, identity, hosts, homes }
    }

    /// Returns the certificates to know other servers by, if there are any.
    fn server(
        &self,
        options: &mut Options,
        has_tls: bool,
        base: &Path,
        problems: &mut Problems,
    ) -> Option<Known> {
        let (table, at) = self.table("server", problems)?;
        let section = Section::open("[server]", table, at, SERVER_KEYS, problems);
        let uploads =
            [("atomic", Upload::Atomic), ("discard", Upload::Discard), ("direct", Upload::Direct)];
        set(&mut options.banner, section.get("banner", problems, read::banner));
        set(&mut options.names, section.get("names", problems, hosts::names));
        let charset = section.get("charset", problems, |value| {
            read::charset(value).map(|charset| (!charset.is_utf8()).then_some(charset))
        });
        set(&mut options.charset, charset);
        set(&mut options.telnet, section.get("telnet", problems, read::boolean));
        set(&mut options.ccc, section.get("ccc", problems, read::boolean));
        let long = section.get("long_addresses", problems, read::boolean);
        set(&mut options.long_addresses, long);
        set(
            &mut options.uploads,
            section.get("uploads", problems, |value| read::word(value, &uploads)),
        );
        set(&mut options.umask, section.get("umask", problems, read::umask));
        set(&mut options.show_hidden, section.get("show_hidden", problems, read::boolean));
        let recursive = section.get("recursive_listings", problems, read::boolean);
        set(&mut options.recursive_listings, recursive);
        outside::read(&section, options, problems);
        let close = section.get("strict_close_notify", problems, read::boolean);
        set(&mut options.strict_close_notify, close);
        let data_port = section.get("default_data_port", problems, read::boolean);
        set(&mut options.default_data_port, data_port);
        server_tls(&section, options, has_tls, problems);
        fxp::read(&section, options, has_tls, base, problems)
    }

    /// Returns whether the number of sessions is named, and how long right passwords are
    /// remembered.
    fn limits(&self, limits: &mut Limits, problems: &mut Problems) -> (bool, Duration) {
        let mut remember = REMEMBERED_FOR;
        let Some((table, at)) = self.table("limits", problems) else {
            return (false, remember);
        };
        let section = Section::open("[limits]", table, at, LIMIT_KEYS, problems);
        for (key, limit) in [
            ("idle", &mut limits.idle),
            ("idle_max", &mut limits.idle_max),
            ("work_time", &mut limits.work_time),
            ("login", &mut limits.login),
            ("stall", &mut limits.stall),
            ("data_connect", &mut limits.data_connect),
            ("passive_unused", &mut limits.passive_unused),
            ("handshake", &mut limits.handshake),
            ("close", &mut limits.close),
            ("ban_window", &mut limits.ban_window),
        ] {
            set(limit, section.get(key, problems, read::duration));
        }
        let memory = section.get("password_memory", problems, |value| {
            let none = read::number(value, 0..=0).map(|_: u64| Duration::ZERO);
            none.or_else(|_| read::duration(value))
        });
        set(&mut remember, memory);
        for (key, limit) in
            [("sessions", &mut limits.sessions), ("per_address", &mut limits.per_address)]
        {
            set(limit, section.get(key, problems, |value| read::number(value, 1..=1_000_000)));
        }
        for (key, limit) in [
            ("ascii_size_scan", &mut limits.ascii_size_scan),
            ("ascii_restart_scan", &mut limits.ascii_restart_scan),
            ("work_octets", &mut limits.work_octets),
        ] {
            set(limit, section.get(key, problems, read::size));
        }
        let tries = section.get("wrong_passwords", problems, |v| read::number(v, 1..=10));
        set(&mut limits.wrong_passwords, tries);
        let failures = section.get("ban_failures", problems, |v| read::number(v, 0..=1_000_000));
        set(&mut limits.ban_failures, failures);
        let line = section.get("line", problems, |v| read::number(v, 512..=65_536));
        set(&mut limits.line, line);
        let entries = section.get("stat_entries", problems, |v| read::number(v, 1..=1_000_000));
        set(&mut limits.stat_entries, entries);
        let visits = section.get("work_entries", problems, |v| read::number(v, 1..=1_000_000_000));
        set(&mut limits.work_entries, visits);
        (section.has("sessions"), remember)
    }

    /// Reads `[[user]]` and `[anonymous]`; that there is nobody is a mistake at `at`, if someone
    /// is `wanted`.
    pub(super) fn users(
        &self,
        mut users: Users<'_>,
        wanted: bool,
        at: Range<usize>,
        problems: &mut Problems,
    ) -> TableAuth {
        for (table, at) in self.tables("user", problems) {
            users.user(table, at, problems);
        }
        if let Some((table, at)) = self.table("anonymous", problems) {
            users.anonymous(table, at, problems);
        }
        let mentioned = self.top.contains_key("user") || self.top.contains_key("anonymous");
        users.finish(wanted, mentioned, at, problems)
    }

    /// Reads `[tls]`, called `name`; a certificate that is made up is made out to `host`. Clients
    /// are asked for what is `usual` where nothing is said of it.
    pub(super) fn tls(
        &self,
        name: &'static str,
        host: Option<&str>,
        usual: Option<&ClientCertificates>,
        base: &Path,
        problems: &mut Problems,
    ) -> Option<Identity> {
        let (table, at) = self.table("tls", problems)?;
        let section = Section::open(name, table, at, TLS_KEYS, problems);
        let clients = certificates::asked(&section, usual, base, problems);
        let self_signed = section.get("self_signed", problems, read::boolean);
        let path = |value| read::text(value).map(|text| base.join(text));
        if matches!(self_signed, Some((true, _))) {
            if let Some(at) = section.at_value("cert").or_else(|| section.at_value("key")) {
                problems.add(
                    at,
                    Wrong::new(
                        "a file besides self_signed = true",
                        "keep cert and key, or self_signed, not both",
                    ),
                );
            }
            let host = host.map(str::to_owned).or_else(addresses::host_name);
            let ips = addresses::of_this_host();
            return certs::self_signed(host.as_deref(), &ips, clients.as_ref(), SystemClock.now())
                .map_err(|e| problems.add(section.at(), Wrong::new(e.to_string(), "try again")))
                .ok();
        }
        if !section.has("cert") && !section.has("key") {
            problems.add(
                section.at(),
                Wrong::new(
                    format!("{name} has no certificate"),
                    "add cert = \"cert.pem\" and key = \"key.pem\", or self_signed = true",
                ),
            );
            return None;
        }
        let cert = section.need("cert", "\"cert.pem\"", problems, path);
        let key = section.need("key", "\"key.pem\"", problems, path);
        let ((cert, cert_at), (key, key_at)): ((PathBuf, _), (PathBuf, _)) = (cert?, key?);
        certs::load(&cert, &key, clients.as_ref())
            .map_err(|e| {
                let at = if e.blames(&key) { key_at } else { cert_at };
                let right = "name a PEM file with the certificate chain and one with its key";
                problems.add(at, Wrong::new(e.to_string(), right));
            })
            .ok()
    }

    /// The table `[name]`, if there is one.
    pub(super) fn table(
        &self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<(&'a DeTable<'a>, Range<usize>)> {
        let value = self.top.get(name)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some((table, value.span()));
        }
        let right = format!("write [{}{name}]", self.within);
        let wrong = Wrong::new(format!("`{name}` is not a section"), right);
        problems.add(value.span(), wrong);
        None
    }

    /// The tables `[[name]]`, as many as there are.
    fn tables(
        &self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Vec<(&'a DeTable<'a>, Range<usize>)> {
        let Some(value) = self.top.get(name) else {
            return Vec::new();
        };
        let mut wrong = |at| {
            let what = format!("`{name}` is not a list of sections");
            problems.add(
                at,
                Wrong::new(what, format!("write [[{}{name}]], once for each", self.within)),
            );
        };
        let DeValue::Array(items) = value.get_ref() else {
            wrong(value.span());
            return Vec::new();
        };
        let mut tables = Vec::with_capacity(items.len());
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => tables.push((table, item.span())),
                _ => wrong(item.span()),
            }
        }
        tables
    }
}

/// Puts a value that was read in the place of the default.
pub(super) fn set<T>(setting: &mut T, read: Option<(T, Range<usize>)>) {
    if let Some((value, _)) = read {
        *setting = value;
    }
}

/// The keys of `[server]` that only make sense together with a certificate or each other.
fn server_tls(
    section: &Section<'_>,
    options: &mut Options,
    has_tls: bool,
    problems: &mut Problems,
) {
    let required = section.get("require_tls", problems, |value| {
        let words =
            [("no", RequireTls::No), ("login", RequireTls::Login), ("both", RequireTls::Both)];
        read::word(value, &words)
    });
    if let Some((required, at)) = required {
        if required != RequireTls::No && !has_tls {
            problems.add(at, Wrong::new("TLS is required but there is no [tls]", NEED_TLS));
        }
        options.require_tls = required;
    }
    let resumption = section.get("resumption", problems, |value| {
        let words = [
            ("off", DataResumption::Off),
            ("prefer", DataResumption::Prefer),
            ("strict", DataResumption::Strict),
        ];
        read::word(value, &words)
    });
    set(&mut options.data_resumption, resumption);
    let peer = section.get("data_peer", problems, |value| {
        let words =
            [("strict", DataPeer::Strict), ("same-net", DataPeer::SameNet), ("any", DataPeer::Any)];
        read::word(value, &words)
    });
    if let Some((peer, at)) = peer {
        let bound = options.data_resumption == DataResumption::Strict
            && options.require_tls == RequireTls::Both;
        if peer == DataPeer::Any && !bound {
            problems.add(
                at,
                Wrong::new(
                    "anyone could take a data connection",
                    "with data_peer = \"any\", write resumption = \"strict\" \
                     and require_tls = \"both\"",
                ),
            );
        }
        options.data_peer = peer;
    }
}

pub(super) const NEED_TLS: &str =
    "add [tls] with cert = \"cert.pem\" and key = \"key.pem\", or self_signed = true";
