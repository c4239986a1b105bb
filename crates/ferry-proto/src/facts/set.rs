//! Which facts a client wants: OPTS MLST, and what FEAT says of it (RFC 3659 §7.8, §7.9).

/// A set of facts, as OPTS MLST chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FactSet(pub(super) u16);

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

    /// What follows `MLST ` in OPTS to have these facts and no others, `fact;fact;`.
    #[must_use]
    pub fn opts_value(self) -> String {
        let on = NAMES.iter().filter(|(_, fact)| self.contains(*fact));
        on.flat_map(|(name, _)| [name, ";"]).collect()
    }

    /// The text of the reply to OPTS MLST, which names the facts that are now on.
    #[must_use]
    pub fn opts_reply(self) -> String {
        format!("MLST OPTS {}", self.opts_value()).trim_end().to_owned()
    }
}

/// Every fact is cheap to tell, so all are on from the start.
impl Default for FactSet {
    fn default() -> Self {
        Self::ALL
    }
}
