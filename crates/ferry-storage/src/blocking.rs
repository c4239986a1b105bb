//! Where system calls run that may wait for a disk or a file server: on the blocking pool of tokio,
//! or at once on a thread whose owner says that it may wait, or at once where the disk is fast and
//! the process has said that this is enough.

use std::cell::Cell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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

/// How many jobs for storages of this crate this thread has given to the blocking pool, or done
/// because they could not wait, to tell whether work is worth a thread of its own.
#[must_use]
pub fn hops() -> u64 {
    HOPS.get()
}

/// Those of this process.
static PLACES: Places =
    Places { most: AtomicUsize::new(0), taken: AtomicUsize::new(0), doubts: AtomicUsize::new(0) };

/// A job in place that takes longer than this has waited for something.
const LONG: Duration = Duration::from_millis(1);

/// So many jobs go to the pool for each that has. One of them that waits in place costs others a
/// moment, then nothing for a while.
const DOUBTS_MAX: usize = 1000;

/// Lets as many jobs of storages run in place at a time on threads of the async runtime as long as
/// they come back at once, in this process from now on.
///
/// For programs that serve one user, not for servers: where a disk stops answering, a thread of the
/// runtime waits with it, so `at_most` must be less than it has. A small file from a cache takes
/// less time than two wake-ups of threads.
pub fn trust_the_disk(at_most: usize) {
    PLACES.most.store(at_most, Ordering::Relaxed);
}

/// Runs `job` where it may wait. It is never torn: dropping the future does not stop it.
///
/// # Errors
/// The job has panicked, or the runtime is going down.
pub async fn run<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    if is_allowed() {
        return Ok(job());
    }
    if let Some(_one_of_few) = PLACES.enter() {
        return Ok(job());
    }
    HOPS.set(HOPS.get().wrapping_add(1));
    tokio::task::spawn_blocking(job).await.map_err(io::Error::other)
}

/// Room for jobs in place.
#[derive(Debug)]
struct Places {
    /// How many jobs may run in place at a time.
    most: AtomicUsize,
    /// How many do.
    taken: AtomicUsize,
    /// How many of the next jobs go to the pool, since one in place has taken long.
    doubts: AtomicUsize,
}

impl Places {
    fn enter(&self) -> Option<InPlace<'_>> {
        let most = self.most.load(Ordering::Relaxed);
        if most == 0 {
            return None;
        }
        let fewer = |n: usize| n.checked_sub(1);
        if self.doubts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_ok() {
            return None;
        }
        let more = |n: usize| n.checked_add(1).filter(|n| *n <= most);
        #[allow(
            clippy::disallowed_methods,
            reason = "where the next jobs run depends on this, and nothing else"
        )]
        let now = Instant::now();
        // Whoever has one gives a place back, so nobody else may have one, not even for a moment.
        match self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Some(InPlace(self, now)),
            Err(_) => None,
        }
    }
}

/// A job that runs in place.
#[derive(Debug)]
struct InPlace<'a>(&'a Places, Instant);

impl Drop for InPlace<'_> {
    fn drop(&mut self) {
        let Self(places, since) = self;
        if since.elapsed() > LONG {
            places.doubts.store(DOUBTS_MAX, Ordering::Relaxed);
        }
        places.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `job`, which cannot wait, on this thread. It counts as one given to the pool, for who asks
/// often is better off on a thread of its own. Now and then others get their turn before.
pub(crate) async fn at_once<T>(job: impl FnOnce() -> T) -> T {
    tokio::task::coop::consume_budget().await;
    counted(job)
}

fn counted<T>(job: impl FnOnce() -> T) -> T {
    HOPS.set(HOPS.get().wrapping_add(1));
    job()
}

/// Those jobs of which it is not certain that they cannot wait.
static HARDLY: Places = Places {
    most: AtomicUsize::new(usize::MAX),
    taken: AtomicUsize::new(0),
    doubts: AtomicUsize::new(0),
};

/// As [`at_once`], for what asks no disk but may wait for others that look on, such as a scanner
/// for viruses: [`None`] while there are doubts because something has.
pub(crate) async fn at_once_unless_slow<T>(job: impl FnOnce() -> T) -> Option<T> {
    // What others do in their turn is none of the job's time.
    tokio::task::coop::consume_budget().await;
    let _looked_at = HARDLY.enter()?;
    Some(counted(job))
}

/// As [`run`], for jobs that fail as storages do.
pub(crate) async fn hop<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, FsError> + Send + 'static,
) -> Result<T, FsError> {
    run(job).await.unwrap_or_else(|e| Err(FsError::Io(e)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_place_gives_none_back() {
        let places = Places { most: 2.into(), taken: 0.into(), doubts: 0.into() };
        let (one, two) = (places.enter(), places.enter());
        assert!(one.is_some() && two.is_some());
        for _ in 0..5 {
            assert!(places.enter().is_none(), "both are taken");
        }
        drop((one, two));
        assert_eq!(places.taken.load(Ordering::Relaxed), 0);
        // However long that took.
        places.doubts.store(0, Ordering::Relaxed);
        assert!(places.enter().is_some());
    }
}
