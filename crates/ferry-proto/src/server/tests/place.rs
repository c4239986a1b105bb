//! ACCT, SMNT, REIN, CCC, HOST, LANG, PRET, LPRT, LPSV and HELP, without sockets.

use super::*;
use crate::verb::VERBS;

fn wanted(until: AccountFor) -> Outcome {
    Outcome::AccountWanted { home: FtpPath::new(b"/home").unwrap(), until }
}

fn waiting() -> Talk {
    let mut t = Talk::new();
    t.say("USER alice");
    assert_eq!(t.ask("PASS x", wanted(AccountFor::Login)), "332");
    t
}

#[test]
fn an_account_that_must_say_more_is_logged_in_by_acct() {
    let mut t = waiting();
    assert_eq!(t.say("NOOP"), "200");
    assert_eq!(t.ask("ACCT sales", Outcome::Done), "230");
    assert!(t.text("PWD").starts_with("257 \"/home\""));
    assert_eq!(t.say("ACCT sales"), "202");
}

#[test]
fn a_wrong_account_counts_as_a_wrong_password_and_starts_the_login_anew() {
    let mut t = waiting();
    assert_eq!(t.ask("ACCT no", Outcome::Failed(Failure::Denied)), "Pause");
    assert_eq!(t.hear(Outcome::Done), "Forget 530");
    assert_eq!(t.say("ACCT sales"), "503");
    let mut t = waiting();
    t.rules.wrong_passwords = 1;
    t.ask("ACCT no", Outcome::Failed(Failure::Denied));
    assert_eq!(t.hear(Outcome::Done), "Forget 421 Close");
}

#[test]
fn whoever_says_something_else_instead_of_acct_is_not_logged_in() {
    for (line, want) in [
        ("PWD", "Forget 530"),
        ("RMD x", "Forget 530"),
        ("USER bob", "Forget 331"),
        ("AUTH TLS", "Forget 234 StartTls"),
        ("XYZZY", "Forget 500"),
        ("QUIT", "Forget 221 CloseData Close"),
    ] {
        assert_eq!(waiting().say(line), want, "{line}");
    }
}

#[test]
fn an_account_for_changes_is_asked_for_by_532() {
    let mut t = Talk::new();
    t.say("USER alice");
    assert_eq!(t.ask("PASS x", wanted(AccountFor::Writing)), "230");
    assert_eq!(t.ask("DELE f", Outcome::Failed(Failure::NeedsAccount)), "532");
    assert_eq!(t.ask("STOR f", Outcome::Failed(Failure::NeedsAccount)), "532");
    assert_eq!(t.ask("ACCT no", Outcome::Failed(Failure::Denied)), "Pause");
    assert_eq!(t.hear(Outcome::Done), "530");
    assert!(t.session.is_logged_in(), "a wrong account does not end a login");
    assert_eq!(t.ask("ACCT sales", Outcome::Done), "230");
    assert_eq!(t.say("ACCT sales"), "202");
    assert_eq!(t.say("USER alice"), "Forget 331");
    t.ask("PASS x", wanted(AccountFor::Writing));
    assert_eq!(t.say("ACCT sales"), "Account", "a new login must say it again");
}

#[test]
fn a_volume_becomes_the_root_and_nothing_else_changes() {
    let mut t = Talk::ready();
    t.say("TYPE I");
    t.ask("CWD /deep", Outcome::Done);
    t.ask("PASV", Outcome::Listening("192.0.2.1:50000".parse().unwrap()));
    assert_eq!(t.ask("SMNT none", Outcome::Failed(Failure::NotFound)), "550");
    assert!(t.text("PWD").starts_with("257 \"/deep\""));
    assert_eq!(t.ask("SMNT attic", Outcome::Done), "250");
    assert!(t.text("PWD").starts_with("257 \"/\""));
    assert!(t.text("STAT").contains("TYPE: Image"));
    t.say("RETR f");
    assert_eq!(t.opened(), "150 Move", "the passive port is still there");
    assert_eq!(Talk::new().say("SMNT attic"), "530");
}

#[test]
fn rein_leads_back_to_the_beginning() {
    let mut t = Talk::ready();
    for line in ["TYPE I", "EPSV ALL", "OPTS MLST size;", "LANG de", "SITE UMASK 077", "REST 9"] {
        assert!(t.say(line).starts_with(['2', '3']), "{line}");
    }
    t.ask("CWD /x", Outcome::Done);
    t.ask("EPSV", Outcome::Listening("192.0.2.1:50000".parse().unwrap()));
    assert_eq!(t.say("REIN"), "Forget CloseData LeaveHost 220");
    assert_eq!(t.say("PWD"), "530");
    t.say("USER alice");
    t.ask("PASS x", Outcome::LoggedIn(FtpPath::root()));
    assert!(t.text("STAT").contains("TYPE: ASCII"));
    assert!(t.text("FEAT").contains("LANG en*;"));
    assert!(t.text("FEAT").contains("type*;size*;"));
    assert!(t.text("SITE UMASK").contains("022"));
    assert_eq!(t.say("PORT 192,0,2,9,16,0"), "200", "EPSV ALL is over");
    assert_eq!(Talk::new().say("REIN"), "530");
}

#[test]
fn rein_ends_explicit_tls_after_its_reply_and_stays_in_implicit_tls() {
    let mut t = Talk::new();
    t.say("AUTH TLS");
    t.session.tls_up();
    t.say("USER a");
    t.ask("PASS b", Outcome::LoggedIn(FtpPath::root()));
    t.say("PBSZ 0");
    t.say("PROT P");
    assert_eq!(t.say("REIN"), "Forget LeaveHost 220 StopTls");
    assert!(!t.session.is_secured());
    assert_eq!(t.say("PROT P"), "503");
    assert_eq!(t.say("AUTH TLS"), "234 StartTls", "and TLS can begin anew");

    let peer = "192.0.2.9:4000".parse().unwrap();
    let mut t = Talk { session: ServerSession::new(peer, 0o022, true), rules: rules() };
    t.say("USER a");
    t.ask("PASS b", Outcome::LoggedIn(FtpPath::root()));
    assert_eq!(t.say("REIN"), "Forget LeaveHost 220");
    assert!(t.session.is_secured());
}

#[test]
fn ccc_is_refused_unless_allowed_and_freezes_what_data_connections_are() {
    let secure = || {
        let mut t = Talk::new();
        t.say("AUTH TLS");
        t.session.tls_up();
        t.say("USER a");
        t.ask("PASS b", Outcome::LoggedIn(FtpPath::root()));
        t.say("PBSZ 0");
        t.say("PROT P");
        t
    };
    assert_eq!(Talk::ready().say("CCC"), "533");
    assert_eq!(secure().say("CCC"), "534");
    assert_eq!(secure().say("HELP CCC"), "502");
    let mut t = secure();
    t.rules.ccc = true;
    assert!(t.text("FEAT").contains(" CCC\r\n"));
    assert_eq!(t.say("CCC"), "200 StopTls");
    for line in ["USER b", "PASS b", "AUTH TLS", "PBSZ 0", "PROT C"] {
        assert_eq!(t.say(line), "503", "{line}");
    }
    assert_eq!(t.say("CCC"), "533");
    assert!(!t.text("FEAT").contains("AUTH TLS"));
    t.say("RETR x");
    let mut out = Vec::new();
    let opened = Outcome::Opened { wire_len: None, stored_as: None };
    t.session.conclude(opened, &t.rules, &mut out);
    assert!(matches!(out.last(), Some(Action::Ask(Ask::Move { protect: true, .. }))));
    t.hear(Outcome::Ended(End::Complete));
    assert_eq!(t.say("REIN"), "Forget LeaveHost 220", "TLS has ended already");
    assert_eq!(t.say("AUTH TLS"), "234 StartTls");
}

#[test]
fn host_is_chosen_before_the_login_only() {
    let mut t = Talk::new();
    t.say("LANG de");
    t.say("USER alice");
    assert_eq!(t.ask("HOST b.example", Outcome::Done), "220");
    assert_eq!(t.say("PASS x"), "503", "HOST drops the name before it");
    assert!(t.text("FEAT").contains("LANG en*;"), "and the language");
    t.rules.banner = vec![String::from("Welcome to b"), String::from("Be kind")];
    let mut out = Vec::new();
    t.say("HOST b.example");
    t.session.conclude(Outcome::Done, &t.rules, &mut out);
    let Some(Action::Reply(reply)) = out.pop() else { panic!("no reply") };
    let mut wire = Vec::new();
    reply.write(&mut wire);
    assert!(wire.starts_with(b"220-Welcome to b\r\n220-Be kind\r\n220 "));
    t.rules.banner.clear();
    assert_eq!(t.ask("HOST c.example", Outcome::Failed(Failure::NotFound)), "504");
    assert_eq!(t.ask("HOST c.example", Outcome::Failed(Failure::Denied)), "504");
    assert_eq!(t.say("HOST b.example:21"), "501");
    assert_eq!(Talk::ready().say("HOST b.example"), "503");
}

#[test]
fn every_reply_is_in_the_language_that_was_chosen() {
    let mut t = Talk::ready();
    assert_eq!(t.say("LANG tlh"), "504");
    assert_eq!(t.say("LANG 9"), "501");
    assert_eq!(t.text("LANG de-CH"), "200 Die Antworten sind auf Deutsch.\r\n");
    assert!(t.text("FEAT").contains("\r\n LANG en;de*;es;fr\r\n"));
    assert!(t.text("FEAT").starts_with("211-Unterstützte Erweiterungen:\r\n"));
    assert_eq!(t.text("SYST"), "215 UNIX Type: L8\r\n");
    assert!(t.text("STAT").contains("\r\n Getrennt wird nach 5 Minuten Stille\r\n"));
    t.say("MKD x");
    let mut out = Vec::new();
    t.session.conclude(Outcome::Failed(Failure::Exists), &t.rules, &mut out);
    let want = Reply::new(550, "Das Verzeichnis gibt es schon (already exists).");
    assert_eq!(out, [Action::Reply(want)]);
    let mut out = Vec::new();
    t.session.timed_out(&t.rules, &mut out);
    let want = "Timeout: kein Befehl seit 5 Minuten; die Verbindung wird beendet.";
    assert_eq!(out.first(), Some(&Action::Reply(Reply::new(421, want))));
    assert_eq!(t.text("LANG"), "200 Replies are in English.\r\n");
}

#[test]
fn pret_answers_as_far_as_the_words_of_the_next_command_tell() {
    let cases = [
        ("PRET RETR f", "200"),
        ("PRET LIST", "200"),
        ("PRET stor f", "200"),
        ("PRET RETR", "501"),
        ("PRET PWD", "501"),
        ("PRET PRET RETR f", "501"),
        ("PRET THMB x", "502"),
        ("PRET XYZZY", "500"),
    ];
    for (line, want) in cases {
        assert_eq!(Talk::ready().say(line), want, "{line}");
    }
    let long = format!("PRET RETR {}", "x".repeat(300));
    assert_eq!(Talk::ready().say(&long), "553");
}

#[test]
fn long_addresses_are_off_unless_allowed() {
    let mut t = Talk::ready();
    for line in ["LPSV", "LPRT 4,4,192,0,2,9,2,16,0", "LPRT nonsense", "HELP LPSV"] {
        assert_eq!(t.say(line), "502", "{line}");
    }
    t.rules.long_addresses = true;
    let cases = [
        ("LPRT 4,4,192,0,2,9,2,16,0", "200"),
        ("LPRT 4,4,192,0,2,8,2,16,0", "504"),
        ("LPRT 4,4,192,0,2,9,2,3,255", "504"),
        ("LPRT 6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,16,0", "521"),
        ("LPRT 7,1,9,2,16,0", "521"),
        ("LPRT 4,4,1,2", "501"),
    ];
    for (line, want) in cases {
        assert_eq!(t.say(line), want, "{line}");
    }
    t.say("LPSV");
    let mut out = Vec::new();
    let at = "192.0.2.1:50001".parse().unwrap();
    t.session.conclude(Outcome::Listening(at), &t.rules, &mut out);
    let want = Reply::new(228, "Entering Long Passive Mode (4,4,192,0,2,1,2,195,81)");
    assert_eq!(out, [Action::Reply(want)]);
    t.say("RETR f");
    assert_eq!(t.opened(), "150 Move");
    t.hear(Outcome::Ended(End::Complete));
    t.say("EPSV ALL");
    assert_eq!(t.say("LPSV"), "503");
    assert_eq!(t.say("LPRT 4,4,192,0,2,9,2,16,0"), "503");
}

#[test]
fn a_data_connection_may_come_by_a_name() {
    let mut t = Talk::ready();
    assert_eq!(t.say("XPSV 0123456789abcdef"), "Expect");
    assert_eq!(t.hear(Outcome::Done), "200");
    t.say("RETR f");
    assert_eq!(t.opened(), "150 Move");
    t.hear(Outcome::Ended(End::Complete));
    assert_eq!(t.ask("XPSV 0123456789abcdef", Outcome::Failed(Failure::Exists)), "425");

    let mut other = Talk::new();
    assert_eq!(other.say("XDTP 0123456789abcdef"), "Join");
    assert_eq!(other.hear(Outcome::Failed(Failure::NotFound)), "425");
    assert_eq!(other.ask("XDTP 0123456789abcdef", Outcome::Done), "200 HandOver");

    t.rules.joins = false;
    for line in ["XPSV 0123456789abcdef", "XDTP 0123456789abcdef", "XPSV", "HELP XPSV"] {
        assert_eq!(t.say(line), "502", "{line}");
    }
}

#[test]
fn csid_tells_a_version_only_to_who_is_logged_in() {
    assert_eq!(Talk::new().text("CSID Name=x;"), "200 Name=Ferry;CaseSensitive=1;DirSep=/;\r\n");
    assert_eq!(Talk::new().say("CSID"), "501");
    let facts = Talk::ready().text("CSID junk");
    assert!(facts.starts_with("200 Name=Ferry;Version=") && facts.contains(";OS="), "{facts}");
}

#[test]
fn help_knows_every_command_and_every_site_command() {
    let mut t = Talk::new();
    (t.rules.ccc, t.rules.long_addresses, t.rules.fxp) = (true, true, true);
    let list = t.text("HELP");
    for info in VERBS {
        let want = if info.served { "214" } else { "502" };
        assert_eq!(t.say(&format!("HELP {}", info.name)), want, "{}", info.name);
        let listed = list.split_whitespace().any(|word| word == info.name);
        assert!(listed == info.served || info.name == "HELP", "{}", info.name);
    }
    for (name, _) in crate::site::SITE_VERBS {
        assert_eq!(t.say(&format!("HELP SITE {name}")), "214", "{name}");
    }
    assert_eq!(t.say("HELP SITE EXEC"), "502");
}
