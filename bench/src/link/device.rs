//! The TUN device: made, given its network, brought up. It goes when its file is closed.

use std::fs::File;
use std::io;
use std::process::Command;

use crate::sys;

/// Packets that wait in the device until they are read. A window of 64 MiB in segments that are not
/// merged would be 46,000; a queue that is never full drops nothing.
const QUEUE_PACKETS: u32 = 50_000;

/// What Ethernet carries, so that TCP starts with the windows it starts with elsewhere.
const MTU: u32 = 1500;

/// A device with an address and the packets that want to leave by it.
pub(super) struct Device {
    pub(super) file: File,
    pub(super) name: String,
    /// The first two octets of its network, 10.x.
    pub(super) net: [u8; 2],
}

impl Device {
    /// Makes one, with a network that no other device made here has.
    pub(super) fn make() -> io::Result<Self> {
        let (file, name) = sys::open_tun("ferry%d").map_err(|e| {
            io::Error::new(e.kind(), format!("no TUN device can be made (needs root): {e}"))
        })?;
        let number: u8 = name
            .trim_start_matches("ferry")
            .parse()
            .ok()
            .filter(|number| *number < 100)
            .ok_or_else(|| io::Error::other(format!("a device is called {name}")))?;
        let net = [10, 100 + number];
        let address = format!("10.{}.0.1/29", net[1]);
        let queue = QUEUE_PACKETS.to_string();
        ip(&["address", "add", &address, "dev", &name])?;
        let mtu = MTU.to_string();
        ip(&["link", "set", "dev", &name, "mtu", &mtu, "txqueuelen", &queue, "up"])?;
        Ok(Self { file, name, net })
    }
}

fn ip(arguments: &[&str]) -> io::Result<()> {
    let done = Command::new("ip").args(arguments).output().map_err(|e| {
        io::Error::new(e.kind(), format!("`ip` (Debian: iproute2) cannot be run: {e}"))
    })?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(io::Error::other(format!("ip {}: {}", arguments.join(" "), said.trim())))
}
