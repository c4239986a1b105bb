//! What stands behind a command: what suits it, and everything that may not.

use super::rows::{Row, Verb};

/// What the line is to the reader of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frame {
    Whole,
    /// It holds a NUL.
    Nul,
    /// It is longer than lines may be.
    TooLong,
}

/// One argument of one command.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    /// The whole line as it is sent.
    pub(crate) line: Vec<u8>,
    pub(crate) frame: Frame,
    /// What it means: what follows the command's name and one space, if anything does, without
    /// Telnet's own octets.
    pub(crate) means: Option<Vec<u8>>,
}

/// The longest line a session is given here.
pub(crate) const LINE_MAX: usize = 8192;

/// What no command should take for anything but text.
const ODD: [&[u8]; 45] = [
    b" ",
    b"   ",
    b"0",
    b"1",
    b"-1",
    b"+1",
    b"1.5",
    b"1e3",
    b"0x10",
    b"255",
    b"256",
    b"2147483648",
    b"4294967295",
    b"4294967296",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"1 2 3 extra words",
    b"x",
    b"/",
    b"//",
    b".",
    b"..",
    b"../../../../etc/passwd",
    b"~",
    b"*",
    b"%n%s%d",
    b"na\xc3\xafve",
    b"\xe9t\xe9",
    b"\xc3\x28",
    b"\xf0\x9f\x92\xa9",
    b"a\x01b",
    b"\x7f",
    b"\x1b[2J",
    b"\ttab\t",
    b"\"a b\"",
    b"\"",
    b"\"a\"b",
    b",,,,,",
    b"|||||",
    b"a\rb",
    b"$(reboot)",
    b"';--",
];

/// The arguments that suit a command.
pub(crate) fn good(row: &Row) -> impl Iterator<Item = Argument> {
    let name = row.name;
    row.good.iter().map(move |(argument, _)| plain(name, Some(argument.as_bytes())))
}

/// Every argument a command is given.
pub(crate) fn of(row: &Row) -> Vec<Argument> {
    let mut all: Vec<Argument> = good(row).collect();
    let first = row.good.first().map_or(&b""[..], |(argument, _)| argument.as_bytes());
    all.push(plain(row.name, None));
    all.push(plain(row.name, Some(b"")));
    all.extend(ODD.iter().map(|odd| plain(row.name, Some(odd))));
    for made in [
        [first, b" extra words"].concat(),
        [first, b" "].concat(),
        [b" ", first].concat(),
        [b"\"", first, b"\""].concat(),
        vec![b'x'; 300],
        vec![b'9'; 4000],
        b"d/".repeat(2500),
        vec![b'x'; LINE_MAX - row.name.len() - 3],
    ] {
        all.push(plain(row.name, Some(&made)));
    }
    for (octets, means) in [
        // Telnet: a command without an option, an offer, a doubled FF, a subnegotiation.
        (&b"\xff\xf1"[..], &b""[..]),
        (b"\xff\xfd\x01", b""),
        (b"\xff\xff", b"\xff"),
        (b"\xff\xfa\x01abc\xff\xf0", b""),
        (b"\r\0", b"\r"),
    ] {
        all.push(inside(row.name, first, octets, Some(means)));
    }
    all.push(inside(row.name, first, b"\0", None));
    let mut long = plain(row.name, Some(&vec![b'x'; LINE_MAX]));
    long.frame = Frame::TooLong;
    all.push(long);
    all
}

fn plain(name: Verb, argument: Option<&[u8]>) -> Argument {
    let mut line = name.as_bytes().to_vec();
    if let Some(argument) = argument {
        line.push(b' ');
        line.extend_from_slice(argument);
    }
    line.extend_from_slice(b"\r\n");
    Argument { line, frame: Frame::Whole, means: argument.map(<[u8]>::to_vec) }
}

/// `octets` in the middle of an argument; without a meaning they make the line one with a NUL.
fn inside(name: Verb, argument: &[u8], octets: &[u8], means: Option<&[u8]>) -> Argument {
    let (head, tail) = argument.split_at_checked(argument.len() / 2).unwrap_or_default();
    let mut made = plain(name, Some(&[head, octets, tail].concat()));
    match means {
        Some(means) => made.means = Some([head, means, tail].concat()),
        None => made.frame = Frame::Nul,
    }
    made
}
