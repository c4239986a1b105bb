//! Path traversal: no command, however its path is written, reads, lists, changes or learns
//! anything beside the served directory.

use ferry_proto::verb::{ArgumentKind, VERBS, VerbInfo};

use crate::support::{Blueprint, Client, Outside, until_end};

/// Ways out that servers have fallen for, and the links of [`Outside`] that lead out; one a word.
const WAYS_OUT: &str = r"
    .. ../ ../. /.. /../.. ../.. //.. /./.. ./../aviary ../aviary ../canary /../aviary /../canary
    ../../root/../aviary sub/../../aviary sub/deep/../../../canary /sub/../../canary
    ....//aviary ....//....//canary .../aviary ..//../aviary //aviary ///canary
    ..\aviary ..\..\canary \..\canary C:\ %2e%2e/aviary %2e%2e%2fcanary ..%2fcanary
    ..%c0%afcanary ..;/aviary ~ ~/../aviary ~root
    out out/ out/. out/yellow-bird out/nest out/nest/canary out/../canary
    abs abs/. abs/yellow-bird abs/nest/canary file-out file-out/ file-out/.
    up up/aviary up/canary up/root/../canary sub/out sub/out/yellow-bird sub/../out
    slash slash/etc slash/etc/passwd proc/etc/passwd
    /etc/passwd file:///etc/passwd /proc/self/root /proc/self/cwd/..
    ../* ../aviary/* out/* */nest
";

/// All of them, and those that are no words.
fn ways_out(outside: &Outside) -> Vec<Vec<u8>> {
    let words = WAYS_OUT.split_whitespace();
    let mut ways: Vec<Vec<u8>> = words.map(|way| way.as_bytes().to_vec()).collect();
    let aviary = outside.aviary();
    let aviary = aviary.to_str().unwrap();
    for text in [
        aviary,
        &format!("//{aviary}/yellow-bird"),
        "-la ../aviary",
        "-a ..",
        "-R /..",
        "..\0/aviary",
        "out\0/yellow-bird",
        "..\r\0/aviary",
        &format!("{}canary", "../".repeat(1200)),
        &format!("{}../aviary", "./".repeat(2040)),
        &format!("{}{}canary", "sub/".repeat(500), "../".repeat(501)),
        &format!("x{}/../../canary", "y".repeat(300)),
    ] {
        ways.push(text.as_bytes().to_vec());
    }
    ways.push(b"..\xc0\xafcanary".to_vec());
    ways
}

/// The commands that take a path, with every form of argument they have.
fn forms(info: &VerbInfo) -> Vec<Vec<u8>> {
    let plain = vec![info.name.as_bytes().to_vec()];
    let time = "20200101000000";
    let with = |forms: &[String]| forms.iter().map(|f| f.clone().into_bytes()).collect();
    match info.name {
        "USER" | "PASS" | "ACCT" => Vec::new(),
        "MFMT" => with(&[format!("MFMT {time}")]),
        "MDTM" => with(&[String::from("MDTM"), format!("MDTM {time}")]),
        "SITE" => with(&[String::from("SITE CHMOD 777"), format!("SITE UTIME {time}")]),
        "LIST" | "NLST" | "STAT" => {
            with(&[info.name.to_owned(), format!("{} -la", info.name), format!("{} -d", info.name)])
        }
        _ => plain,
    }
}

fn takes_path(info: &VerbInfo) -> bool {
    let named = [ArgumentKind::Name, ArgumentKind::OptionalName].contains(&info.argument);
    info.served && info.login && named
}

/// Runs one command, with data if it asks for some, and returns everything the server said.
fn everything_said(client: &mut Client, command: &[u8]) -> Vec<u8> {
    let is = |verb: &&[u8]| command.starts_with(verb);
    if [&b"RETR"[..], b"LIST", b"NLST", b"MLSD"].iter().any(is) {
        let (reply, came) = client.transfer(command, None);
        return [reply.raw, came].concat();
    }
    if [&b"STOR"[..], b"APPE", b"STOU"].iter().any(is) {
        let (reply, came) = client.transfer(command, Some(b"EVIL"));
        return [reply.raw, came].concat();
    }
    client.ask(command).raw
}

fn assert_nothing_learned(said: &[u8], command: &[u8]) {
    for mark in Outside::MARKS {
        let asked = command.windows(mark.len()).any(|w| w == mark.as_bytes());
        let told = said.windows(mark.len()).any(|w| w == mark.as_bytes());
        assert!(asked || !told, "{} tells {mark}: {}", command.escape_ascii(), said.escape_ascii());
    }
}

#[test]
fn no_path_of_any_command_leads_out_of_the_root() {
    let outside = Outside::new();
    let ways = ways_out(&outside);
    let site = Blueprint::of_dir(&outside.root()).build();
    let mut commands = 0;
    for info in VERBS.iter().filter(|info| takes_path(info)) {
        for form in forms(info) {
            outside.fill();
            let mut client = site.writer();
            for way in &ways {
                let command = [&form[..], b" ", way].concat();
                let said = everything_said(&mut client, &command);
                assert_nothing_learned(&said, &command);
                commands += 1;
            }
            client.ok("QUIT", 221);
            outside.assert_untouched(&form.escape_ascii().to_string());
        }
    }
    assert!(commands > 1500, "{commands}");
}

#[test]
fn no_rename_takes_something_out_or_brings_something_in() {
    let outside = Outside::new();
    let ways = ways_out(&outside);
    let site = Blueprint::of_dir(&outside.root()).build();
    let mut client = site.writer();
    for way in &ways {
        outside.fill();
        for (from, to) in [(&b"file"[..], &way[..]), (b"sub", way), (way, b"brought")] {
            if client.ask([b"RNFR ", from].concat()).code == 350 {
                let said = client.ask([b"RNTO ", to].concat());
                assert_nothing_learned(&said.raw, way);
            }
        }
        let (said, came) = client.transfer("RETR brought", None);
        assert_nothing_learned(&[said.raw, came].concat(), b"");
        outside.assert_untouched(&format!("renaming {}", way.escape_ascii()));
    }
}

#[test]
fn nothing_outside_is_reached_from_any_directory_one_can_stand_in() {
    let outside = Outside::new();
    let ways = ways_out(&outside);
    let site = Blueprint::of_dir(&outside.root()).build();
    let mut client = site.writer();
    for way in &ways {
        client.ok("CWD /", 250);
        if client.ask([b"CWD ", &way[..]].concat()).code != 250 {
            continue;
        }
        for command in
            ["PWD", "LIST -a", "MLSD", "STAT .", "MLST", "CDUP", "NLST -a", "SIZE canary"]
        {
            let said = everything_said(&mut client, command.as_bytes());
            assert_nothing_learned(&said, b"");
        }
    }
    outside.assert_untouched("walking about");
}

#[test]
fn links_that_stay_inside_are_followed() {
    let outside = Outside::new();
    std::os::unix::fs::symlink("sub/file", outside.root().join("in")).unwrap();
    std::os::unix::fs::symlink("deep/../../sub", outside.root().join("sub/round")).unwrap();
    let site = Blueprint::of_dir(&outside.root()).build();
    let mut client = site.writer();
    assert_eq!(client.fetch("RETR in"), b"ours");
    assert_eq!(client.fetch("RETR sub/round/file"), b"ours");
    // Links that lead out are not even distinguishable from those that lead nowhere.
    let refused = client.ask("SIZE out/yellow-bird");
    let missing = client.ask("SIZE gone/yellow-bird");
    assert_eq!(refused, missing);
    let mut data = client.data();
    client.ok("RETR file-out", 550);
    drop(client);
    assert_eq!(until_end(&mut data), b"");
}
