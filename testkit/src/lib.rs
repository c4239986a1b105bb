//! Unpublished: what Ferry's tests stand on. An in-memory network whose every delay and every cut
//! between octets comes from one number ([`net::SimNet`]), and conversations written as text that
//! run over it with a paused clock ([`script`]), and a model of the protocol with sequences of
//! commands drawn from a seed ([`model`]). For clients there is the other side: a server over real
//! sockets that misbehaves as a scene tells it to ([`scene`]).
//!
//! Nothing here is linked into anything that ships, and nothing here knows how a reply is made:
//! conversations are written from the protocol's rules, not from the engine.

mod clock;
pub mod heap;
pub mod model;
pub mod net;
pub mod rng;
pub mod scene;
pub mod script;
pub mod walk;

pub use clock::StoppedClock;
