//! The machine by itself: ranges, hashes, copies and other long work.

use super::*;

#[test]
fn long_work_is_watched_and_stopped_like_a_transfer() {
    for line in [
        "HASH f",
        "DSIZ d",
        "RMDA d",
        "COMB t a",
        "SITE COPY a b",
        "SITE RMDIR d",
        "XMD5 f",
        "MD5 f",
    ] {
        let mut t = Talk::ready();
        assert_eq!(t.say(line), "Work", "{line}");
        assert!(t.session.overtakes(&Command::Abor) && !t.session.overtakes(&Command::Noop));
        assert!(t.text("STAT").contains(", 7 bytes"), "{line}");
        assert_eq!(t.say("ABOR"), "AbortTransfer");
        assert!(!t.session.overtakes(&Command::Abor), "a second one waits");
        assert_eq!(t.hear(Outcome::Stopped), "426 226", "{line}");
        assert_eq!(t.say("NOOP"), "200");
    }
    let mut t = Talk::ready();
    t.say("RMDA d");
    t.say("ABOR");
    assert_eq!(t.hear(Outcome::Done), "250 226", "it was over first");
    t.say("RMDA d");
    assert_eq!(t.hear(Outcome::Stopped), "426", "stopped by the server's end");
}

#[test]
fn hashes_are_shown_in_the_form_of_their_command() {
    let hash = |line: &str| {
        let mut t = Talk::ready();
        t.say("OPTS HASH MD5");
        let mut out = Vec::new();
        t.session.command(line.as_bytes(), &t.rules, 0, &mut out);
        let Some(Action::Ask(Ask::Work { work, .. })) = out.pop() else { panic!("no work") };
        t.session.conclude(worked(&work), &t.rules, &mut out);
        let mut wire = Vec::new();
        for action in &out {
            let Action::Reply(reply) = action else { panic!("not a reply") };
            reply.write(&mut wire);
        }
        String::from_utf8(wire).unwrap()
    };
    let cases = [
        ("HASH a b", "213 MD5 0-4 ab01 a b\r\n"),
        ("XCRC \"a b\"", "250 AB01\r\n"),
        ("XSHA256 f 1 5", "250 AB01\r\n"),
        ("MD5 a b", "251 a b ab01\r\n"),
        ("MMD5 f, \"a, b\"", "252 f ab01, \"a, b\" ab01\r\n"),
        ("DSIZ d", "213 12\r\n"),
    ];
    for (line, want) in cases {
        assert_eq!(hash(line), want);
    }
    let mut t = Talk::ready();
    t.say("HASH f");
    let nothing = Digest { octets: vec![0], end: 0 };
    assert_eq!(t.hear(Outcome::Digests(vec![nothing])), "213");
    t.say("HASH f");
    assert_eq!(t.hear(Outcome::Failed(Failure::TooCostly)), "556");
    t.say("XCRC f 9 9");
    assert_eq!(t.hear(Outcome::Failed(Failure::BadOffset)), "550");
}

#[test]
fn a_range_counts_for_the_next_retr_stor_or_hash_and_only_in_type_i() {
    let plan = |t: &mut Talk, line: &str| {
        let mut out = Vec::new();
        t.session.command(line.as_bytes(), &t.rules, 0, &mut out);
        t.hear(Outcome::Failed(Failure::NotFound));
        match out.pop() {
            Some(Action::Ask(Ask::Open(plan))) => plan.until,
            Some(Action::Ask(Ask::Work { work, .. })) => match *work {
                Work::Hash { until, .. } => until,
                _ => None,
            },
            other => panic!("{other:?}"),
        }
    };
    let mut t = Talk::ready();
    assert_eq!(t.say("RANG 2 9"), "551", "TYPE A");
    t.say("TYPE I");
    for line in ["RETR f", "STOR f", "HASH f"] {
        assert_eq!(t.say("RANG 2 9"), "350");
        assert_eq!(plan(&mut t, line), Some(10), "{line}");
        assert_eq!(plan(&mut t, line), None, "used up by {line}");
        t.say("RANG 2 9");
        assert_eq!(t.say("RANG 1 0"), "350");
        assert_eq!(plan(&mut t, line), None);
        t.say("RANG 2 9");
        t.say("REST 5");
        assert_eq!(plan(&mut t, line), None, "REST takes its place");
        t.say("RANG 2 9");
        t.say("NOOP");
        t.say("PWD");
        assert_eq!(plan(&mut t, line), None, "PWD ends it");
    }
    t.say("RANG 2 9");
    assert_eq!(t.say("APPE f"), "503");
    for (line, want) in [("RETR f", "551"), ("HASH f", "504")] {
        t.say("TYPE I");
        t.say("RANG 2 9");
        t.say("TYPE A");
        assert_eq!(t.say(line), want);
    }
    t.say("RANG 2 9");
    assert_eq!(t.say("XCRC f"), "Work", "the X forms have their own");
}

#[test]
fn cpto_must_follow_cpfr_at_once_and_rnto_does_not_take_its_name() {
    let mut t = Talk::ready();
    assert_eq!(t.say("SITE CPTO b"), "503");
    assert_eq!(t.say(&format!("SITE CPTO {}", "x".repeat(300))), "503");
    assert_eq!(t.ask("SITE CPFR a", Outcome::Done), "350");
    assert_eq!(t.say("SITE CPTO b"), "Work");
    assert_eq!(t.hear(Outcome::Done), "250");
    assert_eq!(t.say("SITE CPTO b"), "503");
    t.ask("SITE CPFR a", Outcome::Done);
    assert_eq!(t.say("RNTO b"), "503");
    t.ask("RNFR a", Outcome::Done);
    assert_eq!(t.say("SITE CPTO b"), "503");
    t.ask("SITE CPFR a", Outcome::Done);
    t.say("NOOP");
    assert_eq!(t.say("SITE CPTO b"), "503");
    assert_eq!(t.ask("SITE CPFR a", Outcome::Failed(Failure::NotFound)), "550");
    assert_eq!(t.say("SITE CPTO b"), "503");
}

#[test]
fn site_idle_changes_when_silence_ends_a_session_within_bounds() {
    let mut t = Talk::ready();
    assert_eq!(t.session.idle_secs(&t.rules), 300);
    assert!(t.text("SITE IDLE").starts_with("200 This session is closed after 5 minutes"));
    assert_eq!(t.say("SITE IDLE 7201"), "501");
    assert_eq!(t.say("SITE IDLE 7200"), "200");
    assert_eq!(t.session.idle_secs(&t.rules), 7200);
    assert!(t.text("STAT").contains("after 120 minutes"));
}

#[test]
fn mfct_is_announced_where_it_can_work() {
    let mut t = Talk::ready();
    assert!(t.text("FEAT").contains(" MFCT\r\n"));
    t.rules.sets_created = false;
    assert!(!t.text("FEAT").contains("MFCT"));
    assert_eq!(t.ask("MFCT 20240102030405 f", Outcome::Failed(Failure::Unsupported)), "504");
    t.say("OPTS HASH CRC32");
    assert!(t.text("FEAT").contains(" HASH SHA-256;SHA-512;SHA-1;MD5;CRC32*;X-BLAKE3\r\n"));
}
