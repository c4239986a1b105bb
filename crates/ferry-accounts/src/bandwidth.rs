//! How fast the octets of an account may go. Keeping to it is the server's work.

use ferry_proto::rate::Timetable;

/// Rates each way, as the client calls the ways; `None` where nothing is said, which leaves it to
/// whoever says something more general.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Rates {
    /// From the server: files and listings.
    pub download: Option<Timetable>,
    /// To the server.
    pub upload: Option<Timetable>,
}

/// How fast octets may go over the data connections of an account.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Bandwidth {
    /// Over those of all its sessions together.
    pub in_all: Rates,
    /// Over each by itself.
    pub transfer: Rates,
}
