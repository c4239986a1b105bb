//! Rules of a scene and the actions they are made of. How they are read is in `parse`, how they are
//! performed in `session`.

use std::time::Duration;

/// What a server does instead of what is usual.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) when: When,
    /// In capitals; `CONNECT` for a connection that was accepted, `ANY` for every command.
    pub(crate) verb: String,
    pub(crate) argument: Option<Vec<u8>>,
    pub(crate) acts: Vec<Act>,
}

/// Which occurrence of a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// Counted from 1.
    Only(usize),
    From(usize),
}

/// One thing a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// A template and CR LF.
    Reply(Vec<u8>),
    Send(Vec<u8>),
    Dribble(Vec<u8>),
    Repeat(usize, Vec<u8>),
    Forever(Vec<u8>),
    Usual,
    Wait(Duration),
    Silence,
    Stall,
    Close,
    Fin,
    Reset,
    Tls,
    Listen(Ear),
    ForgetTickets,
    Data(DataAct),
}

/// What is at a passive port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ear {
    Usual,
    Refusing,
    Deaf,
}

/// One thing a server does on a data connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DataAct {
    Open,
    Tcp,
    Tls,
    Send(Vec<u8>),
    Dribble(Vec<u8>),
    Repeat(usize, Vec<u8>),
    Forever(Vec<u8>),
    /// The file from REST on, so many octets at most.
    File(usize),
    /// A zlib stream (MODE Z), but for so many octets at its end.
    Deflate(Plain, usize),
    Read(Option<usize>),
    Close,
    Fin,
    Reset,
}

/// What a stream holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plain {
    Octets(Vec<u8>),
    /// So many octets 0.
    Zeros(usize),
    /// The file from REST on.
    File,
}

impl Rule {
    /// Whether this is the rule for the `nth` command with that verb.
    pub(crate) fn fits(&self, verb: &str, argument: &[u8], nth: usize, nth_any: usize) -> bool {
        let count = match self.verb.as_str() {
            "ANY" if verb != "CONNECT" => nth_any,
            own if own == verb => nth,
            _ => return false,
        };
        let when = match self.when {
            When::Always => true,
            When::Only(n) => n == count,
            When::From(n) => n <= count,
        };
        when && self.argument.as_deref().is_none_or(|own| own == argument)
    }
}
