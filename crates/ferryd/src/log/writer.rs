//! Takes log lines off the threads that serve: a terminal or pipe that is not read must not stop
//! a session. Lines wait in a bounded queue for one writing thread; when it is full, lines are
//! dropped and their number is told as soon as there is room again.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait. At 200 octets each this is 800 KiB at most.
const WAITING_MAX: usize = 4096;

/// Where so many writes followed each other within moments, the next gathers lines for one of them:
/// thousands of lines a second cost less when the thread is not woken for each.
const ROW: u32 = 8;
const GATHERING: Duration = Duration::from_millis(2);

/// What is written at a time, in octets, but for the last line.
const GATHERED_MAX: usize = 64 << 10;

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
    let (mut lines, mut row, mut ends) = (Vec::new(), 0, false);
    while !ends {
        if row >= ROW {
            std::thread::sleep(GATHERING);
        }
        let next = match queue.recv_timeout(2 * GATHERING) {
            Ok(next) => {
                row += 1;
                next
            }
            Err(RecvTimeoutError::Timeout) => {
                row = 0;
                queue.recv().unwrap_or_default()
            }
            Err(RecvTimeoutError::Disconnected) => None,
        };
        // It asks to end: senders live in the global subscriber and never go away by themselves.
        let Some(line) = next else { break };
        lines.extend_from_slice(&line);
        while lines.len() < GATHERED_MAX
            && !ends
            && let Ok(line) = queue.try_recv()
        {
            ends = line.is_none();
            lines.extend_from_slice(&line.unwrap_or_default());
        }
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(out, "({lost} log lines lost here: nobody read them in time)");
        }
        let _ = out.write_all(&lines);
        lines.clear();
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
    fn many_lines_in_a_row_are_written_in_order_and_several_at_a_time() {
        /// Counts writes.
        struct Counting(Arc<Mutex<(usize, Vec<u8>)>>);

        impl Write for Counting {
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                let mut counted = self.0.lock().unwrap();
                counted.0 += 1;
                counted.1.extend_from_slice(buf);
                Ok(buf.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let counted = Arc::new(Mutex::new((0, Vec::new())));
        let (mut queue, drain) = start_with(Counting(Arc::clone(&counted)), WAITING_MAX);
        let lines: Vec<String> = (0..WAITING_MAX).map(|i| format!("line {i}\n")).collect();
        for line in &lines {
            queue.write_all(line.as_bytes()).unwrap();
        }
        drop(drain);
        let (writes, text) = std::mem::take(&mut *counted.lock().unwrap());
        assert_eq!(String::from_utf8(text).unwrap(), lines.concat());
        assert!(writes < lines.len(), "{writes}");
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
