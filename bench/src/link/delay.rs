//! Holding packets: one thread reads them from the device and turns them round, one hands them
//! back when their time has come. One queue serves both directions, since all wait equally long.
//!
//! Both threads take what has gathered within a [`TICK`]: woken for each packet, they took a sixth
//! of the processor time of what was measured over the link, and from it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Counts, packet};
use crate::clock;

/// The most the kernel puts into one packet that it has not cut, and its header.
const FRAME_MAX: usize = packet::VNET_HEADER + 65_535;

/// Packets up to this size are copied, so that a queue of acknowledgements does not hold a large
/// buffer for each.
const SMALL_MAX: usize = 4096;

/// Packets on their way; beyond that the reader waits, and the device's own queue holds the rest.
/// With large packets that would be 6 GB: TCP's windows end long before.
const WAITING_MAX: usize = 100_000;

/// How often a thread with nothing to do looks whether it should end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What comes within this time is taken together, and what is due within half of it is handed back
/// together. A packet is held for up to that much more or less than it should be.
const TICK: Duration = Duration::from_micros(250);

struct Held {
    due: Instant,
    buffer: Vec<u8>,
    len: usize,
}

/// Starts both threads.
pub(super) fn start(
    file: &Arc<File>,
    net: [u8; 2],
    hold: Duration,
    stop: &Arc<AtomicBool>,
    counts: &Arc<Counts>,
) -> io::Result<Vec<JoinHandle<()>>> {
    let (held, waiting) = sync_channel(WAITING_MAX);
    let (spent, spare) = channel();
    let reader = {
        let (file, stop) = (Arc::clone(file), Arc::clone(stop));
        move || take(&file, net, hold, &stop, &held, &spare)
    };
    let writer = {
        let (file, stop, counts) = (Arc::clone(file), Arc::clone(stop), Arc::clone(counts));
        move || hand_back(&file, &stop, &waiting, &spent, &counts)
    };
    Ok(vec![
        thread::Builder::new().name("link-in".into()).spawn(reader)?,
        thread::Builder::new().name("link-out".into()).spawn(writer)?,
    ])
}

fn take(
    mut file: &File,
    net: [u8; 2],
    hold: Duration,
    stop: &AtomicBool,
    held: &SyncSender<Held>,
    spare: &Receiver<Vec<u8>>,
) {
    let mut buffer = vec![0; FRAME_MAX];
    // What came first has waited for as long, and who sleeps wakes some 50 µs late.
    let hold = hold.saturating_sub(TICK);
    while !stop.load(Relaxed) {
        let len = match file.read(&mut buffer) {
            Ok(len) => len,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                wait_readable(file);
                thread::sleep(TICK);
                continue;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let due = clock::now() + hold;
        let Some(frame) = buffer.get_mut(..len) else { continue };
        if !packet::turn_round(frame, net) {
            continue;
        }
        let packet = if len <= SMALL_MAX {
            Held { due, buffer: frame.to_vec(), len }
        } else {
            let next = spare.try_recv().unwrap_or_else(|_| vec![0; FRAME_MAX]);
            Held { due, buffer: std::mem::replace(&mut buffer, next), len }
        };
        if held.send(packet).is_err() {
            return;
        }
    }
}

fn hand_back(
    mut file: &File,
    stop: &AtomicBool,
    waiting: &Receiver<Held>,
    spent: &Sender<Vec<u8>>,
    counts: &Counts,
) {
    while !stop.load(Relaxed) {
        let Held { due, buffer, len } = match waiting.recv_timeout(LOOK_EVERY) {
            Ok(held) => held,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        loop {
            let left = due.saturating_duration_since(clock::now());
            if left < TICK / 2 {
                break;
            }
            thread::sleep(left.min(LOOK_EVERY));
            if stop.load(Relaxed) {
                return;
            }
        }
        let taken = buffer.get(..len).is_some_and(|frame| file.write_all(frame).is_ok());
        counts.packets.fetch_add(1, Relaxed);
        counts.octets.fetch_add(u64::try_from(len).unwrap_or(0), Relaxed);
        counts.refused.fetch_add(u64::from(!taken), Relaxed);
        if buffer.len() == FRAME_MAX {
            // The reader may be gone.
            let _ = spent.send(buffer);
        }
    }
}

fn wait_readable(file: &File) {
    let mut fds = [PollFd::new(file, PollFlags::IN)];
    let limit = Timespec { tv_sec: 0, tv_nsec: i64::from(LOOK_EVERY.subsec_nanos()) };
    // Whatever it says, the next read tells.
    let _ = poll(&mut fds, Some(&limit));
}
