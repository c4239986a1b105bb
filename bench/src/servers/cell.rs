//! One figure of the benchmark: its name, who is measured, how, and what comes of it.

use std::fmt;
use std::io;

use super::place::Place;
use super::server::Server;

/// What a number is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Quantity {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) more_is_better: bool,
}

impl Quantity {
    /// Something to have little of.
    pub(super) const fn less(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, more_is_better: false }
    }

    /// Something to have much of.
    pub(super) const fn more(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, more_is_better: true }
    }
}

/// Numbers of one go; the first is what servers are compared by.
pub(super) type Values = Vec<(&'static Quantity, f64)>;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// All servers.
    Servers,
    /// Ours: others have no such thing.
    Ferryd,
    /// All servers, each started anew by the figure itself.
    Fresh,
}

/// What servers cannot be better than, measured in turn with them: the machine is never the same
/// for long.
#[derive(Debug, Clone, Copy)]
pub(super) enum Floor {
    /// The same figure of a server that does nothing but answer.
    Replies,
    /// Something else, under its name.
    Other(&'static str, fn(&Stage<'_>) -> io::Result<Values>),
}

impl Floor {
    /// How its row is called; no server's name begins so.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Replies => "bare replies",
            Self::Other(name, _) => name,
        }
    }
}

/// Who is measured now, and with what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) place: &'a Place,
    /// Not for [`Floor::Other`] and [`Who::Fresh`].
    pub(super) server: Option<&'a Server>,
    /// Not for floors.
    pub(super) kind: Option<interop::servers::Kind>,
}

impl<'a> Stage<'a> {
    /// The server.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn server(&self) -> io::Result<&'a Server> {
        self.server.ok_or_else(|| io::Error::other("no server"))
    }
}

/// How it is measured.
pub(super) type Measure = Box<dyn Fn(&Stage<'_>) -> io::Result<Values>>;

/// A figure.
pub(super) struct Cell {
    /// Words by which it can be picked.
    pub(super) name: String,
    pub(super) who: Who,
    pub(super) tls: bool,
    pub(super) floors: Vec<Floor>,
    pub(super) measure: Measure,
}

impl Cell {
    pub(super) fn new(
        name: impl Into<String>,
        who: Who,
        tls: bool,
        measure: impl Fn(&Stage<'_>) -> io::Result<Values> + 'static,
    ) -> Self {
        Self { name: name.into(), who, tls, floors: Vec::new(), measure: Box::new(measure) }
    }

    /// With floors beside it.
    pub(super) fn over(self, floors: &[Floor]) -> Self {
        Self { floors: floors.to_vec(), ..self }
    }

    /// Whether it is meant by one of `filters`, each a list of words that all stand in its name.
    pub(super) fn meant(&self, filters: &[String]) -> bool {
        let has = |word: &str| self.name.split(' ').any(|own| own == word);
        filters.is_empty() || filters.iter().any(|filter| filter.split([' ', ',', '-']).all(has))
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The word for how a figure is secured.
pub(super) fn word(tls: bool) -> &'static str {
    if tls { "tls" } else { "plain" }
}
