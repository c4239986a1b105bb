//! The machine by itself: what it answers and asks, command by command, without sockets.

mod work;

use super::*;
use crate::date::UnixTime;
use crate::repr::FormatError;
use proptest::prelude::*;

mod certificate;
mod form;
mod fxp;
mod names;
mod place;
mod tables;
mod who;

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

/// Any answer an ask could get, good or bad, chosen by a number.
fn some_outcome(ask: &Ask, choice: u8) -> Outcome {
    const FAILURES: [Failure; 6] = [
        Failure::NotFound,
        Failure::Denied,
        Failure::Exists,
        Failure::NoSpace,
        Failure::Io,
        Failure::TooCostly,
    ];
    const ENDS: [End; 4] = [End::Complete, End::Broken, End::NotConnected, End::NotResumed];
    let pick = usize::from(choice);
    match ask {
        Ask::Pause(_) => Outcome::Done,
        Ask::Login { .. } if choice.is_multiple_of(4) => Outcome::LoginRefused(LoginRefusal::Wrong),
        Ask::Login { .. } if choice.is_multiple_of(5) => {
            let until = if pick < 128 { AccountFor::Login } else { AccountFor::Writing };
            Outcome::AccountWanted { home: FtpPath::root(), until }
        }
        Ask::Login { .. } => Outcome::LoggedIn(FtpPath::root()),
        Ask::Move { keep: true, .. } if choice.is_multiple_of(2) => Outcome::Ended(End::Kept),
        Ask::Move { .. } => Outcome::Ended(ENDS[pick % ENDS.len()]),
        _ if choice.is_multiple_of(3) => Outcome::Failed(FAILURES[pick % FAILURES.len()]),
        Ask::Listen { .. } => Outcome::Listening("192.0.2.1:50001".parse().unwrap()),
        Ask::Size(..) | Ask::FreeSpace(_) => Outcome::Number(1),
        Ask::Work { work, .. } => worked(work),
        Ask::ModTime { .. } => Outcome::Time(UnixTime::from_secs(0)),
        Ask::Facts(..) | Ask::Status(_) => Outcome::Text(b"-rw x\r\n".to_vec()),
        Ask::Open(_) => Outcome::Opened { wire_len: None, stored_as: None },
        Ask::Who => Outcome::Present(Vec::new()),
        _ => Outcome::Done,
    }
}

const LINES: [&str; 95] = [
    "USER a",
    "PASS b",
    "ACCT c",
    "QUIT",
    "CWD d",
    "CDUP",
    "PWD",
    "TYPE I",
    "TYPE A",
    "MODE S",
    "STRU F",
    "TYPE E",
    "TYPE L 3",
    "MODE B",
    "MODE B",
    "MODE Z",
    "STRU R",
    "STRU P",
    "OPTS MODE Z LEVEL 1",
    "OPTS UTF8 OFF",
    "OPTS UTF8 ON",
    "REST 5.1",
    "PORT 192,0,2,9,16,0",
    "PASV",
    "EPSV",
    "EPSV ALL",
    "REST 5",
    "RETR f",
    "STOR f",
    "APPE f",
    "STOU",
    "LIST -la",
    "NLST",
    "MLSD",
    "ABOR",
    "RNFR a",
    "RNTO b",
    "STAT",
    "STAT f",
    "SITE UMASK 022",
    "AUTH TLS",
    "PBSZ 0",
    "PROT P",
    "NOOP",
    "XYZZY",
    "REIN",
    "CCC",
    "HOST b.example",
    "LANG de",
    "LANG",
    "SMNT v",
    "LPRT 4,4,192,0,2,9,2,16,0",
    "LPSV",
    "PRET RETR f",
    "CSID Name=x;",
    "HELP CCC",
    "PRET PWD",
    "MFCT 20240102030405 f",
    "MFF UNIX.mode=644; f",
    "AVBL",
    "AVBL d",
    "DSIZ d",
    "RMDA d",
    "COMB t \"a b\" c",
    "HASH f",
    "OPTS HASH MD5",
    "OPTS HASH",
    "RANG 2 9",
    "RANG 1 0",
    "XCRC f 0 4",
    "XSHA512 f",
    "MD5 f",
    "MMD5 a, b",
    "THMB JPG 1 1 f",
    "SITE CHOWN 1:2 f",
    "SITE CHGRP 2 f",
    "SITE SYMLINK a b",
    "SITE MKDIR a/b",
    "SITE RMDIR a",
    "SITE COPY a b",
    "SITE CPFR a",
    "SITE CPTO b",
    "SSCN",
    "SSCN ON",
    "SSCN OFF",
    "CPSV",
    "PORT 198,51,100,7,16,0",
    "SITE IDLE 60",
    "SITE IDLE",
    "SITE QUOTA",
    "SITE ZONE",
    "SITE HELP COPY",
    "SITE WHO",
    "SITE UTIME 202401020304 f",
    "HELP SITE COPY",
];

proptest! {
    /// RFC 959 §5.4: whatever is said and however it goes, each command gets exactly one final
    /// reply, a preliminary one only before it, and the session goes on.
    #[test]
    fn every_command_gets_exactly_one_final_reply(
        steps in proptest::collection::vec((0..LINES.len(), any::<u8>(), any::<bool>()), 1..60),
    ) {
        let mut t = Talk::new();
        t.rules.wrong_passwords = 255;
        (t.rules.ccc, t.rules.long_addresses, t.rules.fxp) = (true, true, true);
        for (line, choice, abort) in steps {
            let line = LINES[line];
            t.session.may_use_partners();
            let mut out = Vec::new();
            t.session.command(line.as_bytes(), &t.rules, 0, &mut out);
            let (mut replies, mut closed, mut aborted) = (Vec::new(), false, false);
            let mut queue: std::collections::VecDeque<Action> = out.into();
            while let Some(action) = queue.pop_front() {
                let mut more = Vec::new();
                match action {
                    Action::Reply(reply) => replies.push(reply.code()),
                    Action::StopTls => prop_assert!(!t.session.is_secured()),
                    Action::Ask(ask) => {
                        prop_assert!(queue.is_empty(), "an ask comes last");
                        let mut outcome = some_outcome(&ask, choice);
                        if abort && t.session.is_working() {
                            aborted = true;
                            t.session.command(b"ABOR", &t.rules, 0, &mut more);
                            prop_assert_eq!(&more, &[Action::AbortTransfer]);
                            more.clear();
                            if choice.is_multiple_of(2) {
                                outcome = Outcome::Stopped;
                            }
                        }
                        if abort && t.session.is_moving() {
                            aborted = true;
                            t.session.command(b"ABOR", &t.rules, 0, &mut more);
                            prop_assert_eq!(&more, &[Action::AbortTransfer]);
                            more.clear();
                            outcome = Outcome::Ended(End::Aborted);
                        }
                        t.session.conclude(outcome, &t.rules, &mut more);
                    }
                    Action::StartTls => t.session.tls_up(),
                    Action::Close(_) => closed = true,
                    _ => {}
                }
                queue.extend(more);
            }
            prop_assert!(!t.session.is_busy());
            let finals = replies.iter().filter(|c| **c >= 200).count();
            prop_assert_eq!(finals, if aborted { 2 } else { 1 }, "{} -> {:?}", line, replies);
            prop_assert!(replies.iter().rev().skip_while(|c| **c >= 200).count() <= 1);
            prop_assert_eq!(closed, line == "QUIT");
        }
    }
}
