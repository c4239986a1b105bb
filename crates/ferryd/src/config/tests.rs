//! Files in, diagnostics or settings out.

mod certificates;
mod elsewhere;
mod fxp;

use super::*;
use crate::auth::TableAuth;
use ferry_accounts::AcctFor;
use ferry_server::options::{
    Charset, CodePage, Coding, DataPeer, DataResumption, Listen, NameCharset, Options, Public,
    RecordStore,
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

const NEED_TLS_TEXT: &str =
    "add [tls] with cert = \"cert.pem\" and key = \"key.pem\", or self_signed = true";

/// What stands before a good user, where that is wrong, what is wrong and what would be right.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    (
        "[server]\ncharset = \"window-1251\"",
        "2:11",
        "`charset` in [server]: no charset `window-1251` for names",
        "did you mean \"windows-1251\"?",
    ),
    (
        "[[host]]\nnames = [\"b.example\"]\ncharset = \"utf-16le\"\n\
         [host.anonymous]\nhome = \".\"",
        "3:11",
        "`charset` in [[host]]: no charset `utf-16le` for names",
        "write a name of the Encoding Standard, as in \"windows-1251\" or \"shift_jis\"",
    ),
    (
        "[anonymous]\nhome = \".\"\ncharset = 1251",
        "3:11",
        "`charset` in [anonymous]: a whole number",
        "write text in double quotes",
    ),
    (
        "[[host]]\n[host.anonymous]\nhome = \".\"",
        "1:1",
        "[[host]] has no `names`",
        "add a line like names = [\"ftp.example.org\"]",
    ),
    (
        "[[host]]\nnames = [\"b.example:21\"]\n[host.anonymous]\nhome = \".\"",
        "2:9",
        "`names` in [[host]]: `b.example:21` is not the name of a host",
        "write a DNS name, international ones as xn--…, without a port",
    ),
    (
        "[[host]]\nnames = \"b.example\"\n[host.anonymous]\nhome = \".\"",
        "2:9",
        "`names` in [[host]]: not a list of names",
        "write names in quotes between brackets, as in [\"ftp.example.org\"]",
    ),
    (
        "[server]\nnames = [\"B.example\"]\n\
         [[host]]\nnames = [\"b.example.\"]\n[host.anonymous]\nhome = \".\"",
        "4:9",
        "a second host named `b.example.`",
        "give each host names of its own",
    ),
    (
        "[[host]]\nnames = [\"b.example\"]",
        "1:1",
        "nobody could log in",
        "add a [[host.user]] with name, password and home, or [host.anonymous] with home",
    ),
    (
        "[[host]]\nnames = [\"b.example\"]\nbaner = \"x\"\n[host.anonymous]\nhome = \".\"",
        "3:1",
        "unknown key `baner` in [[host]]",
        "did you mean `banner`?",
    ),
    (
        "[[host]]\nnames = [\"b.example\"]\n[host.anonymous]\nhome = \".\"\n\
         [host.tls]\nself_signed = true",
        "5:1",
        "a host has a certificate but there is no [tls]",
        NEED_TLS_TEXT,
    ),
    (
        "[[host]]\nnames = [\"b.example\"]\nanonymous = true",
        "3:13",
        "`anonymous` is not a section",
        "write [host.anonymous]",
    ),
    (
        "[server]\nccc = \"yes\"",
        "2:7",
        "`ccc` in [server]: text",
        "write true or false, without quotes",
    ),
    (
        "[representation]\nebcdic = \"500\"",
        "2:10",
        "`ebcdic` in [representation]: not a word known here",
        "write \"1047\" or \"037\"",
    ),
    (
        "[tls]\nself_signed = true\nclient_certificates = \"maybe\"",
        "3:23",
        "`client_certificates` in [tls]: not a word known here",
        "write \"off\", \"optional\" or \"required\"",
    ),
    ("[servr]", "1:2", "unknown key `servr` in the file", "did you mean `server`?"),
    (
        "[zebra]",
        "1:2",
        "unknown key `zebra` in the file",
        "the file may hold: server, listen, tls, limits, representation, user, anonymous, host",
    ),
    ("[limits]\nidel = \"5m\"", "2:1", "unknown key `idel` in [limits]", "did you mean `idle`?"),
    (
        "[limits]\nidle = \"soon\"",
        "2:8",
        "`idle` in [limits]: not a duration",
        "write a number of seconds, or something like \"90s\", \"5m\" or \"1h30m\"",
    ),
    (
        "[limits]\n  stall = 0",
        "2:11",
        "`stall` in [limits]: no time at all",
        "the least is 1 second",
    ),
    (
        "[limits]\nlogin = \"30d\"",
        "2:9",
        "`login` in [limits]: longer than a week",
        "the most is 7 days",
    ),
    (
        "[limits]\nlogin = true",
        "2:9",
        "`login` in [limits]: true or false",
        "write a number of seconds, or something like \"90s\", \"5m\" or \"1h30m\"",
    ),
    (
        "[limits]\nwrong_passwords = 11",
        "2:19",
        "`wrong_passwords` in [limits]: a number out of range",
        "write a number from 1 to 10",
    ),
    (
        "[limits]\nsessions = \"many\"",
        "2:12",
        "`sessions` in [limits]: text",
        "write a number from 1 to 1000000",
    ),
    (
        "[limits]\nsessions = -1",
        "2:12",
        "`sessions` in [limits]: a number out of range",
        "write a number from 1 to 1000000",
    ),
    (
        "[limits]\nascii_size_scan = \"16Q\"",
        "2:19",
        "`ascii_size_scan` in [limits]: not a size",
        "write a number of octets, or something like \"64K\" or \"16M\"",
    ),
    (
        "[server]\nuploads = \"atomc\"",
        "2:11",
        "`uploads` in [server]: not a word known here",
        "write \"atomic\", \"discard\" or \"direct\"",
    ),
    (
        "[server]\nrequire_tls = true",
        "2:15",
        "`require_tls` in [server]: true or false",
        "write \"no\", \"login\" or \"both\"",
    ),
    (
        "[server]\nrequire_tls = \"both\"",
        "2:15",
        "TLS is required but there is no [tls]",
        "add [tls] with cert = \"cert.pem\" and key = \"key.pem\", or self_signed = true",
    ),
    (
        "[server]\nshow_hidden = \"yes\"",
        "2:15",
        "`show_hidden` in [server]: text",
        "write true or false, without quotes",
    ),
    (
        "[server]\numask = 22",
        "2:9",
        "`umask` in [server]: a decimal number",
        "write octal digits up to \"777\" in quotes, as in \"022\"",
    ),
    (
        "[server]\numask = \"1777\"",
        "2:9",
        "`umask` in [server]: not permission bits",
        "write octal digits up to \"777\" in quotes, as in \"022\"",
    ),
    (
        "[server]\npassive_ports = \"50999-50000\"",
        "2:17",
        "`passive_ports` in [server]: a range that ends before it begins",
        "write two ports from 1 to 65535, the lower first, as in \"50000-50999\"",
    ),
    (
        "[server]\npublic_address = \"::1\"",
        "2:18",
        "`public_address` in [server]: an IPv6 address",
        "write the IPv4 address seen from outside; IPv6 clients use EPSV, which names none",
    ),
    (
        "[server]\npublic_address = \"203.0.113\"",
        "2:18",
        "`public_address` in [server]: not an address peers can connect to",
        "write the IPv4 address seen from outside, as in 203.0.113.5, or a name for it",
    ),
    (
        "[server]\npublic_address = { \"10.8.0.1/16\" = \"10.8.0.1\" }",
        "2:18",
        "`public_address` in [server]: `10.8.0.1/16`: an address with bits behind the prefix",
        "write a network as in \"10.0.0.0/24\" or \"2001:db8::/32\", or one address",
    ),
    (
        "[server]\npublic_address = { default = \"::1\" }",
        "2:18",
        "`public_address` in [server]: `default`: an IPv6 address",
        "write the IPv4 address seen from outside; IPv6 clients use EPSV, which names none",
    ),
    (
        "[server]\npublic_address = 5",
        "2:18",
        "`public_address` in [server]: neither an address nor a table of them",
        "write an address or a name in quotes, or a table as in \
         { default = \"203.0.113.5\", \"10.8.0.0/16\" = \"10.8.0.1\" }",
    ),
    (
        "[server]\noutside_ports = \"61000-61998\"",
        "2:17",
        "999 ports outside for 1000 inside",
        "write as many ports as there are inside: the router maps each to one",
    ),
    (
        "[server]\nshared_data_port = 2100\npassive_ports = \"50000-50999\"",
        "2:20",
        "a shared data port besides a range of ports",
        "keep passive_ports or shared_data_port, not both",
    ),
    (
        "[server]\nshared_data_port = 2100\noutside_ports = \"61000-61999\"",
        "3:17",
        "1000 ports outside for 1 inside",
        "write as many ports as there are inside: the router maps each to one",
    ),
    (
        "[server]\nproxies = \"10.0.0.0/24\"",
        "2:11",
        "`proxies` in [server]: not a list of networks",
        "write networks in quotes between brackets, as in [\"10.0.0.0/24\"]",
    ),
    (
        "[server]\nproxies = [\"10.0.0.0/24\", \"0.0.0.0/0\"]",
        "2:11",
        "`proxies` in [server]: anyone could say to be anyone",
        "name the networks of your balancers, and no others",
    ),
    (
        "[server]\ndata_proxy = true",
        "2:14",
        "a proxy for data but no `proxies`",
        "add proxies = [\"10.0.0.0/24\"], the networks of your balancers",
    ),
    (
        "[server]\nbanner = \"a\\u001b[2J\"",
        "2:10",
        "`banner` in [server]: control characters in a banner",
        "write plain text",
    ),
    (
        "[server]\ndata_peer = \"any\"",
        "2:13",
        "anyone could take a data connection",
        "with data_peer = \"any\", write resumption = \"strict\" and require_tls = \"both\"",
    ),
    ("server = 1", "1:10", "`server` is not a section", "write [server]"),
    ("[listen]", "1:1", "`listen` is not a list of sections", "write [[listen]], once for each"),
    (
        "[[listen]]\naddress = \"example.org\"",
        "2:11",
        "`address` in [[listen]]: not an IP address",
        "write an IP address in quotes, as in \"192.0.2.7\" or \"::\"; \
         the port is a key of its own",
    ),
    (
        "[[listen]]\nport = 70000",
        "2:8",
        "`port` in [[listen]]: a number out of range",
        "write a number from 0 to 65535",
    ),
    (
        "[[listen]]\naddress = \"::1\"\ntls = \"implicit\"",
        "3:7",
        "implicit TLS but there is no [tls]",
        "add [tls] with cert = \"cert.pem\" and key = \"key.pem\", or self_signed = true",
    ),
    (
        "[[listen]]\naddress = \"::1\"\n\n[[listen]]\naddress = \"::1\"",
        "4:1",
        "[::1]:21 is listened on twice",
        "give each [[listen]] an address or port of its own",
    ),
    (
        "[tls]",
        "1:1",
        "[tls] has no certificate",
        "add cert = \"cert.pem\" and key = \"key.pem\", or self_signed = true",
    ),
    ("[tls]\ncert = \"a.pem\"", "1:1", "[tls] has no `key`", "add a line like key = \"key.pem\""),
    (
        "[tls]\nself_signed = true\nkey = \"a.pem\"",
        "3:7",
        "a file besides self_signed = true",
        "keep cert and key, or self_signed, not both",
    ),
    ("[anonymous]", "1:1", "[anonymous] has no `home`", "add a line like home = \"/srv/ftp\""),
    (
        "[anonymous]\nhome = \".\"\nstart = \"/nowhere/at/all\"",
        "3:9",
        "`start` in [anonymous]: no directory inside the home",
        "name a directory inside the home, as in \"/incoming\"",
    ),
];

#[test]
fn every_mistake_is_shown_with_its_place_and_what_would_be_right() {
    for (source, place, what, right) in MISTAKES {
        let text = read(&format!("{source}\n{USER}")).expect_err(source);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("error: {what}"), "{text}");
        assert_eq!(lines[1].trim_start(), format!("--> ferry.toml:{place}"), "{text}");
        assert!(text.contains(&format!("= help: {right}\n")), "{right} in\n{text}");
        assert_eq!(
            lines.last(),
            Some(&"ferry.toml: 1 mistake; nothing was started"),
            "{source}\n{text}"
        );
    }
}

#[test]
fn users_are_checked_whole() {
    let hash = "password = \"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$\
                CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\"";
    let cases = [
        (format!("home = \".\"\n{hash}"), "1:1", "[[user]] has no `name`"),
        (format!("name = \"\"\nhome = \".\"\n{hash}"), "2:8", "`name` in [[user]]: an empty name"),
        (
            format!("name = \"a\\nb\"\nhome = \".\"\n{hash}"),
            "2:8",
            "`name` in [[user]]: a name no client could send",
        ),
        ("name = \"bob\"\nhome = \".\"".to_owned(), "1:1", "[[user]] has no `password`"),
        (
            "name = \"bob\"\nhome = \".\"\npassword = \"$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$\
             CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\""
                .to_owned(),
            "4:12",
            "`password` in [[user]]: a hash of another kind than argon2id",
        ),
        (format!("name = \"bob\"\n{hash}"), "1:1", "[[user]] has no `home`"),
        (
            format!("name = \"bob\"\nhome = \"/nonexistent/x\"\n{hash}"),
            "3:8",
            "`home` in [[user]]: there is no directory /nonexistent/x",
        ),
        (
            format!("name = \"bob\"\nhome = \"/dev/null\"\n{hash}"),
            "3:8",
            "`home` in [[user]]: /dev/null is not a directory",
        ),
        (
            format!("name = \"bob\"\nhome = \".\"\naccess = \"all\"\n{hash}"),
            "4:10",
            "`access` in [[user]]: not a word known here",
        ),
        (
            format!("name = \"bob\"\nhome = \".\"\nsessions = 0\n{hash}"),
            "4:12",
            "`sessions` in [[user]]: a number out of range",
        ),
    ];
    for (source, place, what) in cases {
        let text = read(&format!("[[user]]\n{source}\n")).expect_err(&source);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], format!("error: {what}"), "{text}");
        assert_eq!(lines[1].trim_start(), format!("--> ferry.toml:{place}"), "{text}");
        assert_eq!(lines.last(), Some(&"ferry.toml: 1 mistake; nothing was started"), "{text}");
    }
}

#[test]
fn a_diagnostic_reads_as_a_whole() {
    let text =
        read(&format!("[limits]\nidel = \"5m\"   # a typing mistake\n\n{USER}")).unwrap_err();
    let want = "\
error: unknown key `idel` in [limits]
 --> ferry.toml:2:1
  |
2 | idel = \"5m\"   # a typing mistake
  | ^^^^
  |
  = help: did you mean `idle`?

ferry.toml: 1 mistake; nothing was started";
    assert_eq!(text, want);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let source = "[limits]\nidle = 0\nsessions = 0\n[server]\numask = 9\nuplods = \"x\"\n";
    let text = read(&format!("{source}{USER}{USER}")).unwrap_err();
    let places: Vec<&str> =
        text.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")).collect();
    assert_eq!(
        places,
        [
            "ferry.toml:2:8",
            "ferry.toml:3:12",
            "ferry.toml:5:9",
            "ferry.toml:6:1",
            "ferry.toml:12:8",
        ]
    );
    assert!(text.contains("= help: the first is in line 8; give each a name of its own"), "{text}");
    assert!(text.ends_with("ferry.toml: 5 mistakes; nothing was started"), "{text}");
}

#[test]
fn a_file_that_lets_nobody_in_is_a_mistake() {
    for source in ["", "[server]\n", "user = []\n"] {
        let text = read(source).expect_err(source);
        assert!(text.starts_with("error: nobody could log in\n"), "{text}");
    }
}

#[test]
fn what_is_no_toml_is_told_in_its_place() {
    let text = read("[server\nbanner = \"x\"\n").unwrap_err();
    assert!(text.starts_with("error: not TOML: "), "{text}");
    assert!(text.contains("--> ferry.toml:1:"), "{text}");
}

#[test]
fn no_password_is_ever_repeated() {
    let cases = [
        "[[user]]\nname = \"a\"\nhome = \".\"\npassword = \"hunter2 hunter2\"\n",
        "[[user]]\nname = \"a\"\nhome = \".\"\npasword = \"hunter2\"\n",
        "[[user]]\nname = \"a\"\nhome = \".\"\nPassphrase = \"hunter2\"\n",
        "[[user]]\nname = \"a\"\nhome = \".\"\npassword = '''hunter2\nhunter2'''\n",
        "user = [{ name = \"a\", home = \".\", password = \"hunter2\" }]\n",
        "[[user]]\npassword = \"hunter2\n",
        "[[user]]\npassword = hunter2\n",
    ];
    for source in cases {
        let text = read(source).expect_err(source);
        assert!(!text.contains("hunter2"), "{text}");
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
    assert_eq!(source.lines().count(), 2 + 15 + 20, "{source}");
    assert_eq!(options(&source), options(""));
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
