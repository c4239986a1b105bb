//! One line of a sequence, as the generator means it: the model need not parse what it wrote.

/// What kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A command of the protocol.
    Known,
    /// A verb that nobody ever defined.
    Unknown,
    /// A line with a NUL in it.
    Nul,
    /// A line longer than any may be.
    TooLong,
}

/// A line, and what goes with it.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    pub(crate) kind: Kind,
    /// In upper case.
    pub(crate) verb: &'static str,
    /// What follows the verb and one space; `None` when not even the space is there.
    pub(crate) arg: Option<Vec<u8>>,
    /// What is sent if this turns out to store something.
    pub(crate) upload: Vec<u8>,
    /// Whether a passive data connection is made before the command rather than after 150.
    pub(crate) early: bool,
    /// Whether the verb is sent in lower case.
    pub(crate) lower: bool,
}

impl Command {
    pub(crate) fn new(verb: &'static str, arg: Option<Vec<u8>>) -> Self {
        Self { kind: Kind::Known, verb, arg, upload: Vec::new(), early: false, lower: false }
    }

    /// The line as it is sent.
    pub(crate) fn line(&self) -> Vec<u8> {
        let mut line = self.verb.as_bytes().to_vec();
        if self.lower {
            line.make_ascii_lowercase();
        }
        if let Some(arg) = &self.arg {
            line.push(b' ');
            line.extend_from_slice(arg);
        }
        line.extend_from_slice(b"\r\n");
        line
    }

    /// The name it carries; an empty one is none.
    pub(crate) fn name(&self) -> Option<&[u8]> {
        self.arg.as_deref().filter(|arg| !arg.is_empty())
    }

    /// The parameter it carries: spaces around it do not count.
    pub(crate) fn parameter(&self) -> &[u8] {
        let arg = self.arg.as_deref().unwrap_or_default();
        let arg = arg.get(arg.iter().take_while(|c| **c == b' ').count()..).unwrap_or_default();
        let end = arg.len() - arg.iter().rev().take_while(|c| **c == b' ').count();
        arg.get(..end).unwrap_or_default()
    }

    /// Whether it may open a data connection, so that nothing is sent behind it unread.
    pub(crate) fn uses_data(&self) -> bool {
        matches!(self.verb, "RETR" | "STOR" | "APPE" | "LIST" | "NLST" | "MLSD")
    }
}
