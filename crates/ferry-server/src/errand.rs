//! A task that moves to a thread which may wait, as long as it keeps asking the disk for things.
//!
//! Each call of a storage costs a hop to the blocking pool and back: two wake-ups of threads, which
//! take longer than making a small file does. A session that is sent many commands ahead has the
//! next call right behind the last, so it goes to the pool once, as a whole, and comes back when
//! there is nothing to do. One that asks the disk now and then stays where it is.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use ferry_storage::blocking;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;

/// Hops after which a task is taken for one that goes on like this. A command by itself takes
/// fewer.
const MANY: u64 = 4;

/// How long a task may wait for something else than the disk before it gives its thread back.
const LINGER: Duration = Duration::from_millis(2);

/// After so many waits a task gives its thread back in any case.
const WAITS_MAX: u32 = 256;

/// Tasks on threads of their own at a time. Others go by the ordinary way meanwhile, so that
/// threads which wait for a disk never become too few for short work.
const ERRANDS_MAX: usize = 64;

static ERRANDS: Semaphore = Semaphore::const_new(ERRANDS_MAX);

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A future that is polled where that is cheapest.
pub(crate) struct Errand<T> {
    at: At<T>,
    /// Jobs it has given to the blocking pool since it last came back from there.
    hops: u64,
}

enum At<T> {
    Here(Task<T>),
    Away(JoinHandle<Ride<T>>),
    Over,
}

/// How a stay on a thread ended.
enum Ride<T> {
    Done(T),
    Back(Task<T>),
}

impl<T: Send + 'static> Errand<T> {
    pub(crate) fn new(task: impl Future<Output = T> + Send + 'static) -> Self {
        Self { at: At::Here(Box::pin(task)), hops: 0 }
    }
}

impl<T: Send + 'static> Future for Errand<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        loop {
            match std::mem::replace(&mut self.at, At::Over) {
                At::Here(mut task) => {
                    let before = blocking::hops();
                    let polled = task.as_mut().poll(cx);
                    if polled.is_ready() {
                        return polled;
                    }
                    self.hops += blocking::hops().wrapping_sub(before);
                    let worth_it = self.hops >= MANY;
                    let Some(permit) = worth_it.then(|| ERRANDS.try_acquire().ok()).flatten()
                    else {
                        self.at = At::Here(task);
                        return Poll::Pending;
                    };
                    self.hops = 0;
                    let ride = move || ride(task, permit);
                    self.at = At::Away(tokio::task::spawn_blocking(ride));
                }
                At::Away(mut riding) => match Pin::new(&mut riding).poll(cx) {
                    Poll::Ready(Ok(Ride::Done(done))) => return Poll::Ready(done),
                    // It is polled again here, so that it wakes this task from now on.
                    Poll::Ready(Ok(Ride::Back(task))) => self.at = At::Here(task),
                    // A panic goes on where it would have been without the thread.
                    Poll::Ready(Err(e)) => match e.try_into_panic() {
                        Ok(panic) => resume_unwind(panic),
                        // The runtime is going down, and this task with it.
                        Err(_) => return Poll::Pending,
                    },
                    Poll::Pending => {
                        self.at = At::Away(riding);
                        return Poll::Pending;
                    }
                },
                At::Over => return Poll::Pending,
            }
        }
    }
}

/// Polls `task` on this thread of the blocking pool until it is done or waits for too long.
fn ride<T>(mut task: Task<T>, _one_of_few: SemaphorePermit<'static>) -> Ride<T> {
    let rouse = Arc::new(Rouse { thread: std::thread::current(), woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&rouse));
    let mut cx = Context::from_waker(&waker);
    for _ in 0..WAITS_MAX {
        if let Poll::Ready(done) = blocking::allowed(|| task.as_mut().poll(&mut cx)) {
            return Ride::Done(done);
        }
        if !rouse.was_woken() {
            // May end early for no reason, and then the task goes back early.
            std::thread::park_timeout(LINGER);
            if !rouse.was_woken() {
                break;
            }
        }
    }
    Ride::Back(task)
}

struct Rouse {
    thread: Thread,
    woken: AtomicBool,
}

impl Rouse {
    fn was_woken(&self) -> bool {
        self.woken.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

#[cfg(test)]
mod tests {
    use ferry_storage::local::LocalDir;
    use ferry_storage::{FsError, Storage as _};

    use super::*;

    /// Asks the disk as often as shows that it goes on like this; [`None`] where it has not been
    /// there, and otherwise whether it was given a thread.
    async fn ask_often(dir: &LocalDir) -> Option<bool> {
        let root = ferry_proto::path::FtpPath::root();
        for _ in 0..=MANY {
            dir.stat(&root, true).await.ok()?;
        }
        // Whoever moves does so when it has to wait, and is polled at once on its thread.
        tokio::task::yield_now().await;
        Some(blocking::is_allowed())
    }

    fn dir() -> (tempfile::TempDir, LocalDir) {
        let at = tempfile::tempdir().unwrap();
        let dir = LocalDir::open(at.path()).unwrap();
        (at, dir)
    }

    #[tokio::test]
    async fn a_task_that_keeps_asking_the_disk_gets_a_thread_of_its_own() {
        let (_at, dir) = dir();
        assert_eq!(Errand::new(async move { ask_often(&dir).await }).await, Some(true));
    }

    #[tokio::test]
    async fn a_task_that_asks_once_stays_where_it_is() {
        let (_at, dir) = dir();
        let once = async move {
            let root = ferry_proto::path::FtpPath::root();
            dir.stat(&root, true).await.unwrap();
            tokio::task::yield_now().await;
            blocking::is_allowed()
        };
        assert!(!Errand::new(once).await);
    }

    #[tokio::test]
    async fn a_task_that_waits_for_something_else_comes_back() {
        let (_at, dir) = dir();
        // Wakes nobody, and so is polled again only because it has come back.
        let back = std::future::poll_fn(|_| match blocking::is_allowed() {
            true => Poll::Pending,
            false => Poll::Ready(()),
        });
        let waiting = async move {
            let moved = ask_often(&dir).await;
            back.await;
            moved
        };
        let came = tokio::time::timeout(Duration::from_secs(60), Errand::new(waiting)).await;
        assert_eq!(came, Ok(Some(true)));
    }

    #[tokio::test]
    async fn what_a_task_is_woken_by_elsewhere_reaches_it_on_its_thread_and_behind() {
        let (_at, dir) = dir();
        let (to, mut from) = tokio::sync::mpsc::channel(1);
        let sending = tokio::spawn(async move {
            for n in 0..1000_u32 {
                to.send(n).await.unwrap();
            }
        });
        let receiving = async move {
            ask_often(&dir).await;
            let mut came = Vec::new();
            while let Some(n) = from.recv().await {
                came.push(n);
            }
            came
        };
        assert_eq!(Errand::new(receiving).await, (0..1000).collect::<Vec<_>>());
        sending.await.unwrap();
    }

    #[tokio::test]
    #[should_panic(expected = "on the thread")]
    async fn a_panic_on_the_thread_is_one_of_the_task() {
        let (_at, dir) = dir();
        let failing = async move {
            if ask_often(&dir).await == Some(true) {
                panic!("on the thread");
            }
        };
        Errand::new(failing).await;
    }

    #[tokio::test]
    async fn refusals_of_the_disk_are_the_same_on_a_thread() {
        let (_at, dir) = dir();
        let missing = async move {
            ask_often(&dir).await;
            let path = ferry_proto::path::FtpPath::root().child(b"missing").unwrap();
            dir.stat(&path, true).await.map(|_| ())
        };
        assert!(matches!(Errand::new(missing).await, Err(FsError::NotFound)));
    }
}
