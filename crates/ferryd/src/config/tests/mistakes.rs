//! Files that are wrong: what is said, where, and what would be right.

use super::{USER, read};

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
        "the file may hold: server, listen, tls, limits, bandwidth, representation, user, \
         anonymous, host",
    ),
    (
        "[bandwidth]\ndownload = \"fast\"",
        "2:12",
        "`download` in [bandwidth]: not a rate",
        "write octets a second, or something like \"500K\", \"2M\", \"off\" or \
         \"08:00-18:00 2M, else 20M\"",
    ),
    (
        "[bandwidth]\nuser_downlod = 5",
        "2:1",
        "unknown key `user_downlod` in [bandwidth]",
        "did you mean `user_download`?",
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
