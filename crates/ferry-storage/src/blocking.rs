//! Where system calls run that may wait for a disk or a file server: on the blocking pool of tokio,
//! or at once on a thread whose owner says that it may wait.

use std::cell::Cell;
use std::io;

use crate::FsError;

thread_local! {
    static MAY_WAIT: Cell<bool> = const { Cell::new(false) };
    static HOPS: Cell<u64> = const { Cell::new(0) };
}

/// Runs `f` on a thread that may wait: what storages of this crate ask of the system within it
/// happens at once instead of on the blocking pool.
///
/// For a future, `f` is one poll of it. A thread of an async runtime may not wait; one of its
/// blocking pool may, and saves two wake-ups per call of a storage, which for small files is more
/// than the call itself.
///
/// ```
/// use ferry_storage::blocking;
///
/// assert!(blocking::allowed(blocking::is_allowed));
/// assert!(!blocking::is_allowed());
/// ```
pub fn allowed<T>(f: impl FnOnce() -> T) -> T {
    /// What held before holds again, also behind a panic.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            MAY_WAIT.set(self.0);
        }
    }
    let _before = Before(MAY_WAIT.replace(true));
    f()
}

/// Whether this thread may wait now.
#[must_use]
pub fn is_allowed() -> bool {
    MAY_WAIT.get()
}

/// How many jobs this thread has given to the blocking pool for storages of this crate, to tell
/// whether work is worth a thread of its own.
#[must_use]
pub fn hops() -> u64 {
    HOPS.get()
}

/// Runs `job` where it may wait. It is never torn: dropping the future does not stop it.
pub(crate) async fn hop<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, FsError> + Send + 'static,
) -> Result<T, FsError> {
    if is_allowed() {
        return job();
    }
    HOPS.set(HOPS.get().wrapping_add(1));
    match tokio::task::spawn_blocking(job).await {
        Ok(done) => done,
        Err(e) => Err(FsError::Io(io::Error::other(e))),
    }
}
