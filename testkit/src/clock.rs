//! A wall clock that stands still, so that what is said of times is the same whenever a test runs.

use ferry_proto::date::UnixTime;
use ferry_server::WallClock;

/// It is always then.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "a time and nothing else")]
pub struct StoppedClock(pub UnixTime);

impl WallClock for StoppedClock {
    fn now(&self) -> UnixTime {
        self.0
    }
}
