//! Homes and volumes on other servers: what is understood, what is refused, and what is not shown.

use super::*;
use ferry_client::Security;
use ferry_client::settings::Trust;

const PIN: &str = "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB";

/// A directory with files to name: `password`, `known_hosts`, `ca.pem` and some that are wrong.
fn files() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write =
        |name: &str, content: &[u8]| std::fs::write(dir.path().join(name), content).unwrap();
    write("password", b"hunter2\n");
    write("bare", b"hunter2");
    write("dos", b"hunter2\r\n");
    write("empty", b"\n");
    write("lines", b"hunter2\nhunter3\n");
    write("long", &[b'x'; 300]);
    write("known_hosts", b"files.example.org:21 00\n");
    let made = rcgen::generate_simple_self_signed(vec!["files.test".into()]).unwrap();
    write("ca.pem", made.cert.pem().as_bytes());
    dir
}

/// What comes of a user with this home, as the file has it.
fn at_home(home: &str, more: &str, dir: &Path) -> Result<Plan, String> {
    let source = format!("{}{more}\n", USER.replace("home = \".\"", &format!("home = {home}")));
    file::read(&source, dir, "ferry.toml").map_err(|problems| problems.render(false))
}

#[test]
fn a_home_is_a_url_or_a_table_with_one() {
    let dir = files();
    let pin = pretty(PIN);
    let roots = Trust::Roots(vec![dir.path().join("ca.pem")]);
    let known = Trust::KnownHosts(dir.path().join("known_hosts"));
    let pinned = Trust::Pinned(vec![[0xab; 32]]);
    let twice = Trust::Pinned(vec![[0xab; 32]; 2]);
    let cases = [
        ("\"ftp://h/pub\"".to_owned(), Security::Opportunistic, &Trust::System, 8),
        ("\"ftpes://anonymous@h\"".to_owned(), Security::Explicit, &Trust::System, 8),
        ("{ url = \"ftps://h/\" }".to_owned(), Security::Implicit, &Trust::System, 8),
        ("{ url = \"ftp://h/\", plain = true }".to_owned(), Security::Plain, &Trust::System, 8),
        (named("ftpes", ""), Security::Explicit, &Trust::System, 8),
        (named("ftp", "plain = true"), Security::Plain, &Trust::System, 8),
        (named("ftps", "connections = 3"), Security::Implicit, &Trust::System, 3),
        (named("ftpes", &format!("sha256 = \"{pin}\"")), Security::Explicit, &pinned, 8),
        (named("ftpes", &format!("sha256 = \"sha256:{pin}\"")), Security::Explicit, &pinned, 8),
        (
            named("ftpes", &format!("sha256 = [\"{PIN}\", \"{pin}\"]")),
            Security::Explicit,
            &twice,
            8,
        ),
        (named("ftpes", "ca = \"ca.pem\""), Security::Explicit, &roots, 8),
        (named("ftpes", "known_hosts = \"known_hosts\""), Security::Explicit, &known, 8),
    ];
    for (home, security, trust, connections) in cases {
        let plan = at_home(&home, "", dir.path()).unwrap_or_else(|text| panic!("{home}: {text}"));
        let there = plan.homes.servers().next().unwrap();
        assert_eq!(there.site().security, security, "{home}");
        assert_eq!((&there.trust, there.connections), (trust, connections), "{home}");
        let password = home.contains("password_file").then_some(&b"hunter2"[..]);
        assert_eq!(there.site().password.as_ref().map(ferry_client::Secret::reveal), password);
        assert_eq!(plan.homes.all().count(), 0, "{home}: no directory of this machine is open");
    }
}

/// A table for alice, who has a password.
fn named(scheme: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { ", " };
    format!("{{ url = \"{scheme}://alice@h/in\", password_file = \"password\"{comma}{more} }}")
}

fn pretty(digits: &str) -> String {
    let pairs: Vec<&str> =
        digits.as_bytes().chunks(2).map(|p| str::from_utf8(p).unwrap()).collect();
    pairs.join(":")
}

#[test]
fn what_would_not_work_or_would_not_be_safe_is_told() {
    let dir = files();
    let table = |more: &str| format!("{{ url = \"ftpes://alice@h/\", {more} }}");
    let cases = [
        ("\"ftpes://alice@h/\"".to_owned(), "no password to log in as alice with"),
        ("{ password_file = \"password\" }".to_owned(), "`home` has no `url`"),
        ("{ url = 21 }".to_owned(), "`url` in `home`: a whole number"),
        ("{ url = \"/srv\" }".to_owned(), "a URL begins with a scheme"),
        ("\"sftp://h/\"".to_owned(), "`home` in [[user]]: sftp:// is not spoken here"),
        ("\"ftp://h:x/\"".to_owned(), "\"x\" is no port"),
        ("\"ftp://h/;type=a\"".to_owned(), "leave out ;type=a"),
        ("[\"ftp://h/\"]".to_owned(), "`home` in [[user]]: a list"),
        (named("ftp", ""), "ftp:// would send the password in the clear"),
        (named("ftp", "plain = false"), "ftp:// would send the password in the clear"),
        (named("ftpes", "plain = true"), "ftpes:// is never in the clear"),
        (named("ftp", &format!("plain = true, sha256 = \"{PIN}\"")), "there is no certificate"),
        (named("ftpes", "conections = 2"), "did you mean `connections`?"),
        (named("ftpes", "connections = 0"), "write a number from 1 to 128"),
        (named("ftpes", "connections = 129"), "write a number from 1 to 128"),
        (named("ftpes", "sha256 = \"AB\""), "`sha256` in `home`: not a SHA-256 fingerprint"),
        (named("ftpes", "sha256 = []"), "`sha256` in `home`: a list"),
        (named("ftpes", "ca = \"known_hosts\""), "no certificate in"),
        (named("ftpes", "known_hosts = \"gone\""), "cannot be read"),
        (named("ftpes", "known_hosts = \"known_hosts\", ca = \"ca.pem\""), "keep one of sha256"),
        (table("password_file = \"gone\""), "cannot be read"),
        (table("password_file = \".\""), "is not a file"),
        (table("password_file = \"empty\""), "is empty"),
        (table("password_file = \"lines\""), "holds more than one line"),
        (table("password_file = \"long\""), "is too long for a password"),
        (
            "{ url = \"ftpes://h/\", password_file = \"password\" }".to_owned(),
            "a password but nobody whose it is",
        ),
    ];
    for (home, want) in cases {
        let text = at_home(&home, "", dir.path()).map(drop).expect_err(&home);
        assert!(text.contains(want) && text.contains("--> ferry.toml:3:"), "{home}: {text}");
        assert!(text.contains("1 mistake;"), "{home}: {text}");
        assert!(!text.contains("hunter"), "{home}: {text}");
    }
    for name in ["bare", "dos"] {
        let home = table(&format!("password_file = \"{name}\""));
        let plan = at_home(&home, "", dir.path()).unwrap();
        let site = plan.homes.servers().next().unwrap().site();
        assert_eq!(site.password.unwrap().reveal(), b"hunter2", "{name}");
    }
}

#[test]
fn volumes_are_elsewhere_too_and_whoever_has_the_same_one_shares_its_connections() {
    let dir = files();
    let here = named("ftpes", "");
    let volumes = format!("volumes = {{ same = {here}, other = \"ftp://h/pub\", local = \".\" }}");
    let plan = at_home(&here, &volumes, dir.path()).unwrap();
    assert_eq!((plan.homes.servers().count(), plan.homes.all().count()), (2, 1));
    let shown = summary(Path::new("ferry.toml"), &plan);
    let want = "  elsewhere     ftpes://alice@h/in (TLS; 8 connections at most)\n";
    assert!(shown.contains(want), "{shown}");
    assert!(shown.contains("ftp://h/pub (TLS if it has it; 8"), "{shown}");
    assert!(!shown.contains("hunter2") && !format!("{plan:?}").contains("hunter2"), "{shown}");

    let wrong = "volumes = { a = { url = \"ftp://h/\", x = 1 }, b = \"ftp://:1/\", c = \"gone\" }";
    let text = at_home(&here, wrong, dir.path()).map(drop).unwrap_err();
    for want in [
        "unknown key `x` in a volume",
        "volume `b`: the URL has no host",
        "volume `c`: there is no directory",
    ] {
        assert!(text.contains(want), "{text}");
    }
}

#[test]
fn anonymous_may_be_elsewhere_and_a_start_there_is_not_looked_for() {
    let dir = files();
    let source = "[anonymous]\nhome = \"ftpes://h/pub\"\nstart = \"/some/where\"\n";
    let plan = file::read(source, dir.path(), "ferry.toml").map_err(|p| p.render(false)).unwrap();
    assert_eq!(plan.homes.servers().count(), 1);
    let start = plan.auth.table().verify(b"ftp", b"").unwrap().home.as_bytes().to_vec();
    assert_eq!(start, b"/some/where");
}

#[test]
fn a_password_file_that_everyone_can_read_is_told_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = files();
    let path = dir.path().join("password");
    for (mode, told) in [(0o644, true), (0o640, false), (0o600, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let plan = at_home(&named("ftpes", ""), "", dir.path()).unwrap();
        let shown = summary(Path::new("ferry.toml"), &plan);
        assert_eq!(shown.contains("everyone here can read"), told, "{mode:o}: {shown}");
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_shown_nowhere() {
    let dir = files();
    let refused = "a password in a URL";
    let cases = [
        ("home = \"ftpes://alice:hunter2@h/\"", refused),
        ("home = \"ftpes\\u003A//alice:hunter2@h/\"", refused),
        ("home = \"ftpes://alice:hunt/er2@h/\"", refused),
        ("home = \"sftp://alice:hunter2@h/\"", refused),
        ("home = { url = \"ftps://alice:hunter2@h/\" }", refused),
        ("home = { url = \"ftps://alice@h/\", password = \"hunter2\" }", "unknown key `password`"),
        ("home = \".\"\nvolumes = { a = \"ftp://h\", b = \"ftp://u:hunter2@h/\" }", refused),
        ("home = \".\"\nvolumes = { a = \"gone\", b = \"ftp://u:hunter2@h/\" }", "no directory"),
        ("home = \".\"\nvolume = { a = \"ftp://h\", b = \"ftp://u:hunter2@h/\" }", "unknown key"),
        ("home = \"ftp://u:hunter2@h/\" and more", "not TOML"),
    ];
    for (lines, want) in cases {
        let source = USER.replace("home = \".\"", lines);
        let read = file::read(&source, dir.path(), "ferry.toml");
        let text = read.map(drop).map_err(|p| p.render(false)).expect_err(lines);
        assert!(text.contains(want), "{lines}: {text}");
        assert!(!text.contains("hunter2") && !text.contains("er2@"), "{lines}: {text}");
    }
}
