//! What is asked of `ferryd`, each against a floor or the best other server of the same run.

use super::cell::Quantity;
use super::openssl;
use super::results::{Figure, OURS};

/// What a target is a multiple of.
#[derive(Debug, Clone, Copy)]
enum Of {
    /// The best of the floors in the same figure.
    Floor,
    /// That floor in the same figure.
    FloorCalled(&'static str),
    /// The best other server in the same figure.
    Peer,
    /// The best other server in that figure.
    PeerIn(&'static str),
    /// A number by itself.
    One,
}

/// One target: figures whose names begin so, a quantity, and the bound.
#[derive(Debug)]
struct Target {
    figures: &'static str,
    quantity: &'static str,
    factor: f64,
    of: Of,
}

/// How it stands with a target.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    pub(super) figure: &'a str,
    pub(super) quantity: &'static Quantity,
    pub(super) ours: f64,
    /// The bound, and where it comes from.
    pub(super) bound: f64,
    pub(super) from: String,
    /// By how many times the bound is missed; 1 and less is none.
    pub(super) missed: f64,
}

const fn target(figures: &'static str, quantity: &'static str, factor: f64, of: Of) -> Target {
    Target { figures, quantity, factor, of }
}

const TARGETS: &[Target] = &[
    target("retr plain", "CPU per GiB", 1.05, Of::Floor),
    target("stor plain", "CPU per GiB", 1.1, Of::Floor),
    target("retr tls", "CPU per GiB", 0.9, Of::FloorCalled(openssl::NAME)),
    target("stor tls", "CPU per GiB", 0.75, Of::FloorCalled(openssl::NAME)),
    target("small get plain", "CPU per file", 60.0, Of::One),
    target("small put plain", "CPU per file", 60.0, Of::One),
    target("small get tls", "CPU per file", 300.0, Of::One),
    target("small put tls", "CPU per file", 300.0, Of::One),
    target("small get plain 1 pipelined", "rate", 10.0, Of::PeerIn("small get plain 1")),
    target("small put plain 1 pipelined", "rate", 10.0, Of::PeerIn("small put plain 1")),
    target("small get tls 1 pipelined", "rate", 30.0, Of::PeerIn("small get tls 1")),
    target("small put tls 1 pipelined", "rate", 30.0, Of::PeerIn("small put tls 1")),
    target("list", "time", 0.5, Of::Peer),
    target("list", "first octet", 5.0, Of::One),
    target("mlsd", "time", 0.5, Of::Peer),
    target("mlsd", "first octet", 5.0, Of::One),
    target("noop plain pipelined", "rate", 3.0, Of::Peer),
    target("login", "rate", 1.0, Of::Peer),
    target("idle plain", "of its processes", 1536.0, Of::One),
    target("idle tls", "of its processes", 9216.0, Of::One),
];

/// All that can be told from `figures`.
pub(super) fn standings(figures: &[Figure]) -> Vec<Standing<'_>> {
    let mut all = Vec::new();
    for figure in figures {
        let of_figure = TARGETS.iter().filter(|target| figure.name.starts_with(target.figures));
        all.extend(of_figure.filter_map(|target| target.standing(figure, figures)));
    }
    all
}

impl Target {
    fn standing<'a>(&self, figure: &'a Figure, all: &[Figure]) -> Option<Standing<'a>> {
        let quantity = figure.quantities().into_iter().find(|q| q.name == self.quantity)?;
        let ours = figure.of(OURS, quantity.name)?;
        let named = |name: &str| all.iter().find(|figure| figure.name == name);
        let (one, from) = match self.of {
            Of::One => (1.0, String::new()),
            Of::Peer => {
                let (who, best) = figure.best_peer(quantity)?;
                (best, format!(" × {who}'s {}", number(best)))
            }
            Of::PeerIn(name) => {
                let (who, best) = named(name)?.best_peer(quantity)?;
                (best, format!(" × {who}'s {} in `{name}`", number(best)))
            }
            Of::FloorCalled(name) => {
                let floor = figure.of(name, quantity.name)?;
                (floor, format!(" × {name}'s {}", number(floor)))
            }
            Of::Floor => {
                let (name, floor) = figure.best_floor(quantity)?;
                (floor, format!(" × {name}'s {}", number(floor)))
            }
        };
        let bound = self.factor * one;
        let missed = if quantity.more_is_better { bound / ours } else { ours / bound };
        let from = if from.is_empty() { from } else { format!("{}{from}", self.factor) };
        Some(Standing { figure: &figure.name, quantity, ours, bound, from, missed })
    }
}

/// With three digits that matter.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 {
        "0".to_owned()
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::{COST, PACE, figure};
    use super::*;

    #[test]
    fn targets_are_multiples_of_the_best_floor_or_server_of_the_same_run() {
        let stored: [(&str, &[f64]); 4] = [
            (OURS, &[0.88]),
            ("vsftpd", &[0.1]),
            ("bare splice", &[0.5]),
            ("bare read and write", &[0.4]),
        ];
        let figures = [
            figure("stor plain 1", &COST, &stored),
            figure("small get plain 1", &PACE, &[("vsftpd", &[10.0]), ("proftpd", &[20.0])]),
            figure("small get plain 1 pipelined", &PACE, &[(OURS, &[400.0])]),
        ];
        let standings = standings(&figures);
        let [stored, small] = standings.as_slice() else { panic!("{standings:?}") };
        assert_eq!(stored.from, "1.1 × bare read and write's 0.400");
        assert!((stored.missed - 2.0).abs() < 1e-9, "{stored:?}");
        assert_eq!(small.from, "10 × proftpd's 20.0 in `small get plain 1`");
        assert!((small.missed - 0.5).abs() < 1e-9, "{small:?}");
    }

    #[test]
    fn what_was_not_measured_is_no_target() {
        let alone = [figure("stor plain 1", &COST, &[(OURS, &[0.88])])];
        assert!(standings(&alone).is_empty());
    }
}
