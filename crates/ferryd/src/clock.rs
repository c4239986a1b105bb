//! The time of day, read where it may be read: at the edge of the program.

use std::time::{SystemTime, UNIX_EPOCH};

use ferry_proto::date::UnixTime;
use ferry_server::WallClock;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemClock;

impl WallClock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the driver that hands time to the rest")]
    fn now(&self) -> UnixTime {
        // A clock before 1970 is not set at all; 1970 is as wrong as anything else then.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixTime {
            secs: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            nanos: since.subsec_nanos(),
        }
    }

    /// Of the day here, where the system knows where that is.
    #[allow(clippy::disallowed_methods, reason = "this is the driver that hands time to the rest")]
    fn second_of_day(&self) -> u32 {
        let now = jiff::Zoned::now();
        let of_day = (i32::from(now.hour()) * 60 + i32::from(now.minute())) * 60;
        u32::try_from(of_day + i32::from(now.second())).unwrap_or(0)
    }
}
