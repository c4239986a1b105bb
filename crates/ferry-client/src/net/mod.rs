//! Connections: names, proxies, TCP and TLS. Nothing of FTP.

mod connect;
mod known_hosts;
mod listen;
mod pem;
mod proxy;
#[cfg(test)]
mod tests;
mod tickets;
mod tls;
mod trust;
mod wire;

pub(crate) use connect::{connect, connect_data};
pub(crate) use listen::Listening;
pub(crate) use tls::{Purpose, Tls};
pub(crate) use wire::{Burst, Failed, Received, Wire};
