//! Who someone is, and how the control connection is protected meanwhile.

use super::*;

#[test]
fn logging_in_follows_rfc_959_and_tells_nothing_about_names() {
    let mut t = Talk::new();
    assert_eq!(t.say("PASS x"), "503");
    assert_eq!(t.say("PWD"), "530");
    assert_eq!(t.say("USER nobody"), "331");
    assert_eq!(t.say("NOOP"), "200");
    assert_eq!(t.say("PASS x"), "Login");
    assert_eq!(t.hear(Outcome::LoginRefused(LoginRefusal::Wrong)), "Pause");
    assert_eq!(t.hear(Outcome::Done), "530");
    assert_eq!(t.say("PASS x"), "503");
    assert_eq!(t.say("USER alice"), "331");
    assert_eq!(t.say("SYST"), "215");
    assert_eq!(t.say("PWD"), "530");
    assert_eq!(t.say("PASS x"), "503", "PWD came between");
    t.say("USER alice");
    assert_eq!(t.ask("PASS x", Outcome::LoggedIn(FtpPath::new(b"/home").unwrap())), "230");
    assert!(t.text("PWD").starts_with("257 \"/home\""));
    assert_eq!(t.say("ACCT x"), "202");
    assert_eq!(t.say("PASS x"), "503");
}

#[test]
fn the_last_wrong_password_ends_the_connection() {
    let mut t = Talk::new();
    for want in ["530", "530", "421 Close"] {
        t.say("USER a");
        assert_eq!(t.ask("PASS b", Outcome::LoginRefused(LoginRefusal::Wrong)), "Pause");
        assert_eq!(t.hear(Outcome::Done), want);
    }
}

#[test]
fn each_wrong_password_is_answered_later_than_the_last() {
    let mut t = Talk::new();
    t.rules.wrong_passwords = 10;
    for secs in [1, 2, 3, 4, 5, 5] {
        t.say("USER a");
        t.say("PASS b");
        let mut out = Vec::new();
        let refused = Outcome::LoginRefused(LoginRefusal::Wrong);
        t.session.conclude(refused, &t.rules, &mut out);
        assert_eq!(out, [Action::Ask(Ask::Pause(secs))]);
        t.hear(Outcome::Done);
    }
}

#[test]
fn a_new_user_drops_the_old_identity_but_not_the_type() {
    let mut t = Talk::ready();
    t.say("TYPE I");
    t.ask("CWD /x", Outcome::Done);
    t.ask("PASV", Outcome::Listening("192.0.2.1:50000".parse().unwrap()));
    assert_eq!(t.say("USER bob"), "Forget CloseData 331");
    assert_eq!(t.say("PWD"), "530");
    t.say("USER bob");
    t.ask("PASS y", Outcome::LoggedIn(FtpPath::root()));
    assert!(t.text("PWD").starts_with("257 \"/\""));
    assert!(t.text("STAT").contains("TYPE: Image"));
}

#[test]
fn auth_starts_anew_and_prot_wants_pbsz() {
    let mut t = Talk::ready();
    assert_eq!(t.say("PBSZ 0"), "503");
    assert_eq!(t.say("PROT P"), "503");
    assert_eq!(t.say("AUTH GSSAPI"), "504");
    assert_eq!(t.say("AUTH TLS"), "234 Forget StartTls");
    t.session.tls_up();
    assert_eq!(t.say("PWD"), "530");
    assert_eq!(t.say("AUTH TLS"), "503");
    assert_eq!(t.say("PROT P"), "503");
    assert_eq!(t.say("PBSZ 0"), "200");
    assert_eq!(t.say("PROT S"), "536");
    assert_eq!(t.say("PROT P"), "200");
    assert_eq!(t.say("PROT C"), "200");
    t.rules.data_needs_tls = true;
    assert_eq!(t.say("PROT C"), "534");
    t.rules.tls = false;
    assert_eq!(Talk { rules: t.rules.clone(), ..Talk::new() }.say("AUTH TLS"), "502");
}

#[test]
fn auth_ssl_makes_data_private_at_once() {
    let mut t = Talk::new();
    t.say("AUTH SSL");
    t.session.tls_up();
    assert!(t.text("FEAT").contains(" PROT\r\n"));
    t.say("USER a");
    t.ask("PASS b", Outcome::LoggedIn(FtpPath::root()));
    assert!(t.text("STAT").contains("PROT P"));
}

#[test]
fn tls_can_be_required_for_login_and_for_data() {
    let mut t = Talk::new();
    t.rules.login_needs_tls = true;
    t.rules.data_needs_tls = true;
    assert_eq!(t.say("USER a"), "530");
    t.say("AUTH TLS");
    t.session.tls_up();
    t.say("USER a");
    t.ask("PASS b", Outcome::LoggedIn(FtpPath::root()));
    t.say("RETR x");
    assert_eq!(t.opened(), "DropOpened 521");
    t.say("PBSZ 0");
    t.say("PROT P");
    t.say("RETR x");
    assert_eq!(t.opened(), "150 Move");
}
