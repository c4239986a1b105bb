//! How a file's octets look on the data connection (RFC 959 §3.1), as pure transducers.
//!
//! Every combination of type, structure and mode is put together in [`pipeline`] from small parts,
//! one file each; image (`I`, `L 8`) needs none. The parts for types take octets in any chunks and
//! append what they become, never more than twice as many. The parts that frame octets are
//! [`Transducer`]s where the octets come from a peer, so that what a few octets expand to is met in
//! steps. Nothing here reads, writes, or holds more than it says.

pub mod ascii;
pub mod block;
pub mod compressed;
#[cfg(feature = "deflate")]
pub mod deflate;
pub mod ebcdic;
mod error;
pub mod local;
mod marker;
pub mod page;
pub mod pipeline;
pub mod record;
mod step;

pub use error::FormatError;
pub use marker::{MARKER_MAX, Marker, RestartPoint};
pub use step::{Mark, Progress, Transducer};
