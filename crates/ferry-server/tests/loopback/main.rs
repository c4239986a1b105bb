//! The engine over real loopback sockets: what needs the kernel's TCP, TLS, the local file system,
//! or is a security rule. The rules of replies are told by the conversations in memory.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod accounts;
mod bounce;
mod by_name;
mod certificates;
mod data_port;
mod floods;
mod fxp;
mod in_transfer;
mod injection;
mod kept;
mod lines;
mod lost;
mod proxied;
mod races;
mod shared_port;
mod support;
mod tls_binding;
mod tls_end;
mod tls_start;
mod traversal;
