//! Lines of facts: printed, read back, and those of servers that break the rules.

use proptest::prelude::*;

use super::read::FACT_NAME_MAX;
use super::*;
use crate::date::UnixTime;

const BARE: FactLine<'_> = FactLine {
    kind: EntryKind::File,
    size: None,
    modify: None,
    create: None,
    perm: "",
    unique: None,
    unix_mode: None,
    owner: None,
    group: None,
};

fn printed(set: FactSet, line: &FactLine<'_>, name: &[u8]) -> String {
    let mut out = Vec::new();
    write_facts(set, line, name, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_holds_the_facts_that_are_on_and_known() {
    let line = FactLine {
        size: Some(5120),
        modify: Some(UnixTime { secs: 1_000_000_000, nanos: 999_999_999 }),
        create: Some(UnixTime::from_secs(0)),
        perm: "adfrw",
        unique: Some(0xbeef),
        unix_mode: Some(0o100_644),
        owner: Some(1000),
        group: Some(100),
        ..BARE
    };
    assert_eq!(
        printed(FactSet::ALL, &line, b" a;b= c"),
        "type=file;size=5120;modify=20010909014640;perm=adfrw;unique=000000000000beef;\
         UNIX.mode=0644;UNIX.owner=1000;UNIX.group=100;create=19700101000000;  a;b= c"
    );
    assert_eq!(printed(FactSet::SIZE, &line, b"x"), "size=5120; x");
    assert_eq!(printed(FactSet::NONE, &line, b"x"), " x");
    assert_eq!(printed(FactSet::ALL, &BARE, b"x"), "type=file;perm=; x");
    let dir = FactLine { kind: EntryKind::Dir, ..line };
    assert_eq!(printed(FactSet::TYPE.with(FactSet::SIZE), &dir, b"x"), "type=dir; x");
    let link = FactLine { kind: EntryKind::DanglingLink(b"no where;\n\x7f"), ..BARE };
    assert_eq!(printed(FactSet::TYPE, &link, b"x"), "type=OS.unix=slink:no?where???; x");
}

#[test]
fn opts_mlst_chooses_and_names_facts() {
    let cases: &[(&[u8], Option<&str>)] = &[
        (b"type;size;", Some("MLST OPTS type;size;")),
        (b"SIZE;unix.MODE;Type", Some("MLST OPTS type;size;UNIX.mode;")),
        (b"media-type;", Some("MLST OPTS")),
        (b"", Some("MLST OPTS")),
        (b" type; ", Some("MLST OPTS type;")),
        (b"type; size;", None),
    ];
    for (arg, want) in cases {
        let reply = FactSet::parse_opts(arg).map(FactSet::opts_reply);
        assert_eq!(reply.as_deref(), *want, "{}", arg.escape_ascii());
    }
    assert_eq!(
        FactSet::SIZE.with(FactSet::CREATE).feat_value(),
        "type;size*;modify;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;create*;"
    );
}

#[test]
fn lines_of_other_servers_are_understood() {
    let line = b"Type=dir;Sizd=4096;Modify=202001021530;PERMS=el;UNIX.uid=7;UNIX.mode=0755; a b";
    let facts = parse_facts(line).unwrap();
    assert_eq!(facts.name, b"a b");
    assert_eq!((facts.kind, facts.size), (Some(ParsedKind::Dir), None));
    assert_eq!((facts.modify, facts.perm), (None, Some(&b"el"[..])));
    assert_eq!((facts.owner, facts.unix_mode), (Some(&b"7"[..]), Some(0o755)));

    let facts = parse_facts(b"unix.ownername=mira;UNIX.owner=1004;size=-1;perm=r  x;y").unwrap();
    assert_eq!((facts.owner, facts.size), (Some(&b"mira"[..]), None));
    assert_eq!((facts.perm, facts.name), (Some(&b"r"[..]), &b" x;y"[..]));

    let kind = |text: &'static str| parse_facts(text.as_bytes()).and_then(|facts| facts.kind);
    assert_eq!(kind("type=OS.unix=slink:/a; x"), Some(ParsedKind::Link(Some(b"/a"))));
    assert_eq!(kind("type=OS.UNIX=symlink; x"), Some(ParsedKind::Link(None)));
    assert_eq!(kind("type=OS.unix=slink:; x"), Some(ParsedKind::Link(None)));
    assert_eq!(kind("type=OS.unix=chr-3/1; x"), Some(ParsedKind::Other));
    assert_eq!(kind(" only a name"), None);
}

#[test]
fn names_are_found_where_servers_break_the_rules() {
    let cases: [(&str, &str, Option<u64>); 14] = [
        ("type=file;size=5;no space.txt", "no space.txt", Some(5)),
        ("type=file;size=5;nospace;a=b", "nospace;a=b", Some(5)),
        ("type=file;size=5;a=b c", "a=b c", Some(5)),
        ("Type=file;Size=5;two; parts", "two; parts", Some(5)),
        ("Type=file,Size=5,Modify=20230101000000 a,b=c", "a,b=c", Some(5)),
        ("Type=file,Size=5,Modify=20230101000000; x", "x", Some(5)),
        ("unique=801,U2;size=5; x", "x", Some(5)),
        ("type=OS.unix=slink:/a b;size=5; x y", "x y", Some(5)),
        ("type=OS.unix=slink:/a;size=5; x; y", "x; y", Some(5)),
        ("size=5;perm=r  x;y", " x;y", Some(5)),
        ("type=file;size=5; a;size=6; b", "a;size=6; b", Some(5)),
        ("size=5; =", "=", Some(5)),
        ("sizd=4096; x", "x", None),
        (" size=5; x", "size=5; x", None),
    ];
    for (line, name, size) in cases {
        let facts = parse_facts(line.as_bytes()).unwrap();
        assert_eq!((facts.name, facts.size), (name.as_bytes(), size), "{line}");
    }
    let link = parse_facts(b"type=OS.unix=slink:/a b;size=5; x y").unwrap();
    assert_eq!(link.kind, Some(ParsedKind::Link(Some(b"/a b"))));
    let unique = parse_facts(b"unique=801,U2;size=5; x").unwrap().unique;
    assert_eq!(unique, Some(&b"801,U2"[..]));
}

#[test]
fn the_name_of_a_fact_is_sought_no_further_than_it_may_reach() {
    let fact = |len: usize| format!("x.{}=5", "y".repeat(len - 2));
    assert!(begins_as_fact(fact(FACT_NAME_MAX - 1).as_bytes()));
    assert!(!begins_as_fact(fact(FACT_NAME_MAX).as_bytes()));
}

#[test]
fn what_is_no_fact_line_is_refused() {
    let wrong: [&[u8]; 6] = [
        b"",
        b"name",
        b"type=file;",
        b"type=file; ",
        b"type=file; a\0b",
        b"-rw-r--r-- 1 a b 5 Mar 04 17:30 x",
    ];
    for line in wrong {
        assert_eq!(parse_facts(line), None, "{}", line.escape_ascii());
    }
}

proptest! {
    #[test]
    fn a_printed_line_reads_back(
        set in 0u16..512,
        kind in 0usize..6,
        numbers in proptest::option::of(any::<(u64, u32, u64)>()),
        secs in 0i64..253_402_300_800,
        name in proptest::collection::vec(1u8.., 1..30),
    ) {
        let set = FactSet(set);
        let kinds = [
            (EntryKind::File, ParsedKind::File), (EntryKind::Dir, ParsedKind::Dir),
            (EntryKind::CurrentDir, ParsedKind::CurrentDir),
            (EntryKind::ParentDir, ParsedKind::ParentDir),
            (EntryKind::DanglingLink(b"x"), ParsedKind::Link(Some(b"x"))),
            (EntryKind::Other, ParsedKind::Other),
        ];
        let (written, read) = kinds[kind];
        let line = FactLine {
            kind: written,
            size: numbers.map(|n| n.0),
            modify: Some(UnixTime::from_secs(secs)),
            perm: "elf",
            unix_mode: numbers.map(|n| n.1 & 0o7777),
            unique: numbers.map(|n| n.2),
            owner: numbers.map(|n| n.1),
            ..BARE
        };
        let mut out = Vec::new();
        write_facts(set, &line, &name, &mut out);
        let facts = parse_facts(&out).unwrap();
        let is_dir = (1..4).contains(&kind);
        prop_assert_eq!(facts.name, &name[..]);
        prop_assert_eq!(facts.kind, set.contains(FactSet::TYPE).then_some(read));
        let size = line.size.filter(|_| set.contains(FactSet::SIZE) && !is_dir);
        prop_assert_eq!(facts.size, size);
        prop_assert_eq!(facts.modify, line.modify.filter(|_| set.contains(FactSet::MODIFY)));
        let mode = line.unix_mode.filter(|_| set.contains(FactSet::UNIX_MODE));
        prop_assert_eq!(facts.unix_mode, mode);
        let owner = line.owner.filter(|_| set.contains(FactSet::UNIX_OWNER));
        let owner = owner.map(|n| n.to_string());
        prop_assert_eq!(facts.owner, owner.as_deref().map(str::as_bytes));
    }

    #[test]
    fn opts_and_its_reply_agree(set in 0u16..512) {
        let reply = FactSet(set).opts_reply();
        let facts = reply.strip_prefix("MLST OPTS").unwrap();
        prop_assert_eq!(FactSet::parse_opts(facts.as_bytes()), Some(FactSet(set)));
    }
}
