//! One cell of the comparison: what is moved, which way, how secured, how far, from whom.

use std::fmt;

/// What is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// A tree of many files of 4 KiB.
    Small,
    /// One large file.
    Large,
}

/// Which way, seen from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Down,
    Up,
}

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Vsftpd,
    Ferryd,
}

/// All of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    pub(crate) direction: Direction,
    pub(crate) tls: bool,
    pub(crate) rtt_ms: u64,
    pub(crate) server: Server,
}

impl Cell {
    /// Every cell for these round trips, so ordered that what runs on one server stands together.
    pub(crate) fn all(rtts_ms: &[u64]) -> Vec<Self> {
        let mut cells = Vec::new();
        for &rtt_ms in rtts_ms {
            for server in [Server::Vsftpd, Server::Ferryd] {
                for work in [Work::Small, Work::Large] {
                    for tls in [false, true] {
                        for direction in [Direction::Down, Direction::Up] {
                            cells.push(Self { work, direction, tls, rtt_ms, server });
                        }
                    }
                }
            }
        }
        cells
    }

    /// Whether it is meant by one of `filters`, each a list of words that all stand in its name.
    pub(crate) fn meant(&self, filters: &[String]) -> bool {
        let name = self.to_string();
        let has = |word: &str| name.split(' ').any(|own| own == word);
        filters.is_empty() || filters.iter().any(|filter| filter.split([' ', ',', '-']).all(has))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let work = match self.work {
            Work::Small => "small",
            Work::Large => "large",
        };
        let direction = match self.direction {
            Direction::Down => "down",
            Direction::Up => "up",
        };
        let security = if self.tls { "tls" } else { "plain" };
        write!(f, "{work} {direction} {security} {}ms {}", self.rtt_ms, self.server)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vsftpd => "vsftpd",
            Self::Ferryd => "ferryd",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_pick_cells_by_their_words() {
        let count = |filters: &[&str]| {
            let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
            Cell::all(&[0, 50]).iter().filter(|cell| cell.meant(&filters)).count()
        };
        assert_eq!(count(&[]), 32);
        assert_eq!(count(&["small"]), 16);
        assert_eq!(count(&["small 50ms", "large,0ms"]), 16);
        assert_eq!(count(&["small-down-plain-50ms-vsftpd"]), 1);
        assert_eq!(count(&["smal"]), 0);
    }
}
