//! SITE WHO: what administrators are told, and what others are.

use super::*;
use crate::verb::Verb;

fn present(user: Option<&str>, doing: Doing) -> Presence {
    Presence {
        user: user.map(str::to_owned),
        peer: "[2001:db8::9]:4000".parse().unwrap(),
        tls: true,
        since: UnixTime::from_secs(1_772_712_000),
        idle_secs: 7,
        doing,
    }
}

fn told(outcome: Outcome) -> String {
    let mut t = Talk::ready();
    assert_eq!(t.say("SITE WHO"), "Who");
    let mut out = Vec::new();
    t.session.conclude(outcome, &t.rules, &mut out);
    let mut wire = Vec::new();
    for action in &out {
        if let Action::Reply(reply) = action {
            reply.write(&mut wire);
        }
    }
    String::from_utf8(wire).unwrap()
}

#[test]
fn each_session_has_a_line_that_nothing_in_it_can_break() {
    let path = |text: &[u8]| FtpPath::new(text).unwrap();
    let busy = |at| Doing::Busy { verb: "RETR", path: at, octets: 512 };
    let long = path(format!("/{}", "é".repeat(120)).as_bytes()).child(b"more of it").unwrap();
    let sessions = vec![
        present(None, Doing::Nothing),
        present(Some("bob"), Doing::Said(Verb::Noop)),
        present(Some("a b\r\n\u{202e}c"), busy(Some(path(b"/x\x1b y")))),
        present(Some("bob"), busy(Some(long))),
        present(Some("bob"), busy(None)),
    ];
    let since = "[2001:db8::9]:4000 TLS since 2026-03-05 12:00:00 idle 7";
    let text = told(Outcome::Present(sessions));
    let want = [
        String::from("211-These sessions are open (times in UTC):"),
        format!(" - {since} -"),
        format!(" bob {since} NOOP"),
        format!(" a_b???c {since} RETR /x? y 512 bytes"),
        format!(" bob {since} RETR /{}/more of it 512 bytes", "é".repeat(120)),
        format!(" bob {since} RETR 512 bytes"),
        String::from("211 End"),
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), want);
}

#[test]
fn a_long_path_is_cut_and_so_is_a_long_list() {
    let path = FtpPath::new(format!("/{}/{}", "a".repeat(200), "b".repeat(200)).as_bytes());
    let busy = Doing::Busy { verb: "STOR", path: Some(path.unwrap()), octets: 1 };
    let text = told(Outcome::Present(vec![present(Some("bob"), busy)]));
    assert!(text.contains(&format!("/{}... 1 bytes\r\n", "b".repeat(53))), "{text}");
    let all = vec![present(Some("bob"), Doing::Nothing); WHO_MAX];
    let more = vec![present(Some("bob"), Doing::Nothing); WHO_MAX + 1];
    assert_eq!(told(Outcome::Present(all)).lines().count(), WHO_MAX + 2);
    let text = told(Outcome::Present(more));
    assert_eq!(text.lines().count(), WHO_MAX + 3);
    assert!(text.ends_with("\r\n (truncated)\r\n211 End\r\n"));
}

#[test]
fn who_is_here_is_for_administrators_who_are_logged_in() {
    assert_eq!(Talk::new().say("SITE WHO"), "530");
    assert_eq!(
        told(Outcome::Failed(Failure::Denied)),
        "550 Only administrators may see who is here.\r\n"
    );
    let mut t = Talk::ready();
    assert_eq!(t.ask("SITE WHO", Outcome::Present(Vec::new())), "211");
    assert_eq!(t.ask("SITE WHO", Outcome::Failed(Failure::Denied)), "550");
}
