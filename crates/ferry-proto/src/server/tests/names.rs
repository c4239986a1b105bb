//! OPTS UTF8.

use super::*;

#[test]
fn utf_8_can_be_left_only_where_a_charset_is_configured() {
    let mut t = Talk::new();
    assert_eq!(t.say("OPTS UTF8 ON"), "200");
    assert_eq!(t.ask("OPTS UTF8 OFF", Outcome::Failed(Failure::Unsupported)), "504");
    assert!(!t.session.has_left_utf8());
    assert_eq!(t.ask("OPTS UTF8 OFF", Outcome::Done), "200");
    assert!(t.session.has_left_utf8());
    // What may follow then is refused without a change.
    assert_eq!(t.ask("OPTS UTF8 OFF", Outcome::Failed(Failure::Unsupported)), "504");
    assert!(t.session.has_left_utf8());
    assert_eq!(t.say("OPTS UTF8 ON"), "200");
    assert!(!t.session.has_left_utf8());
}

#[test]
fn a_login_keeps_what_was_said_of_utf_8_and_a_new_beginning_does_not() {
    let off = || {
        let mut t = Talk::new();
        t.ask("OPTS UTF8 OFF", Outcome::Done);
        t
    };
    let mut t = off();
    t.say("USER alice");
    t.ask("PASS x", Outcome::LoggedIn(FtpPath::root()));
    assert!(t.session.has_left_utf8());
    t.say("REIN");
    assert!(!t.session.has_left_utf8());

    let mut t = off();
    t.ask("HOST none.example", Outcome::Failed(Failure::NotFound));
    assert!(t.session.has_left_utf8());
    t.ask("HOST b.example", Outcome::Done);
    assert!(!t.session.has_left_utf8());

    let mut t = off();
    t.say("AUTH TLS");
    t.session.tls_up();
    assert!(!t.session.has_left_utf8());
}
