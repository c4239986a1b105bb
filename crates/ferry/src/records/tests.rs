//! Every record writes what its table says, and the page of the schema says the same.

use super::*;

fn meta() -> Meta {
    Meta {
        kind: Kind::Symlink,
        size: 3,
        size_known: true,
        modified: UnixTime { secs: 1, nanos: 500_000_000 },
        precision: Precision::Fraction,
        created: None,
        mode: Some(0o644),
        links: 1,
        owner: Some(1),
        group: Some(2),
        unique: (0, 0),
    }
}

/// The heading, the meaning and the table of a record; and that a sample with every field has the
/// fields of the table, in that order.
fn section<R: Record>(sample: &R) -> String {
    let mut obj = Obj::new(R::NAME);
    sample.fill(&mut obj);
    let names: Vec<&str> = R::FIELDS.iter().map(|(name, ..)| name.trim_end_matches('?')).collect();
    assert_eq!(obj.keys.get(1..).unwrap(), names, "{}", R::NAME);
    let mut text = format!("### `{}`\n\n{}\n\n", R::NAME, R::MEANING);
    text.push_str("| Field | Value | What it says |\n|---|---|---|\n");
    for (name, value, meaning) in R::FIELDS {
        let (name, missing) = match name.strip_suffix('?') {
            Some(name) => (name, "?"),
            None => (*name, ""),
        };
        text.push_str(&format!("| `{name}` | {value}{missing} | {meaning} |\n"));
    }
    text
}

fn page() -> String {
    let (meta, odd) = (meta(), b"\xff".as_slice());
    let sections = [
        section(&Listed { base: "", path: odd, name: odd, meta: &meta, link: Some(odd) }),
        section(&Usage { base: "", path: odd, size: 0, files: 0, dirs: 0 }),
        section(&Digest { base: "", path: odd, algorithm: "", digest: "", by_server: true }),
        section(&Done { action: "", base: "", path: odd, to: Some(odd), dry_run: false }),
        section(&Copied {
            from: odd,
            to: odd,
            size: 0,
            resumed: 0,
            moved: 0,
            retried: 0,
            verified: false,
            direct: false,
            milliseconds: 0,
            dry_run: false,
        }),
        section(&ThroughHere { why: "" }),
        section(&Progress {
            files_done: 0,
            files: Some(0),
            moved: 0,
            total: Some(0),
            rate: 0,
            eta_secs: Some(0),
        }),
        section(&Failed { message: "", exit: 0, reply: Some(550) }),
        section(&Planned { action: "", path: odd, size: Some(0), why: "" }),
        section(&Summary::default()),
        section(&Reply { code: 200, lines: &[] }),
        section(&Mark { name: "", url: "", plain: false }),
    ];
    sections.join("\n")
}

#[test]
fn the_page_of_the_schema_says_what_is_written() {
    let page = page();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/json.md");
    let there = std::fs::read_to_string(file).unwrap();
    assert!(there.contains(&page), "docs/json.md must hold:\n\n{page}");
}

#[test]
fn times_are_told_as_rfc_3339_does() {
    let cases = [
        ((0, 0), "1970-01-01T00:00:00Z"),
        ((1, 500_000_000), "1970-01-01T00:00:01.5Z"),
        ((1_772_368_215, 0), "2026-03-01T12:30:15Z"),
    ];
    for ((secs, nanos), want) in cases {
        assert_eq!(time(UnixTime { secs, nanos }), want);
    }
}
