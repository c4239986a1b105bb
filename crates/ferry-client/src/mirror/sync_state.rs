//! What a sync remembers of the last one: the state of every file on both sides when they were the
//! same. That tells a deletion from a creation, and which side has changed.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;

use ferry_proto::path::FtpPath;

use super::plan::State;
use super::plan_text::{Shown, escaped, path, state};

const HEAD: &str = "# ferry sync 1";

/// What both trees held when they were last the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SyncState {
    /// Files, with their states on the left and on the right; directories have none.
    pub(crate) known: BTreeMap<FtpPath, Option<[State; 2]>>,
}

/// Why a text is no such state.
#[derive(Debug)]
#[non_exhaustive]
pub enum SyncStateError {
    /// The file cannot be read or written.
    Io(io::Error),
    /// That line cannot be read, counted from 1.
    Line(usize),
}

impl fmt::Display for SyncStateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(e) => write!(f, "what the last sync has left cannot be used: {e}"),
            Self::Line(line) => {
                write!(f, "line {line} of what the last sync has left cannot be read")
            }
        }
    }
}

impl std::error::Error for SyncStateError {}

impl SyncState {
    /// Whether nothing is remembered, as before the first sync: then nothing is ever deleted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The state as text: a line for each path, `dir PATH` or `file LEFT RIGHT PATH`, with states
    /// and paths as in a plan.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("{HEAD}\n");
        for (path, states) in &self.known {
            let path = escaped(path.as_bytes(), false);
            // Writing into a string cannot fail.
            let _ = match states {
                Some([left, right]) => {
                    writeln!(out, "file {} {} {path}", Shown(left), Shown(right))
                }
                None => writeln!(out, "dir {path}"),
            };
        }
        let _ = writeln!(out, "end");
        out
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// [`SyncStateError::Line`] where that is not so; a text that is cut off is not read at all,
    /// since what it lacks would look like something new.
    pub fn parse(text: &str) -> Result<Self, SyncStateError> {
        let mut lines = text.lines().enumerate();
        let mut known = BTreeMap::new();
        if lines.next().is_none_or(|(_, line)| line != HEAD) {
            return Err(SyncStateError::Line(1));
        }
        for (at, line) in lines {
            if line == "end" {
                return Ok(Self { known });
            }
            let (path, states) = entry(line).ok_or(SyncStateError::Line(at + 1))?;
            known.insert(path, states);
        }
        Err(SyncStateError::Line(text.lines().count()))
    }

    /// Reads the file that [`save`](Self::save) wrote; a file that is not there is an empty state.
    /// It blocks.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), and what reading says.
    pub fn load(file: &Path) -> Result<Self, SyncStateError> {
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(e) => Err(SyncStateError::Io(e)),
        }
    }

    /// Writes the state to a file, whole or not at all. It blocks.
    ///
    /// # Errors
    /// What writing says.
    pub fn save(&self, file: &Path) -> Result<(), SyncStateError> {
        let mut aside = file.as_os_str().to_owned();
        aside.push(".new");
        std::fs::write(&aside, self.to_text()).map_err(SyncStateError::Io)?;
        std::fs::rename(&aside, file).map_err(SyncStateError::Io)
    }
}

fn entry(line: &str) -> Option<(FtpPath, Option<[State; 2]>)> {
    if let Some(dir) = line.strip_prefix("dir ") {
        return Some((path(dir)?, None));
    }
    let mut parts = line.strip_prefix("file ")?.splitn(3, ' ');
    let (left, right) = (state(parts.next()?)?, state(parts.next()?)?);
    Some((path(parts.next()?)?, Some([left, right])))
}
