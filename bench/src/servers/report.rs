//! The page: where and with what, how `ferryd` stands with its targets, a table for each figure.

use std::fmt::Write as _;

use super::results::{Figure, OURS};
use super::targets::{number, standings};
use crate::machine;

/// The head of the page.
pub(super) fn about(quick: bool) -> String {
    let mut text = format!(
        "# FTP servers side by side\n\n\
         All were driven by one load generator on the same machine, by turns, over loopback, with\n\
         the same files in memory; TLS is 1.3 with AES-128-GCM. Processor time is that of all\n\
         processes of a server, as the kernel counts it.\n\
         Each number is the median of all runs, the least and the most behind it.\n\n\
         {}- ferryd: {}\n\
         - Passwords: argon2id at a small cost with ferryd, SHA-512 crypt with ProFTPD and\n  \
         Pure-FTPd, plain text with pyftpdlib, any with vsftpd\n",
        machine::facts(),
        machine::ferryd(),
    );
    if quick {
        text += "- A quick run, to see whether all works: its numbers mean little\n";
    }
    text
}

/// The whole page.
pub(super) fn page(about: &str, figures: &[Figure]) -> String {
    let mut text = about.to_owned();
    text += "\n## Targets\n\nHow many times the bound is missed: 1 and less is kept.\n\n\
             | figure | what | ferryd | bound | missed |\n|---|---|--:|--:|--:|\n";
    for standing in standings(figures) {
        let sign = if standing.quantity.more_is_better { "≥" } else { "≤" };
        let mut bound = format!("{sign} {}", number(standing.bound));
        if !standing.from.is_empty() {
            let _ = write!(bound, " ({})", standing.from);
        }
        let mark = if standing.missed > 1.0 { "**" } else { "" };
        let _ = writeln!(
            text,
            "| {} | {}, {} | {} | {bound} | {mark}{:.2}{mark} |",
            standing.figure,
            standing.quantity.name,
            standing.quantity.unit,
            number(standing.ours),
            standing.missed
        );
    }
    for figure in figures {
        text += "\n";
        text += &table(figure);
    }
    text
}

/// One figure.
pub(super) fn table(figure: &Figure) -> String {
    let quantities = figure.quantities();
    let mut text = format!("## {}\n\n| who |", figure.name);
    for quantity in &quantities {
        let _ = write!(text, " {}, {} |", quantity.name, quantity.unit);
    }
    // Of the first quantity only: it is what the figure is about.
    let ours = quantities.first().and_then(|quantity| figure.of(OURS, quantity.name));
    let compared = ours.filter(|ours| *ours > 0.0 && figure.rows.len() > 1);
    text += if compared.is_some() { " / ferryd's |" } else { "" };
    text += " remarks |\n|---|";
    text += &"--:|".repeat(quantities.len() + usize::from(compared.is_some()));
    text += "---|\n";
    for row in &figure.rows {
        let _ = write!(text, "| {} |", row.who);
        for quantity in &quantities {
            let cell = row.spread(quantity.name).map_or_else(
                || "—".to_owned(),
                |spread| {
                    let (least, most) = (number(spread.least), number(spread.most));
                    let median = number(spread.median);
                    if least == most { median } else { format!("{median} ({least}–{most})") }
                },
            );
            let _ = write!(text, " {cell} |");
        }
        if let (Some(ours), Some(quantity)) = (compared, quantities.first()) {
            let own = row.spread(quantity.name).map(|spread| spread.median / ours);
            let ratio = own.map_or_else(|| "—".to_owned(), |ratio| format!("{ratio:.2}"));
            let _ = write!(text, " {ratio} |");
        }
        let _ = writeln!(text, " {} |", row.note);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{COST, figure};
    use super::*;

    #[test]
    fn a_page_has_the_targets_first_and_ratios_to_ours() {
        let rows: [(&str, &[f64]); 4] =
            [(OURS, &[0.5, 0.4, 0.6]), ("vsftpd", &[1.0]), ("x", &[]), ("bare splice", &[0.25])];
        let mut figures = [figure("stor plain 1", &COST, &rows)];
        figures[0].rows[2].note = "530 no".to_owned();
        let page = page("# about\n", &figures);
        for expected in [
            "| stor plain 1 | CPU per GiB, s | 0.500 | ≤ 0.275 (1.1 × bare splice's 0.250) |",
            "| **1.82** |",
            "| ferryd | 0.500 (0.400–0.600) | 1.00 |  |",
            "| vsftpd | 1.00 | 2.00 |  |",
            "| x | — | — | 530 no |",
            "| bare splice | 0.250 | 0.50 |  |",
        ] {
            assert!(page.contains(expected), "{expected}\n{page}");
        }
    }
}
