//! What servers cannot do, and how that shows.

use interop::servers::{Kind, Tls};

/// What must be in the report of the failure, and the fact behind it.
type Limit = (&'static str, &'static str);

/// What is known to fail.
pub(super) fn of(kind: Kind, tls: Tls, scenario: &str) -> Option<Limit> {
    match (kind, tls, scenario) {
        _ => None,
    }
}
