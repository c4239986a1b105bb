//! Where files live: one [`Storage`] trait and its implementations.
//!
//! A storage knows canonical paths ([`FtpPath`](ferry_proto::path::FtpPath)) and nothing of FTP
//! commands, users or rights.
//! [`local::LocalDir`] serves a directory of this machine, confined by file descriptors;
//! [`memory::Memory`] keeps a tree in memory. Both are held to the same behaviour by
//! [`contract`], which any further implementation can run.
//!
//! [`local`] exists on Linux only, since what confines it does; the rest compiles everywhere.
//!
//! It is not a file system interface on purpose: no open file is shared between two operations,
//! a write becomes visible only by [`Sink::commit`], and a listing is a stream of batches.

#![deny(missing_docs)]

mod api;
pub mod blocking;
pub mod contract;
pub mod digest;
#[cfg(target_os = "linux")]
pub mod local;
pub mod memory;
mod whole;
mod within;

pub use api::*;
pub use within::Within;
