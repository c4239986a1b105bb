//! Connections: names, proxies, TCP and TLS. Nothing of FTP.
//!
//! [`connect`](connect::connect) and [`Listening`] make connections, [`Wire`] moves octets over
//! one, in the clear or under a [`Tls`].

#![allow(dead_code, reason = "the session driver uses what is here piece by piece")]
#![allow(unused_imports, reason = "the session driver uses what is here piece by piece")]

pub(crate) mod connect;
mod handshake;
pub(crate) mod known_hosts;
pub(crate) mod listen;
mod proxy;
mod race;
#[cfg(test)]
mod tests;
mod tickets;
pub(crate) mod tls;
mod tls_stream;
mod trust;
pub(crate) mod wire;

pub(crate) use self::connect::{connect, connect_data};
pub(crate) use self::listen::Listening;
pub(crate) use self::tls::{Answered, Purpose, Tls, TlsFacts};
pub(crate) use self::wire::{Received, Wire};
