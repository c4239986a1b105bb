//! Log-ins against a fixed table of accounts, each with a directory of this machine as its root.
//!
//! Hashing is slow on purpose, so it runs on the blocking pool and only as often at once as there
//! are processors: a flood of log-ins must not take the memory and the time of everyone else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;

use ferry_accounts::UserTable;
use ferry_server::auth::{Authenticator, Login};
use ferry_server::net::BoxFut;
use ferry_storage::Storage;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Answers the engine from a table.
#[derive(Debug)]
pub(crate) struct TableAuth {
    table: Arc<UserTable>,
    roots: HashMap<String, Arc<dyn Storage>>,
    anonymous_root: Option<Arc<dyn Storage>>,
    hashing: Semaphore,
}

impl TableAuth {
    /// `roots` holds the root of every named account, `anonymous_root` that of the anonymous one.
    pub(crate) fn new(
        table: UserTable,
        roots: HashMap<String, Arc<dyn Storage>>,
        anonymous_root: Option<Arc<dyn Storage>>,
    ) -> Self {
        let at_once = available_parallelism().map_or(2, usize::from);
        Self { table: Arc::new(table), roots, anonymous_root, hashing: Semaphore::new(at_once) }
    }

    /// The accounts it answers for.
    pub(crate) fn table(&self) -> &UserTable {
        &self.table
    }

    async fn decide(&self, user: &[u8], password: &[u8]) -> Option<Login> {
        // The semaphore is never closed; were it, nobody would be let in.
        let permit = self.hashing.acquire().await.ok()?;
        let table = Arc::clone(&self.table);
        let user = user.to_vec();
        let password = Zeroizing::new(password.to_vec());
        let account =
            tokio::task::spawn_blocking(move || table.verify(&user, &password)).await.ok()??;
        drop(permit);
        let storage = match account.anonymous {
            true => self.anonymous_root.as_ref(),
            false => self.roots.get(&account.name),
        }?;
        Some(Login { storage: Arc::clone(storage), account })
    }
}

impl Authenticator for TableAuth {
    fn login<'a>(
        &'a self,
        user: &'a [u8],
        password: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        Box::pin(self.decide(user, password))
    }

    fn welcomes_anonymous(&self) -> bool {
        self.table.welcomes_anonymous()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_accounts::password::OneTimePassword;
    use ferry_accounts::{Access, Account, Secret};
    use ferry_proto::path::FtpPath;
    use ferry_storage::local::LocalDir;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn account(name: &str, anonymous: bool) -> Account {
        Account {
            name: name.to_owned(),
            home: FtpPath::root(),
            access: Access::ReadOnly,
            anonymous,
            sessions_max: None,
        }
    }

    fn answer(auth: &TableAuth, user: &str, password: &str) -> Option<Login> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(auth.login(user.as_bytes(), password.as_bytes(), PEER))
    }

    #[test]
    fn each_account_gets_its_own_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = || -> Arc<dyn Storage> { Arc::new(LocalDir::open(dir.path()).unwrap()) };
        let (own, public) = (root(), root());
        let mut table = UserTable::new();
        let secret = Secret::OneTime(OneTimePassword::new(b"pw").unwrap());
        table.add(account("alice", false), secret).unwrap();
        table.welcome_anonymous(account("anonymous", true));
        let roots = HashMap::from([("alice".to_owned(), Arc::clone(&own))]);
        let auth = TableAuth::new(table, roots, Some(Arc::clone(&public)));

        assert!(auth.welcomes_anonymous());
        let alice = answer(&auth, "alice", "pw").unwrap();
        assert_eq!(alice.account.name, "alice");
        assert!(Arc::ptr_eq(&alice.storage, &own));
        let anyone = answer(&auth, "ftp", "me@").unwrap();
        assert!(anyone.account.anonymous);
        assert!(Arc::ptr_eq(&anyone.storage, &public));
        assert!(answer(&auth, "alice", "wrong").is_none());
        assert!(answer(&auth, "bob", "pw").is_none());
    }
}
