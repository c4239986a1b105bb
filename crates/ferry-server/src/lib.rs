//! An FTP server engine (RFC 959): listeners, sessions, data connections, TLS and transfers.
//!
//! The protocol's decisions are made by [`ferry_proto`]'s session machine; this crate only moves
//! octets, waits with deadlines and asks storage and accounts what the machine wants to know.

pub mod auth;
pub mod events;
pub mod net;
pub mod options;
mod pump;
mod server;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod tls;
mod wire;

pub use server::{Handle, Server, Setup, WallClock};
