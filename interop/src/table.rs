//! The matrix as it is printed: links down, jobs across, reasons and failures below.

use std::collections::BTreeMap;

/// What became of one cell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Cell {
    /// It worked.
    Ok,
    /// It was left out, for this reason.
    Left(&'static str),
    /// It failed; this is the report.
    Failed(String),
}

/// One client's results.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    /// Adds the results of one link.
    pub fn row(&mut self, name: &str, cells: Vec<Cell>) {
        self.rows.push((name.to_owned(), cells));
    }

    /// How many cells worked, were left out, failed.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Cell) -> bool| self.cells().filter(|cell| is(cell)).count();
        (
            count(|cell| matches!(cell, Cell::Ok)),
            count(|cell| matches!(cell, Cell::Left(_))),
            count(|cell| matches!(cell, Cell::Failed(_))),
        )
    }

    /// The reports of the failures.
    #[must_use]
    pub fn failures(&self) -> String {
        let reports = self.cells().filter_map(|cell| match cell {
            Cell::Failed(report) => Some(report.as_str()),
            Cell::Ok | Cell::Left(_) => None,
        });
        reports.collect::<Vec<_>>().join("\n")
    }

    /// The table as text. Links that are left out as a whole are told by their reason alone.
    #[must_use]
    pub fn print(&self, title: &str, columns: &[&str]) -> String {
        let (ok, left, failed) = self.counts();
        let mut text = format!("\n{title}: {ok} ok, {failed} failed, {left} left out\n{:27}", "");
        for column in columns {
            text.push_str(&format!(" {column:>9}"));
        }
        text.push('\n');
        for (name, cells) in &self.rows {
            if cells.iter().all(|cell| matches!(cell, Cell::Left(_))) {
                continue;
            }
            text.push_str(&format!("  {name:25}"));
            for cell in cells {
                let word = match cell {
                    Cell::Ok => "ok",
                    Cell::Left(_) => "-",
                    Cell::Failed(_) => "FAILED",
                };
                text.push_str(&format!(" {word:>9}"));
            }
            text.push('\n');
        }
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for cell in self.cells() {
            if let Cell::Left(reason) = cell {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        for (reason, count) in reasons {
            text.push_str(&format!("  {count} left out: {reason}\n"));
        }
        text
    }

    fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.rows.iter().flat_map(|(_, cells)| cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_and_what_was_left_out_is_told() {
        let mut table = Table::default();
        table.row("one way", vec![Cell::Ok, Cell::Left("no such thing")]);
        table.row("another", vec![Cell::Failed("the report".into()), Cell::Ok]);
        table.row("a third", vec![Cell::Left("no way"), Cell::Left("no way")]);
        assert_eq!(table.counts(), (2, 3, 1));
        assert_eq!(table.failures(), "the report");
        let text = table.print("someone", &["get", "put"]);
        assert!(text.contains("one way") && text.contains("FAILED"), "{text}");
        assert!(text.contains("1 left out: no such thing"), "{text}");
        assert!(text.contains("2 left out: no way") && !text.contains("a third"), "{text}");
    }
}
