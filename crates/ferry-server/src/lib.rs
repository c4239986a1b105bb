//! An FTP server engine (RFC 959): listeners, sessions, data connections, TLS and transfers.
//!
//! The protocol's decisions are made by [`ferry_proto`]'s session machine; this crate only moves
//! octets, waits with deadlines and asks storage and accounts what the machine wants to know.
//!
//! A [`Server`] is bound from a [`Setup`], which says what it is made of: [`options::Options`] an
//! operator chose, a network ([`tcp::Tcp`]), an [`auth::Authenticator`] that turns names and
//! passwords into accounts with their storage, a certificate if there is one, a clock and someone
//! who hears of [`events`]. It runs on a tokio runtime with its clock and its network enabled.
//!
//! ```no_run
//! use std::error::Error;
//! use std::hash::{BuildHasher, Hasher, RandomState};
//! use std::net::IpAddr;
//! use std::path::Path;
//! use std::sync::Arc;
//! use std::time::{SystemTime, UNIX_EPOCH};
//!
//! use ferry_accounts::password::{self, PasswordHash};
//! use ferry_accounts::{Access, Account, Secret, UserTable};
//! use ferry_proto::date::UnixTime;
//! use ferry_server::auth::{Authenticator, Login};
//! use ferry_server::events::Quiet;
//! use ferry_server::net::BoxFut;
//! use ferry_server::options::{Listen, ListenTls, Options};
//! use ferry_server::tcp::Tcp;
//! use ferry_server::{Server, Setup, WallClock};
//! use ferry_storage::Storage;
//! use ferry_storage::local::LocalDir;
//!
//! /// Everyone in the table gets the same tree.
//! #[derive(Debug)]
//! struct OneTree {
//!     users: Arc<UserTable>,
//!     tree: Arc<dyn Storage>,
//! }
//!
//! impl Authenticator for OneTree {
//!     fn login<'a>(
//!         &'a self,
//!         user: &'a [u8],
//!         password: &'a [u8],
//!         _peer: IpAddr,
//!     ) -> BoxFut<'a, Option<Login>> {
//!         let users = Arc::clone(&self.users);
//!         let (user, password) = (user.to_vec(), password.to_vec());
//!         Box::pin(async move {
//!             // Hashing is slow on purpose: not on the threads that serve.
//!             let verified = tokio::task::spawn_blocking(move || users.verify(&user, &password));
//!             let account = verified.await.ok()??;
//!             Some(Login { account, storage: Arc::clone(&self.tree), volumes: Arc::default() })
//!         })
//!     }
//!
//!     fn welcomes_anonymous(&self) -> bool {
//!         self.users.welcomes_anonymous()
//!     }
//! }
//!
//! #[derive(Debug)]
//! struct Clock;
//!
//! impl WallClock for Clock {
//!     fn now(&self) -> UnixTime {
//!         let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
//!         UnixTime::from_secs(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn Error>> {
//!     let mut users = UserTable::new();
//!     let account = Account::new("alice", Access::ReadWrite);
//!     let hash = PasswordHash::parse(&password::hash(b"secret")?)?;
//!     users.add(account, Secret::Hash(hash))?;
//!     let listen = Listen { at: "127.0.0.1:2121".parse()?, tls: ListenTls::Explicit };
//!     let server = Server::bind(Setup {
//!         options: Options { listen: vec![listen], ..Options::default() },
//!         net: Arc::new(Tcp::new()),
//!         auth: Arc::new(OneTree {
//!             users: Arc::new(users),
//!             tree: Arc::new(LocalDir::open(Path::new("share"))?),
//!         }),
//!         tls: None, // or Some(TlsSetup::new(certificates, key)?)
//!         hosts: Vec::new(),
//!         clock: Arc::new(Clock),
//!         observer: Arc::new(Quiet),
//!         // Passive ports are chosen by it, so nobody may guess it.
//!         seed: RandomState::new().build_hasher().finish(),
//!     })?;
//!     server.run().await;
//!     Ok(())
//! }
//! ```

#![deny(missing_docs)]

pub mod auth;
mod bans;
mod coding;
mod connecting;
mod data;
mod descent;
mod dispatch;
mod entropy;
mod errand;
pub mod events;
mod guard;
mod hosts;
mod input;
mod joining;
mod kept;
mod listing;
pub mod net;
mod opened;
mod ops;
pub mod options;
mod pace;
mod proxied;
mod public;
mod pump;
mod ranged;
mod registry;
mod server;
mod session;
mod shared_port;
pub mod tcp;
#[cfg(test)]
mod testing;
pub mod tls;
mod transfer;
mod who;
mod wire;
mod work;

pub use hosts::VirtualHost;
pub use server::{Handle, Server, Setup, WallClock};

/// The README's example is compiled, too.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
mod readme {}
