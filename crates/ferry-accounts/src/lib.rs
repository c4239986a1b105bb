//! Who may log in and what they may do.
//!
//! An [`Account`] is data; [`policy::decide`] is a pure function of (account, operation, canonical
//! path) and the only place where a right is granted or refused. [`UserTable`] turns a name and a
//! password into an account, at the same cost whether or not the name exists.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod account;
mod bandwidth;
pub mod password;
pub mod policy;
mod remembered;
mod table;

pub use account::{Access, Account, AcctFor};
pub use bandwidth::{Bandwidth, Rates};
pub use remembered::Remembered;
pub use table::{Certificates, Fingerprint, NameTaken, Secret, UserTable};
