//! Takes log lines off the threads that serve: a terminal or pipe that is not read must not stop
//! a session. Lines wait in a bounded queue for one writing thread; when it is full, lines are
//! dropped and their number is told as soon as there is room again.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait. At 200 octets each this is 800 KiB at most.
const WAITING_MAX: usize = 4096;

/// Hands lines to the writing thread.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    lines: SyncSender<Option<Vec<u8>>>,
    dropped: Arc<AtomicU64>,
}

/// Waits, when dropped, until every line in the queue is written.
#[derive(Debug)]
pub(crate) struct Drain {
    lines: SyncSender<Option<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the thread that writes to standard error.
pub(super) fn start() -> (Queue, Drain) {
    start_with(io::stderr(), WAITING_MAX)
}

fn start_with(out: impl Write + Send + 'static, waiting_max: usize) -> (Queue, Drain) {
    let (lines, queue) = sync_channel(waiting_max);
    let dropped = Arc::new(AtomicU64::new(0));
    let seen_dropped = Arc::clone(&dropped);
    let thread = std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(&queue, &seen_dropped, out))
        .ok();
    (Queue { lines: lines.clone(), dropped }, Drain { lines, thread })
}

fn write_all(queue: &Receiver<Option<Vec<u8>>>, dropped: &AtomicU64, mut out: impl Write) {
    // `None` asks to end: senders live in the global subscriber and never go away by themselves.
    while let Ok(Some(line)) = queue.recv() {
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(out, "({lost} log lines lost here: nobody read them in time)");
        }
        let _ = out.write_all(&line);
    }
    let _ = out.flush();
}

impl Drop for Drain {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        if self.lines.send(None).is_ok() {
            let _ = thread.join();
        }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lines.try_send(Some(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc;

    /// Keeps what is written, and waits at the first write until it is let go.
    struct Gate {
        entered: mpsc::Sender<()>,
        opened: Receiver<()>,
        kept: Arc<Mutex<Vec<u8>>>,
        waited: bool,
    }

    impl Write for Gate {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            if !self.waited {
                self.waited = true;
                self.entered.send(()).unwrap();
                self.opened.recv().unwrap();
            }
            self.kept.lock().unwrap().extend_from_slice(buf);
            Ok(buf.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_costs_lines_but_stops_nobody() {
        let (entered, has_entered) = mpsc::channel();
        let (open, opened) = mpsc::channel();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let gate = Gate { entered, opened, kept: Arc::clone(&kept), waited: false };
        let (mut queue, drain) = start_with(gate, 2);
        queue.write_all(b"first\n").unwrap();
        has_entered.recv().unwrap();
        for line in ["second\n", "third\n", "lost\n", "lost too\n"] {
            queue.write_all(line.as_bytes()).unwrap();
        }
        open.send(()).unwrap();
        drop(drain);
        let text = String::from_utf8(kept.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "first\n(2 log lines lost here: nobody read them in time)\nsecond\nthird\n"
        );
    }
}
