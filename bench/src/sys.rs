//! The two requests that make a TUN device and one socket option, which no safe interface offers.
//! All unsafe code of this crate is here.
//!
//! Addresses and queue lengths are set by `ip`, in `link::device`.

#![allow(
    unsafe_code,
    reason = "the kernel takes untyped arguments; each block says why it is sound"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;

use rustix::fs::OFlags;
use rustix::ioctl::{IntegerSetter, Opcode, Updater, ioctl, opcode};

/// An IP packet each, not an Ethernet frame (linux/if_tun.h).
const IFF_TUN: u16 = 0x0001;
/// No header of four octets with the protocol.
const IFF_NO_PI: u16 = 0x1000;
/// `virtio_net_hdr` before each packet: what is left to do of checksums and segmentation.
const IFF_VNET_HDR: u16 = 0x4000;

/// We take packets whose checksum is not finished, and TCP that is not cut into segments.
const TUN_F_CSUM: usize = 1;
const TUN_F_TSO4: usize = 2;

const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
const TUNSETOFFLOAD: Opcode = opcode::write::<u32>(b'T', 208);

/// `struct ifreq` as far as TUNSETIFF reads and writes it, and as long.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const _: () =
    assert!(size_of::<InterfaceRequest>() == 40, "the kernel copies sizeof(struct ifreq)");

/// Makes a TUN device that lives as long as the file is open; the kernel puts the first free
/// number in the place of `%d` in `pattern`. Reads do not block.
///
/// # Errors
/// There is no `/dev/net/tun`, or we may not.
pub(crate) fn open_tun(pattern: &str) -> io::Result<(File, String)> {
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).custom_flags(nonblocking).open("/dev/net/tun")?;
    let mut request = InterfaceRequest {
        name: [0; 16],
        flags: IFF_TUN | IFF_NO_PI | IFF_VNET_HDR,
        rest: [0; 22],
    };
    // The last octet stays 0.
    for (to, from) in request.name.iter_mut().take(15).zip(pattern.bytes()) {
        *to = from;
    }
    // SAFETY: TUNSETIFF takes a pointer to a `struct ifreq`, which `InterfaceRequest` has the size
    // and the fields of, and writes nothing but that.
    let set_interface = unsafe { Updater::<TUNSETIFF, InterfaceRequest>::new(&mut request) };
    // SAFETY: the opcode and its argument belong together, as said above; the file is open.
    unsafe { ioctl(&file, set_interface) }?;
    // SAFETY: TUNSETOFFLOAD takes its flags by value.
    let set_offload = unsafe { IntegerSetter::<TUNSETOFFLOAD>::new_usize(TUN_F_CSUM | TUN_F_TSO4) };
    // SAFETY: as above.
    unsafe { ioctl(&file, set_offload) }?;
    let name = request.name.iter().take_while(|octet| **octet != 0).copied().collect();
    Ok((file, String::from_utf8(name).map_err(io::Error::other)?))
}

/// From now on who waits for `stream` is woken only when `octets` are there, or the end
/// (`SO_RCVLOWAT`).
///
/// # Errors
/// The kernel does not want to.
pub(crate) fn wake_at(stream: &TcpStream, octets: i32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<i32>()).map_err(io::Error::other)?;
    let (level, option) = (libc::SOL_SOCKET, libc::SO_RCVLOWAT);
    // SAFETY: the socket is open as long as `stream` is borrowed; the option takes a C int, which
    // the pointer and the length describe, and the kernel only reads it.
    let done = unsafe {
        libc::setsockopt(stream.as_raw_fd(), level, option, (&raw const octets).cast(), length)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
