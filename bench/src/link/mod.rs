//! A network with delay, made of one TUN device and two threads.
//!
//! A server listens at [`DelayLink::server`] (10.x.0.1) and is reached at [`DelayLink::public`]
//! (10.x.0.2), an address that only the device leads to. Each packet is held for half the round
//! trip and handed back to the kernel as if it came from a stranger:
//!
//! ```text
//! client 10.x.0.1 ──▶ 10.x.0.2   TUN, held, rewritten   10.x.0.3 ──▶ 10.x.0.1 server
//! client 10.x.0.1 ◀── 10.x.0.2   rewritten, held, TUN   10.x.0.3 ◀── 10.x.0.1 server
//! ```
//!
//! So both ends are the kernel's real TCP, with its slow start, its windows and segments of 1460
//! octets, and no module for delaying packets is needed. The device takes checksums and
//! segmentation over from the kernel, so up to 64 KiB of one connection pass at a time: some
//! 500 MB/s of one connection were seen on two busy cores. It drops nothing.

mod delay;
mod device;
mod echo;
mod packet;
mod tuning;

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) use echo::{measure_rate, measure_round_trips};
pub(crate) use tuning::Tuning;

/// What passed a link.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) packets: std::sync::atomic::AtomicU64,
    pub(crate) octets: std::sync::atomic::AtomicU64,
    /// Packets the kernel would not take back: 0, or the figures are worth nothing.
    pub(crate) refused: std::sync::atomic::AtomicU64,
}

/// A running link. Dropping it removes the device.
pub(crate) struct DelayLink {
    net: [u8; 2],
    name: String,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<()>>,
}

impl DelayLink {
    /// Makes the device and starts to hold packets for half of `round_trip`.
    ///
    /// # Errors
    /// There is no TUN here, or we may not use it.
    pub(crate) fn start(round_trip: Duration) -> io::Result<Self> {
        let device = device::Device::make()?;
        let (net, name) = (device.net, device.name);
        let stop = Arc::new(AtomicBool::new(false));
        let counts = Arc::new(Counts::default());
        let file = Arc::new(device.file);
        let threads = delay::start(&file, net, round_trip / 2, &stop, &counts)?;
        Ok(Self { net, name, stop, counts, threads })
    }

    /// Where the server listens.
    pub(crate) fn server(&self) -> Ipv4Addr {
        self.host(1)
    }

    /// Where clients find it, and what it must say in reply to PASV.
    pub(crate) fn public(&self) -> Ipv4Addr {
        self.host(2)
    }

    /// The address that clients have in the server's eyes.
    pub(crate) fn client(&self) -> Ipv4Addr {
        self.host(3)
    }

    /// What has passed.
    pub(crate) fn counts(&self) -> String {
        let Counts { packets, octets, refused } = &*self.counts;
        format!(
            "{} packets, {} MB, {} not taken back",
            packets.load(Relaxed),
            octets.load(Relaxed) / 1_000_000,
            refused.load(Relaxed)
        )
    }

    fn host(&self, last: u8) -> Ipv4Addr {
        let [a, b] = self.net;
        Ipv4Addr::new(a, b, 0, last)
    }
}

impl fmt::Debug for DelayLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayLink").field("name", &self.name).field("net", &self.net).finish()
    }
}

impl Drop for DelayLink {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}
