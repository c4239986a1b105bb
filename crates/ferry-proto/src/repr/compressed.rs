//! Mode compressed (RFC 959 §3.4.3): strings of octets, repeated octets and repeated fillers, with
//! escapes that carry the descriptors of block mode.
//!
//! ```text
//! 0nnnnnnn   n octets follow           11nnnnnn   n fillers
//! 10nnnnnn   the octet that follows,   00 d       descriptor d applies to the string
//!            n times                              that follows
//! ```
//!
//! The RFC does not say how a descriptor stands where no string follows. Here an end-of-file escape
//! is the last thing before the connection closes when there is no last string, and an
//! end-of-record escape directly followed by another escape ends a record that has no (more)
//! octets; `00 00` is the escape that says nothing else. The receiver takes the file as complete
//! right after the one string behind an end-of-file escape.

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;
