//! Transfers from the port they are prepared on to the reply that ends them.

use super::*;
use crate::repr::FormatError;

#[test]
fn ports_of_others_and_low_ports_are_refused() {
    let mut t = Talk::ready();
    let cases = [
        ("PORT 192,0,2,9,16,0", "200"),
        ("PORT 192,0,2,8,16,0", "504"),
        ("PORT 127,0,0,1,16,0", "504"),
        ("PORT 192,0,2,9,3,255", "504"),
        ("PORT 192,0,2,9,16", "501"),
        ("EPRT |1|192.0.2.9|5000|", "200"),
        ("EPRT |1|192.0.2.8|5000|", "504"),
        ("EPRT |2|::1|5000|", "522"),
        ("EPRT |7|x|1|", "522"),
        ("EPSV 2", "522"),
        ("EPSV 1", "Listen"),
    ];
    for (line, want) in cases {
        assert_eq!(t.say(line), want, "{line}");
    }
}

#[test]
fn epsv_all_locks_everything_else_out() {
    let mut t = Talk::ready();
    assert_eq!(t.say("EPSV ALL"), "200");
    for line in ["PASV", "PORT 192,0,2,9,16,0", "EPRT |1|192.0.2.9|5000|"] {
        assert_eq!(t.say(line), "503", "{line}");
    }
    let listening = Outcome::Listening("192.0.2.1:50001".parse().unwrap());
    assert_eq!(t.ask("EPSV", listening), "229");
}

#[test]
fn a_transfer_is_opened_before_150_and_moved_after_it() {
    let mut t = Talk::ready();
    let listening = || Outcome::Listening("192.0.2.1:50001".parse().unwrap());
    assert_eq!(t.ask("PASV", listening()), "227");
    assert_eq!(t.say("RETR x"), "Open");
    assert_eq!(t.hear(Outcome::Failed(Failure::NotFound)), "550");
    t.say("RETR y");
    let mut out = Vec::new();
    let opened = Outcome::Opened { wire_len: Some(12), stored_as: None };
    t.session.conclude(opened, &t.rules, &mut out);
    assert_eq!(
        out.last(),
        Some(&Action::Ask(Ask::Move {
            via: DataVia::Passive,
            protect: false,
            keep: false,
            fxp: Fxp::default()
        })),
        "the port stays open after a 550"
    );
    assert_eq!(t.hear(Outcome::Ended(End::Complete)), "226");
    t.say("RETR y");
    let mut out = Vec::new();
    let opened = Outcome::Opened { wire_len: None, stored_as: None };
    t.session.conclude(opened, &t.rules, &mut out);
    let to_user_port = DataVia::Active("192.0.2.9:4000".parse().unwrap());
    assert_eq!(
        out.last(),
        Some(&Action::Ask(Ask::Move {
            via: to_user_port,
            protect: false,
            keep: false,
            fxp: Fxp::default()
        }))
    );
    assert_eq!(t.hear(Outcome::Ended(End::NotConnected)), "425");
    t.rules.default_data_port = false;
    t.say("RETR y");
    assert_eq!(t.opened(), "DropOpened 425");
}

#[test]
fn a_port_serves_until_the_next_one() {
    let mut t = Talk::ready();
    t.say("PORT 192,0,2,9,16,0");
    for _ in 0..2 {
        t.say("LIST");
        let mut out = Vec::new();
        let opened = Outcome::Opened { wire_len: None, stored_as: None };
        t.session.conclude(opened, &t.rules, &mut out);
        let via = DataVia::Active("192.0.2.9:4096".parse().unwrap());
        assert_eq!(
            out.last(),
            Some(&Action::Ask(Ask::Move { via, protect: false, keep: false, fxp: Fxp::default() }))
        );
        t.hear(Outcome::Ended(End::Complete));
    }
}

#[test]
fn how_a_transfer_ends_decides_its_reply() {
    let cases = [
        (End::Complete, "226"),
        (End::Broken, "426"),
        (End::Truncated, "426"),
        (End::NotConnected, "425"),
        (End::NotPrivate, "522"),
        (End::NotResumed, "522"),
        (End::Storage(Failure::NoSpace), "452"),
        (End::Storage(Failure::Quota), "552"),
        (End::Storage(Failure::Io), "451"),
        (End::Format(FormatError::Truncated), "426"),
        (End::Format(FormatError::BadEscape(7)), "451"),
        (End::Format(FormatError::UnknownPageType(9)), "551"),
        (End::Format(FormatError::BombSuspected), "552"),
    ];
    for (end, want) in cases {
        let mut t = Talk::ready();
        t.say("STOR x");
        t.opened();
        assert_eq!(t.hear(Outcome::Ended(end)), want, "{end:?}");
        assert_eq!(t.say("NOOP"), "200");
    }
}

#[test]
fn abor_gets_two_replies_whoever_wins_the_race() {
    for (end, want) in [(End::Aborted, "426 226"), (End::Complete, "226 226")] {
        let mut t = Talk::ready();
        t.say("RETR x");
        t.opened();
        assert_eq!(t.say("STAT"), "211");
        assert_eq!(t.say("ABOR"), "AbortTransfer");
        assert!(!t.session.overtakes(&Command::Abor), "a second one waits");
        assert_eq!(t.hear(Outcome::Ended(end)), want);
    }
    let mut t = Talk::ready();
    assert_eq!(t.say("ABOR"), "226");
    t.ask("PASV", Outcome::Listening("192.0.2.1:50001".parse().unwrap()));
    assert_eq!(t.say("ABOR"), "CloseData 226");
}

#[test]
fn rest_lasts_through_preparations_and_no_further() {
    let from = |t: &mut Talk| {
        let mut out = Vec::new();
        t.session.command(b"RETR x", &t.rules, 0, &mut out);
        t.hear(Outcome::Failed(Failure::NotFound));
        let Some(Action::Ask(Ask::Open(plan))) = out.pop() else { panic!("no Open") };
        let Transfer::Retrieve { from, .. } = plan.what else { panic!("no RETR") };
        from.offset
    };
    let mut t = Talk::ready();
    assert_eq!(t.say("REST 100"), "350");
    for line in ["TYPE I", "MODE S", "STRU F", "NOOP", "OPTS UTF8 ON", "PORT 192,0,2,9,16,0"] {
        t.say(line);
    }
    t.ask("SIZE x", Outcome::Number(5));
    t.ask("MDTM x", Outcome::Time(UnixTime::from_secs(0)));
    assert_eq!(from(&mut t), 100);
    assert_eq!(from(&mut t), 0, "used up although RETR failed");
    for line in ["PWD", "FEAT", "XYZZY", "CWD", "ABOR", "HELP", "SYST"] {
        t.say("REST 100");
        t.say(line);
        assert_eq!(from(&mut t), 0, "{line}");
    }
    t.say("REST 1");
    assert_eq!(t.say("STOU"), "503");
}
