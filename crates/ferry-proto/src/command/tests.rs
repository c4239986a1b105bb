//! What lines mean, and that what is printed reads back.

use super::*;
use proptest::prelude::*;

fn parse(line: &str) -> Result<Command<'_>, CommandError> {
    Command::parse(line.as_bytes())
}

#[test]
fn restart_markers_and_the_settings_of_mode_z_are_read() {
    let marker = RestartPoint { offset: 12, after_cr: true };
    for (line, want) in [
        ("REST 12.1", Command::RestMark(marker)),
        ("OPTS MODE Z LEVEL 9", Command::Opts(Opts::ModeZ(Some(9)))),
        ("opts mode z", Command::Opts(Opts::ModeZ(None))),
        ("OPTS REST stor", Command::Opts(Opts::Rest("STOR"))),
    ] {
        assert_eq!(parse(line), Ok(want), "{line}");
    }
}

#[test]
fn names_of_data_connections_are_of_16_to_64_letters_and_digits() {
    let (shortest, longest) = ("x".repeat(16), "9".repeat(64));
    let (too_short, too_long) = ("x".repeat(15), "9".repeat(65));
    for name in [&shortest, &longest] {
        let line = format!("XPSV {name}");
        assert_eq!(Command::parse(line.as_bytes()), Ok(Command::Xpsv(name.as_bytes())));
        let line = format!("xdtp {name} ");
        assert_eq!(Command::parse(line.as_bytes()), Ok(Command::Xdtp(name.as_bytes())));
    }
    for name in [too_short.as_str(), &too_long, "0123456789-bcdef", "01234567 9abcdef"] {
        let line = format!("XPSV {name}");
        let refused = Err(CommandError::Syntax(Verb::Xpsv));
        assert_eq!(Command::parse(line.as_bytes()), refused, "{name}");
    }
}

#[test]
fn commands_are_read_as_the_rfcs_write_them() {
    let any: SocketAddrV4 = "10.0.0.1:1025".parse().unwrap();
    let cases: &[(&str, Command<'_>)] = &[
        ("USER alice", Command::User(b"alice")),
        ("user  alice ", Command::User(b" alice ")),
        ("PASS", Command::Pass(b"")),
        ("PASS ", Command::Pass(b"")),
        ("PASS  two  words ", Command::Pass(b" two  words ")),
        ("CWD  leading", Command::Cwd(b" leading")),
        ("XCWD a", Command::Cwd(b"a")),
        ("XCUP", Command::Cdup),
        ("CDUP ..", Command::Cdup),
        ("NOOP anything", Command::Noop),
        ("PASV ", Command::Pasv),
        ("P@SW", Command::Pasv),
        ("TYPE a n", Command::Type(TypeCode::Ascii, Format::NonPrint)),
        ("TYPE I N", Command::Type(TypeCode::Image, Format::NonPrint)),
        ("TYPE E T", Command::Type(TypeCode::Ebcdic, Format::Telnet)),
        ("TYPE L 8", Command::Type(TypeCode::Local(8), Format::NonPrint)),
        ("MODE  z ", Command::Mode(b'Z')),
        ("STRU f", Command::Stru(b'F')),
        ("PORT 10,0,0,1,4,1", Command::Port(any)),
        ("EPRT |1|10.0.0.1|1025|", Command::Eprt(any.into())),
        ("LPRT 4,4,10,0,0,1,2,4,1", Command::Lprt(any.into())),
        ("LPSV x", Command::Lpsv),
        ("HOST  ftp.example.org ", Command::Host(b"ftp.example.org")),
        ("HOST [2001:db8::1]", Command::Host(b"[2001:db8::1]")),
        ("LANG", Command::Lang(None)),
        ("LANG de-AT", Command::Lang(Some(b"de-AT"))),
        ("SMNT old  disk", Command::Smnt(b"old  disk")),
        ("PRET RETR a b", Command::Pret(b"RETR a b")),
        ("REIN now", Command::Rein),
        ("CCC", Command::Ccc),
        ("CSID Name=x;", Command::Csid(b"Name=x;")),
        ("EPSV", Command::Epsv(EpsvArg::Any)),
        ("EPSV all", Command::Epsv(EpsvArg::All)),
        ("REST 9223372036854775807", Command::Rest(9_223_372_036_854_775_807)),
        ("ALLO 12 R 80", Command::Allo(12)),
        ("OPTS utf8 on", Command::Opts(Opts::Utf8(true))),
        ("OPTS UTF-8 NLST", Command::Opts(Opts::Utf8(true))),
        ("OPTS UTF8 OFF", Command::Opts(Opts::Utf8(false))),
        ("OPTS MLST size;type;", Command::Opts(Opts::Mlst(b"size;type;"))),
        ("OPTS MLST", Command::Opts(Opts::Mlst(b""))),
        ("LIST", Command::List(None)),
        ("LIST -la /x y", Command::List(Some(b"-la /x y"))),
        ("STAT", Command::Stat(None)),
        ("FEAT ", Command::Feat),
        ("AUTH tls-c", Command::Auth(Mechanism::Tls)),
        ("AUTH SSL", Command::Auth(Mechanism::TlsPrivate)),
        ("RANG 0 99", Command::Rang(Some((0, 99)))),
        ("RANG  5  5 ", Command::Rang(Some((5, 5)))),
        ("RANG 1 0", Command::Rang(None)),
        ("OPTS HASH", Command::Opts(Opts::Hash(None))),
        ("OPTS hash sha-1", Command::Opts(Opts::Hash(Some(Algorithm::Sha1)))),
        ("OPTS HASH X-BLAKE3", Command::Opts(Opts::Hash(Some(Algorithm::Blake3)))),
        ("HASH a b", Command::Hash(b"a b")),
        ("AVBL", Command::Avbl(None)),
        ("AVBL d", Command::Avbl(Some(b"d"))),
        ("DSIZ d", Command::Dsiz(b"d")),
        ("RMDA d", Command::Rmda(b"d")),
        (
            "XCRC \"a b\" 0 9",
            Command::XHash { verb: Verb::Xcrc, path: b"a b".into(), range: Some((0, 9)) },
        ),
        ("XSHA1 a b", Command::XHash { verb: Verb::Xsha1, path: b"a b".into(), range: None }),
        ("COMB t \"a b\" c", Command::Comb(vec![b"t".into(), b"a b".into(), b"c".into()])),
        ("MMD5 a, b c", Command::Mmd5(vec![b"a".into(), b"b c".into()])),
        (
            "MFF UNIX.mode=600; a b",
            Command::Mff {
                change: FactChange { mode: Some(0o600), ..FactChange::default() },
                path: b"a b",
            },
        ),
        ("MFCT 19700101000001 f", Command::Mfct { time: UnixTime::from_secs(1), path: b"f" }),
        ("SITE UMASK", Command::Site(SiteCommand::Umask(None))),
    ];
    for (line, want) in cases {
        assert_eq!(parse(line).as_ref(), Ok(want), "{line}");
    }
}

#[test]
fn lines_that_are_no_command_say_which_reply_is_due() {
    use CommandError::{Family, NotServed, Parameter, Syntax, Unknown};
    let cases: &[(&str, CommandError)] = &[
        ("", Unknown),
        (" USER x", Unknown),
        ("XYZZY", Unknown),
        ("RETRx y", Unknown),
        ("THMB x", NotServed(Verb::Thmb)),
        ("HOST a.example:21", Syntax(Verb::Host)),
        ("HOST [::1]:21", Syntax(Verb::Host)),
        ("HOST a..b", Syntax(Verb::Host)),
        ("HOST", Syntax(Verb::Host)),
        ("LANG 7", Syntax(Verb::Lang)),
        ("LANG en us", Syntax(Verb::Lang)),
        ("LANG en-", Syntax(Verb::Lang)),
        ("CSID", Syntax(Verb::Csid)),
        ("SMNT", Syntax(Verb::Smnt)),
        ("PRET", Syntax(Verb::Pret)),
        ("LPRT 4,4,10,0,0,1,2,4", Syntax(Verb::Lprt)),
        ("LPRT 5,4,10,0,0,1,2,4,1", Family(Verb::Lprt)),
        ("MAIL FROM:<a>", NotServed(Verb::Mail)),
        ("CWD", Syntax(Verb::Cwd)),
        ("CWD ", Syntax(Verb::Cwd)),
        ("USER", Syntax(Verb::User)),
        ("FEAT x", Syntax(Verb::Feat)),
        ("TYPE", Syntax(Verb::Type)),
        ("TYPE L", Syntax(Verb::Type)),
        ("TYPE X", Syntax(Verb::Type)),
        ("TYPE A Q", Parameter(Verb::Type)),
        ("TYPE L 0", Parameter(Verb::Type)),
        ("TYPE L 256", Parameter(Verb::Type)),
        ("MODE X", Syntax(Verb::Mode)),
        ("PORT 1,2,3", Syntax(Verb::Port)),
        ("EPRT |9|x|1|", Family(Verb::Eprt)),
        ("EPSV 9", Family(Verb::Epsv)),
        ("REST -1", Syntax(Verb::Rest)),
        ("REST +1", Syntax(Verb::Rest)),
        ("REST 1.2", Syntax(Verb::Rest)),
        ("REST .1", Syntax(Verb::Rest)),
        ("OPTS MODE B", Syntax(Verb::Opts)),
        ("OPTS MODE Z LEVEL 10", Syntax(Verb::Opts)),
        ("REST 9223372036854775808", Syntax(Verb::Rest)),
        ("REST 99999999999999999999999", Syntax(Verb::Rest)),
        ("ALLO 1 R", Syntax(Verb::Allo)),
        ("PBSZ 4294967296", Syntax(Verb::Pbsz)),
        ("PROT X", Parameter(Verb::Prot)),
        ("AUTH KERBEROS_V4", Parameter(Verb::Auth)),
        ("OPTS NOSUCH", Syntax(Verb::Opts)),
        ("MFMT 2024 x", Syntax(Verb::Mfmt)),
        ("MFMT 20240102030405", Syntax(Verb::Mfmt)),
        ("MFCT yesterday x", Syntax(Verb::Mfct)),
        ("MFF Modify=20240102030405;", Syntax(Verb::Mff)),
        ("MFF Modify=20240102030405 x", Syntax(Verb::Mff)),
        ("MFF Size=1; x", Parameter(Verb::Mff)),
        ("RANG 5", Syntax(Verb::Rang)),
        ("RANG 5 4", Syntax(Verb::Rang)),
        ("RANG 2 0", Syntax(Verb::Rang)),
        ("RANG -1 4", Syntax(Verb::Rang)),
        ("RANG 1 2 3", Syntax(Verb::Rang)),
        ("RANG 0 9223372036854775808", Syntax(Verb::Rang)),
        ("OPTS HASH MD4", Syntax(Verb::Opts)),
        ("COMB t", Syntax(Verb::Comb)),
        ("COMB \"t a", Syntax(Verb::Comb)),
        ("XCRC f 1", Syntax(Verb::Xcrc)),
        ("XCRC f 2 1", Syntax(Verb::Xcrc)),
        ("XCRC", Syntax(Verb::Xcrc)),
        ("MMD5 a,,b", Syntax(Verb::Mmd5)),
        ("HASH", Syntax(Verb::Hash)),
        ("DSIZ", Syntax(Verb::Dsiz)),
        ("THMB JPG 1 1 x", NotServed(Verb::Thmb)),
        ("SITE", Syntax(Verb::Site)),
        ("SITE EXEC id", Parameter(Verb::Site)),
    ];
    for (line, want) in cases {
        assert_eq!(parse(line), Err(*want), "{line}");
    }
}

#[test]
fn other_protocols_are_told_by_their_first_line() {
    for line in ["GET / HTTP/1.1", "post /x", "EHLO me", "Host: x", "HTTP/1.1 200", "SSH-2.0-x"] {
        assert!(is_foreign(line.as_bytes()), "{line}");
    }
    for line in ["USER a", "FEAT", ":", "", "RETR Host:"] {
        assert!(!is_foreign(line.as_bytes()), "{line}");
    }
    assert!(is_foreign_first_octet(0x16) && is_foreign_first_octet(0));
    assert!(![b'\t', b'\n', b'\r', b'U', 0xff].into_iter().any(is_foreign_first_octet));
}

#[test]
fn a_name_made_by_hand_cannot_start_a_second_command() {
    let mut out = Vec::new();
    Command::Retr(b"a\r\nDELE b\0").write(&mut out);
    assert_eq!(out, b"RETR aDELE b\r\n");
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(
        any::<u8>().prop_filter("not an octet of framing", |b| !matches!(b, 0 | b'\r' | b'\n')),
        1..40,
    )
}

proptest! {
    #[test]
    fn a_printed_command_reads_back(
        verb in 0..crate::verb::VERBS.len(),
        arg in prop_oneof![
            name(),
            any::<u64>().prop_map(|n| n.to_string().into_bytes()),
            any::<[u8; 6]>().prop_map(|p| {
                p.map(|b| b.to_string()).join(",").into_bytes()
            }),
            Just(b"20240102030405.5 some name".to_vec()),
            Just(b"Modify=20240102030405.5;UNIX.mode=644;UNIX.owner=3; a b".to_vec()),
            Just(b"\"a \"\"b\", c\" \"d e\" 7 8".to_vec()),
            Just(b"\"a b\" 7 8".to_vec()), Just(b"a b 7 8".to_vec()), Just(b"7 8".to_vec()),
            Just(b"a b, \"c,d\"".to_vec()), Just(b"HASH SHA-512".to_vec()), Just(b"HASH".to_vec()),
            Just(b"COPY \"a b\" c".to_vec()), Just(b"SYMLINK a \"b c\"".to_vec()),
            Just(b"CPFR a b".to_vec()), Just(b"CPTO a b".to_vec()), Just(b"IDLE 60".to_vec()),
            Just(b"CHOWN 1:2 a b".to_vec()), Just(b"CHOWN 1 a".to_vec()),
            Just(b"CHGRP 2 a b".to_vec()), Just(b"MKDIR a b".to_vec()), Just(b"RMDIR a b".to_vec()),
            Just(b"HELP COPY".to_vec()), Just(b"ZONE".to_vec()), Just(b"QUOTA".to_vec()),
            Just(b"CHMOD u=rw,go= a b".to_vec()),
            Just(b"UTIME a b 20240102030405 20240102030405 20240102030405 UTC".to_vec()),
            Just(b"A".to_vec()), Just(b"P".to_vec()), Just(b"L 8".to_vec()), Just(b"TLS".to_vec()),
            Just(b"|2|::1|21|".to_vec()), Just(b"ALL".to_vec()),
            Just(b"6,16,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2,16,0".to_vec()),
            Just(b"ftp.example.org".to_vec()), Just(b"en-US".to_vec()), Just(b"MLST a;b;".to_vec()),
        ],
    ) {
        let mut line = crate::verb::VERBS[verb].name.as_bytes().to_vec();
        line.push(b' ');
        line.extend_from_slice(&arg);
        if let Ok(command) = Command::parse(&line) {
            let mut wire = Vec::new();
            command.write(&mut wire);
            let mut undoubled = Vec::new();
            let mut rest = wire.strip_suffix(b"\r\n").unwrap().iter();
            while let Some(&b) = rest.next() {
                undoubled.push(b);
                if b == 0xff {
                    prop_assert_eq!(rest.next(), Some(&0xff));
                }
            }
            prop_assert_eq!(Command::parse(&undoubled), Ok(command));
        }
    }

    #[test]
    fn no_line_makes_the_parser_panic(line in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = Command::parse(&line);
        let _ = is_foreign(&line);
    }
}
