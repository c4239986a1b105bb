//! An FTP client engine (RFC 959 and its successors): sessions, pools of them, transfers, and trees
//! that are made alike.
//!
//! [`Site`] says which server and who logs in, [`Settings`] how to get there and whom to trust.
//! What goes over the wire is decided in `ferry-proto`; here octets are moved and waited for, and
//! every wait has a deadline. Nothing here prints, asks a terminal or reads flags.
//!
//! Short programs that use TLS start some 35 ms sooner if they are built with
//! `AWS_LC_SYS_NO_JITTER_ENTROPY=1` in the environment, as `ferry` is: the cryptography library
//! then leaves the first random octets to the operating system alone.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod copy;
pub mod error;
pub mod filter;
pub mod fxp;
pub(crate) mod memory;
pub mod mirror;
pub(crate) mod net;
pub(crate) mod pool;
pub mod remote;
pub mod secret;
pub mod session;
pub mod settings;
pub mod site;
#[cfg(test)]
mod testing;
pub mod url;
pub mod volume;

pub use error::{Error, ErrorKind};
pub use secret::Secret;
pub use settings::Settings;
pub use site::{Security, Site};
pub use url::Url;
