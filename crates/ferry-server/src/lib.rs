//! An FTP server engine (RFC 959): listeners, sessions, data connections, TLS and transfers.
//!
//! The protocol's decisions are made by [`ferry_proto`]'s session machine; this crate only moves
//! octets, waits with deadlines and asks storage and accounts what the machine wants to know.

pub mod auth;
mod data;
mod entropy;
pub mod events;
mod guard;
mod input;
mod listing;
pub mod net;
mod opened;
mod ops;
pub mod options;
mod pump;
mod ranged;
mod registry;
mod server;
mod session;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod tls;
mod transfer;
mod wire;
mod work;

pub use server::{Handle, Server, Setup, WallClock};
