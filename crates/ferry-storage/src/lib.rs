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

pub mod blocking;
pub mod contract;
pub mod digest;
mod entry;
mod error;
mod link;
#[cfg(target_os = "linux")]
pub mod local;
pub mod memory;
mod octets;
mod sink;
mod source;
mod storage;
mod whole;
mod within;

pub use entry::{BATCH_MAX, Entries, Entry, Kind, Meta, Precision, SetMeta};
pub use error::FsError;
pub use octets::Octets;
pub use sink::{Sink, Upload, WriteMode};
pub use source::{ByteSource, Source};
pub use storage::{BoxFut, Caps, Storage};
pub use within::Within;
