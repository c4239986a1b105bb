//! The one permission decision: account × operation × canonical path → allowed or why not.

use ferry_proto::path::FtpPath;

use crate::{Access, Account, AcctFor};

/// What is about to be done at the storage layer. Commands do not appear here: RETR, and whatever
/// later reads a file under another name, are all [`Op::Read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Op {
    /// Look at metadata.
    Stat,
    /// Read a directory.
    List,
    /// Read a file.
    Read,
    /// Make a new file or replace or extend one.
    Write,
    /// Make a directory.
    MakeDir,
    /// Remove a directory.
    RemoveDir,
    /// Remove a file or link.
    RemoveFile,
    /// Take a name away by renaming.
    RenameFrom,
    /// Give a name by renaming.
    RenameTo,
    /// Change times or permission bits.
    SetMeta,
    /// Make a symbolic link.
    MakeLink,
    /// Give something to another owner or group.
    SetOwner,
}

impl Op {
    /// Every operation, for tables and tests.
    pub const ALL: [Self; 12] = [
        Self::Stat,
        Self::List,
        Self::Read,
        Self::Write,
        Self::MakeDir,
        Self::RemoveDir,
        Self::RemoveFile,
        Self::RenameFrom,
        Self::RenameTo,
        Self::SetMeta,
        Self::MakeLink,
        Self::SetOwner,
    ];

    /// Whether the operation leaves the tree as it was.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Stat | Self::List | Self::Read)
    }
}

/// Why an operation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The account may only read.
    ReadOnly,
    /// An anonymous user owns nothing to give away.
    Anonymous,
    /// The name holds control octets, which no name made here may hold.
    BadName,
    /// No name with control octets is ever shown, so it is as if it were not there.
    Hidden,
}

/// Decides whether `account` may do `op` on `path`.
///
/// # Errors
/// [`Refusal`] says why not.
pub fn decide(account: &Account, op: Op, path: &FtpPath) -> Result<(), Refusal> {
    if path.has_control() {
        let makes_a_name = matches!(op, Op::Write | Op::MakeDir | Op::RenameTo | Op::MakeLink);
        return Err(if makes_a_name { Refusal::BadName } else { Refusal::Hidden });
    }
    if !op.is_read() && account.access != Access::ReadWrite {
        return Err(Refusal::ReadOnly);
    }
    if op == Op::SetOwner && account.anonymous {
        return Err(Refusal::Anonymous);
    }
    Ok(())
}

/// Whether `op` has to wait until `account` has sent the ACCT it must send for changes.
#[must_use]
pub fn awaits_acct(account: &Account, op: Op, acct_given: bool) -> bool {
    account.acct == Some(AcctFor::Writing) && !acct_given && !op.is_read()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The kinds of account there are, in the order of the table's columns.
    fn kinds() -> [Account; 4] {
        let account = |access, anonymous| Account { anonymous, ..Account::new("someone", access) };
        [
            account(Access::ReadOnly, false),
            account(Access::ReadWrite, false),
            account(Access::ReadOnly, true),
            account(Access::ReadWrite, true),
        ]
    }

    /// An operation, what each kind of account hears on a plain name, and what all of them hear on
    /// a name with control octets.
    type Row = (Op, [Result<(), Refusal>; 4], Refusal);

    const TABLE: [Row; Op::ALL.len()] = {
        use Refusal::{BadName, Hidden};
        const YES: Result<(), Refusal> = Ok(());
        const NO: Result<(), Refusal> = Err(Refusal::ReadOnly);
        const NEVER: Result<(), Refusal> = Err(Refusal::Anonymous);
        //                  read-only, read-write, anonymous, anonymous that may write
        [
            (Op::Stat, [YES, YES, YES, YES], Hidden),
            (Op::List, [YES, YES, YES, YES], Hidden),
            (Op::Read, [YES, YES, YES, YES], Hidden),
            (Op::Write, [NO, YES, NO, YES], BadName),
            (Op::MakeDir, [NO, YES, NO, YES], BadName),
            (Op::RemoveDir, [NO, YES, NO, YES], Hidden),
            (Op::RemoveFile, [NO, YES, NO, YES], Hidden),
            (Op::RenameFrom, [NO, YES, NO, YES], Hidden),
            (Op::RenameTo, [NO, YES, NO, YES], BadName),
            (Op::SetMeta, [NO, YES, NO, YES], Hidden),
            (Op::MakeLink, [NO, YES, NO, YES], BadName),
            (Op::SetOwner, [NO, YES, NO, NEVER], Hidden),
        ]
    };

    #[test]
    fn every_kind_of_account_may_do_exactly_what_the_table_says() {
        for (row, op) in TABLE.iter().zip(Op::ALL) {
            assert_eq!(row.0, op, "the table has one row per operation, in order");
            for path in ["/", "/a", "/a/b c", "/.hidden", "/\u{e9}", "/-rf"] {
                let path = FtpPath::new(path.as_bytes()).unwrap();
                for (account, want) in kinds().iter().zip(row.1) {
                    assert_eq!(decide(account, op, &path), want, "{op:?} {path} {account:?}");
                }
            }
        }
    }

    #[test]
    fn names_with_control_octets_are_neither_made_nor_shown_to_anyone() {
        for (op, _, want) in TABLE {
            for path in ["/a\nb", "/a\r", "/\u{1}/b", "/a/\u{7f}", "/x\ty/z", "/\u{1b}[2J"] {
                let path = FtpPath::new(path.as_bytes()).unwrap();
                for account in kinds() {
                    assert_eq!(decide(&account, op, &path), Err(want), "{op:?} {path:?}");
                }
            }
        }
    }

    #[test]
    fn only_changes_of_who_must_send_acct_for_them_wait_for_it() {
        let [_, account, ..] = kinds();
        for op in Op::ALL {
            for (acct, given, waits) in [
                (None, false, false),
                (Some(AcctFor::Login), false, false),
                (Some(AcctFor::Writing), true, false),
                (Some(AcctFor::Writing), false, !op.is_read()),
            ] {
                let account = Account { acct, ..account.clone() };
                assert_eq!(awaits_acct(&account, op, given), waits, "{op:?} {acct:?} {given}");
            }
        }
    }

    proptest! {
        #[test]
        fn who_may_only_read_never_changes_anything(
            path in proptest::collection::vec(1u8.., 1..80),
            op in proptest::sample::select(&Op::ALL[..]),
        ) {
            let Ok(path) = FtpPath::new(&path) else { return Ok(()) };
            let [reader, writer, ..] = kinds();
            let allowed = decide(&reader, op, &path).is_ok();
            prop_assert!(!allowed || op.is_read());
            prop_assert!(!allowed || decide(&writer, op, &path).is_ok(), "writing is no less");
        }
    }
}
