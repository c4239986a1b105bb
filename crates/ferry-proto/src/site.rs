//! The subcommands of SITE (RFC 959 §5.3.2: what a system offers beyond the standard).

use crate::command::{CommandError, number};
use crate::date::UnixTime;
use crate::modify::{FactError, identity};
use crate::verb::Verb;
use crate::words::{self, Word};

/// One SITE subcommand.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SiteCommand<'a> {
    /// `CHMOD mode path`
    Chmod {
        /// The change.
        mode: ModeChange,
        /// As the client wrote it.
        path: &'a [u8],
    },
    /// `UMASK [nnn]`: tells or sets the bits taken from new files.
    Umask(Option<u16>),
    /// `UTIME time path` or `UTIME path atime mtime ctime UTC`.
    Utime {
        /// Last modification.
        modified: UnixTime,
        /// Last access, in the long form.
        accessed: Option<UnixTime>,
        /// As the client wrote it.
        path: &'a [u8],
    },
    /// `CHOWN user[:group] path`, by number.
    Chown {
        /// The new owner.
        owner: u32,
        /// The new group, if it changes too.
        group: Option<u32>,
        /// As the client wrote it.
        path: &'a [u8],
    },
    /// `CHGRP group path`, by number.
    Chgrp {
        /// The new group.
        group: u32,
        /// As the client wrote it.
        path: &'a [u8],
    },
    /// `SYMLINK target link`
    Symlink {
        /// What it leads to.
        target: Word<'a>,
        /// The new name.
        link: Word<'a>,
    },
    /// `MKDIR path`: with the directories above it.
    Mkdir(&'a [u8]),
    /// `RMDIR path`: with everything in it.
    Rmdir(&'a [u8]),
    /// `COPY from to`
    Copy {
        /// What is copied.
        from: Word<'a>,
        /// The new name.
        to: Word<'a>,
    },
    /// `CPFR path`: what the CPTO that follows copies.
    CopyFrom(&'a [u8]),
    /// `CPTO path`: where to.
    CopyTo(&'a [u8]),
    /// `IDLE [seconds]`: tells or sets the silence after which the session is closed.
    Idle(Option<u32>),
    /// `QUOTA`: tells the account's quota.
    Quota,
    /// `WHO`: tells administrators who is connected.
    Who,
    /// `ZONE`: tells the time zone of listings.
    Zone,
    /// `HELP [subcommand]`: the list of subcommands, or the syntax of one.
    Help(Option<&'a [u8]>),
}

/// The name, syntax and purpose of each subcommand, for HELP SITE and FEAT.
pub const SITE_VERBS: &[(&str, &str)] = &[
    ("CHGRP", "<SP> group-number <SP> pathname"),
    ("CHMOD", "<SP> mode <SP> pathname"),
    ("CHOWN", "<SP> user-number[:group-number] <SP> pathname"),
    ("COPY", "<SP> pathname <SP> new-pathname"),
    ("CPFR", "<SP> pathname"),
    ("CPTO", "<SP> new-pathname"),
    ("HELP", "[<SP> subcommand]"),
    ("IDLE", "[<SP> seconds]"),
    ("MKDIR", "<SP> pathname"),
    ("QUOTA", ""),
    ("RMDIR", "<SP> pathname"),
    ("SYMLINK", "<SP> target <SP> link"),
    ("UMASK", "[<SP> octal-mask]"),
    ("UTIME", "<SP> YYYYMMDDhhmm[ss] <SP> pathname"),
    ("WHO", ""),
    ("ZONE", ""),
];

/// A change of permission bits.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModeChange {
    /// Octal: these bits, whatever they were.
    Set(u32),
    /// Symbolic, as chmod(1) reads it: one or more of `[ugoa]*[-+=][rwxXst]*`, comma-separated.
    Symbolic(String),
}

/// The bits a client can set: set-user-id, set-group-id and sticky are never among them.
pub const MODE_MASK: u32 = 0o777;

impl ModeChange {
    fn parse(word: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(word).ok()?;
        if (1..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
            return u32::from_str_radix(text, 8).ok().map(Self::Set);
        }
        let change = Self::Symbolic(text.to_owned());
        // A dry run on any mode tells whether the text can be read at all.
        change.apply(0, false).map(|_| change)
    }

    /// The new permission bits of something that has the bits `now`. `None` when a symbolic mode
    /// cannot be read, which [`SiteCommand::parse`] has already ruled out.
    #[must_use]
    pub fn apply(&self, now: u32, is_dir: bool) -> Option<u32> {
        match self {
            Self::Set(mode) => Some(mode & MODE_MASK),
            Self::Symbolic(text) => {
                let mut mode = now & MODE_MASK;
                for clause in text.split(',') {
                    mode = apply_clause(clause, mode, is_dir)?;
                }
                Some(mode)
            }
        }
    }
}

fn apply_clause(clause: &str, mode: u32, is_dir: bool) -> Option<u32> {
    let op_at = clause.find(['+', '-', '='])?;
    let (who, rest) = clause.split_at(op_at);
    let mut mask = 0;
    for c in who.chars() {
        mask |= match c {
            'u' => 0o700,
            'g' => 0o070,
            'o' => 0o007,
            'a' => 0o777,
            _ => return None,
        };
    }
    if who.is_empty() {
        mask = 0o777;
    }
    let mut letters = rest.chars();
    let op = letters.next()?;
    let mut bits = 0;
    for c in letters {
        bits |= match c {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            'X' if is_dir || mode & 0o111 != 0 => 0o111,
            // s and t are read and left out: those bits are never set from outside.
            'X' | 's' | 't' => 0,
            _ => return None,
        };
    }
    Some(match op {
        '+' => mode | (bits & mask),
        '-' => mode & !(bits & mask),
        _ => (mode & !mask) | (bits & mask),
    })
}

fn word(s: &[u8]) -> (&[u8], &[u8]) {
    let end = s.iter().position(|&b| b == b' ').unwrap_or(s.len());
    (s.get(..end).unwrap_or_default(), s.get(end + 1..).unwrap_or_default())
}

/// `YYYYMMDDhhmm` or with seconds.
fn short_time(s: &[u8]) -> Option<UnixTime> {
    match s.len() {
        12 => UnixTime::parse_timeval(&[s, b"00"].concat()),
        14 => UnixTime::parse_timeval(s),
        _ => None,
    }
}

impl<'a> SiteCommand<'a> {
    /// Reads what follows `SITE `.
    ///
    /// # Errors
    /// [`CommandError::Parameter`] for a subcommand nobody knows here, [`CommandError::Syntax`]
    /// for one whose arguments cannot be read.
    pub fn parse(argument: &'a [u8]) -> Result<Self, CommandError> {
        let (name, rest) = word(argument);
        let is = |s: &str| name.eq_ignore_ascii_case(s.as_bytes());
        let syntax = CommandError::Syntax(Verb::Site);
        match () {
            () if is("CHMOD") => {
                let (mode, path) = word(rest);
                let mode = ModeChange::parse(mode).ok_or(syntax)?;
                if path.is_empty() { Err(syntax) } else { Ok(Self::Chmod { mode, path }) }
            }
            () if is("UMASK") && rest.is_empty() => Ok(Self::Umask(None)),
            () if is("UMASK") => match ModeChange::parse(rest) {
                Some(ModeChange::Set(m)) => {
                    let bits = u16::try_from(m).ok().filter(|m| *m <= 0o777).ok_or(syntax)?;
                    Ok(Self::Umask(Some(bits)))
                }
                _ => Err(syntax),
            },
            () if is("UTIME") => Self::utime(rest).ok_or(syntax),
            () => Self::other(name, rest),
        }
    }

    /// The subcommands that are all names, or none.
    fn other(name: &[u8], rest: &'a [u8]) -> Result<Self, CommandError> {
        let is = |s: &str| name.eq_ignore_ascii_case(s.as_bytes());
        let syntax = CommandError::Syntax(Verb::Site);
        let path = || if rest.is_empty() { Err(syntax) } else { Ok(rest) };
        let two = || match words::split(rest)?.as_slice() {
            [first, second] => Some((first.clone(), second.clone())),
            _ => None,
        };
        Ok(match () {
            () if is("CHOWN") || is("CHGRP") => return Self::ownership(is("CHOWN"), rest),
            () if is("SYMLINK") => {
                let (target, link) = two().ok_or(syntax)?;
                Self::Symlink { target, link }
            }
            () if is("COPY") => {
                let (from, to) = two().ok_or(syntax)?;
                Self::Copy { from, to }
            }
            () if is("MKDIR") => Self::Mkdir(path()?),
            () if is("RMDIR") => Self::Rmdir(path()?),
            () if is("CPFR") => Self::CopyFrom(path()?),
            () if is("CPTO") => Self::CopyTo(path()?),
            () if is("IDLE") && rest.is_empty() => Self::Idle(None),
            () if is("IDLE") => {
                let secs = number(rest).and_then(|n| u32::try_from(n).ok());
                Self::Idle(Some(secs.filter(|n| *n > 0).ok_or(syntax)?))
            }
            () if is("QUOTA") => Self::Quota,
            () if is("WHO") => Self::Who,
            () if is("ZONE") => Self::Zone,
            () if is("HELP") => Self::Help((!rest.is_empty()).then_some(rest)),
            () => return Err(CommandError::Parameter(Verb::Site)),
        })
    }

    /// `user[:group] path` of CHOWN, `group path` of CHGRP.
    fn ownership(with_user: bool, rest: &'a [u8]) -> Result<Self, CommandError> {
        let (who, path) = word(rest);
        let number = |who| {
            identity(who).map_err(|e| match e {
                FactError::Syntax => CommandError::Syntax(Verb::Site),
                FactError::Unknown => CommandError::Parameter(Verb::Site),
            })
        };
        if path.is_empty() {
            return Err(CommandError::Syntax(Verb::Site));
        }
        if !with_user {
            return Ok(Self::Chgrp { group: number(who)?, path });
        }
        let mut parts = who.splitn(2, |&b| b == b':');
        let owner = number(parts.next().unwrap_or_default())?;
        let group = parts.next().map(number).transpose()?;
        Ok(Self::Chown { owner, group, path })
    }

    /// The long form ends in the word UTC; in both a name may hold spaces.
    fn utime(rest: &'a [u8]) -> Option<Self> {
        if let Some(long) = rest.strip_suffix(b" UTC").or_else(|| rest.strip_suffix(b" utc")) {
            let mut parts = long.rsplitn(4, |&b| b == b' ');
            let (_created, modified) = (short_time(parts.next()?)?, short_time(parts.next()?)?);
            let accessed = Some(short_time(parts.next()?)?);
            let path = parts.next().filter(|p| !p.is_empty())?;
            return Some(Self::Utime { modified, accessed, path });
        }
        let (time, path) = word(rest);
        let modified = short_time(time)?;
        (!path.is_empty()).then_some(Self::Utime { modified, accessed: None, path })
    }

    /// The argument of SITE that reads back as this subcommand.
    pub(crate) fn argument(&self) -> Vec<u8> {
        match self {
            Self::Chmod { mode: ModeChange::Set(m), path } => {
                [format!("CHMOD {m:03o} ").as_bytes(), path].concat()
            }
            Self::Chmod { mode: ModeChange::Symbolic(s), path } => {
                [b"CHMOD ", s.as_bytes(), b" ", path].concat()
            }
            Self::Umask(None) => b"UMASK".to_vec(),
            Self::Umask(Some(m)) => format!("UMASK {m:03o}").into_bytes(),
            Self::Utime { modified, accessed: None, path } => {
                [b"UTIME ", modified.format_timeval(false).as_bytes(), b" ", path].concat()
            }
            Self::Utime { modified, accessed: Some(a), path } => {
                let (m, a) = (modified.format_timeval(false), a.format_timeval(false));
                [&b"UTIME "[..], path, format!(" {a} {m} {m} UTC").as_bytes()].concat()
            }
            Self::Chown { owner, group: None, path } => named(&format!("CHOWN {owner}"), path),
            Self::Chown { owner, group: Some(group), path } => {
                named(&format!("CHOWN {owner}:{group}"), path)
            }
            Self::Chgrp { group, path } => named(&format!("CHGRP {group}"), path),
            Self::Symlink { target, link } => two("SYMLINK", target, link),
            Self::Mkdir(path) => named("MKDIR", path),
            Self::Rmdir(path) => named("RMDIR", path),
            Self::Copy { from, to } => two("COPY", from, to),
            Self::CopyFrom(path) => named("CPFR", path),
            Self::CopyTo(path) => named("CPTO", path),
            Self::Idle(None) => b"IDLE".to_vec(),
            Self::Idle(Some(secs)) => format!("IDLE {secs}").into_bytes(),
            Self::Quota => b"QUOTA".to_vec(),
            Self::Who => b"WHO".to_vec(),
            Self::Zone => b"ZONE".to_vec(),
            Self::Help(None) => b"HELP".to_vec(),
            Self::Help(Some(what)) => named("HELP", what),
        }
    }
}

fn named(start: &str, path: &[u8]) -> Vec<u8> {
    [start.as_bytes(), b" ", path].concat()
}

fn two(start: &str, first: &[u8], second: &[u8]) -> Vec<u8> {
    let names = [Word::Borrowed(first), Word::Borrowed(second)];
    named(start, &words::join(&names, b" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_chmod_reads_them_and_never_set_special_bits() {
        let cases: &[(&str, u32, bool, u32)] = &[
            ("644", 0, false, 0o644),
            ("4755", 0, false, 0o755),
            ("u+x", 0o644, false, 0o744),
            ("go-rwx", 0o755, false, 0o700),
            ("a=r", 0o777, false, 0o444),
            ("u=rw,go=", 0o777, false, 0o600),
            ("+X", 0o644, false, 0o644),
            ("+X", 0o644, true, 0o755),
            ("u+s", 0o755, false, 0o755),
        ];
        for (text, now, dir, want) in cases {
            let change = ModeChange::parse(text.as_bytes()).unwrap();
            assert_eq!(change.apply(*now, *dir), Some(*want), "{text} on {now:o}");
        }
        for bad in ["", "99", "z+x", "u", "77777", "u+q"] {
            assert_eq!(ModeChange::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn utime_is_read_in_both_argument_orders() {
        let t = UnixTime::parse_timeval(b"20240102030400").unwrap();
        assert_eq!(
            SiteCommand::parse(b"UTIME 202401020304 a b.txt"),
            Ok(SiteCommand::Utime { modified: t, accessed: None, path: b"a b.txt" })
        );
        assert_eq!(
            SiteCommand::parse(b"utime a b.txt 20240102030400 20240102030400 20240102030400 UTC"),
            Ok(SiteCommand::Utime { modified: t, accessed: Some(t), path: b"a b.txt" })
        );
    }

    #[test]
    fn unknown_subcommands_are_told_from_unreadable_ones() {
        let (parameter, syntax) =
            (CommandError::Parameter(Verb::Site), CommandError::Syntax(Verb::Site));
        assert_eq!(SiteCommand::parse(b"EXEC ls"), Err(parameter));
        assert_eq!(SiteCommand::parse(b"CHMOD 9 x"), Err(syntax));
        assert_eq!(SiteCommand::parse(b"CHMOD 644"), Err(syntax));
        assert_eq!(SiteCommand::parse(b"UMASK 1777"), Err(syntax));
        assert_eq!(SiteCommand::parse(b"UTIME yesterday x"), Err(syntax));
        for line in ["EXEC", "CHOWN root x", "CHOWN 1:users x", "CHGRP users x"] {
            assert_eq!(SiteCommand::parse(line.as_bytes()), Err(parameter), "{line}");
        }
        for line in [
            "CHOWN 1",
            "CHOWN :1 x",
            "CHOWN 1: x",
            "CHGRP",
            "SYMLINK a",
            "SYMLINK a b c",
            "MKDIR",
            "RMDIR",
            "COPY a",
            "COPY \"a b",
            "CPFR",
            "CPTO",
            "IDLE x",
            "IDLE 0",
            "IDLE 4294967296",
        ] {
            assert_eq!(SiteCommand::parse(line.as_bytes()), Err(syntax), "{line}");
        }
    }

    #[test]
    fn names_with_spaces_are_quoted_where_there_are_two() {
        let copy = SiteCommand::parse(b"copy \"a b\" c").unwrap();
        assert_eq!(copy, SiteCommand::Copy { from: b"a b".into(), to: b"c".into() });
        assert_eq!(SiteCommand::parse(b"CPFR a b"), Ok(SiteCommand::CopyFrom(b"a b")));
    }
}
