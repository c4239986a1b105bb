//! Octets that break lines, logs and terminals: NUL, CR, LF, Telnet commands and control
//! characters, in commands and in names that are already on the disk.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;

use ferry_proto::verb::VERBS;

use crate::support::{Blueprint, Client, WRITER};

/// Names nobody could have made by FTP.
const ODD_NAMES: [&[u8]; 8] = [
    b"a\nb",
    b"x\r\n226 Transfer complete.\r\n",
    b"\x1b[2J\x1b[31m",
    b"tab\there",
    b"bell\x07",
    b"del\x7f",
    b"\r",
    b"type=dir; ..\n",
];

fn is_printable(line: &[u8]) -> bool {
    !line.iter().any(|&b| b < 0x20 || b == 0x7f)
}

/// Whole lines that end in CRLF and hold no other control character.
fn assert_clean(text: &[u8], about: &str) {
    assert!(text.is_empty() || text.ends_with(b"\r\n"), "{about}");
    for line in text.split_inclusive(|&b| b == b'\n') {
        let content = line.strip_suffix(b"\r\n");
        assert!(content.is_some_and(is_printable), "{about}: {}", line.escape_ascii());
    }
}

#[test]
fn names_with_control_characters_are_neither_shown_nor_reached() {
    let dir = tempfile::tempdir().unwrap();
    for name in ODD_NAMES {
        let odd = dir.path().join(OsStr::from_bytes(name));
        fs::create_dir(&odd).unwrap();
        fs::write(odd.join("inside"), "x").unwrap();
    }
    fs::write(dir.path().join("plain"), "x").unwrap();
    let site = Blueprint::of_dir(dir.path()).build();
    let mut client = site.writer();
    for command in ["LIST -a", "NLST -a", "MLSD", "LIST *", "NLST *"] {
        let came = client.fetch(command);
        assert_clean(&came, command);
        let entries = came
            .split_inclusive(|&b| b == b'\n')
            .filter(|line| !line.ends_with(b" .\r\n") && !line.ends_with(b" ..\r\n"));
        assert_eq!(entries.count(), 1, "{command}: {}", came.escape_ascii());
    }
    assert_clean(&client.ok("STAT -a", 213).raw, "STAT");
    for name in ODD_NAMES.iter().filter(|n| !n.contains(&b'\n')) {
        // A CR in a name is written CR NUL (RFC 2640 §3.1).
        let name = name
            .iter()
            .flat_map(|&b| if b == b'\r' { vec![b, 0] } else { vec![b] })
            .collect::<Vec<u8>>();
        for verb in ["CWD", "SIZE", "MDTM", "MLST", "RETR", "RMD", "DELE", "RNFR"] {
            let reply = client.ask([verb.as_bytes(), b" ", &name].concat());
            assert_eq!(reply.code, 550, "{verb}: {}", reply.text());
            assert_clean(&reply.raw, verb);
        }
        for verb in ["MKD", "STOR", "APPE"] {
            let reply = client.ask([verb.as_bytes(), b" new", &name].concat());
            assert_eq!(reply.code, 553, "{verb}: {}", reply.text());
        }
        client.ok("RNFR plain", 350);
        let reply = client.ask([b"RNTO new", &name[..]].concat());
        assert_eq!(reply.code, 553, "{}", reply.text());
    }
    let pwd = client.ok("PWD", 257);
    assert_eq!(pwd.text().matches("\r\n").count(), 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), ODD_NAMES.len() + 1);
}

#[test]
fn quotes_in_names_are_doubled_so_that_257_can_be_read_back() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    client.ok("MKD say \"hi\" \"", 257);
    client.ok("CWD say \"hi\" \"", 250);
    let text = client.ok("PWD", 257).text();
    assert!(text.starts_with("257 \"/say \"\"hi\"\" \"\"\""), "{text}");
}

#[test]
fn no_reply_repeats_a_control_character() {
    let site = Blueprint::default().build();
    for log_in in [false, true] {
        for info in VERBS.iter().filter(|info| info.name != "QUIT") {
            let mut client = site.client();
            if log_in {
                client.log_in(WRITER);
                let _data = client.data();
            }
            for evil in ["\x1b[31m\x07", "\t\x08\x7f", "x\x0b\x0c;y"] {
                let command = format!("{} {evil}", info.name);
                if client.try_send(format!("{command}\r\n").as_bytes()).is_err() {
                    break;
                }
                let Ok(reply) = client.try_reply() else { break };
                assert_clean(&reply.raw, &command);
                if reply.code == 234 || reply.code == 421 || reply.code == 150 {
                    break;
                }
            }
        }
    }
    let mut client = site.client();
    for odd in ["X\x1bYZ", "\x1b[A", "\t", "HELP \x1b]0;title\x07", "\u{9b}31m"] {
        let reply = client.ask(odd);
        assert_clean(&reply.raw, odd);
    }
}

#[test]
fn a_nul_ends_nothing_and_the_line_it_is_in_is_not_carried_out() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    client.store("STOR f", b"x");
    for line in [&b"DELE f\0"[..], b"DELE f\0.txt", b"\0DELE f", b"DE\0LE f"] {
        let reply = client.ask(line);
        assert_eq!(reply.code, 501, "{}: {}", line.escape_ascii(), reply.text());
    }
    client.ok("SIZE f", 213);
    // CR NUL is a CR in the name (RFC 2640 §3.1), which no name may hold.
    assert_eq!(client.ask(b"MKD a\r\0b").code, 553);
    assert_eq!(client.ask(b"MKD a\rDELE f").code, 553);
    client.ok("SIZE f", 213);
    assert_eq!(client.fetch("NLST"), b"f\r\n");
}

#[test]
fn a_name_with_a_line_end_in_it_logs_nobody_in_and_starts_no_other_command() {
    let site = Blueprint::default().build();
    let mut client = site.client();
    client.send(b"USER writer\r\0\r\n");
    client.expect(331);
    client.send(b"PASS writer's password\r\n");
    client.expect(530);
    let asked = site.auth.asked();
    assert_eq!(asked[0].0, b"writer\r", "{asked:?}");
    client.send(b"USER reader\rPASS reader's password\r\n");
    client.expect(331);
    assert!(site.auth.asked().is_empty());
}

#[test]
fn telnet_commands_in_the_middle_of_a_command_vanish() {
    let site = Blueprint::default().build();
    let mut client = site.writer();
    for line in [
        &b"NO\xff\xf1OP"[..],
        b"\xff\xf4\xff\xf2NOOP",
        b"NOOP\xff\xf9",
        b"\xff\xfc\x01\xff\xfe\x01NOOP",
        b"NO\xff\xfa\x18\x00OP QUIT\xff\xf0OP",
    ] {
        let reply = client.ask(line);
        assert_eq!(reply.code, 200, "{}: {}", line.escape_ascii(), reply.text());
    }
    // What is left of a Synch when its mark is taken out of line (RFC 959 §4.1.3).
    let reply = client.ask(b"\xf2STAT");
    assert_eq!(reply.code, 211, "{}", reply.text());
    // Offers are declined, between replies and never within one.
    client.send(b"\xff\xfb\x01\xff\xfd\x03NOOP\r\n");
    assert_eq!(client.octets(6), b"\xff\xfe\x01\xff\xfc\x03");
    client.expect(200);
    // IAC IAC is the octet FF itself, and it comes back doubled.
    client.say(b"MKD d\xff\xff");
    let reply = client.expect(257);
    assert!(reply.raw.starts_with(b"257 \"/d\xff\xff\""), "{}", reply.raw.escape_ascii());
    assert_eq!(client.fetch("NLST"), b"d\xff\r\n", "data connections know no Telnet");
}

/// Everything a peer can put into a log.
fn nasty(client: &mut Client) {
    let evil = b"\x1b[2J\x07#1 logged in root\x7f";
    client.say([b"USER ", &evil[..]].concat());
    client.expect(331);
    client.say([b"PASS ", &evil[..]].concat());
    client.expect(530);
    client.ok("USER anonymous", 331);
    client.say([b"PASS ", &evil[..]].concat());
    client.expect(230);
    for verb in ["RETR", "STOR", "LIST", "MLSD", "CWD", "SITE", "HELP"] {
        client.ask([verb.as_bytes(), b" ", &evil[..]].concat());
    }
    client.ok("USER writer", 331);
    client.ok("PASS writer's password", 230);
    for name in ["\u{9b}31m", "\u{202e}txt", "pl\u{e9}in"] {
        client.store(&format!("STOR {name}"), b"x");
        client.ok(&format!("RNFR {name}"), 350);
        client.ok(&format!("RNTO new{name}"), 250);
    }
    client.say(b"MKD latin\xe9");
    client.expect(257);
    let data = client.passive();
    client.ok("RETR newpl\u{e9}in", 150);
    drop(crate::support::connect_from([127, 0, 0, 2].into(), data));
    client.ok("ABOR", 426);
    client.expect(226);
}

#[test]
fn nothing_a_peer_sends_reaches_a_log_as_anything_but_text() {
    let mut blueprint = Blueprint::default().with_tls();
    blueprint.anonymous = true;
    let site = blueprint.build();
    let mut client = site.client();
    nasty(&mut client);
    client.ok("QUIT", 221);
    client.rest().unwrap();
    let mut client = site.client();
    client.ok("AUTH TLS", 234);
    client.send(b"\x1b[2J this is no handshake");
    client.rest_or_reset();
    let mut client = site.client();
    client.send(b"AUTH TLS\r\nUSER \x1b[2J\r\n");
    client.rest_or_reset();
    site.wait_until_empty();
    let lines = site.heard.lines();
    for part in [
        "connected from",
        "login failed:",
        "logged in anonymous (",
        "STOR /",
        "RNTO /",
        "MKD /",
        "RETR /",
        "noticed: turned a stranger",
        "noticed: commands were sent",
        "closed:",
    ] {
        assert!(lines.iter().any(|l| l.contains(part)), "{part}: {lines:#?}");
    }
    for line in lines {
        let control = line.chars().find(|c| c.is_control());
        assert_eq!(control, None, "{}", line.escape_debug());
    }
}
