//! One file from a storage to another: resumed, limited, tried again, checked.
//!
//! [`copy_file`] is all that most callers need. Dropping its future stops the copy where it is:
//! a partial file stays for the next time, a whole one is never replaced by half of another
//! (unless [`Placing::Final`] asks for that).

mod attempt;
mod check;
mod digest;
mod direct;
mod options;
mod partial;
mod pump;
mod ranged;
#[cfg(test)]
mod ranged_tests;
pub mod rate;
mod reader;
mod retry;
mod segments;
mod straight;
#[cfg(test)]
mod tests;

use ferry_proto::path::FtpPath;
use ferry_storage::Storage;

use crate::error::Result;
pub use digest::{digest, same_content};
pub(crate) use options::Job;
pub use options::{Copied, CopyOptions, Known, Placing, Progress, Resume, Segments, Step};
pub use partial::partial_of;
pub(crate) use partial::stem;
pub use rate::{Limiter, Timetable};
pub(crate) use retry::Attempts;
pub use retry::{Retry, may_pass, of_storage};

/// Copies one regular file.
///
/// # Errors
/// What the storages say, after as many attempts as [`CopyOptions::retry`] allows for failures
/// that may pass; [`ErrorKind::Truncated`](crate::ErrorKind::Truncated) when less came than the
/// source had, [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) when the digests differ in the
/// end or what is there may not be continued.
pub async fn copy_file(
    from: &dyn Storage,
    from_path: &FtpPath,
    to: &dyn Storage,
    to_path: &FtpPath,
    options: &CopyOptions,
    progress: &dyn Progress,
) -> Result<Copied> {
    let job = Job { from, from_path, to, to_path, options, progress };
    Box::pin(attempt::run(&job, Known::default())).await
}

/// As [`copy_file`], for who has just listed both places.
///
/// # Errors
/// As [`copy_file`].
pub async fn copy_known(
    (from, from_path): (&dyn Storage, &FtpPath),
    (to, to_path): (&dyn Storage, &FtpPath),
    known: Known,
    options: &CopyOptions,
    progress: &dyn Progress,
) -> Result<Copied> {
    let job = Job { from, from_path, to, to_path, options, progress };
    Box::pin(attempt::run(&job, known)).await
}
