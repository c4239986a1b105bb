//! The clock of a program that measures.

use std::time::Instant;

/// Now.
#[allow(clippy::disallowed_methods, reason = "measuring time is what this program does")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
