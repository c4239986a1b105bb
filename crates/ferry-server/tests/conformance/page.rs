//! The page itself.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::commands::{Row, UNKNOWN};
use crate::representations::Proved;

/// Names of tests in a row.
const PROOFS_SHOWN: usize = 4;

const INTRODUCTION: &str = "\
# Conformance

What Ferry's server answers, command by command, and what proves it. Nobody wrote this page: a test
makes it out of the tests that passed (`cargo xtask conformance`, see
[CONTRIBUTING.md](../CONTRIBUTING.md)), and fails when the page is another or a cell would be empty.
Decisions behind it are in [protocol.md](protocol.md).

## Commands

*Done* and *refused* are replies of the whole engine in conversations and in sessions under TLS;
`150+226` is a preliminary reply and the last one. The next three columns are from the walk, which
gives the session machine every command in every state with every kind of argument: *argument* are
the replies to arguments that do not suit (missing, huge, out of range, with a NUL, too long);
*state* where the session's state forbids the command (*none*: every state allows it); *failure*
where something fails below the protocol, a file or a connection (*none*: nothing can). *Proved by*
names texts in `crates/ferry-server/tests/conversations/`.

| Command | From | Syntax | Done | Refused | Argument | State | Failure | Proved by |
|---|---|---|---|---|---|---|---|---|
";

const REPRESENTATIONS: &str = "
## Representations

One row for each TYPE, STRU and MODE. A file went both ways over real sockets, in the clear (PROT C)
and under TLS (PROT P), coded and decoded by the client, and was the same file: *identity*; *with
records* where the file keeps records apart and they came back as they went. *REST* is a download
from the middle: *offset* counts octets of what TYPE and STRU make of the file, *marker* octets of
the file; 554 is the refusal of STRU P. *Cut short* is an upload of half of what there is: 426
wherever the representation says where a file ends. 555 is a representation that cannot be.

| TYPE | STRU | MODE | RETR | STOR | RETR, PROT P | STOR, PROT P | REST | Cut short |
|---|---|---|---|---|---|---|---|---|
";

/// The whole page.
pub(crate) fn page(rows: &[Row], representations: &[Proved]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for row in rows {
        let (name, source) = match row.name.as_str() {
            UNKNOWN => ("any other word".to_owned(), "RFC 959".to_owned()),
            name => (format!("`{name}`"), row.source.clone()),
        };
        let done = if row.served { list(&row.done) } else { "refused on purpose".to_owned() };
        let _ = writeln!(
            page,
            "| {name} | {source} | {} | {done} | {} | {} | {} | {} | {} |",
            code(&row.syntax),
            list(&row.refused),
            list(&row.walked.bad),
            list(&row.walked.wrong),
            list(&row.walked.failed),
            proofs(&row.proofs),
        );
    }
    page.push_str(REPRESENTATIONS);
    for Proved { type_name, structure, mode, moved, restart, cut } in representations {
        let moved = moved.join(" | ");
        let _ = writeln!(
            page,
            "| `{type_name}` | `{structure}` | `{mode}` | {moved} | {restart} | {cut} |"
        );
    }
    page
}

/// The first few of them.
fn proofs(all: &BTreeSet<&str>) -> String {
    let first: Vec<&str> = all.iter().copied().take(PROOFS_SHOWN).collect();
    match all.len().saturating_sub(PROOFS_SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// In a cell of a table a bar would end it.
fn code(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { format!("`{}`", text.replace('|', "\\|")) }
}

fn list<T: ToString>(all: &BTreeSet<T>) -> String {
    if all.is_empty() {
        return "none".to_owned();
    }
    all.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
