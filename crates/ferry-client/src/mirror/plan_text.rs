//! A plan as text that a person can read and edit: one action a line.
//!
//! ```text
//! # ferry plan 1
//! mkdir > /photos
//! copy > why=new from=52311@1767225600~second /photos/a b.jpg
//! copy > why=size from=9@1767225600.5 to=7@1767220000 /notes.txt
//! link > target=/photos /pictures
//! time > modified=1767225600 dir=yes /photos
//! rename > to=/notes.old.txt /notes.txt
//! delete > kind=file was=7@1767220000 /old
//! skip > why=link /elsewhere
//! ```
//!
//! `>` changes the second tree, `<` the first. A state is `SIZE@SECONDS~PRECISION`; the size is `?`
//! where it is not known. The path is the rest of the line, from its slash. In paths `\xNN` stands
//! for an octet: control octets, backslashes and what is no UTF-8 are written so, in fields spaces
//! too. Empty lines and those that begin with `#` say nothing. A line that is removed is not done.

use std::fmt::{self, Write as _};

use ferry_proto::date::UnixTime;
use ferry_proto::path::FtpPath;
use ferry_storage::{Kind, Precision};

use super::options::Reason;
use super::plan::{Action, Plan, Side, State, What, Why};

const HEAD: &str = "# ferry plan 1";

/// Why a text is no plan.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: &'static str,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the plan: {}", self.line, self.why)
    }
}

impl std::error::Error for PlanError {}

impl Plan {
    /// The plan as text; see the format at the head of the module `plan_text`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("{HEAD}\n");
        for action in &self.actions {
            let _ = writeln!(out, "{action}");
        }
        out
    }

    /// Reads what [`to_text`](Self::to_text) wrote and a person may have edited.
    ///
    /// # Errors
    /// [`PlanError`] for the first line that cannot be read.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        if text.lines().next().map(str::trim_end) != Some(HEAD) {
            return Err(PlanError { line: 1, why: "it must be '# ferry plan 1'" });
        }
        let mut plan = Self::default();
        for (at, line) in text.lines().enumerate() {
            let line = line.strip_suffix('\r').unwrap_or(line);
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let action = action(line).map_err(|why| PlanError { line: at + 1, why })?;
            plan.actions.push(action);
        }
        Ok(plan)
    }
}

const WHYS: [(Why, &str); 5] = [
    (Why::New, "new"),
    (Why::Size, "size"),
    (Why::Time, "time"),
    (Why::Content, "content"),
    (Why::Asked, "asked"),
];

const REASONS: [(Reason, &str); 16] = [
    (Reason::BadName, "bad-name"),
    (Reason::SameName, "same-name"),
    (Reason::Link, "link"),
    (Reason::BadLink, "bad-link"),
    (Reason::NoLinks, "no-links"),
    (Reason::Special, "special"),
    (Reason::TooDeep, "too-deep"),
    (Reason::Newer, "newer"),
    (Reason::OtherKind, "other-kind"),
    (Reason::LinkInTheWay, "link-in-the-way"),
    (Reason::Unproven, "unproven"),
    (Reason::Changed, "changed"),
    (Reason::NoDirectory, "no-directory"),
    (Reason::NotEmpty, "not-empty"),
    (Reason::Conflict, "conflict"),
    (Reason::DeleteLimit, "delete-limit"),
];

const KINDS: [(Kind, &str); 4] =
    [(Kind::File, "file"), (Kind::Dir, "dir"), (Kind::Symlink, "link"), (Kind::Other, "other")];

const PRECISIONS: [(Precision, &str); 5] = [
    (Precision::Fraction, "fraction"),
    (Precision::Second, "second"),
    (Precision::Minute, "minute"),
    (Precision::Day, "day"),
    (Precision::Unknown, "unknown"),
];

fn word<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    table.iter().find(|(known, _)| known == value).map_or("other", |(_, word)| word)
}

fn find<T: Copy>(table: &[(T, &str)], text: &str) -> Option<T> {
    table.iter().find(|(_, word)| *word == text).map(|(value, _)| *value)
}

impl fmt::Display for Action {
    /// The action as a line of a plan, without its end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.to {
            Side::Left => '<',
            Side::Right => '>',
        };
        let field = |path: &FtpPath| escaped(path.as_bytes(), true);
        match &self.what {
            What::MakeDir { mode } => {
                write!(f, "mkdir {arrow}")?;
                if let Some(mode) = mode {
                    write!(f, " mode={mode:o}")?;
                }
            }
            What::Copy { why, name, from, to } => {
                write!(f, "copy {arrow} why={} from={}", word(&WHYS, why), Shown(from))?;
                if let Some(to) = to {
                    write!(f, " to={}", Shown(to))?;
                }
                if let Some(name) = name {
                    write!(f, " name={}", field(name))?;
                }
            }
            What::Link { target } => write!(f, "link {arrow} target={}", field(target))?,
            What::Time { modified, dir } => {
                write!(f, "time {arrow} modified={}", Seconds(*modified))?;
                f.write_str(if *dir { " dir=yes" } else { "" })?;
            }
            What::Rename { to } => write!(f, "rename {arrow} to={}", field(to))?,
            What::Delete { kind, state, in_the_way } => {
                write!(f, "delete {arrow} kind={} was={}", word(&KINDS, kind), Shown(state))?;
                f.write_str(if *in_the_way { " first=yes" } else { "" })?;
            }
            What::Skip(reason) => write!(f, "skip {arrow} why={}", word(&REASONS, reason))?,
        }
        write!(f, " {}", escaped(self.path.as_bytes(), false))
    }
}

pub(crate) struct Shown<'a>(pub(crate) &'a State);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.size {
            Some(size) => write!(f, "{size}")?,
            None => f.write_char('?')?,
        }
        write!(f, "@{}", Seconds(self.0.modified))?;
        match self.0.precision {
            Precision::Fraction => Ok(()),
            other => write!(f, "~{}", word(&PRECISIONS, &other)),
        }
    }
}

struct Seconds(UnixTime);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.secs)?;
        if self.0.nanos > 0 {
            let digits = format!("{:09}", self.0.nanos);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        Ok(())
    }
}

pub(crate) fn escaped(octets: &[u8], spaces: bool) -> String {
    let mut out = String::with_capacity(octets.len());
    for chunk in octets.utf8_chunks() {
        for c in chunk.valid().chars() {
            let deceptive = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c == '\\' || c.is_control() || deceptive || (spaces && c == ' ') {
                for octet in c.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(out, "\\x{octet:02x}");
                }
            } else {
                out.push(c);
            }
        }
        for octet in chunk.invalid() {
            let _ = write!(out, "\\x{octet:02x}");
        }
    }
    out
}

/// A canonical path out of its escaped form.
pub(crate) fn path(text: &str) -> Option<FtpPath> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(&b) = rest.next() {
        if b != b'\\' {
            octets.push(b);
            continue;
        }
        let digits = (rest.next()? == &b'x').then(|| [rest.next(), rest.next()])?;
        let [high, low] = digits.map(|digit| (*digit? as char).to_digit(16));
        octets.push(u8::try_from(high? * 16 + low?).ok()?);
    }
    let path = FtpPath::new(&octets).ok()?;
    // Nothing that resolving would take out: a plan never says `..`.
    (octets.first() == Some(&b'/') && path.as_bytes() == octets).then_some(path)
}

fn seconds(text: &str) -> Option<UnixTime> {
    let (secs, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(UnixTime { secs: secs.parse().ok()?, nanos: format!("{fraction:0<9}").parse().ok()? })
}

pub(crate) fn state(text: &str) -> Option<State> {
    let (size, rest) = text.split_once('@')?;
    let (time, precision) = rest.split_once('~').unwrap_or((rest, "fraction"));
    let size = if size == "?" { None } else { Some(size.parse().ok()?) };
    Some(State { size, modified: seconds(time)?, precision: find(&PRECISIONS, precision)? })
}

fn action(line: &str) -> Result<Action, &'static str> {
    let (verb, rest) = line.split_once(' ').ok_or("there is no path")?;
    let (arrow, mut rest) = rest.split_once(' ').ok_or("there is no path")?;
    let to = match arrow {
        "<" => Side::Left,
        ">" => Side::Right,
        _ => return Err("behind the verb there must be '>' or '<'"),
    };
    let mut fields = Vec::new();
    while !rest.starts_with('/') {
        let (field, more) = rest.split_once(' ').ok_or("there is no path")?;
        if !field.is_empty() {
            fields.push(field.split_once('=').ok_or("a field must be KEY=VALUE")?);
        }
        rest = more;
    }
    let path = path(rest).ok_or("the path cannot be read")?;
    let what = what(verb, &fields)?;
    if path.is_root() && !matches!(what, What::MakeDir { .. } | What::Time { dir: true, .. }) {
        return Err("that cannot be done to the root");
    }
    Ok(Action { to, path, what })
}

fn what(verb: &str, fields: &[(&str, &str)]) -> Result<What, &'static str> {
    let get = |key: &str| fields.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
    let known: &[&str] = match verb {
        "mkdir" => &["mode"],
        "copy" => &["why", "from", "to", "name"],
        "link" => &["target"],
        "time" => &["modified", "dir"],
        "rename" => &["to"],
        "delete" => &["kind", "was", "first"],
        "skip" => &["why"],
        _ => return Err("there is no such verb"),
    };
    if fields.iter().any(|(key, _)| !known.contains(key)) {
        return Err("there is no such field");
    }
    let state_of = |key| get(key).map(state);
    let path_of = |key| get(key).map(path);
    Ok(match verb {
        "mkdir" => What::MakeDir {
            mode: match get("mode") {
                None => None,
                Some(mode) => {
                    let mode = u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777);
                    Some(mode.ok_or("the mode cannot be read")?)
                }
            },
        },
        "copy" => What::Copy {
            why: get("why").and_then(|w| find(&WHYS, w)).ok_or("'why' cannot be read")?,
            from: state_of("from").flatten().ok_or("'from' cannot be read")?,
            to: match state_of("to") {
                Some(None) => return Err("'to' cannot be read"),
                to => to.flatten(),
            },
            name: match path_of("name") {
                Some(None) => return Err("'name' cannot be read"),
                name => name.flatten(),
            },
        },
        "link" => {
            What::Link { target: path_of("target").flatten().ok_or("'target' cannot be read")? }
        }
        "time" => What::Time {
            modified: get("modified").and_then(seconds).ok_or("'modified' cannot be read")?,
            dir: get("dir") == Some("yes"),
        },
        "rename" => What::Rename { to: path_of("to").flatten().ok_or("'to' cannot be read")? },
        "delete" => What::Delete {
            kind: get("kind").and_then(|k| find(&KINDS, k)).ok_or("'kind' cannot be read")?,
            state: state_of("was").flatten().ok_or("'was' cannot be read")?,
            in_the_way: get("first") == Some("yes"),
        },
        _ => What::Skip(get("why").and_then(|w| find(&REASONS, w)).ok_or("'why' cannot be read")?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_path() -> impl Strategy<Value = FtpPath> {
        proptest::collection::vec(any::<u8>(), 1..30)
            .prop_filter_map("a path that is one", |octets| FtpPath::new(&octets).ok())
            .prop_filter("below the root", |path| !path.is_root())
    }

    fn any_state() -> impl Strategy<Value = State> {
        let precision = proptest::sample::select(PRECISIONS.map(|(p, _)| p).to_vec());
        (any::<Option<u64>>(), any::<i64>(), 0..1_000_000_000u32, precision).prop_map(
            |(size, secs, nanos, precision)| {
                let modified = UnixTime { secs, nanos };
                State { size, modified, precision }
            },
        )
    }

    fn any_action() -> impl Strategy<Value = Action> {
        let what = prop_oneof![
            proptest::option::of(0..0o10000u32).prop_map(|mode| What::MakeDir { mode }),
            (any_state(), proptest::option::of(any_state()), proptest::option::of(any_path()))
                .prop_map(|(from, to, name)| What::Copy { why: Why::Time, name, from, to }),
            any_path().prop_map(|target| What::Link { target }),
            (any_state(), any::<bool>())
                .prop_map(|(state, dir)| What::Time { modified: state.modified, dir }),
            any_path().prop_map(|to| What::Rename { to }),
            (any_state(), any::<bool>()).prop_map(|(state, in_the_way)| What::Delete {
                kind: Kind::File,
                state,
                in_the_way
            }),
            proptest::sample::select(REASONS.map(|(r, _)| r).to_vec()).prop_map(What::Skip),
        ];
        let side = prop_oneof![Just(Side::Left), Just(Side::Right)];
        (side, any_path(), what).prop_map(|(to, path, what)| Action { to, path, what })
    }

    proptest! {
        #[test]
        fn a_plan_is_read_back_as_it_was_written(
            actions in proptest::collection::vec(any_action(), 0..5)
        ) {
            let plan = Plan { actions };
            let text = plan.to_text();
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
            prop_assert_eq!(Plan::parse(&text), Ok(plan));
        }

        #[test]
        fn no_text_makes_reading_a_plan_panic(
            text in "(# ferry plan 1\n)?(\\PC|\n|[/ =\\\\x@~>])*"
        ) {
            let _ = Plan::parse(&text);
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let cases = [
            ("mkdir > ", "there is no path"),
            ("mkdir /a", "there is no path"),
            ("mkdir ! /a", "behind the verb there must be '>' or '<'"),
            ("make > /a", "there is no such verb"),
            ("mkdir > size=3 /a", "there is no such field"),
            ("mkdir > /a/../b", "the path cannot be read"),
            ("mkdir > /a\\x2", "the path cannot be read"),
            ("mkdir > /a\\x2f\\x2e\\x2e", "the path cannot be read"),
            ("delete > kind=dir was=?@0 /", "that cannot be done to the root"),
            ("copy > why=new /a", "'from' cannot be read"),
            ("copy > why=new from=1@2 to=x /a", "'to' cannot be read"),
        ];
        for (line, why) in cases {
            let error = Plan::parse(&format!("{HEAD}\n\n{line}\n")).unwrap_err();
            assert_eq!(error, PlanError { line: 3, why }, "{line}");
        }
        assert_eq!(Plan::parse("").unwrap_err().line, 1);
    }
}
