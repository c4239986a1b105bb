//! Any commands, however each goes: every one gets its replies and the session goes on.

use proptest::prelude::*;

use super::*;

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

const LINES: [&str; 97] = [
    "XPSV 0123456789abcdef",
    "XDTP 0123456789abcdef",
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
