//! Files in, diagnostics or settings out.

mod certificates;
mod elsewhere;
mod fxp;
mod mistakes;

use super::*;
use crate::auth::TableAuth;
use ferry_accounts::AcctFor;
use ferry_server::options::{
    Charset, CodePage, Coding, DataPeer, DataResumption, Listen, NameCharset, Options, Public,
    RecordStore, Timetable,
};
use ferry_storage::Upload;
use std::time::Duration;

/// A user who is all right, in a directory that always exists.
const USER: &str = "[[user]]\nname = \"alice\"\nhome = \".\"\n\
    password = \"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
    CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\"\n";

fn read(source: &str) -> Result<Plan, String> {
    let base = std::env::temp_dir();
    file::read(source, &base, "ferry.toml").map_err(|problems| problems.render(false))
}

fn options(source: &str) -> Options {
    match read(&format!("{source}\n{USER}")) {
        Ok(plan) => plan.options,
        Err(text) => panic!("{text}"),
    }
}

#[test]
fn an_empty_section_changes_nothing() {
    let plain = options("");
    let empty = options("[server]\n[limits]\n");
    assert_eq!(plain, empty);
    assert_eq!(plain, Options { listen: plain.listen.clone(), ..Options::default() });
    assert!(plain.listen.iter().all(|listen| listen.at.port() == 21), "{:?}", plain.listen);
}

#[test]
fn every_setting_reaches_the_engine() {
    let set = options(
        "[server]\nbanner = \"\"\"one\ntwo\"\"\"\nuploads = \"discard\"\numask = 0o027\n\
         show_hidden = true\nrecursive_listings = true\n\
         require_tls = \"both\"\nresumption = \"strict\"\n\
         data_peer = \"any\"\nstrict_close_notify = true\npublic_address = \"203.0.113.5\"\n\
         passive_ports = \"4000-4100\"\ndefault_data_port = false\n\
         [tls]\nself_signed = true\n\
         [[listen]]\naddress = \"127.0.0.1\"\nport = 2121\n\
         [[listen]]\naddress = \"::1\"\ntls = \"implicit\"\n\
         [limits]\nsessions = 7\nper_address = 3\nidle = \"10m\"\nlogin = 20\nstall = \"30s\"\n\
         data_connect = 11\npassive_unused = 12\nhandshake = 13\nclose = 14\n\
         wrong_passwords = 5\nban_failures = 0\nban_window = \"1h\"\nline = 4096\n\
         stat_entries = 99\nascii_size_scan = \"1M\"\n\
         ascii_restart_scan = 2048\nidle_max = \"1h\"\nwork_octets = \"2G\"\n\
         work_entries = 50\nwork_time = \"3m\"\n",
    );
    let listen = |at: &str, tls| Listen { at: at.parse().unwrap(), tls };
    assert_eq!(
        set.listen,
        [listen("127.0.0.1:2121", ListenTls::Explicit), listen("[::1]:990", ListenTls::Implicit)]
    );
    assert_eq!(set.banner, ["one", "two"]);
    assert_eq!((set.uploads, set.umask), (Upload::Discard, 0o027));
    assert!(set.show_hidden && set.recursive_listings);
    assert!(set.strict_close_notify && !set.default_data_port);
    assert_eq!(set.require_tls, RequireTls::Both);
    assert_eq!(set.data_resumption, DataResumption::Strict);
    assert_eq!(set.data_peer, DataPeer::Any);
    assert_eq!(set.public_address, Some(Public::Ip([203, 0, 113, 5].into())));
    assert_eq!(set.passive_ports, 4000..=4100);
    let (limits, secs) = (set.limits, Duration::from_secs);
    assert_eq!((limits.sessions, limits.per_address), (7, 3));
    assert_eq!((limits.idle, limits.login, limits.stall), (secs(600), secs(20), secs(30)));
    assert_eq!((limits.data_connect, limits.passive_unused), (secs(11), secs(12)));
    assert_eq!((limits.handshake, limits.close), (secs(13), secs(14)));
    assert_eq!((limits.wrong_passwords, limits.line, limits.stat_entries), (5, 4096, 99));
    assert_eq!((limits.ban_failures, limits.ban_window), (0, secs(3600)));
    assert_eq!((limits.ascii_size_scan, limits.ascii_restart_scan), (1 << 20, 2048));
    assert_eq!((limits.idle_max, limits.work_time), (secs(3600), secs(180)));
    assert_eq!((limits.work_octets, limits.work_entries), (2 << 30, 50));
}

#[test]
fn what_lies_in_between_reaches_the_engine_and_the_summary() {
    let source = format!(
        "[server]\nshared_data_port = 2100\noutside_ports = \"21100\"\n\
         public_address = {{ default = \"ftp.example.org\", \"10.8.0.0/16\" = \"10.8.0.1\" }}\n\
         proxies = [\"10.0.0.0/24\", \"2001:db8::5\"]\ndata_proxy = true\n{USER}"
    );
    let plan = read(&source).unwrap();
    let set = &plan.options;
    assert_eq!((set.shared_data_port, set.outside_ports), (Some(2100), Some(21_100)));
    assert_eq!(set.public_address, Some(Public::Name("ftp.example.org".to_owned())));
    let rule = ("10.8.0.0/16".parse().unwrap(), Public::Ip([10, 8, 0, 1].into()));
    assert_eq!(set.public_for, [rule]);
    assert_eq!(set.proxies, ["10.0.0.0/24", "2001:db8::5"].map(|n| n.parse().unwrap()));
    assert!(set.data_proxy);
    let shown = summary(Path::new("ferry.toml"), &plan);
    for line in [
        "  data ports    2100, shared by all sessions, outside 21100\n",
        "  public        ftp.example.org\n  public        10.8.0.1 for 10.8.0.0/16\n",
        "  proxies       10.0.0.0/24, 2001:db8::5/128, data connections too\n",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    let range = read(&format!("[server]\noutside_ports = \"61000-61999\"\n{USER}")).unwrap();
    let shown = summary(Path::new("ferry.toml"), &range);
    assert!(shown.contains("  data ports    50000-50999, outside 61000-61999\n"), "{shown}");
}

#[test]
fn what_representations_leave_open_is_the_operators() {
    let coding = options(
        "[representation]\nebcdic = \"037\"\ntext = \"latin-1\"\nrecords = \"plain\"\n\
         markers = true\nexpand_ratio = 20\nexpand_max = \"1G\"\n",
    )
    .coding;
    assert_eq!((coding.code_page, coding.charset), (CodePage::Cp037, Charset::Latin1));
    assert_eq!((coding.record_store, coding.markers), (RecordStore::Plain, true));
    assert_eq!((coding.expansion.ratio_max, coding.expansion.output_max), (20, 1 << 30));
    assert_eq!(options("").coding, Coding::default());
}

#[test]
fn accounts_are_what_the_file_says() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("home/in")).unwrap();
    let source = format!(
        "{}start = \"/in\"\naccess = \"read-write\"\nadmin = true\n\
         sessions = 2\n[anonymous]\nhome = \"home\"\n",
        USER.replace("\".\"", "\"home\"")
    );
    let path = dir.path().join("ferry.toml");
    std::fs::write(&path, source).unwrap();
    let plan = load(&path).map_err(|e| e.render(false)).unwrap();
    let table = plan.auth.table();
    let alice = table.verify(b"alice", b"password").unwrap();
    assert_eq!((alice.access, alice.sessions_max), (Access::ReadWrite, Some(2)));
    assert!(alice.admin);
    assert_eq!(alice.home.as_bytes(), b"/in");
    assert!(table.verify(b"alice", b"Password").is_none());
    let anonymous = table.verify(b"ftp", b"me@").unwrap();
    assert_eq!((anonymous.access, anonymous.anonymous), (Access::ReadOnly, true));
    assert!(!anonymous.admin);
    assert_eq!(plan.homes.all().count(), 1, "both have the same directory");
}

#[test]
fn the_example_in_the_documentation_is_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ferry.toml");
    let plan = load(&path).map_err(|e| e.render(false)).unwrap();
    assert!(plan.auth.table().verify(b"alice", b"example").is_some());
    assert_eq!(plan.options.listen.len(), 2);
}

/// Shown as examples; there is no default to write.
const WITHOUT_DEFAULT: [&str; 7] = [
    "names",
    "public_address",
    "shared_data_port",
    "outside_ports",
    "proxies",
    "fxp_partners",
    "fxp_ca",
];

#[test]
fn what_the_example_calls_a_default_is_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/ferry.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let section = |name: &str| -> String {
        let from = text.split(&format!("\n[{name}]\n")).nth(1).unwrap();
        let setting = |line: &str| {
            let line = line.strip_prefix("# ")?;
            let (key, _) = line.split_once(" = ")?;
            let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            (is_key && !WITHOUT_DEFAULT.contains(&key)).then(|| format!("{line}\n"))
        };
        let body = from.lines().take_while(|line| !line.starts_with('['));
        format!("[{name}]\n{}", body.filter_map(setting).collect::<String>())
    };
    let source = format!("{}{}", section("server"), section("limits"));
    assert_eq!(source.lines().count(), 2 + 15 + 21, "{source}");
    assert_eq!(options(&source), options(""));
}

#[test]
fn right_passwords_are_remembered_as_long_as_is_said_for_every_host() {
    let other = USER.replace("[[user]]", "[[host.user]]");
    for (said, secs) in [
        ("", 300),
        ("password_memory = \"5m\"", 300),
        ("password_memory = 20", 20),
        ("password_memory = 0", 0),
    ] {
        let host = format!("[[host]]\nnames = [\"b.example\"]\n{other}");
        let plan = read(&format!("{USER}[limits]\n{said}\n{host}")).unwrap();
        let lasts = Some(Duration::from_secs(secs));
        assert_eq!(plan.auth.remembers_for(), lasts, "{said}");
        assert_eq!(plan.hosts[0].auth.remembers_for(), lasts, "{said}");
    }
}

#[test]
fn rates_are_of_everyone_of_each_user_and_of_each_transfer() {
    let user = USER.replace("home", "upload = \"off\"\ntransfer_upload = 1000\nhome");
    let all = "download = \"2M\"\nuser_download = \"08:00-18:00 1M, else 10M\"\n\
               transfer_upload = \"1.5K\"\n";
    let plan = read(&format!("[bandwidth]\n{all}{user}")).unwrap();
    let noon = |table: &Option<Timetable>| table.as_ref().map(|table| table.at(12 * 3600));
    let said = &plan.options.bandwidth;
    assert_eq!(noon(&said.in_all.download), Some(Some(2 << 20)));
    assert_eq!(noon(&said.in_all.upload), None);
    assert_eq!(noon(&said.account.in_all.download), Some(Some(1 << 20)));
    assert_eq!(noon(&said.account.transfer.upload), Some(Some(1536)));
    let alice = plan.auth.table().verify(b"alice", b"password").unwrap();
    assert_eq!(noon(&alice.bandwidth.in_all.upload), Some(None), "no limit is one, too");
    assert_eq!(noon(&alice.bandwidth.in_all.download), None);
    assert_eq!(noon(&alice.bandwidth.transfer.upload), Some(Some(1000)));
}

#[test]
fn virtual_hosts_have_accounts_banners_and_certificates_of_their_own() {
    let other = USER.replace("[[user]]", "[[host.user]]").replace("alice", "bob");
    let source = format!(
        "{USER}[tls]\nself_signed = true\n\
         [[host]]\nnames = [\"b.example\", \"c.example\"]\nbanner = \"Hello\"\n\
         tls = {{ self_signed = true }}\n{other}\
         [[host]]\nnames = [\"d.example\"]\n[host.anonymous]\nhome = \".\"\n"
    );
    let plan = read(&source).unwrap();
    let [b, d] = plan.hosts.as_slice() else { panic!("{:?}", plan.hosts) };
    assert_eq!((b.names.len(), b.banner.as_slice()), (2, &["Hello".to_owned()][..]));
    let own = b.identity.as_ref().unwrap();
    assert_ne!(own.fingerprint, plan.identity.as_ref().unwrap().fingerprint);
    assert!(d.identity.is_none());
    assert!(b.auth.table().verify(b"bob", b"password").is_some());
    assert!(b.auth.table().verify(b"alice", b"password").is_none());
    assert!(d.auth.table().welcomes_anonymous() && !plan.auth.table().welcomes_anonymous());
    assert_eq!(plan.homes.all().count(), 1, "all have the same directory");
    let shown = summary(Path::new("ferry.toml"), &plan);
    assert!(shown.contains("b.example, c.example (1 users, a certificate of its own)"), "{shown}");
}

#[test]
fn everyone_may_be_at_home_on_virtual_hosts() {
    let host = "[[host]]\nnames = [\"b.example\"]\n[host.anonymous]\nhome = \".\"\n";
    assert_eq!(read(host).unwrap().hosts.len(), 1);
}

#[test]
fn charsets_are_of_a_user_of_a_host_or_of_the_server() {
    let user = USER.replace("alice", "boris").replace("home", "charset = \"KOI8-R\"\nhome");
    let source = format!(
        "[server]\ncharset = \"latin1\"\ntelnet = false\n{USER}{user}\
         [[host]]\nnames = [\"b.example\"]\ncharset = \"utf-8\"\n\
         [host.anonymous]\nhome = \".\"\ncharset = \"sjis\"\n"
    );
    let plan = read(&source).unwrap();
    let name = |charset: Option<NameCharset>| charset.map(NameCharset::name);
    assert_eq!(name(plan.options.charset), Some("windows-1252"));
    assert!(!plan.options.telnet);
    assert_eq!(name(plan.hosts[0].charset), Some("UTF-8"));
    let of =
        |auth: &TableAuth, who: &[u8]| name(auth.table().verify(who, b"password").unwrap().charset);
    assert_eq!(of(&plan.auth, b"alice"), None);
    assert_eq!(of(&plan.auth, b"boris"), Some("KOI8-R"));
    assert_eq!(of(&plan.hosts[0].auth, b"ftp"), Some("Shift_JIS"));
}

#[test]
fn a_user_may_have_an_acct_and_volumes() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("attic")).unwrap();
    let hash = USER.split("password = ").nth(1).unwrap().trim();
    let user = |keys: &str| {
        let source = format!("{USER}{keys}\n");
        file::read(&source, dir.path(), "ferry.toml").map_err(|p| p.render(false))
    };
    let plan = user(&format!("acct = {hash}\nacct_for = \"writing\"")).unwrap();
    let alice = plan.auth.table().verify(b"alice", b"password").unwrap();
    assert_eq!(alice.acct, Some(AcctFor::Writing));
    assert!(plan.auth.table().verify_acct(b"alice", b"password"));
    let plan = user("volumes = { attic = \"attic\", here = \".\" }").unwrap();
    assert_eq!(plan.homes.all().count(), 2, "and home is one of them");

    let wrong = user("acct = \"sesame\"").unwrap_err();
    assert!(wrong.contains("`acct` in [[user]]: a plain text"), "{wrong}");
    assert!(!wrong.contains("sesame"), "{wrong}");
    let wrong = user("acct_for = \"login\"").unwrap_err();
    assert!(wrong.contains("ACCT is wanted but `acct` is not there"), "{wrong}");
    let wrong = user("volumes = { attic = \"gone\" }").unwrap_err();
    assert!(wrong.contains("volume `attic`: there is no directory"), "{wrong}");
    let wrong = user("volumes = [\"attic\"]").unwrap_err();
    assert!(wrong.contains("not a table of names and directories"), "{wrong}");
    let wrong = user("acct = \"sesame\n").unwrap_err();
    assert!(!wrong.contains("sesame"), "{wrong}");
}
