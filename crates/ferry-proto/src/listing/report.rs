//! The account of a listing: what became of every line.

use super::Dialect;

/// As many samples of lines and names are kept.
pub const SAMPLES_MAX: usize = 5;
/// As many octets of each.
pub const SAMPLE_MAX: usize = 200;

/// What became of the lines of a listing. Every line is counted once:
/// `lines = parsed + ignored + refused + unparsed + joined`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Lines that came.
    pub lines: u64,
    /// Entries that were given.
    pub parsed: u64,
    /// Lines known to describe no entry: blank, a total, a header, `.` and `..`, older versions.
    pub ignored: u64,
    /// Those of them that are `.` and `..`: only a listing of everything shows them.
    pub dots: u64,
    /// Entries that were held back because of their names, which hold `/` or controls.
    pub refused: u64,
    /// Lines that nobody understands, or that are too long.
    pub unparsed: u64,
    /// Lines that went on in the next one and are counted there.
    pub joined: u64,
    /// The first refused names, cut to [`SAMPLE_MAX`] octets; escape them before showing them.
    pub refused_names: Vec<Vec<u8>>,
    /// The first unparsed lines, likewise.
    pub unparsed_lines: Vec<Vec<u8>>,
    /// The kind of listing it was read as; [`None`] if no line was understood, or none came.
    pub dialect: Option<Dialect>,
    /// An unparsed line says that the directory, or something in it, could not be looked at.
    pub no_permission_text: bool,
    /// The last line has no end, so it may be cut off, and more may be missing.
    pub unterminated: bool,
}

impl Report {
    /// Whether the entries are all that the server listed: every line was parsed or is known to
    /// describe none, and the last one came whole. Only then may what is missing in the listing
    /// be taken as missing on the server. An empty listing is complete; whether the directory
    /// exists at all is to be asked otherwise.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.refused == 0 && self.unparsed == 0 && !self.no_permission_text && !self.unterminated
    }

    /// The sum of all counts of lines; equal to `lines` in every report.
    #[must_use]
    pub const fn accounted(&self) -> u64 {
        let entries = self.parsed.saturating_add(self.refused);
        let rest = self.ignored.saturating_add(self.unparsed).saturating_add(self.joined);
        entries.saturating_add(rest)
    }

    pub(super) fn note_unparsed(&mut self, line: &[u8]) {
        self.unparsed = self.unparsed.saturating_add(1);
        self.no_permission_text |= complains(line);
        keep(&mut self.unparsed_lines, line);
    }

    pub(super) fn note_refused(&mut self, name: &[u8]) {
        self.refused = self.refused.saturating_add(1);
        keep(&mut self.refused_names, name);
    }
}

fn keep(samples: &mut Vec<Vec<u8>>, text: &[u8]) {
    if samples.len() < SAMPLES_MAX {
        samples.push(text.get(..SAMPLE_MAX).unwrap_or(text).to_vec());
    }
}

/// Whether a line that is no entry is a program's complaint.
fn complains(line: &[u8]) -> bool {
    const TEXTS: [&[u8]; 8] = [
        b"permission denied",
        b"access denied",
        b"access is denied",
        b"no privilege",
        b"cannot open",
        b"cannot access",
        b"not found",
        b"no such file",
    ];
    let holds = |text: &&[u8]| line.windows(text.len()).any(|w| w.eq_ignore_ascii_case(text));
    line.starts_with(b"ls: ") || line.starts_with(b"/bin/ls") || TEXTS.iter().any(holds)
}
