//! Names to the wire and back, in every kind of charset: tables and properties.

use proptest::prelude::*;

use super::*;

/// Those of each kind: one octet, two, up to four.
const TRIED: &[&str] = &[
    "shift_jis",
    "gbk",
    "gb18030",
    "big5",
    "euc-kr",
    "euc-jp",
    "windows-1251",
    "windows-1258",
    "iso-8859-1",
    "iso-8859-15",
    "koi8-r",
    "ibm866",
    "x-mac-cyrillic",
    "x-user-defined",
];

#[allow(clippy::unwrap_used, reason = "the labels of these tests are known ones")]
fn names(label: &str, utf8: bool) -> Names {
    Names { charset: Charset::named(label).unwrap(), utf8 }
}

fn arriving(names: Names, line: &[u8]) -> Vec<u8> {
    names.arriving(line).into_owned()
}

#[test]
fn every_name_offered_is_known_and_what_no_line_can_be_in_is_not() {
    for name in NAMES {
        assert!(Charset::named(name).is_some(), "{name}");
    }
    for name in ["utf-16le", "utf-16be", "iso-2022-jp", "replacement", "x", ""] {
        assert_eq!(Charset::named(name), None, "{name}");
    }
    let utf8 = |label| Charset::named(label).map(Charset::is_utf8);
    assert_eq!((utf8("UTF8"), utf8("gbk")), (Some(true), Some(false)));
}

#[test]
fn with_utf_8_off_lines_are_in_the_charset() {
    let cases: [(&str, &[u8], &str); 6] = [
        ("windows-1251", b"RETR \xd6\xe5\xed\xe0 \xff.txt", "RETR Цена я.txt"),
        ("koi8-r", b"RETR \xe3\xc5\xce\xc1", "RETR Цена"),
        ("shift_jis", b"CWD \x95\x5c/\x83\x5c", "CWD 表/ソ"),
        ("gbk", b"DELE \xc1\xaa\xcd\xa8", "DELE 联通"),
        ("iso-8859-15", b"SIZE 5\xa4", "SIZE 5€"),
        // These octets are also the UTF-8 of another name.
        ("windows-1251", b"MKD \xc5\xb8", "MKD Её"),
    ];
    for (charset, line, means) in cases {
        assert_eq!(arriving(names(charset, false), line), means.as_bytes(), "{charset}");
        assert_eq!(&*names(charset, false).leaving(means.as_bytes()), line, "{charset}");
    }
}

#[test]
fn with_utf_8_on_a_line_is_utf_8_if_it_can_be() {
    let names = names("windows-1251", true);
    assert_eq!(arriving(names, "MKD Цена".as_bytes()), "MKD Цена".as_bytes());
    assert_eq!(arriving(names, b"MKD \xd6\xe5\xed\xe0"), "MKD Цена".as_bytes());
    assert_eq!(arriving(names, b"MKD \xc5\xb8"), "MKD Ÿ".as_bytes());
    assert_eq!(arriving(names, b"MKD \xc5\xb8 \xd6\xe5"), "MKD Её Це".as_bytes());
    assert_eq!(&*names.leaving("250 Цена 日本".as_bytes()), "250 Цена 日本".as_bytes());
}

#[test]
fn what_the_charset_lacks_is_spelled_out_and_read_back() {
    let off = names("windows-1251", false);
    assert_eq!(&*off.leaving("Ц本".as_bytes()), b"\xd6%xE6%x9C%xAC");
    assert_eq!(arriving(off, b"RETR \xd6%xE6%x9C%xAC"), "RETR Ц本".as_bytes());
    // Octets on the disk that no client of this account has sent.
    assert_eq!(&*off.leaving(b"\xd6\xe5"), b"%xD6%xE5");
    assert_eq!(&*names("windows-1251", true).leaving(b"\xd6\xe5"), b"%xD6%xE5");
    // The yen sign has an octet in Shift_JIS, but that octet means a backslash.
    assert_eq!(&*names("shift_jis", false).leaving("¥".as_bytes()), b"%xC2%xA5");
}

#[test]
fn a_name_that_looks_spelled_out_stays_itself() {
    for utf8 in [true, false] {
        let names = names("windows-1251", utf8);
        for (name, shown) in [
            ("%xE6", "%x25xE6"),
            ("%x25xE6", "%x25x25xE6"),
            ("%%xE6", "%%x25xE6"),
            ("%x2F%x2f%xe6%x%xG0", "%x2F%x2f%xe6%x%xG0"),
            ("100%", "100%"),
        ] {
            assert_eq!(&*names.leaving(name.as_bytes()), shown.as_bytes());
            assert_eq!(arriving(names, shown.as_bytes()), name.as_bytes());
        }
    }
}

#[test]
fn nothing_below_80_hex_can_be_spelled_but_the_percent_sign() {
    let line = b"RETR %x2F%x2E%x2E%x2F%x0D%x0A%x00%x41%x7F";
    assert_eq!(arriving(names("windows-1251", false), line), line);
}

#[test]
fn octets_that_are_no_text_stay_as_they_are() {
    let off = names("shift_jis", false);
    assert_eq!(arriving(off, b"MKD \xff\xfe \x83\x5c"), b"MKD \xff\xfe \xe3\x82\xbd");
    assert_eq!(&*off.leaving(b"\xff\xfe \xe3\x82\xbd"), b"\xff\xfe \x83\x5c");
}

#[test]
fn a_password_is_text_and_never_spelled_out() {
    let names = names("windows-1251", true);
    assert_eq!(arriving(names, b"PASS \xd6%xE6"), "PASS Ц%xE6".as_bytes());
    assert_eq!(arriving(names, b"user \xd6"), "user Ц".as_bytes());
}

#[test]
fn text_of_replies_loses_only_what_the_charset_lacks() {
    let mut out = Vec::new();
    names("windows-1252", false).push_text("Für 日", &mut out);
    assert_eq!(out, b"F\xfcr ?");
}

/// Were it otherwise, a name could hold a `/` that no check has seen.
#[test]
fn no_two_octets_outside_ascii_are_an_ascii_character() {
    for label in NAMES {
        let charset = Charset::named(label).unwrap();
        for first in 0x80..=0xff_u8 {
            let lone = charset.decode(&[first]).map(Cow::into_owned);
            assert!(lone.is_none_or(|t| !t.is_ascii()), "{label} {first:x}");
            for second in 0..=0xff_u8 {
                let both = [first, second];
                let Some(text) = charset.decode(&both) else { continue };
                let ascii: Vec<u8> = text.bytes().filter(u8::is_ascii).collect();
                assert!(ascii.is_empty() || ascii == [second], "{label} {both:x?}");
                if ends_word(second) {
                    assert_eq!(ascii, [second], "{label} {both:x?}");
                }
            }
        }
    }
}

fn any_names() -> impl Strategy<Value = Names> {
    (prop::sample::select(TRIED), any::<bool>()).prop_map(|(label, utf8)| names(label, utf8))
}

/// A name as storage may hold it: text of many scripts, octets, and what looks spelled out.
fn any_name() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        "[a-z %x25E6\\\\|.\"-]{1,4}".prop_map(String::into_bytes),
        "[а-яЁё¥ÿ~€ü]{1,4}".prop_map(String::into_bytes),
        "[あ-んァ-ヴ一-龥가-힣ｱ-ﾝ]{1,3}".prop_map(String::into_bytes),
        any::<char>()
            .prop_filter("no separator", |&c| !c.is_control() && c != '/')
            .prop_map(|c| c.to_string().into_bytes()),
        prop::collection::vec(0x80..=0xff_u8, 1..4),
        Just(b"%xE6".to_vec()),
        Just(b"%x25".to_vec()),
    ];
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn what_is_shown_names_what_it_was_shown_for(
        names in any_names(),
        name in any_name(),
        parent in any_name(),
    ) {
        let alone = names.leaving(&name);
        prop_assert_eq!(names.arriving(&[b"RETR ", &*alone].concat()).into_owned(),
            [b"RETR ", &*name].concat());
        // Wherever it was shown, it looked the same.
        let line = [b"-rw-r--r-- 1 ftp ftp 5 Jan  1 12:00 ", &*name, b" -> ", &*parent].concat();
        let shown = [b"-rw-r--r-- 1 ftp ftp 5 Jan  1 12:00 ", &*alone, b" -> ",
            &*names.leaving(&parent)].concat();
        prop_assert_eq!(names.leaving(&line).into_owned(), shown);
        // And it may be said together with others.
        let path = [&*names.leaving(&parent), b"/", &*alone].concat();
        prop_assert_eq!(names.arriving(&path).into_owned(), [&*parent, b"/", &*name].concat());
    }

    #[test]
    fn what_a_client_says_is_one_name_and_stays_it(names in any_names(), said in any_name()) {
        let name = names.arriving(&said).into_owned();
        let shown = names.leaving(&name).into_owned();
        prop_assert_eq!(names.arriving(&shown).into_owned(), name);
    }

    #[test]
    fn a_client_of_the_charset_reads_what_it_wrote(
        label in prop::sample::select(TRIED),
        octets in prop::collection::vec(0x30..=0xff_u8, 1..12),
    ) {
        let names = names(label, false);
        // Only where the charset has two spellings of one text does another come back.
        let text = names.charset.decode(&octets).map(Cow::into_owned);
        prop_assume!(text.is_none_or(|t| names.charset.encode(&t).as_deref() == Some(&*octets)));
        prop_assume!(!has_escape(&octets));
        let name = names.arriving(&octets).into_owned();
        prop_assume!(core::str::from_utf8(&octets).is_err() || name != octets);
        prop_assert_eq!(names.leaving(&name).into_owned(), octets);
    }
}
