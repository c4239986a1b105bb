//! Any names, in any charset: what a listing shows is what commands take, and it reaches the file
//! it was shown for. Played through the whole engine, over the simulated network.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ferry_proto::charset::{Charset, Names};
use proptest::prelude::*;
use testkit::script::{Conversation, Ferry};

const CHARSETS: &[&str] = &[
    "shift_jis",
    "euc-jp",
    "gbk",
    "gb18030",
    "big5",
    "euc-kr",
    "windows-1251",
    "iso-8859-1",
    "iso-8859-15",
    "koi8-r",
    "ibm866",
    "windows-874",
];

/// Octets as conversations write them.
fn quoted(octets: &[u8]) -> String {
    let inner: String = octets.iter().map(|octet| format!("\\x{octet:02x}")).collect();
    format!("\"{inner}\"")
}

/// A command with an argument of any octets, FF doubled as Telnet wants it.
fn command(verb: &str, name: &[u8]) -> String {
    let mut line = format!("{verb} ").into_bytes();
    for &octet in name {
        line.extend(std::iter::repeat_n(octet, if octet == 0xff { 2 } else { 1 }));
    }
    line.extend_from_slice(b"\r\n");
    format!("C raw: {}\n", quoted(&line))
}

/// What a client of the charset sees and does where these files are.
fn conversation(label: &str, names: Names, files: &BTreeSet<Vec<u8>>) -> String {
    let path = |name: &[u8]| quoted(&[b"/", name].concat());
    let mut text = String::from("== Whatever is listed can be used as it is.\n");
    for (n, name) in files.iter().enumerate() {
        writeln!(text, "file {} {}", path(name), quoted(&vec![b'x'; n + 1])).unwrap();
    }
    writeln!(text, "user boris secret read-write\ncharset boris {label}\nconnect\nS 220").unwrap();
    text += "C: USER boris\nS 331\nC: PASS secret\nS 230\nC: TYPE I\nS 200\n";
    writeln!(text, "C: OPTS UTF8 {}\nS 200", if names.utf8 { "ON" } else { "OFF" }).unwrap();
    let shown: Vec<Vec<u8>> = files.iter().map(|name| names.leaving(name).into_owned()).collect();
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), files.len(), "all look different");
    let listing: Vec<u8> = shown.iter().flat_map(|name| [name, &b"\r\n"[..]].concat()).collect();
    text += "C: PASV\nS 227\nC: NLST\ndata connect\nS 150\n";
    writeln!(text, "D< {}\nS 226", quoted(&listing)).unwrap();
    for (n, (name, shown)) in files.iter().zip(&shown).enumerate() {
        text += &command("SIZE", shown);
        writeln!(text, "S: 213 {}", n + 1).unwrap();
        text += &command("RNFR", shown);
        text += "S 350\n";
        text += &command("RNTO", &[b"x", &shown[..]].concat());
        text += "S 250\n";
        let renamed = path(&[b"x", &name[..]].concat());
        writeln!(text, "expect file {renamed} {}", quoted(&vec![b'x'; n + 1])).unwrap();
        text += &command("DELE", &[b"x", &shown[..]].concat());
        text += "S 250\n";
    }
    text
}

fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        "[a-z0-9 %xE,-]{1,4}".prop_map(String::into_bytes),
        "[а-яЁё¥ÿü€]{1,4}".prop_map(String::into_bytes),
        "[あ-んァ-ヴ一-龥가-힣ｱ-ﾝก-ฮ]{1,3}".prop_map(String::into_bytes),
        prop::collection::vec(0x80..=0xff_u8, 1..4),
        Just(b"%xE6".to_vec()),
    ];
    // A letter first, for names that begin with a dot are not listed.
    prop::collection::vec(part, 1..4).prop_map(|parts| [&b"n"[..], &parts.concat()].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_listed_reaches_the_file_it_was_listed_for(
        label in prop::sample::select(CHARSETS),
        utf8 in any::<bool>(),
        files in prop::collection::btree_set(any_name(), 1..6),
        seed in any::<u64>(),
    ) {
        let names = Names { charset: Charset::named(label).unwrap(), utf8 };
        // Conversations mean something of their own by this, half a letter in some charsets.
        prop_assume!(files.iter().all(|name| !names.leaving(name).contains(&b'{')));
        let text = conversation(label, names, &files);
        for conversation in Conversation::read_all(&text).unwrap() {
            if let Err(report) = conversation.play(&Ferry, seed) {
                panic!("{label}, UTF-8 is on: {utf8}\n{report}");
            }
        }
    }
}
