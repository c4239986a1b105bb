//! From octets to entries: lines, the choice of the dialect, names, the account of it all. Which
//! line means what is the dialects' business.
//!
//! The first [`FIRST_LINES`] lines are kept back. Every dialect reads them, the one that fails on
//! the fewest is chosen, and it reads them again and all that follow; a directory is listed in one
//! dialect. From then on a line is kept only while it is incomplete, so memory stays bounded.

use super::columns::is_blank;
use super::ebcdic::Coding;
use super::names::{Verdict, judge};
use super::{Context, Dialect, ListedEntry, Raw, Read, Report, System};
use crate::date::UnixTime;

/// The longest line that is read, without its end. RFC 3659 sets no limit and clients are to read
/// 64 KiB at least; names of 255 octets and paths of 4096 need far less.
pub const LINE_MAX: usize = 128 << 10;
/// The dialect is chosen by as many lines.
const FIRST_LINES: usize = 64;
/// Or by this many octets, if lines are long.
const FIRST_OCTETS: usize = 256 << 10;

/// Which command the listing answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "FTP has no other command that lists")]
pub enum Asked {
    /// MLSD, or MLST.
    Facts,
    /// LIST, or STAT with a path.
    List,
    /// NLST: every line is a name, blanks and all.
    Names,
}

/// What is known of a listing before its first octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers build it")]
pub struct Hint {
    /// Which command was sent.
    pub asked: Asked,
    /// What SYST said.
    pub system: System,
}

/// Reads one listing, fed with octets in any portions.
///
/// ```
/// use ferry_proto::date::UnixTime;
/// use ferry_proto::listing::{Asked, Hint, ListingReader, System};
///
/// let hint = Hint { asked: Asked::List, system: System::Unix };
/// let mut reader = ListingReader::new(hint, UnixTime::from_secs(1_700_000_000));
/// let mut entries = Vec::new();
/// reader.feed(b"-rw-r--r-- 1 mira dev 77 Nov 05 14:22 no", &mut entries);
/// reader.feed(b"tes.txt\r\n", &mut entries);
/// let report = reader.finish(&mut entries);
/// assert_eq!(entries[0].name, b"notes.txt");
/// assert!(report.complete());
/// ```
#[derive(Debug)]
pub struct ListingReader {
    hint: Hint,
    now: UnixTime,
    coding: Coding,
    /// A line whose end has not come.
    partial: Vec<u8>,
    /// That line is longer than [`LINE_MAX`]; the rest of it is dropped.
    overlong: bool,
    stage: Stage,
    report: Report,
}

#[derive(Debug)]
enum Stage {
    /// Lines are kept until the dialect is chosen.
    Choosing { lines: Vec<Vec<u8>>, octets: usize },
    /// The dialect is chosen.
    Chosen(Lines),
}

impl ListingReader {
    /// A reader for one listing. Dates without a year are the latest that lie at most a day ahead
    /// of `now`.
    #[must_use]
    pub fn new(hint: Hint, now: UnixTime) -> Self {
        let stage = match hint.asked {
            Asked::Names => Stage::Chosen(Lines::new(Dialect::Names, &hint, now)),
            Asked::Facts | Asked::List => Stage::Choosing { lines: Vec::new(), octets: 0 },
        };
        let report = Report::default();
        Self {
            hint,
            now,
            coding: Coding::default(),
            partial: Vec::new(),
            overlong: false,
            stage,
            report,
        }
    }

    /// Takes octets of the data connection and appends the entries they complete to `out`. The
    /// first entries come with the 64th line, or at the end.
    pub fn feed(&mut self, octets: &[u8], out: &mut Vec<ListedEntry>) {
        let octets = self.coding.take(octets);
        self.lines(&octets, out);
    }

    /// Takes octets as they are to be read.
    fn lines(&mut self, octets: &[u8], out: &mut Vec<ListedEntry>) {
        let mut rest = octets;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, tail) = rest.split_at(end);
            rest = tail.get(1..).unwrap_or_default();
            if self.partial.is_empty() && !self.overlong {
                self.line(line, out);
            } else {
                self.keep(line);
                self.end_partial(out);
            }
        }
        self.keep(rest);
    }

    /// Takes the end of the data connection.
    #[must_use]
    pub fn finish(mut self, out: &mut Vec<ListedEntry>) -> Report {
        let left = self.coding.finish();
        self.lines(&left, out);
        if !self.partial.is_empty() || self.overlong {
            self.report.unterminated = true;
            self.end_partial(out);
        }
        self.choose(out);
        if let Stage::Chosen(lines) = &mut self.stage {
            lines.finish(&mut |read, line| account(read, line, &self.hint, &mut self.report, out));
        }
        self.report
    }

    /// Keeps a part of a line, as far as it may be long.
    fn keep(&mut self, part: &[u8]) {
        // A line end may still follow that does not count.
        let room = (LINE_MAX + 1).saturating_sub(self.partial.len());
        let fits = part.get(..room).unwrap_or(part);
        self.partial.extend_from_slice(fits);
        self.overlong |= part.len() > room;
    }

    fn end_partial(&mut self, out: &mut Vec<ListedEntry>) {
        let mut line = core::mem::take(&mut self.partial);
        if core::mem::take(&mut self.overlong) {
            self.report.lines = self.report.lines.saturating_add(1);
            self.report.note_unparsed(&line);
        } else {
            self.line(&line, out);
        }
        line.clear();
        self.partial = line;
    }

    /// Takes a line without its line feed.
    fn line(&mut self, line: &[u8], out: &mut Vec<ListedEntry>) {
        self.report.lines = self.report.lines.saturating_add(1);
        // Some send two carriage returns.
        let returns = line.iter().rev().take_while(|b| **b == b'\r').count();
        let line = line.get(..line.len() - returns).unwrap_or_default();
        if line.len() > LINE_MAX {
            self.report.note_unparsed(line);
            return;
        }
        if line.iter().all(|b| is_blank(*b)) || (self.hint.asked == Asked::List && is_total(line)) {
            self.report.ignored = self.report.ignored.saturating_add(1);
            return;
        }
        match &mut self.stage {
            Stage::Choosing { lines, octets } => {
                *octets += line.len();
                lines.push(line.to_vec());
                if lines.len() >= FIRST_LINES || *octets >= FIRST_OCTETS {
                    self.choose(out);
                }
            }
            Stage::Chosen(lines) => {
                let report = &mut self.report;
                lines.line(line, &mut |read, line| account(read, line, &self.hint, report, out));
            }
        }
    }

    /// Chooses the dialect, if that is still to be done, and reads the lines that were kept.
    fn choose(&mut self, out: &mut Vec<ListedEntry>) {
        let Stage::Choosing { lines: first, .. } = &mut self.stage else {
            return;
        };
        let first = core::mem::take(first);
        let (mut chosen, understood) = choose(&first, &self.hint, self.now);
        self.report.dialect = understood.then_some(chosen.dialect);
        for line in &first {
            let report = &mut self.report;
            chosen.line(line, &mut |read, line| account(read, line, &self.hint, report, out));
        }
        self.stage = Stage::Chosen(chosen);
    }
}

/// Counts what became of a line and gives out its entry.
fn account(
    read: Outcome<'_>,
    line: &[u8],
    hint: &Hint,
    report: &mut Report,
    out: &mut Vec<ListedEntry>,
) {
    let (raw, dialect) = match read {
        Outcome::Entry(raw, dialect) => (raw, dialect),
        Outcome::Joined => {
            report.joined = report.joined.saturating_add(1);
            return;
        }
        Outcome::Junk => {
            report.ignored = report.ignored.saturating_add(1);
            return;
        }
        Outcome::Unparsed => {
            report.note_unparsed(line);
            return;
        }
    };
    let backslash = dialect.backslash_separates() || hint.system.backslash_separates();
    match judge(raw.name, backslash) {
        Verdict::Good => {
            report.dialect = Some(dialect);
            report.parsed = report.parsed.saturating_add(1);
            out.push(raw.into_entry());
        }
        Verdict::Dots => {
            report.ignored = report.ignored.saturating_add(1);
            report.dots = report.dots.saturating_add(1);
        }
        Verdict::Refused => report.note_refused(raw.name),
    }
}

/// What became of a line, its continuation taken into account.
#[allow(clippy::large_enum_variant, reason = "lives only until its line has been taken apart")]
enum Outcome<'a> {
    Entry(Raw<'a>, Dialect),
    /// The line went on in the one that is told of next.
    Joined,
    Junk,
    Unparsed,
}

/// Lines read in one dialect.
#[derive(Debug)]
struct Lines {
    dialect: Dialect,
    context: Context,
    /// A line that may go on in the next one.
    half: Vec<u8>,
    has_half: bool,
}

impl Lines {
    fn new(dialect: Dialect, hint: &Hint, now: UnixTime) -> Self {
        let context = Context::new(hint.asked, now);
        Self { dialect, context, half: Vec::new(), has_half: false }
    }

    fn line(&mut self, line: &[u8], sink: &mut impl FnMut(Outcome<'_>, &[u8])) {
        if self.has_half {
            let half = self.half.len();
            if line.first().is_some_and(|b| is_blank(*b)) {
                self.half.extend_from_slice(line);
                let whole = match self.dialect.read(&self.half, &mut self.context) {
                    Read::Entry(raw) => Some(Outcome::Entry(raw, self.dialect)),
                    Read::Junk => Some(Outcome::Junk),
                    Read::Half(_) | Read::Unparsed => None,
                };
                if let Some(whole) = whole {
                    self.has_half = false;
                    sink(Outcome::Joined, &[]);
                    sink(whole, &self.half);
                    return;
                }
                self.half.truncate(half);
            }
            self.finish(sink);
        }
        let outcome = match self.dialect.read(line, &mut self.context) {
            Read::Entry(raw) => Outcome::Entry(raw, self.dialect),
            Read::Junk => Outcome::Junk,
            Read::Unparsed => Outcome::Unparsed,
            Read::Half(_) => {
                self.half.clear();
                self.half.extend_from_slice(line);
                self.has_half = true;
                return;
            }
        };
        sink(outcome, line);
    }

    /// Nothing continues the line that might go on.
    fn finish(&mut self, sink: &mut impl FnMut(Outcome<'_>, &[u8])) {
        if !core::mem::take(&mut self.has_half) {
            return;
        }
        match self.dialect.read(&self.half, &mut self.context) {
            // An older version of the entry before.
            Read::Half(raw) if raw.name == self.context.before => sink(Outcome::Junk, &self.half),
            Read::Half(raw) | Read::Entry(raw) => {
                self.context.before.clear();
                self.context.before.extend_from_slice(raw.name);
                sink(Outcome::Entry(raw, self.dialect), &self.half);
            }
            Read::Junk => sink(Outcome::Junk, &self.half),
            Read::Unparsed => sink(Outcome::Unparsed, &self.half),
        }
    }
}

/// The dialect that fails on the fewest of the first lines, the likelier one if several do, and
/// whether it understands any.
fn choose(first: &[Vec<u8>], hint: &Hint, now: UnixTime) -> (Lines, bool) {
    let preferred = match hint.asked {
        Asked::Facts => &[Dialect::Facts],
        Asked::List | Asked::Names => Dialect::of_system(hint.system),
    };
    let others = Dialect::TRIED.iter().filter(|dialect| !preferred.contains(dialect));
    let mut best: Option<(Trial, Lines)> = None;
    for dialect in preferred.iter().chain(others) {
        let (trial, lines) = Trial::run(*dialect, first, hint, now);
        if best.as_ref().is_none_or(|(least, _)| trial.beats(least)) {
            best = Some((trial, lines));
        }
        if trial.failed == 0 {
            break;
        }
    }
    let names_too = hint.asked == Asked::List;
    if best.as_ref().is_none_or(|(trial, _)| names_too && trial.entries == 0) {
        let (trial, lines) = Trial::run(Dialect::Names, first, hint, now);
        if best.as_ref().is_none_or(|(least, _)| trial.beats(least)) {
            best = Some((trial, lines));
        }
    }
    best.map_or_else(
        || (Lines::new(Dialect::Names, hint, now), false),
        |(trial, lines)| (lines, trial.failed < first.len()),
    )
}

/// How well a dialect fits.
#[derive(Debug, Clone, Copy)]
struct Trial {
    entries: usize,
    failed: usize,
}

impl Trial {
    /// Lets a dialect read the lines, and keeps what it has learned about all of them.
    fn run(dialect: Dialect, first: &[Vec<u8>], hint: &Hint, now: UnixTime) -> (Self, Lines) {
        let mut trial = Self { entries: 0, failed: 0 };
        let mut lines = Lines::new(dialect, hint, now);
        let mut count = |outcome: Outcome<'_>, _: &[u8]| match outcome {
            Outcome::Entry(..) => trial.entries += 1,
            Outcome::Unparsed => trial.failed += 1,
            Outcome::Joined | Outcome::Junk => {}
        };
        for line in first {
            lines.line(line, &mut count);
        }
        lines.finish(&mut count);
        lines.context.before.clear();
        (trial, lines)
    }

    /// Whether it fails on fewer lines, or on as many but finds entries: what one dialect takes
    /// for a rule between columns may be a file called `---`.
    fn beats(&self, other: &Self) -> bool {
        (self.failed, self.entries == 0) < (other.failed, other.entries == 0)
    }
}

/// `total 12`, in the languages of `ls`.
fn is_total(line: &[u8]) -> bool {
    const WORDS: [&str; 15] = [
        "total",
        "totale",
        "totaal",
        "totalt",
        "insgesamt",
        "gesamt",
        "razem",
        "celkem",
        "yhteensä",
        "összesen",
        "итого",
        "всего",
        "合計",
        "总用量",
        "總計",
    ];
    let columns = super::columns::Columns::of(line);
    let word = columns.get(0).unwrap_or_default();
    let word = word.strip_suffix(b":").unwrap_or(word);
    let known = WORDS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word));
    let count = columns.last(1).unwrap_or_default();
    let is_count = count.iter().all(|b| b.is_ascii_digit() || b".,KMGTkmgt".contains(b));
    known && is_count && count.first().is_some_and(u8::is_ascii_digit)
}
