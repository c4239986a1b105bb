//! What is worth trying again, and after how long.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferry_storage::FsError;

use crate::error::{Error, ErrorKind};

/// The first wait.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait.
const CAP: Duration = Duration::from_secs(30);

/// After so much progress, failures are counted anew: a connection that breaks once an hour is no
/// reason to give up a transfer that takes a day.
const PROGRESS: u64 = 8 << 20;

/// How often, and with what chance.
#[derive(Clone)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with ..Retry::default()")]
pub struct Retry {
    /// The most attempts after the first without 8 MiB of progress between them.
    pub retries: u32,
    /// Numbers from 0 up to 1, by which waits differ, so that many who failed together do not
    /// come back together.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { retries: 4, jitter: Arc::new(chance) }
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry").field("retries", &self.retries).finish_non_exhaustive()
    }
}

/// Every new `RandomState` is keyed anew; good enough to spread waits, and no dependency.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 40;
    f64::from(u32::try_from(bits).unwrap_or(0)) / f64::from(1u32 << 24)
}

/// The failures of one operation so far.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    retry: &'a Retry,
    failed: u32,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(retry: &'a Retry) -> Self {
        Self { retry, failed: 0 }
    }

    /// How long to wait before the next attempt, after one that failed so when it had moved
    /// `progress` octets; [`None`] to give up.
    pub(crate) fn after(&mut self, error: &Error, progress: u64) -> Option<Duration> {
        self.wait(error.may_pass(), progress)
    }

    /// The same after a failure that may pass or not.
    pub(crate) fn wait(&mut self, may_pass: bool, progress: u64) -> Option<Duration> {
        if progress >= PROGRESS {
            self.failed = 0;
        }
        if !may_pass || self.failed >= self.retry.retries {
            return None;
        }
        let doubled = FIRST.saturating_mul(1u32.checked_shl(self.failed).unwrap_or(u32::MAX));
        self.failed += 1;
        let spread = 1.0 + (self.retry.jitter)().clamp(0.0, 1.0) / 4.0;
        Some(doubled.min(CAP).mul_f64(spread).min(CAP))
    }
}

/// The same failure as an error of this crate, with what was being done. An error of this crate
/// that a remote storage put into [`FsError::Io`] comes out again as it was.
#[must_use]
pub fn of_storage(error: FsError, doing: &str) -> Error {
    let kind = match &error {
        FsError::NotFound => ErrorKind::NotFound,
        FsError::Denied | FsError::NeedsAccount => ErrorKind::Denied,
        FsError::Exists | FsError::NotFile | FsError::NotDir => ErrorKind::Exists,
        FsError::NotEmpty => ErrorKind::NotEmpty,
        FsError::BadName => ErrorKind::BadName,
        FsError::NoSpace | FsError::Quota => ErrorKind::NoSpace,
        FsError::Unsupported => ErrorKind::Unsupported,
        FsError::Busy => ErrorKind::Busy,
        FsError::BadOffset => ErrorKind::Mismatch,
        FsError::Io(e) => of_io(e),
        _ => ErrorKind::Refused,
    };
    let FsError::Io(inner) = error else {
        return Error::new(kind, format!("{doing}: {error}"));
    };
    let ours = |e: &(dyn std::error::Error + Send + Sync + 'static)| e.is::<Error>();
    if !inner.get_ref().is_some_and(ours) {
        return Error::new(kind, format!("{doing}: {inner}")).with_source(inner);
    }
    match inner.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Error>) {
        Some(Ok(error)) => *error,
        _ => Error::new(kind, doing),
    }
}

fn of_io(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::TimedOut => ErrorKind::Timeout,
        Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::NotConnected
        | Io::BrokenPipe
        | Io::UnexpectedEof => ErrorKind::Closed,
        Io::Interrupted | Io::WouldBlock | Io::ResourceBusy => ErrorKind::Busy,
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::NoSpace,
        _ => ErrorKind::Local,
    }
}

/// Whether the same operation on the storage may succeed when tried again.
#[must_use]
pub fn may_pass(error: &FsError) -> bool {
    match error {
        FsError::Busy => true,
        FsError::Io(e) => match e.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => error.may_pass(),
            None => Error::new(of_io(e), "").may_pass(),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Error {
        of_storage(FsError::Busy, "storing")
    }

    #[test]
    fn waits_double_up_to_half_a_minute_and_start_anew_after_progress() {
        let retry = Retry { retries: 8, jitter: Arc::new(|| 0.0) };
        let mut attempts = Attempts::new(&retry);
        let mut waits = Vec::new();
        while let Some(wait) = attempts.after(&busy(), 0) {
            waits.push(wait.as_millis());
        }
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(attempts.after(&busy(), PROGRESS - 1), None);
        assert_eq!(attempts.after(&busy(), PROGRESS), Some(FIRST));
    }

    #[test]
    fn chance_lengthens_a_wait_by_at_most_a_quarter() {
        let retry = Retry { retries: 1, jitter: Arc::new(|| 1.0) };
        let wait = Attempts::new(&retry).after(&busy(), 0);
        assert_eq!(wait, Some(Duration::from_millis(625)));
        assert!((0..100).map(|_| chance()).all(|c| (0.0..1.0).contains(&c)));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let remote = |kind| FsError::Io(io::Error::other(Error::new(kind, "x")));
        let cases = [
            (FsError::Busy, true),
            (FsError::NotFound, false),
            (FsError::NoSpace, false),
            (FsError::Io(io::ErrorKind::ConnectionReset.into()), true),
            (FsError::Io(io::ErrorKind::TimedOut.into()), true),
            (FsError::Io(io::Error::other("disk on fire")), false),
            (remote(ErrorKind::TooMany), true),
            (remote(ErrorKind::Refused), false),
        ];
        for (error, want) in cases {
            assert_eq!(may_pass(&error), want, "{error:?}");
            assert_eq!(of_storage(error, "").may_pass(), want);
        }
    }

    #[test]
    fn an_error_of_a_server_comes_out_of_a_storage_as_it_was() {
        let error = Error::new(ErrorKind::TooMany, "enough");
        let error = of_storage(FsError::from(error), "reading");
        assert_eq!(error.kind(), ErrorKind::TooMany);
        assert_eq!(error.to_string(), "enough");
    }
}
