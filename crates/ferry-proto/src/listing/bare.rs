//! Nothing but names: what NLST sends, and LIST of servers that know no better. A line of LIST
//! that holds blanks is more likely a sentence or an unknown kind of listing than a name.

use super::columns::is_blank;
use super::{Context, Raw, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &Context) -> Read<'a> {
    let is_sentence = if context.names_only {
        line.starts_with(b"ls: ") || line.starts_with(b"/bin/ls")
    } else {
        line.iter().any(|b| is_blank(*b))
    };
    if is_sentence {
        return Read::Unparsed;
    }
    // `find` and its like write where they looked.
    let name = line.strip_prefix(b"./").unwrap_or(line);
    Some(Raw { name, ..Raw::default() }).into()
}
