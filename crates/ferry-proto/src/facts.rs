//! Facts about files: the lines of MLSD and MLST and the argument of OPTS MLST (RFC 3659 §7).
//!
//! [`write_facts`] prints what this server says; [`parse_facts`] reads what any server says.
//! Which facts are known and what a client may do with a file is decided elsewhere.

mod read;
mod set;
#[cfg(test)]
mod tests;
mod write;

pub use read::{ParsedFacts, ParsedKind, parse_facts};
pub(crate) use read::{begins_as_fact, octal};
pub use set::FactSet;
pub use write::{EntryKind, FactLine, write_facts};
