//! Who may do what: user names cannot be probed, nothing is served before a log-in, and the
//! account that may only read changes nothing.

use std::fs;

use ferry_proto::verb::{ArgumentKind, VERBS};

use crate::support::{Blueprint, Client, READER, Reply, WRITER, snapshot};

/// Tries to log in on a connection of its own; the reply to USER and the one to PASS.
fn attempt(site: &crate::support::Site, user: &str, password: &str) -> (Reply, Reply) {
    let mut client = site.client();
    let first = client.ask(format!("USER {user}"));
    (first, client.ask(format!("PASS {password}")))
}

#[test]
fn a_name_that_exists_is_answered_like_one_that_does_not_and_costs_the_same_work() {
    let site = Blueprint::default().build();
    let wrong = [
        (WRITER, "wrong"),
        (READER, ""),
        ("nobody", "wrong"),
        ("anonymous", "me@example.org"),
        ("ftp", "me@example.org"),
        ("root", "writer's password"),
        ("WRITER", "writer's password"),
        ("writer ", "writer's password"),
        (" writer", "writer's password"),
        ("writ\u{e9}r", "x"),
    ];
    // Side by side, as each wrong password is answered a second late.
    let answers: Vec<(Reply, Reply)> = std::thread::scope(|scope| {
        let running: Vec<_> = wrong
            .iter()
            .map(|(user, password)| scope.spawn(|| attempt(&site, user, password)))
            .collect();
        running.into_iter().map(|r| r.join().unwrap()).collect()
    });
    for (answer, asked) in answers.iter().zip(wrong) {
        assert_eq!(answer, &answers[0], "{asked:?}");
        assert_eq!((answer.0.code, answer.1.code), (331, 530), "{asked:?}");
    }
    // The work is the authenticator's, which is asked once about each name and its password.
    let mut asked = site.auth.asked();
    asked.sort();
    let mut expected: Vec<_> = wrong.map(|(u, p)| (u.into(), p.into())).into();
    expected.sort();
    assert_eq!(asked, expected);
}

#[test]
fn the_third_wrong_password_ends_the_connection_and_reconnecting_by_auth_does_not_help() {
    let site = Blueprint::default().with_tls().with(|o| o.limits.wrong_passwords = 2).build();
    let mut client = site.client();
    client.ok("USER writer", 331);
    client.ok("PASS wrong", 530);
    client.secure(&site.certified.as_ref().unwrap().peer13());
    client.ok("USER reader", 331);
    client.ok("PASS wrong", 421);
    assert_eq!(client.rest_or_reset(), b"");
    assert_eq!(site.auth.asked().len(), 2);
}

/// An argument that would be right, had one logged in.
fn argument(kind: ArgumentKind, name: &str) -> &'static str {
    match (name, kind) {
        ("PORT", _) => " 127,0,0,1,200,200",
        ("EPRT", _) => " |1|127.0.0.1|50000|",
        ("TYPE", _) => " I",
        ("MODE", _) => " S",
        ("STRU", _) => " F",
        ("SITE", _) => " CHMOD 777 f",
        ("MFMT", _) => " 20200101000000 f",
        ("REST" | "ALLO", _) => " 1",
        (_, ArgumentKind::None | ArgumentKind::NoneStrict) => "",
        _ => " f",
    }
}

#[test]
fn nothing_is_served_before_a_log_in() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "secret").unwrap();
    let before = snapshot(dir.path());
    let site = Blueprint::of_dir(dir.path()).build();
    let phases: [(&str, &[&str]); 3] = [
        ("fresh", &[]),
        ("USER sent", &["USER writer"]),
        ("logged in and out", &["USER writer", "PASS writer's password", "USER reader"]),
    ];
    for (phase, commands) in phases {
        for info in VERBS {
            let mut client = site.client();
            for command in commands {
                client.ask(command);
            }
            let command = format!("{}{}", info.name, argument(info.argument, info.name));
            let code = client.ask(&command).code;
            let free: &[u16] = match info.name {
                "USER" => &[331],
                // Right after USER it is a wrong password.
                "PASS" => &[503, 530],
                "ACCT" => &[503],
                "QUIT" => &[221],
                "FEAT" => &[211],
                "HELP" => &[214, 502],
                "SYST" => &[215],
                "NOOP" | "CLNT" => &[200],
                "OPTS" => &[501],
                "AUTH" => &[502, 504],
                "HOST" => &[220],
                "LANG" | "CSID" => &[200, 501, 504],
                "PBSZ" | "PROT" => &[501, 503, 504],
                "XDTP" => &[501],
                // The first word of mail protocols, see `lines`.
                "MAIL" => &[421, 530],
                _ if !info.login => &[502],
                _ => &[530],
            };
            assert!(free.contains(&code), "{phase}: {command}: {code}");
            assert!(info.login == free.contains(&530) || info.name == "PASS", "{command}");
        }
    }
    assert_eq!(snapshot(dir.path()), before);
    assert!(site.net.connects().is_empty());
}

/// Every way to change something.
const CHANGES: [&str; 22] = [
    "STOR f",
    "STOR new",
    "APPE f",
    "APPE new",
    "STOU",
    "STOU f",
    "DELE f",
    "RMD empty",
    "XRMD empty",
    "MKD new",
    "XMKD new",
    "MFMT 20200101000000 f",
    "MDTM 20200101000000 f",
    "SITE CHMOD 777 f",
    "SITE CHMOD 777 empty",
    "SITE UTIME 20200101000000 f",
    "SITE UTIME f 20200101000000 20200101000000 20200101000000 UTC",
    "RNFR f",
    "RNFR empty",
    "RNTO new",
    "DELE link",
    "MFMT 20200101000000 link",
];

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("f"), "content").unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    std::os::unix::fs::symlink("f", dir.path().join("link")).unwrap();
    dir
}

fn all_changes(client: &mut Client) {
    for change in CHANGES {
        let (reply, _) = client.transfer(change, Some(b"EVIL"));
        assert!(reply.code >= 500, "{change}: {}", reply.text());
        client.ask("REST 3");
        let (reply, _) = client.transfer(change, Some(b"EVIL"));
        assert!(reply.code >= 500, "REST 3, {change}: {}", reply.text());
    }
}

#[test]
fn an_account_that_may_only_read_changes_nothing() {
    for name in [READER, "anonymous"] {
        let dir = tree();
        let before = snapshot(dir.path());
        let mut blueprint = Blueprint::of_dir(dir.path());
        blueprint.anonymous = true;
        let site = blueprint.build();
        let mut client = site.client();
        client.log_in(name);
        client.ok("TYPE I", 200);
        all_changes(&mut client);
        assert_eq!(client.fetch("RETR f"), b"content");
        let facts = client.ok("MLST f", 250).text();
        let perm = facts.split("perm=").nth(1).unwrap().split(';').next().unwrap();
        assert_eq!(perm, "r", "{facts}");
        assert_eq!(snapshot(dir.path()), before, "{name}");
    }
}

#[test]
fn an_identity_given_up_leaves_no_rights_behind() {
    let dir = tree();
    let before = snapshot(dir.path());
    let site = Blueprint::of_dir(dir.path()).build();
    let mut client = site.writer();
    client.ok("RNFR f", 350);
    client.ok("REST 3", 350);
    let _passive = client.passive();
    client.log_in(READER);
    client.ok("RNTO stolen", 503);
    client.ok("STOR f", 550);
    all_changes(&mut client);
    // A wrong password leaves nobody logged in.
    client.ok("USER writer", 331);
    client.ok("PASS wrong", 530);
    client.ok("DELE f", 530);
    assert_eq!(snapshot(dir.path()), before);
}
