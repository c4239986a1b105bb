//! Log-ins against a fixed table of accounts, each with a directory of this machine as its root.
//!
//! Hashing is slow on purpose, so it runs on the blocking pool and only as often at once as there
//! are processors: a flood of log-ins must not take the memory and the time of everyone else. A
//! right password is remembered for a while, as a keyed hash, and then costs next to nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use ferry_accounts::{Account, Remembered, UserTable};
use ferry_server::auth::{Authenticator, Login, Volume};
use ferry_server::net::BoxFut;
use ferry_storage::Storage;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::certs;

/// Answers the engine from a table.
#[derive(Debug)]
pub(crate) struct TableAuth {
    table: Arc<UserTable>,
    roots: HashMap<String, Arc<dyn Storage>>,
    anonymous_root: Option<Arc<dyn Storage>>,
    volumes: HashMap<String, Arc<[Volume]>>,
    hashing: Semaphore,
    remembered: Option<Remembered>,
    since: Instant,
}

/// How long a right password is remembered unless something else is said.
pub(crate) const REMEMBERED_FOR: Duration = Duration::from_secs(300);

impl TableAuth {
    /// `roots` holds the root of every named account, `anonymous_root` that of the anonymous one.
    pub(crate) fn new(
        table: UserTable,
        roots: HashMap<String, Arc<dyn Storage>>,
        anonymous_root: Option<Arc<dyn Storage>>,
    ) -> Self {
        let at_once = available_parallelism().map_or(2, usize::from);
        Self {
            table: Arc::new(table),
            roots,
            anonymous_root,
            volumes: HashMap::new(),
            hashing: Semaphore::new(at_once),
            // Without randomness for a key each log-in is verified.
            remembered: Remembered::new(REMEMBERED_FOR).ok(),
            since: Instant::now(),
        }
    }

    /// The same with right passwords remembered for so long; zero for not at all.
    pub(crate) fn remembering_for(mut self, lasts: Duration) -> Self {
        self.remembered = Remembered::new(lasts).ok();
        self
    }

    /// The same with what the named accounts may mount beside their roots.
    pub(crate) fn with_volumes(mut self, volumes: HashMap<String, Arc<[Volume]>>) -> Self {
        self.volumes = volumes;
        self
    }

    #[cfg(test)]
    pub(crate) fn remembers_for(&self) -> Option<Duration> {
        self.remembered.as_ref().map(Remembered::lasts)
    }

    /// The accounts it answers for.
    pub(crate) fn table(&self) -> &UserTable {
        &self.table
    }

    async fn decide(&self, user: &[u8], password: &[u8], shown: Option<&[u8]>) -> Option<Login> {
        let shown = shown.and_then(certs::digest);
        let now = self.since.elapsed();
        if self.remembered.as_ref().is_some_and(|kept| kept.knows(user, password, now)) {
            return self.table.verified_before(user, shown.as_ref()).and_then(|a| self.login_of(a));
        }
        // The semaphore is never closed; were it, nobody would be let in.
        let permit = self.hashing.acquire().await.ok()?;
        let table = Arc::clone(&self.table);
        let (name, given) = (user.to_vec(), Zeroizing::new(password.to_vec()));
        let verified = move || table.verify_certified(&name, &given, shown.as_ref());
        let account = tokio::task::spawn_blocking(verified).await.ok()??;
        drop(permit);
        if let Some(kept) = self.remembered.as_ref().filter(|_| self.table.is_hashed(user)) {
            kept.add(user, password, now);
        }
        self.login_of(account)
    }

    fn login_of(&self, account: Arc<Account>) -> Option<Login> {
        let storage = match account.anonymous {
            true => self.anonymous_root.as_ref(),
            false => self.roots.get(&account.name),
        }?;
        let volumes = match account.anonymous {
            true => None,
            false => self.volumes.get(&account.name),
        };
        let volumes = volumes.map(Arc::clone).unwrap_or_default();
        Some(Login { storage: Arc::clone(storage), account, volumes })
    }
}

impl TableAuth {
    async fn decide_account(&self, account: &Account, info: &[u8]) -> bool {
        let Ok(_permit) = self.hashing.acquire().await else { return false };
        let table = Arc::clone(&self.table);
        let name = account.name.clone();
        let info = Zeroizing::new(info.to_vec());
        let verified = move || table.verify_acct(name.as_bytes(), &info);
        tokio::task::spawn_blocking(verified).await.unwrap_or(false)
    }
}

impl Authenticator for TableAuth {
    fn login<'a>(
        &'a self,
        user: &'a [u8],
        password: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        Box::pin(self.decide(user, password, None))
    }

    fn recognise<'a>(
        &'a self,
        user: &'a [u8],
        certificate: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        let account =
            certs::digest(certificate).and_then(|shown| self.table.recognise(user, &shown));
        let login = account.and_then(|account| self.login_of(account));
        Box::pin(std::future::ready(login))
    }

    fn login_certified<'a>(
        &'a self,
        user: &'a [u8],
        password: &'a [u8],
        certificate: &'a [u8],
        _peer: IpAddr,
    ) -> BoxFut<'a, Option<Login>> {
        Box::pin(self.decide(user, password, Some(certificate)))
    }

    fn account<'a>(&'a self, account: &'a Account, info: &'a [u8]) -> BoxFut<'a, bool> {
        Box::pin(self.decide_account(account, info))
    }

    fn welcomes_anonymous(&self) -> bool {
        self.table.welcomes_anonymous()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_accounts::password::{OneTimePassword, PasswordHash};
    use ferry_accounts::{Access, Account, Secret};
    use ferry_storage::local::LocalDir;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn account(name: &str, anonymous: bool) -> Account {
        Account { anonymous, ..Account::new(name, Access::ReadOnly) }
    }

    fn answer(auth: &TableAuth, user: &str, password: &str) -> Option<Login> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(auth.login(user.as_bytes(), password.as_bytes(), PEER))
    }

    #[test]
    fn acct_is_verified_and_volumes_come_with_the_login_of_their_account() {
        let dir = tempfile::tempdir().unwrap();
        let root = || -> Arc<dyn Storage> { Arc::new(LocalDir::open(dir.path()).unwrap()) };
        let secret = |text: &[u8]| Secret::OneTime(OneTimePassword::new(text).unwrap());
        let mut table = UserTable::new();
        table.add(account("alice", false), secret(b"pw")).unwrap();
        table.add(account("bob", false), secret(b"pw")).unwrap();
        table.expect_acct(b"alice", secret(b"sales"));
        let roots = ["alice", "bob"].map(|name| (name.to_owned(), root())).into();
        let attic = Volume { name: "attic".to_owned(), storage: root() };
        let volumes = HashMap::from([("alice".to_owned(), Arc::from([attic]))]);
        let auth = TableAuth::new(table, roots, None).with_volumes(volumes);

        let alice = answer(&auth, "alice", "pw").unwrap();
        assert_eq!(alice.volumes.len(), 1);
        assert!(answer(&auth, "bob", "pw").unwrap().volumes.is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let says = |info: &[u8]| runtime.block_on(auth.account(&alice.account, info));
        assert!(says(b"sales") && !says(b"pw"));
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

    #[tokio::test]
    async fn a_right_password_costs_a_hash_once_and_a_wrong_one_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let root: Arc<dyn Storage> = Arc::new(LocalDir::open(dir.path()).unwrap());
        // A cheap hash of "correct horse".
        let hash = "$argon2id$v=19$m=64,t=1,p=1$aW50ZXJvcC1zYWx0LTE2Yg\
                    $D64U9eFAKMIktVMEXIhJin69ltKDlChnNdiAZ5PhdQU";
        let hash = PasswordHash::parse(hash).unwrap();
        let mut table = UserTable::new();
        table.add(account("alice", false), Secret::Hash(hash)).unwrap();
        let roots = HashMap::from([("alice".to_owned(), root)]);
        let auth = TableAuth::new(table, roots, None);
        assert!(auth.login(b"alice", b"correct horse", PEER).await.is_some());

        // Nobody can hash now.
        let all = u32::try_from(auth.hashing.available_permits()).unwrap();
        let _all = auth.hashing.acquire_many(all).await.unwrap();
        assert!(auth.login(b"alice", b"correct horse", PEER).await.is_some());
        for wrong in [&b"wrong"[..], b""] {
            let mut waiting = std::pin::pin!(auth.login(b"alice", wrong, PEER));
            let waits = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending())
            });
            assert!(waits.await);
        }
    }
}
