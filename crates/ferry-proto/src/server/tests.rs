//! The machine by itself: what it answers and asks, command by command, without sockets.

mod certificate;
mod form;
mod fxp;
mod login;
mod names;
mod one_reply;
mod place;
mod tables;
mod transfer;
mod who;
mod work;

use super::*;
use crate::date::UnixTime;

fn rules() -> Rules {
    Rules {
        tls: true,
        login_needs_tls: false,
        data_needs_tls: false,
        wrong_passwords: 3,
        default_data_port: true,
        anonymous: false,
        banner: Vec::new(),
        idle_secs: 300,
        login_secs: 60,
        ccc: false,
        long_addresses: false,
        fxp: false,
        partners: Vec::new(),
        umask: 0o022,
        idle_max_secs: 7200,
        sets_created: true,
        joins: true,
    }
}

/// A session and its rules, spoken to in lines; what it does is shown as words: a code for a
/// reply, the name of the question for an ask.
struct Talk {
    session: ServerSession,
    rules: Rules,
}

impl Talk {
    fn new() -> Self {
        let peer = "192.0.2.9:4000".parse().unwrap();
        Self { session: ServerSession::new(peer, 0o022, false), rules: rules() }
    }

    fn ready() -> Self {
        let mut talk = Self::new();
        talk.say("USER alice");
        talk.say("PASS x");
        assert_eq!(talk.hear(Outcome::LoggedIn(FtpPath::root())), "230");
        talk
    }

    fn say(&mut self, line: &str) -> String {
        let mut out = Vec::new();
        self.session.command(line.as_bytes(), &self.rules, 7, &mut out);
        words(&out)
    }

    fn hear(&mut self, outcome: Outcome) -> String {
        let mut out = Vec::new();
        self.session.conclude(outcome, &self.rules, &mut out);
        words(&out)
    }

    /// Says a line and, if that asks something, answers it.
    fn ask(&mut self, line: &str, outcome: Outcome) -> String {
        self.say(line);
        self.hear(outcome)
    }

    fn text(&mut self, line: &str) -> String {
        let mut out = Vec::new();
        self.session.command(line.as_bytes(), &self.rules, 7, &mut out);
        let mut wire = Vec::new();
        for action in &out {
            if let Action::Reply(reply) = action {
                reply.write(&mut wire);
            }
        }
        String::from_utf8(wire).unwrap()
    }

    fn opened(&mut self) -> String {
        self.hear(Outcome::Opened { wire_len: Some(9), stored_as: None })
    }
}

fn words(actions: &[Action]) -> String {
    let word = |action: &Action| match action {
        Action::Reply(reply) => {
            for text in reply.texts() {
                assert!(crate::lang::is_covered(text), "not translated: {text}");
            }
            reply.code().to_string()
        }
        Action::Ask(ask) => {
            let name = format!("{ask:?}");
            name.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
        }
        other => format!("{other:?}").split('(').next().unwrap_or_default().to_owned(),
    };
    actions.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// What work comes to when all goes well.
fn worked(work: &Work) -> Outcome {
    match work {
        Work::Hash { paths, .. } => {
            let digest = Digest { octets: vec![0xab, 0x01], end: 5 };
            Outcome::Digests(vec![digest; paths.len()])
        }
        Work::TreeSize(_) => Outcome::Number(12),
        _ => Outcome::Done,
    }
}

#[test]
fn rnto_must_follow_rnfr_at_once() {
    let mut t = Talk::ready();
    assert_eq!(t.say("RNTO b"), "503");
    assert_eq!(t.ask("RNFR a", Outcome::Done), "350");
    assert_eq!(t.ask("RNTO b", Outcome::Done), "250");
    assert_eq!(t.say("RNTO b"), "503");
    t.ask("RNFR a", Outcome::Done);
    t.say("NOOP");
    assert_eq!(t.say("RNTO b"), "503");
    assert_eq!(t.ask("RNFR a", Outcome::Failed(Failure::NotFound)), "550");
    assert_eq!(t.say("RNTO b"), "503");
}

#[test]
fn files_and_directories_are_answered_by_their_codes() {
    let done = || Outcome::Done;
    let no = Outcome::Failed;
    let cases = [
        ("CWD x", done(), "250"),
        ("CDUP", done(), "250"),
        ("MKD x", done(), "257"),
        ("MKD x", no(Failure::Exists), "550"),
        ("XRMD x", done(), "250"),
        ("RMD x", no(Failure::NotEmpty), "550"),
        ("DELE x", no(Failure::Busy), "450"),
        ("SIZE x", Outcome::Number(3), "213"),
        ("SIZE x", no(Failure::TooCostly), "550"),
        ("MDTM x", Outcome::Time(UnixTime::from_secs(1)), "213"),
        ("MDTM 20240102030405 x", done(), "213"),
        ("MFMT 20240102030405 x", done(), "213"),
        ("MLST", Outcome::Text(b"type=dir; /".to_vec()), "250"),
        ("STAT x", Outcome::Text(Vec::new()), "213"),
        ("ALLO 5", done(), "200"),
        ("ALLO 5", no(Failure::NoSpace), "552"),
        ("SITE CHMOD 644 x", done(), "200"),
        ("SITE UTIME 202401020304 x", done(), "200"),
        ("MKD x", no(Failure::BadName), "553"),
        ("SITE CHMOD 644 x", no(Failure::Unsupported), "504"),
        ("DELE x", no(Failure::Io), "451"),
        ("MFCT 20240102030405 x", done(), "213"),
        ("MFF Modify=20240102030405; x", done(), "213"),
        ("MFF UNIX.owner=3; x", no(Failure::Denied), "550"),
        ("AVBL", Outcome::Number(5), "213"),
        ("AVBL x", no(Failure::NotDir), "550"),
        ("DSIZ x", no(Failure::TooCostly), "550"),
        ("RMDA x", done(), "250"),
        ("COMB t a", done(), "250"),
        ("COMB t a a", no(Failure::SameFile), "553"),
        ("HASH x", no(Failure::NotFile), "550"),
        ("SITE COPY a b", done(), "200"),
        ("SITE RMDIR a", done(), "200"),
        ("SITE MKDIR a/b", done(), "200"),
        ("SITE SYMLINK a b", done(), "200"),
        ("SITE SYMLINK a b", no(Failure::Exists), "553"),
        ("SITE CHOWN 1:2 x", done(), "200"),
        ("SITE CHGRP 2 x", no(Failure::Unsupported), "504"),
    ];
    for (line, outcome, want) in cases {
        let shown = format!("{line} {outcome:?}");
        assert_eq!(Talk::ready().ask(line, outcome), want, "{shown}");
    }
    let direct = [
        ("MODE X", "501"),
        ("STRU X", "501"),
        ("OPTS MLST size;", "200"),
        ("OPTS MLST size type", "501"),
        ("SITE EXEC x", "504"),
        ("SITE EXEC", "504"),
        ("SITE QUOTA", "202"),
        ("SITE ZONE", "210"),
        ("SITE HELP", "214"),
        ("SITE HELP cpfr", "214"),
        ("SITE HELP XYZZY", "502"),
        ("HELP SITE CHOWN", "214"),
        ("HELP SITE XYZZY", "502"),
        ("HELP SITEX", "502"),
        ("HELP XSHA512", "214"),
        ("THMB JPG 1 1 x", "502"),
        ("OPTS HASH", "200"),
        ("OPTS HASH MD4", "501"),
        ("SITE UMASK 77", "200"),
        ("HELP", "214"),
        ("HELP RETR", "214"),
        ("HELP XYZZY", "502"),
        ("HELP SITE", "214"),
        ("XYZZY", "500"),
    ];
    for (line, want) in direct {
        assert_eq!(Talk::ready().say(line), want, "{line}");
    }
}

#[test]
fn a_created_directory_is_named_with_doubled_quotes() {
    let mut t = Talk::ready();
    let mut out = Vec::new();
    t.session.command(b"MKD a \"b\"", &t.rules, 0, &mut out);
    out.clear();
    t.session.conclude(Outcome::Done, &t.rules, &mut out);
    let Some(Action::Reply(reply)) = out.pop() else { panic!("no reply") };
    let mut wire = Vec::new();
    reply.write(&mut wire);
    assert_eq!(wire, b"257 \"/a \"\"b\"\"\" created.\r\n");
}

#[test]
fn overlong_lines_and_other_protocols_end_the_session() {
    let mut t = Talk::new();
    let mut bad = |error| {
        let mut out = Vec::new();
        t.session.bad_line(error, &rules(), &mut out);
        words(&out)
    };
    assert_eq!(bad(CommandError::Nul), "501");
    assert_eq!(bad(CommandError::TooLong), "500");
    assert_eq!(bad(CommandError::TooLong), "500");
    assert_eq!(bad(CommandError::TooLong), "421 Close");
    assert_eq!(Talk::new().say("GET / HTTP/1.1"), "421 Close");
    let mut t = Talk::new();
    t.say("USER x");
    assert_eq!(t.say("GET / HTTP/1.1"), "500", "only the first line tells a stranger");
}

#[test]
fn feat_lists_what_the_table_and_the_state_offer() {
    let mut t = Talk::new();
    let feat = t.text("FEAT");
    for line in [" AUTH TLS", " EPSV", " MLST type*;", " REST STREAM", " TVFS", " UTF8", " MFMT"] {
        assert!(feat.contains(line), "{line} in {feat}");
    }
    for line in [" MODE B\r\n", " MODE C\r\n"] {
        assert!(feat.contains(line), "{line} in {feat}");
    }
    assert_eq!(feat.contains(" MODE Z\r\n"), cfg!(feature = "deflate"));
    assert!(!feat.contains("CCC"));
    assert!(feat.starts_with("211-") && feat.ends_with("211 End\r\n"));
    t.say("AUTH TLS");
    t.session.tls_up();
    assert!(!t.text("FEAT").contains("AUTH TLS"));
    t.say("OPTS MLST size;");
    assert!(t.text("FEAT").contains("size*;modify;"));
}

#[test]
fn an_idle_session_is_small() {
    assert!(size_of::<ServerSession>() <= 192);
}
