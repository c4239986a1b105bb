//! Points in time as FTP writes them, and the civil-calendar arithmetic they need.
//!
//! No clock is read here: whoever formats a listing passes `now`.

/// A point in time: seconds since 1970-01-01T00:00:00Z and nanoseconds within that second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
#[allow(clippy::exhaustive_structs, reason = "a number with a fraction; nothing will be added")]
pub struct UnixTime {
    /// Whole seconds, negative before 1970.
    pub secs: i64,
    /// Nanoseconds past `secs`, 0–999,999,999.
    pub nanos: u32,
}

impl UnixTime {
    /// A whole second.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self { secs, nanos: 0 }
    }
}
