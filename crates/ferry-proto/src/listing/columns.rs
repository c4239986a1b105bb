//! A line cut into words at blanks, without allocation. Names, which may hold blanks, are taken
//! from the line by where the word before them ends.

use crate::date::decimal_u64;

/// As many words as any dialect looks at; a name further right stays uncut.
const WORDS_MAX: usize = 24;

/// The first words of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns<'a> {
    line: &'a [u8],
    words: [(usize, usize); WORDS_MAX],
    len: usize,
}

impl<'a> Columns<'a> {
    /// Cuts a line.
    pub(super) fn of(line: &'a [u8]) -> Self {
        let mut columns = Self { line, words: [(0, 0); WORDS_MAX], len: 0 };
        let mut at = 0;
        for slot in &mut columns.words {
            let tail = line.get(at..).unwrap_or_default();
            let Some(start) = tail.iter().position(|b| !is_blank(*b)) else {
                break;
            };
            let word = tail.get(start..).unwrap_or_default();
            let len = word.iter().position(|b| is_blank(*b)).unwrap_or(word.len());
            *slot = (at + start, at + start + len);
            columns.len += 1;
            at += start + len;
        }
        columns
    }

    /// How many words there are, [`WORDS_MAX`] at most.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The word at `index`.
    pub(super) fn get(&self, index: usize) -> Option<&'a [u8]> {
        let (start, end) = *self.words.get(index).filter(|_| index < self.len)?;
        self.line.get(start..end)
    }

    /// The word at `index`, if it is a number.
    pub(super) fn number(&self, index: usize) -> Option<u64> {
        decimal_u64(self.get(index)?)
    }

    /// What follows the word at `index` and one blank; further blanks belong to it.
    pub(super) fn after(&self, index: usize) -> Option<&'a [u8]> {
        let (_, end) = *self.words.get(index).filter(|_| index < self.len)?;
        self.line.get(end + 1..).filter(|name| !name.is_empty())
    }

    /// What follows the word at `index` and all blanks after it, to the end of the line.
    pub(super) fn starting_at(&self, index: usize) -> Option<&'a [u8]> {
        let (start, _) = *self.words.get(index).filter(|_| index < self.len)?;
        self.line.get(start..)
    }

    /// The word at `index`, if it is the last one of the line.
    pub(super) fn last(&self, index: usize) -> Option<&'a [u8]> {
        self.get(index).filter(|_| index + 1 == self.len)
    }
}

/// What separates columns.
pub(super) fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// A number with `,`, `.` or `'` between groups of three digits, or without.
pub(super) fn grouped_number(word: &[u8]) -> Option<u64> {
    if let Some(number) = decimal_u64(word) {
        return Some(number);
    }
    let separator = *word.iter().find(|b| !b.is_ascii_digit())?;
    if !matches!(separator, b',' | b'.' | b'\'') {
        return None;
    }
    let mut groups = word.split(|b| *b == separator);
    let head = groups.next().filter(|head| (1..=3).contains(&head.len()))?;
    groups.try_fold(decimal_u64(head)?, |number, group| {
        let group = decimal_u64(group).filter(|_| group.len() == 3)?;
        number.checked_mul(1000)?.checked_add(group)
    })
}

/// A rounded size, `33.5k` or `2KB`, in octets.
pub(super) fn rounded_size(word: &[u8]) -> Option<u64> {
    let digits = word.iter().position(|b| !b.is_ascii_digit() && *b != b'.')?;
    let (number, unit) = word.split_at_checked(digits)?;
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"b" => 1,
        b"k" | b"kb" | b"kib" => 1 << 10,
        b"m" | b"mb" | b"mib" => 1 << 20,
        b"g" | b"gb" | b"gib" => 1 << 30,
        b"t" | b"tb" | b"tib" => 1 << 40,
        _ => return None,
    };
    let point = number.iter().position(|b| *b == b'.').unwrap_or(number.len());
    let whole = decimal_u64(number.get(..point)?)?.checked_mul(unit)?;
    let tenth = match number.get(point + 1..) {
        Some(fraction) => decimal_u64(fraction.get(..1)?)?,
        None => 0,
    };
    whole.checked_add(unit * tenth / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_what_follows_them() {
        let columns = Columns::of(b"  one\ttwo   three  and more ");
        assert_eq!(columns.len(), 5);
        assert_eq!(columns.get(1), Some(&b"two"[..]));
        assert_eq!(columns.get(5), None);
        assert_eq!(columns.after(1), Some(&b"  three  and more "[..]));
        assert_eq!(columns.starting_at(2), Some(&b"three  and more "[..]));
        assert_eq!(Columns::of(b"a ").after(0), None);
        assert_eq!(Columns::of(&[b' '; 9]).len(), 0);
        assert_eq!(Columns::of(&b"x ".repeat(99)).len(), WORDS_MAX);
    }

    #[test]
    fn numbers_as_people_write_them() {
        let cases: [(&str, Option<u64>, Option<u64>); 9] = [
            ("10234", Some(10_234), None),
            ("10,234", Some(10_234), None),
            ("1.010.234", Some(1_010_234), None),
            ("10,23", None, None),
            ("10,234.000", None, None),
            ("33.5k", None, Some(34_304)),
            ("2KB", None, Some(2048)),
            ("2.", None, None),
            ("99999999999999999999", None, None),
        ];
        for (word, grouped, rounded) in cases {
            assert_eq!(grouped_number(word.as_bytes()), grouped, "{word}");
            assert_eq!(rounded_size(word.as_bytes()), rounded, "{word}");
        }
    }
}
