//! Logging in by the certificate that the client showed (RFC 4217 §9, reply 232).

use super::*;

/// Under TLS, with a certificate.
fn certified() -> Talk {
    let mut t = Talk::new();
    assert_eq!(t.say("AUTH TLS"), "234 StartTls");
    t.session.tls_up();
    t.session.set_certified(true);
    t
}

#[test]
fn user_is_answered_232_where_the_certificate_is_known() {
    let mut t = certified();
    assert_eq!(t.say("USER alice"), "Recognise");
    assert_eq!(t.hear(Outcome::LoggedIn(FtpPath::new(b"/home").unwrap())), "232");
    assert!(t.text("PWD").contains("/home"));
    assert_eq!(t.say("PASS whatever"), "202");
    assert_eq!(t.say("USER bob"), "Forget Recognise");
    assert_eq!(t.hear(Outcome::Failed(Failure::NotFound)), "331");
    assert_eq!(t.say("PASS x"), "Login");
    assert_eq!(t.hear(Outcome::LoggedIn(FtpPath::root())), "230");
}

#[test]
fn a_certificate_may_leave_acct_or_the_number_of_sessions_in_the_way() {
    let mut t = certified();
    t.say("USER alice");
    let wanted = Outcome::AccountWanted { home: FtpPath::root(), until: AccountFor::Login };
    assert_eq!(t.hear(wanted), "332");
    assert_eq!(t.ask("ACCT sales", Outcome::Done), "230");
    let mut t = certified();
    t.say("USER alice");
    assert_eq!(t.hear(Outcome::LoginRefused(LoginRefusal::TooManySessions)), "530");
    assert_eq!(t.say("PASS x"), "503");
}

#[test]
fn under_implicit_tls_rein_leaves_the_certificate_and_after_ccc_it_does_not() {
    for (cleared, want) in [(false, "Recognise"), (true, "331")] {
        let mut t = Talk::new();
        t.rules.ccc = true;
        t.session = ServerSession::new("192.0.2.9:4000".parse().unwrap(), 0o022, true);
        t.session.set_certified(true);
        assert_eq!(t.ask("USER alice", Outcome::LoggedIn(FtpPath::root())), "232");
        if cleared {
            assert_eq!(t.say("CCC"), "200 StopTls");
        }
        t.say("REIN");
        assert_eq!(t.say("USER alice"), want, "CCC: {cleared}");
    }
}

#[test]
fn without_a_certificate_or_tls_nothing_is_asked() {
    let mut t = Talk::new();
    assert_eq!(t.say("USER alice"), "331");
    let mut t = certified();
    t.rules.anonymous = true;
    assert_eq!(t.say("USER anonymous"), "331");
    let mut t = certified();
    assert_eq!(t.say("USER alice"), "Recognise");
    t.hear(Outcome::LoggedIn(FtpPath::root()));
    // REIN ends TLS, and with it what the client showed.
    t.say("REIN");
    assert_eq!(t.say("USER alice"), "331");
}
