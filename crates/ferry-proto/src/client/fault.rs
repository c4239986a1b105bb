//! What a refusal is about. Codes say little (550 is everything), so words are looked at, too, as
//! hints and never more.

use crate::reply_reader::IncomingReply;

/// What a negative reply is about, by what a client does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Fewer connections are wanted, or none now.
    TooMany,
    /// The session ends (421).
    Closing,
    /// Not logged in (any more).
    Login,
    /// The data connection must resume the control connection's TLS session, and did not.
    NotResumed,
    /// Data connections must be protected, or otherwise.
    Protection,
    /// No data connection.
    Data,
    /// The transfer broke off.
    Broken,
    /// No such file or directory.
    NotFound,
    /// Not allowed.
    Denied,
    /// The name is taken.
    Exists,
    /// The directory is not empty.
    NotEmpty,
    /// It is no regular file.
    NotFile,
    /// It is no directory.
    NotDir,
    /// A directory cannot be moved into itself.
    IntoItself,
    /// The name is refused.
    BadName,
    /// No space, or a quota is used up.
    NoSpace,
    /// The server does not know the command, or not with such an argument.
    Unsupported,
    /// It may work later.
    Busy,
    /// No, and not why.
    Refused,
}

/// Words that mean "later" even behind 5yz, as clients have met them.
const LATER: [&str; 12] = [
    "too many",
    "overloaded",
    "try again later",
    "try back later",
    "maximum number",
    "number of connect",
    "more connection",
    "already connected",
    "simultaneous login",
    "connection limit",
    "only one session",
    "is restricted to",
];

const NOT_FOUND: [&str; 12] = [
    "no such file",
    "not found",
    "does not exist",
    "doesn't exist",
    "cannot find",
    "can't find",
    "not exist",
    "no such directory",
    "nicht gefunden",
    "introuvable",
    "no existe",
    "failed to open file",
];
const DENIED: [&str; 6] = [
    "permission denied",
    "access denied",
    "access is denied",
    "not permitted",
    "not allowed",
    "privilege",
];
const EXISTS: [&str; 4] = ["already exists", "file exists", "directory exists", "existe d"];
const NOT_EMPTY: [&str; 2] = ["not empty", "nicht leer"];
const NOT_FILE: [&str; 4] =
    ["not a regular file", "not a plain file", "is a directory", "not a file"];
const NOT_DIR: [&str; 1] = ["not a directory"];
const INTO_ITSELF: [&str; 1] = ["into itself"];
const NO_SPACE: [&str; 5] = ["no space", "disk full", "quota", "disk is full", "insufficient"];

const IN_USE: [&str; 12] = [
    "busy",
    "in use",
    "lock",
    "tempor",
    "try again",
    "later",
    "unavailable",
    "timed out",
    "timeout",
    "error",
    "fail",
    "abort",
];

const UNREAD: [&str; 5] = [
    "failed to open dir",
    "failed to read dir",
    "cannot open dir",
    "can't open dir",
    "permission denied",
];

/// The last line's text in lower case, which is what the words are looked for in.
fn words(reply: &IncomingReply) -> String {
    let mut text = Vec::new();
    for line in reply.lines.iter().take(8) {
        text.extend_from_slice(line.get(..line.len().min(512)).unwrap_or_default());
        text.push(b' ');
    }
    String::from_utf8_lossy(&text).to_lowercase()
}

/// What a reply of 4yz or 5yz is about.
#[must_use]
pub fn of(reply: &IncomingReply) -> Fault {
    let text = words(reply);
    let says = |any: &[&str]| any.iter().any(|words| text.contains(words));
    if says(&LATER) && matches!(reply.code, 421 | 430 | 450 | 530 | 500..=599) {
        return Fault::TooMany;
    }
    let resumption = says(&["session reuse", "session resum", "not resumed", "reuse required"])
        // What ProFTPD says of it.
        || (reply.code == 425 && says(&["operation not permitted"]));
    match reply.code {
        421 => Fault::Closing,
        425 | 450 | 522 | 534 | 435 | 535 if resumption => Fault::NotResumed,
        425 => Fault::Data,
        426 => Fault::Broken,
        430 | 530 | 532 | 332 => Fault::Login,
        452 | 552 => Fault::NoSpace,
        521 if says(&EXISTS) => Fault::Exists,
        521 | 522 | 533 | 534 | 536 | 537 => Fault::Protection,
        _ if says(&INTO_ITSELF) => Fault::IntoItself,
        _ if says(&NOT_FILE) => Fault::NotFile,
        _ if says(&NOT_DIR) => Fault::NotDir,
        553 if says(&EXISTS) => Fault::Exists,
        553 if !says(&NOT_FOUND) && !says(&DENIED) => Fault::BadName,
        500 | 501 | 502 | 504 | 202 => Fault::Unsupported,
        _ if says(&NO_SPACE) => Fault::NoSpace,
        _ if says(&NOT_EMPTY) => Fault::NotEmpty,
        _ if says(&EXISTS) => Fault::Exists,
        _ if says(&NOT_FOUND) => Fault::NotFound,
        _ if says(&DENIED) => Fault::Denied,
        400..=499 => Fault::Busy,
        _ => Fault::Refused,
    }
}

/// Whether a refusal to list says only that nothing is there to list.
#[must_use]
pub fn is_empty_listing(reply: &IncomingReply) -> bool {
    let text = words(reply);
    let says = |any: &[&str]| any.iter().any(|words| text.contains(words));
    match reply.code {
        // Said by many of an empty directory, and meant by RFC 959 for one that is in use: taken
        // for empty, it would be emptied at the other end, too.
        450 => !says(&IN_USE) && !says(&DENIED),
        550 => says(&["no files found", "no members found", "no data sets found"]),
        _ => false,
    }
}

/// Whether a reply that reports success of a listing says that the directory was not read after
/// all: vsftpd sends "226 Transfer done (but failed to open directory)." behind no line at all.
/// Taken for empty, the directory would be emptied at the other end, too.
#[must_use]
pub fn is_unread_listing(reply: &IncomingReply) -> bool {
    let text = words(reply);
    (200..300).contains(&reply.code) && UNREAD.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> IncomingReply {
        IncomingReply { code, lines: vec![text.as_bytes().to_vec()] }
    }

    #[test]
    fn a_refusal_is_told_by_its_code_and_else_by_its_words() {
        let cases = [
            (421, "Too many connections from your address", Fault::TooMany),
            (530, "Sorry, the maximum number of clients is 10", Fault::TooMany),
            (530, "Login incorrect.", Fault::Login),
            (421, "Timeout.", Fault::Closing),
            (522, "SSL connection failed; session reuse required: see option", Fault::NotResumed),
            (425, "Unable to build data connection: TLS session of data not resumed", {
                Fault::NotResumed
            }),
            (425, "Unable to build data connection: Operation not permitted", Fault::NotResumed),
            (425, "Can't open data connection", Fault::Data),
            (426, "Failure writing network stream.", Fault::Broken),
            (550, "/x: No such file or directory", Fault::NotFound),
            (550, "Failed to open file.", Fault::NotFound),
            (550, "x: Permission denied", Fault::Denied),
            (550, "Create directory operation failed: File exists", Fault::Exists),
            (521, "\"/a\" directory already exists", Fault::Exists),
            (521, "data connection must be encrypted", Fault::Protection),
            (550, "x: Directory not empty", Fault::NotEmpty),
            (552, "disk full", Fault::NoSpace),
            (553, "name not allowed here", Fault::Denied),
            (553, "illegal name", Fault::BadName),
            (553, "/a already exists", Fault::Exists),
            (550, "Not a regular file.", Fault::NotFile),
            (550, "/a: Not a directory", Fault::NotDir),
            (451, "local error", Fault::Busy),
            (502, "not implemented", Fault::Unsupported),
            (550, "no", Fault::Refused),
        ];
        for (code, text, want) in cases {
            assert_eq!(of(&reply(code, text)), want, "{code} {text}");
        }
    }

    #[test]
    fn nothing_to_list_is_no_failure() {
        assert!(is_empty_listing(&reply(450, "No files found")));
        assert!(is_empty_listing(&reply(550, "No members found.")));
        assert!(!is_empty_listing(&reply(550, "No such directory")));
        assert!(!is_empty_listing(&reply(450, "Directory is busy")));
        assert!(!is_empty_listing(&reply(450, "Temporary failure in reading the directory")));
        assert!(!is_empty_listing(&reply(226, "Done")));
        assert!(!is_empty_listing(&reply(530, "log in first")));
    }

    #[test]
    fn success_with_a_but_is_no_listing() {
        assert!(is_unread_listing(&reply(226, "Transfer done (but failed to open directory).")));
        assert!(!is_unread_listing(&reply(226, "Directory send OK.")));
        assert!(!is_unread_listing(&reply(550, "Failed to open directory.")));
    }
}
