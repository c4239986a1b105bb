//! Facts about files: the lines of MLSD and MLST and the argument of OPTS MLST (RFC 3659 §7).
//!
//! [`write_facts`] prints what this server says; [`parse_facts`] reads what any server says.
//! Which facts are known and what a client may do with a file is decided elsewhere.

use std::io::Write as _;

use crate::date::{UnixTime, decimal_u64};

/// A set of facts, as OPTS MLST chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactSet(u16);

/// Every fact this server knows, in the order it prints them.
const NAMES: [(&str, FactSet); 9] = [
    ("type", FactSet::TYPE),
    ("size", FactSet::SIZE),
    ("modify", FactSet::MODIFY),
    ("perm", FactSet::PERM),
    ("unique", FactSet::UNIQUE),
    ("UNIX.mode", FactSet::UNIX_MODE),
    ("UNIX.owner", FactSet::UNIX_OWNER),
    ("UNIX.group", FactSet::UNIX_GROUP),
    ("create", FactSet::CREATE),
];

impl FactSet {
    /// What the entry is.
    pub const TYPE: Self = Self(1);
    /// Length in octets, of anything but directories.
    pub const SIZE: Self = Self(1 << 1);
    /// Time of last modification.
    pub const MODIFY: Self = Self(1 << 2);
    /// What the account may do with it.
    pub const PERM: Self = Self(1 << 3);
    /// Identity within the server.
    pub const UNIQUE: Self = Self(1 << 4);
    /// Permission bits.
    pub const UNIX_MODE: Self = Self(1 << 5);
    /// Numeric owner.
    pub const UNIX_OWNER: Self = Self(1 << 6);
    /// Numeric group.
    pub const UNIX_GROUP: Self = Self(1 << 7);
    /// Time of creation.
    pub const CREATE: Self = Self(1 << 8);
    /// No fact.
    pub const NONE: Self = Self(0);
    /// Every fact; also what a session starts with, so that clients need not ask.
    pub const ALL: Self = Self((1 << 9) - 1);

    /// Reads the argument of OPTS MLST, `fact;fact;`. Facts nobody knows are passed over, as the
    /// standard wants; none at all turns every fact off. [`None`] when a space stands inside.
    #[must_use]
    pub fn parse_opts(arg: &[u8]) -> Option<Self> {
        let arg = arg.trim_ascii();
        if arg.contains(&b' ') {
            return None;
        }
        let wanted = arg.split(|b| *b == b';');
        Some(wanted.fold(Self::NONE, |set, fact| {
            let known = NAMES.iter().find(|(name, _)| fact.eq_ignore_ascii_case(name.as_bytes()));
            known.map_or(set, |(_, fact)| set.with(*fact))
        }))
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every fact of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What follows `MLST ` in FEAT: every fact, those in this set marked with `*`.
    #[must_use]
    pub fn feat_value(self) -> String {
        let mut value = String::new();
        for (name, fact) in NAMES {
            value.push_str(name);
            value.push_str(if self.contains(fact) { "*;" } else { ";" });
        }
        value
    }

    /// The text of the reply to OPTS MLST, which names the facts that are now on.
    #[must_use]
    pub fn opts_reply(self) -> String {
        let mut reply = String::from("MLST OPTS");
        let on = NAMES.iter().filter(|(_, fact)| self.contains(*fact));
        for (i, (name, _)) in on.enumerate() {
            reply.push_str(if i == 0 { " " } else { "" });
            reply.push_str(name);
            reply.push(';');
        }
        reply
    }
}

/// Every fact is cheap to tell, so all are on from the start.
impl Default for FactSet {
    fn default() -> Self {
        Self::ALL
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a new kind must be printed, so callers must see it")]
pub enum EntryKind<'a> {
    /// A regular file, or a link to one.
    File,
    /// A directory, or a link to one.
    Dir,
    /// The directory that is being listed.
    CurrentDir,
    /// The directory above the one that is being listed.
    ParentDir,
    /// A symbolic link that leads nowhere, and where it points.
    DanglingLink(&'a [u8]),
    /// Anything that is none of these and cannot be transferred.
    Other,
}

/// What is known about one entry; [`None`] is left out of the line, never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers build it field by field")]
pub struct FactLine<'a> {
    /// What it is.
    pub kind: EntryKind<'a>,
    /// Length in octets; never printed for directories.
    pub size: Option<u64>,
    /// Time of last modification.
    pub modify: Option<UnixTime>,
    /// Time of creation.
    pub create: Option<UnixTime>,
    /// The letters of the `perm` fact (RFC 3659 §7.5.5); may be empty.
    pub perm: &'a str,
    /// Equal if and only if two names are one object; must not show device or inode numbers.
    pub unique: Option<u64>,
    /// Permission bits.
    pub unix_mode: Option<u32>,
    /// Numeric owner.
    pub owner: Option<u32>,
    /// Numeric group.
    pub group: Option<u32>,
}

/// Appends `fact=value;… name`, those facts that are in `set` and known; no CRLF.
pub fn write_facts(set: FactSet, line: &FactLine<'_>, name: &[u8], out: &mut Vec<u8>) {
    let is_dir = matches!(line.kind, EntryKind::Dir | EntryKind::CurrentDir | EntryKind::ParentDir);
    // Writing into a vector cannot fail.
    if set.contains(FactSet::TYPE) {
        write_type(line.kind, out);
    }
    if let Some(size) = line.size.filter(|_| set.contains(FactSet::SIZE) && !is_dir) {
        let _ = write!(out, "size={size};");
    }
    if let Some(time) = line.modify.filter(|_| set.contains(FactSet::MODIFY)) {
        let _ = write!(out, "modify={};", time.format_timeval(false));
    }
    if set.contains(FactSet::PERM) {
        let _ = write!(out, "perm={};", line.perm);
    }
    if let Some(unique) = line.unique.filter(|_| set.contains(FactSet::UNIQUE)) {
        let _ = write!(out, "unique={unique:016x};");
    }
    if let Some(mode) = line.unix_mode.filter(|_| set.contains(FactSet::UNIX_MODE)) {
        let _ = write!(out, "UNIX.mode={:04o};", mode & 0o7777);
    }
    if let Some(owner) = line.owner.filter(|_| set.contains(FactSet::UNIX_OWNER)) {
        let _ = write!(out, "UNIX.owner={owner};");
    }
    if let Some(group) = line.group.filter(|_| set.contains(FactSet::UNIX_GROUP)) {
        let _ = write!(out, "UNIX.group={group};");
    }
    if let Some(time) = line.create.filter(|_| set.contains(FactSet::CREATE)) {
        let _ = write!(out, "create={};", time.format_timeval(false));
    }
    out.push(b' ');
    out.extend_from_slice(name);
}

fn write_type(kind: EntryKind<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(match kind {
        EntryKind::File => b"type=file;",
        EntryKind::Dir => b"type=dir;",
        EntryKind::CurrentDir => b"type=cdir;",
        EntryKind::ParentDir => b"type=pdir;",
        EntryKind::DanglingLink(_) => b"type=OS.unix=slink:",
        EntryKind::Other => b"type=OS.unix=other;",
    });
    if let EntryKind::DanglingLink(target) = kind {
        // A value may hold neither its own terminator nor the space that ends all facts.
        let harmless = |b: &u8| {
            if *b <= b' ' || *b == b';' || *b == 0x7f { b'?' } else { *b }
        };
        out.extend(target.iter().map(harmless));
        out.push(b';');
    }
}

/// One entry as another server described it; what it did not say or said in no known form is
/// [`None`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsedFacts<'a> {
    /// The name: everything after the first space, perhaps a whole path.
    pub name: &'a [u8],
    /// What it is.
    pub kind: Option<ParsedKind<'a>>,
    /// Length in octets.
    pub size: Option<u64>,
    /// Time of last modification.
    pub modify: Option<UnixTime>,
    /// Time of creation.
    pub create: Option<UnixTime>,
    /// The letters of `perm`, in whatever case they came.
    pub perm: Option<&'a [u8]>,
    /// An identity; compare it octet by octet.
    pub unique: Option<&'a [u8]>,
    /// Permission bits, `0o7777` at most.
    pub unix_mode: Option<u32>,
    /// Owner: a name if the server gave one, else a number.
    pub owner: Option<&'a [u8]>,
    /// Group: a name if the server gave one, else a number.
    pub group: Option<&'a [u8]>,
}

/// What another server says an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParsedKind<'a> {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// The directory that is being listed.
    CurrentDir,
    /// The directory above it.
    ParentDir,
    /// A symbolic link, and where it points if the server said so.
    Link(Option<&'a [u8]>),
    /// Something else.
    Other,
}

/// Reads one line of MLSD, or of MLST without the space before it; no line end. The first space
/// ends the facts. [`None`] when that leaves no name, when a NUL is in the line, or when what
/// stands before the space is no fact at all, as in a line of LIST.
///
/// Servers that break the rules are understood where no line that keeps them means something else:
/// no space before the name (Vector), commas for semicolons (DrFTPD), links whose target holds a
/// space.
#[must_use]
pub fn parse_facts(line: &[u8]) -> Option<ParsedFacts<'_>> {
    let (facts, name) = split_name(line)?;
    let facts_lack_sense = !facts.is_empty() && !facts.contains(&b'=');
    if name.is_empty() || line.contains(&0) || facts_lack_sense {
        return None;
    }
    let mut parsed = ParsedFacts {
        name,
        kind: None,
        size: None,
        modify: None,
        create: None,
        perm: None,
        unique: None,
        unix_mode: None,
        owner: None,
        group: None,
    };
    for fact in facts.split(|b| *b == b';') {
        parsed.learn_list(fact);
    }
    Some(parsed)
}

/// The facts and the name. Facts that keep the rules end with `;` right before the first space.
fn split_name(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = line.iter().position(|b| *b == b' ');
    let facts = line.get(..space.unwrap_or(line.len()))?;
    let after = |end: usize| Some((line.get(..end)?, line.get(end + 1..)?));
    let are_facts = |list: &[u8]| list.split(|b| *b == b';').all(|fact| fact.contains(&b'='));
    if facts.is_empty() || facts.strip_suffix(b";").is_some_and(are_facts) {
        return after(space?);
    }
    let last = facts.iter().rposition(|b| *b == b';').map_or(0, |semicolon| semicolon + 1);
    let unended = facts.get(last..)?;
    // The target of a link goes on behind a space, up to the next `;`.
    let link = b"type=os.unix=slink:";
    if unended.get(..link.len()).is_some_and(|start| start.eq_ignore_ascii_case(link))
        && let Some(at) = line.windows(2).position(|pair| pair == b"; ")
    {
        return after(at + 1);
    }
    if begins_as_fact(unended) {
        return after(space?);
    }
    // No space at all, or only within the name: it begins where facts cease.
    let mut end = 0;
    while let Some(rest) = line.get(end..)
        && let Some(semicolon) = rest.iter().position(|b| *b == b';')
        && rest.get(..semicolon).is_some_and(begins_as_fact)
    {
        end += semicolon + 1;
    }
    if end == 0 { after(space?) } else { Some(line.split_at(end)) }
}

/// Whether `text` begins with the name of a fact that servers send, and `=`.
fn begins_as_fact(text: &[u8]) -> bool {
    const KNOWN: [&[u8]; 10] = [
        b"type", b"size", b"sizd", b"modify", b"create", b"perm", b"perms", b"unique", b"lang",
        b"charset",
    ];
    const FAMILIES: [&[u8]; 5] = [b"unix.", b"win32.", b"x.", b"os.", b"media-"];
    let Some(equals) = text.iter().position(|b| *b == b'=') else {
        return false;
    };
    let name = text.get(..equals).unwrap_or_default();
    let in_family = |family: &&[u8]| {
        name.get(..family.len()).is_some_and(|start| start.eq_ignore_ascii_case(family))
    };
    KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known)) || FAMILIES.iter().any(in_family)
}

impl<'a> ParsedFacts<'a> {
    /// Learns one fact, or several with commas between them. Values may hold commas, too, so one
    /// divides facts only if another fact follows it.
    fn learn_list(&mut self, facts: &'a [u8]) {
        let mut rest = facts;
        loop {
            let commas = rest.iter().enumerate().filter(|(_, b)| **b == b',').map(|(at, _)| at);
            let mut ends = commas.filter(|at| rest.get(at + 1..).is_some_and(begins_as_fact));
            let end = ends.next();
            let fact = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            if let Some(equals) = fact.iter().position(|b| *b == b'=') {
                let value = fact.get(equals + 1..).unwrap_or_default();
                self.learn(fact.get(..equals).unwrap_or_default(), value);
            }
            match end {
                Some(end) => rest = rest.get(end + 1..).unwrap_or_default(),
                None => break,
            }
        }
    }

    fn learn(&mut self, fact: &[u8], value: &'a [u8]) {
        match fact.to_ascii_lowercase().as_slice() {
            b"type" => self.kind = Some(ParsedKind::parse(value)),
            b"size" => self.size = decimal_u64(value),
            b"modify" => self.modify = UnixTime::parse_timeval(value),
            b"create" => self.create = UnixTime::parse_timeval(value),
            // FileZilla Server spells the fact `perms`.
            b"perm" | b"perms" => self.perm = Some(value),
            b"unique" => self.unique = Some(value),
            b"unix.mode" => self.unix_mode = octal(value),
            b"unix.ownername" => self.owner = Some(value),
            b"unix.groupname" => self.group = Some(value),
            b"unix.owner" | b"unix.user" | b"unix.uid" => {
                self.owner = self.owner.or(Some(value));
            }
            b"unix.group" | b"unix.gid" => self.group = self.group.or(Some(value)),
            _ => {}
        }
    }
}

impl<'a> ParsedKind<'a> {
    fn parse(value: &'a [u8]) -> Self {
        match value.to_ascii_lowercase().as_slice() {
            b"file" => Self::File,
            b"dir" => Self::Dir,
            b"cdir" => Self::CurrentDir,
            b"pdir" => Self::ParentDir,
            b"os.unix=slink" | b"os.unix=symlink" => Self::Link(None),
            special
                if special.starts_with(b"os.unix=slink:")
                    || special.starts_with(b"os.unix=symlink:") =>
            {
                // The first colon ends what is the kind.
                let colon = value.iter().position(|b| *b == b':').unwrap_or(value.len());
                Self::Link(value.get(colon + 1..).filter(|target| !target.is_empty()))
            }
            _ => Self::Other,
        }
    }
}

/// Permission bits in octal, with or without a leading 0.
pub(crate) fn octal(digits: &[u8]) -> Option<u32> {
    let text = core::str::from_utf8(digits).ok().filter(|t| !t.starts_with('+'))?;
    u32::from_str_radix(text, 8).ok().map(|mode| mode & 0o7777)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let line =
            b"Type=dir;Sizd=4096;Modify=202001021530;PERMS=el;UNIX.uid=7;UNIX.mode=0755; a b";
        let facts = parse_facts(line).unwrap();
        assert_eq!(facts.name, b"a b");
        assert_eq!((facts.kind, facts.size), (Some(ParsedKind::Dir), None));
        assert_eq!((facts.modify, facts.perm), (None, Some(&b"el"[..])));
        assert_eq!((facts.owner, facts.unix_mode), (Some(&b"7"[..]), Some(0o755)));

        let facts =
            parse_facts(b"unix.ownername=mira;UNIX.owner=1004;size=-1;perm=r  x;y").unwrap();
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
}
