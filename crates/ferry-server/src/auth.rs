//! How the engine learns who someone is: it asks an [`Authenticator`], once per USER/PASS pair and
//! once per ACCT.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ferry_accounts::Account;
use ferry_storage::Storage;

use crate::net::BoxFut;

/// One of the volumes that an account may mount (SMNT).
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "authenticators outside this crate build it")]
pub struct Volume {
    /// Its name, as SMNT says it.
    pub name: String,
    /// Its root.
    pub storage: Arc<dyn Storage>,
}

/// A successful log-in: who it is and the storage their root is.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs, reason = "authenticators outside this crate build it")]
pub struct Login {
    /// The account.
    pub account: Arc<Account>,
    /// The account's root. The engine puts the permission decision in front of it.
    pub storage: Arc<dyn Storage>,
    /// What else it may mount in its place; shared by all sessions of the account.
    pub volumes: Arc<[Volume]>,
}

/// Decides on user names and passwords.
pub trait Authenticator: Send + Sync + fmt::Debug + 'static {
    /// The log-in for this name and password, or `None`. Unknown names must cost the same as
    /// wrong passwords, and slow hashing must not run on the caller's thread.
    fn login<'a>(
        &'a self,
        user: &'a [u8],
        password: &'a [u8],
        peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>>;

    /// The log-in of a client that showed this certificate (the end entity's, DER) on its control
    /// connection and asks for this name, without a password; or `None`, and a password is asked
    /// for. Must cost the same for unknown names. Asked only where clients can show certificates
    /// ([`TlsSetup::asking`](crate::tls::TlsSetup::asking)).
    fn recognise<'a>(
        &'a self,
        user: &'a [u8],
        certificate: &'a [u8],
        peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        let _ = (user, certificate, peer);
        Box::pin(std::future::ready(None))
    }

    /// As [`login`](Self::login), of a client that showed this certificate: for accounts that need
    /// both. By default it counts for nothing.
    fn login_certified<'a>(
        &'a self,
        user: &'a [u8],
        password: &'a [u8],
        certificate: &'a [u8],
        peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        let _ = certificate;
        self.login(user, password, peer)
    }

    /// Whether `info` is what the account must say in ACCT. Asked only of accounts whose
    /// [`Account::acct`] wants it; without any such account there is nothing to answer.
    fn account<'a>(&'a self, account: &'a Account, info: &'a [u8]) -> BoxFut<'a, bool> {
        let _ = (account, info);
        Box::pin(std::future::ready(false))
    }

    /// Whether the anonymous account exists, for the greeting.
    fn welcomes_anonymous(&self) -> bool;

    /// Whether the storages of accounts can set times of creation, so that MFCT is announced.
    /// Few can: no local directory of Linux.
    fn sets_created(&self) -> bool {
        false
    }
}
