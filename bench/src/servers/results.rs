//! What was measured: for each figure who did how well in which run.

use super::cell::{Quantity, Values};

/// How our own server is called.
pub(super) const OURS: &str = "ferryd";
/// How the names of rows begin that are no servers.
pub(super) const BARE: &str = "bare ";

/// One who was measured.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) who: String,
    pub(super) runs: Vec<Values>,
    /// Why a run failed.
    pub(super) note: String,
}

/// A figure.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) rows: Vec<Row>,
}

/// Of several runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) least: f64,
    pub(super) median: f64,
    pub(super) most: f64,
}

impl Row {
    /// What all runs make of a quantity, if one has it.
    pub(super) fn spread(&self, of: &str) -> Option<Spread> {
        let values = self.runs.iter().flatten();
        let mut all: Vec<f64> = values.filter(|(q, _)| q.name == of).map(|(_, v)| *v).collect();
        all.sort_by(f64::total_cmp);
        let (least, most) = (*all.first()?, *all.last()?);
        // Of an even number the mean of both in the middle.
        let upper = all.get(all.len() / 2)?;
        let lower = all.get((all.len() - 1) / 2)?;
        Some(Spread { least, median: f64::midpoint(*lower, *upper), most })
    }
}

impl Figure {
    /// The quantities that any row has, in their order.
    pub(super) fn quantities(&self) -> Vec<&'static Quantity> {
        let mut all: Vec<&'static Quantity> = Vec::new();
        for (quantity, _) in self.rows.iter().flat_map(|row| row.runs.iter().flatten()) {
            if !all.contains(quantity) {
                all.push(quantity);
            }
        }
        all
    }

    /// The median of one row.
    pub(super) fn of(&self, who: &str, quantity: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.who == who)?;
        row.spread(quantity).map(|spread| spread.median)
    }

    /// The best other server and its median.
    pub(super) fn best_peer(&self, quantity: &Quantity) -> Option<(&str, f64)> {
        self.best(quantity, |who| who != OURS && !who.starts_with(BARE))
    }

    /// The best floor and its median.
    pub(super) fn best_floor(&self, quantity: &Quantity) -> Option<(&str, f64)> {
        self.best(quantity, |who| who.starts_with(BARE))
    }

    fn best(&self, quantity: &Quantity, among: impl Fn(&str) -> bool) -> Option<(&str, f64)> {
        let rows = self.rows.iter().filter(|row| among(&row.who));
        let medians = rows.filter_map(|row| Some((&*row.who, row.spread(quantity.name)?.median)));
        let least = |(_, a): &(&str, f64), (_, b): &(&str, f64)| a.total_cmp(b);
        if quantity.more_is_better { medians.max_by(least) } else { medians.min_by(least) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const COST: Quantity = Quantity::less("CPU per GiB", "s");
    pub(in super::super) const PACE: Quantity = Quantity::more("rate", "/s");

    pub(in super::super) fn figure(
        name: &str,
        of: &'static Quantity,
        rows: &[(&str, &[f64])],
    ) -> Figure {
        let rows = rows.iter().map(|(who, runs)| Row {
            who: (*who).to_owned(),
            runs: runs.iter().map(|value| vec![(of, *value)]).collect(),
            note: String::new(),
        });
        Figure { name: name.to_owned(), rows: rows.collect() }
    }

    #[test]
    fn the_median_stands_for_all_runs() {
        let figure = figure("x", &COST, &[("a", &[3.0, 1.0, 2.0]), ("b", &[1.0, 4.0]), ("c", &[])]);
        let spread = |n: usize| figure.rows[n].spread("CPU per GiB");
        assert_eq!(spread(0), Some(Spread { least: 1.0, median: 2.0, most: 3.0 }));
        assert_eq!(spread(1), Some(Spread { least: 1.0, median: 2.5, most: 4.0 }));
        assert_eq!(spread(2), None);
    }

    #[test]
    fn neither_ours_nor_a_floor_is_the_best_peer() {
        let rows: [(&str, &[f64]); 4] =
            [(OURS, &[9.0]), ("bare replies", &[90.0]), ("vsftpd", &[2.0]), ("proftpd", &[3.0])];
        assert_eq!(figure("x", &PACE, &rows).best_peer(&PACE), Some(("proftpd", 3.0)));
        assert_eq!(figure("x", &PACE, &rows).best_floor(&PACE), Some(("bare replies", 90.0)));
        assert_eq!(figure("x", &COST, &rows).best_peer(&COST), Some(("vsftpd", 2.0)));
    }
}
