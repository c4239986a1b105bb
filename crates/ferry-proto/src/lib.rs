//! The File Transfer Protocol without any input or output (RFC 959 and its successors).
//!
//! Everything both ends of an FTP conversation must agree on lives here as pure functions and pure
//! state machines: how lines are framed, what a command means, what a reply says, how addresses,
//! paths, facts and listings are written, how a file's octets look on the data connection, and
//! which reply follows which event. Nothing here opens a socket, reads a clock, draws a random
//! number or touches a file; the same code is therefore run, fuzzed and simulated.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod addr;
pub mod charset;
pub mod client;
pub mod client_hello;
pub mod command;
pub mod date;
mod digits;
pub mod facts;
pub mod feat;
pub mod glob;
pub mod hash;
pub mod host;
pub mod lang;
pub mod line;
pub mod list;
pub mod listing;
pub mod modify;
pub mod network;
pub mod path;
pub mod proxy;
pub mod rate;
pub mod reply;
pub mod reply_reader;
pub mod repr;
pub mod server;
pub mod site;
mod telnet;
pub mod verb;
pub mod words;
