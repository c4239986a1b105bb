//! The client's side of the protocol without I/O: which line is sent, what a reply means, and when
//! a transfer is whole. Sockets, clocks and files are the business of whoever calls this.

pub mod fault;
pub mod fxp;
pub mod line;
pub mod login;
pub mod packed;
pub mod replies;
pub mod resync;
pub mod transfer;
