//! Nothing but names: what NLST sends, and LIST of servers that know no better. A line of LIST
//! that holds blanks is more likely a sentence or an unknown kind of listing than a name.

use super::columns::is_blank;
use super::{Asked, Context, Raw, Read};

pub(super) fn read<'a>(line: &'a [u8], context: &Context) -> Read<'a> {
    let is_sentence = if context.asked == Asked::Names {
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

#[cfg(test)]
mod tests {
    use crate::listing::tests::{check, entries_of};
    use crate::listing::{Dialect, System};

    #[test]
    fn words_are_names() {
        check(
            Dialect::Names,
            System::Unknown,
            &[(b"somefile\r\n./other.txt", &["unknown somefile", "unknown other.txt"])],
        );
    }

    #[test]
    fn sentences_and_paths_are_no_names() {
        for line in [
            b"no such thing".as_slice(),
            b"/etc/passwd".as_slice(),
            b"a/b".as_slice(),
            b".".as_slice(),
        ] {
            assert_eq!(entries_of(Dialect::Names, line), 0, "{}", line.escape_ascii());
        }
    }
}
