//! The facts that MFF, MFCT and SITE CHOWN change (somers-ftp-mfxx). What a storage can change of
//! them is not decided here.

use crate::command::number;
use crate::date::UnixTime;
use crate::site::MODE_MASK;

/// A change of facts; `None` leaves a fact as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct FactChange {
    /// `Modify`: last modification.
    pub modify: Option<UnixTime>,
    /// `Create`: creation.
    pub create: Option<UnixTime>,
    /// `UNIX.mode`: permission bits, never more than [`MODE_MASK`].
    pub mode: Option<u32>,
    /// `UNIX.owner`, a number as MLST shows it.
    pub owner: Option<u32>,
    /// `UNIX.group`, a number as MLST shows it.
    pub group: Option<u32>,
}

/// Why the facts of MFF cannot be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactError {
    /// Not `fact=value;…`, or a value that cannot be read (501).
    Syntax,
    /// A fact that cannot be changed, or an owner by name (504).
    Unknown,
}

impl FactChange {
    /// Reads `fact=value;fact=value;`, names in any case; of a fact given twice the last counts.
    ///
    /// # Errors
    /// [`FactError`], by the reply that is due.
    pub fn parse(facts: &[u8]) -> Result<Self, FactError> {
        let facts = facts.strip_suffix(b";").ok_or(FactError::Syntax)?;
        let mut change = Self::default();
        for fact in facts.split(|&b| b == b';') {
            let cut = fact.iter().position(|&b| b == b'=').ok_or(FactError::Syntax)?;
            let (name, value) = fact.split_at_checked(cut).ok_or(FactError::Syntax)?;
            let value = value.get(1..).unwrap_or_default();
            let is = |s: &str| name.eq_ignore_ascii_case(s.as_bytes());
            let time = || UnixTime::parse_timeval(value).map(Some).ok_or(FactError::Syntax);
            match () {
                () if is("Modify") => change.modify = time()?,
                () if is("Create") => change.create = time()?,
                () if is("UNIX.mode") => change.mode = Some(mode(value)?),
                () if is("UNIX.owner") => change.owner = Some(identity(value)?),
                () if is("UNIX.group") => change.group = Some(identity(value)?),
                () => return Err(FactError::Unknown),
            }
        }
        Ok(change)
    }

    /// The facts as MFF reads them and its reply shows them.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = String::new();
        let mut fact = |name: &str, value: String| text += &format!("{name}={value};");
        for (name, time) in [("Modify", self.modify), ("Create", self.create)] {
            if let Some(time) = time {
                fact(name, time.format_timeval(time.nanos != 0));
            }
        }
        if let Some(mode) = self.mode {
            fact("UNIX.mode", format!("{mode:04o}"));
        }
        for (name, id) in [("UNIX.owner", self.owner), ("UNIX.group", self.group)] {
            if let Some(id) = id {
                fact(name, id.to_string());
            }
        }
        text
    }
}

/// Octal; set-user-ID, set-group-ID and sticky are read and left out.
fn mode(value: &[u8]) -> Result<u32, FactError> {
    let text = core::str::from_utf8(value).map_err(|_| FactError::Syntax)?;
    if !(1..=5).contains(&text.len()) || !text.bytes().all(|b| (b'0'..=b'7').contains(&b)) {
        return Err(FactError::Syntax);
    }
    u32::from_str_radix(text, 8).map(|m| m & MODE_MASK).map_err(|_| FactError::Syntax)
}

/// A numeric owner or group. Names are not looked up: what MLST shows are numbers too.
pub(crate) fn identity(value: &[u8]) -> Result<u32, FactError> {
    if value.is_empty() {
        return Err(FactError::Syntax);
    }
    number(value).and_then(|n| u32::try_from(n).ok()).ok_or(FactError::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_in_any_case_and_printed_in_one_order() {
        let change =
            FactChange::parse(b"unix.group=100;UNIX.Mode=4755;modify=20240102030405;").unwrap();
        assert_eq!(change.print(), "Modify=20240102030405;UNIX.mode=0755;UNIX.group=100;");
        assert_eq!(FactChange::parse(change.print().as_bytes()), Ok(change));
        let both = FactChange::parse(b"Create=19700101000000.5;UNIX.owner=0;").unwrap();
        assert_eq!(FactChange::parse(both.print().as_bytes()), Ok(both));
    }

    #[test]
    fn what_cannot_be_read_is_told_from_what_cannot_be_changed() {
        use FactError::{Syntax, Unknown};
        let cases: &[(&str, FactError)] = &[
            ("", Syntax),
            (";", Syntax),
            ("Modify=20240102030405", Syntax),
            ("Modify;", Syntax),
            ("Modify=yesterday;", Syntax),
            ("UNIX.mode=9;", Syntax),
            ("UNIX.mode=;", Syntax),
            ("UNIX.owner=;", Syntax),
            ("UNIX.owner=root;", Unknown),
            ("UNIX.owner=4294967296;", Unknown),
            ("Size=3;", Unknown),
            ("UNIX.mode=644;Colour=red;", Unknown),
        ];
        for (text, want) in cases {
            assert_eq!(FactChange::parse(text.as_bytes()), Err(*want), "{text}");
        }
    }
}
