//! Lines of facts of any server, also of those that break the rules.

use crate::date::{UnixTime, decimal_u64};

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

/// No fact has a longer name. A bound, since this is asked behind every comma of a line.
pub(super) const FACT_NAME_MAX: usize = 64;

/// Whether `text` begins with the name of a fact that servers send, and `=`.
pub(crate) fn begins_as_fact(text: &[u8]) -> bool {
    const KNOWN: [&[u8]; 10] = [
        b"type", b"size", b"sizd", b"modify", b"create", b"perm", b"perms", b"unique", b"lang",
        b"charset",
    ];
    const FAMILIES: [&[u8]; 5] = [b"unix.", b"win32.", b"x.", b"os.", b"media-"];
    let Some(equals) = text.iter().take(FACT_NAME_MAX).position(|b| *b == b'=') else {
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
