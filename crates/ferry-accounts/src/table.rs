//! A fixed table of accounts with their passwords, and the one question asked of it: who is this?
//!
//! It never tells, by answer or by time, whether a name exists: a log-in costs one hash
//! verification whatever the name, as soon as one account of the table has a hash. The anonymous
//! account is no secret (the greeting welcomes it) and costs nothing.

use core::fmt;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::Account;
use crate::password::{Cost, OneTimePassword, PasswordHash};

/// How an account proves itself.
#[derive(Debug)]
#[non_exhaustive]
pub enum Secret {
    /// By a password of which only the hash is known.
    Hash(PasswordHash),
    /// By a password that lives as long as the process.
    OneTime(OneTimePassword),
    /// By no password at all: a certificate is the only way in.
    None,
}

/// SHA-256 of a certificate (DER).
pub type Fingerprint = [u8; 32];

/// What certificates are to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "plain data")]
pub struct Certificates {
    /// Those that prove to be the account's.
    pub known: Vec<Fingerprint>,
    /// Whether the password is needed, too.
    pub with_password: bool,
}

/// A second account of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "one fact")]
pub struct NameTaken(pub String);

impl fmt::Display for NameTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is already an account named {:?}", self.0)
    }
}

impl core::error::Error for NameTaken {}

#[derive(Debug)]
struct Row {
    account: Arc<Account>,
    secret: Secret,
    /// What ACCT must say, where the account must send it.
    acct: Option<Secret>,
    certificates: Option<Certificates>,
}

impl Row {
    fn knows(&self, shown: Option<&Fingerprint>) -> bool {
        match (&self.certificates, shown) {
            (Some(certificates), Some(shown)) => certificates.known.contains(shown),
            _ => false,
        }
    }

    fn needs_both(&self) -> bool {
        self.certificates.as_ref().is_some_and(|certificates| certificates.with_password)
    }
}

/// Accounts by name. Names are octets, case-sensitive, as RFC 959 leaves them.
#[derive(Debug, Default)]
pub struct UserTable {
    rows: HashMap<Box<[u8]>, Row>,
    anonymous: Option<Arc<Account>>,
    /// Verified where a row has no hash of its own; `None` while no row has one.
    dummy: Option<PasswordHash>,
}

impl UserTable {
    /// A table without accounts: every log-in fails.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account.
    ///
    /// # Errors
    /// [`NameTaken`]; the table is as before.
    pub fn add(&mut self, account: Account, secret: Secret) -> Result<(), NameTaken> {
        let name: Box<[u8]> = account.name.as_bytes().into();
        if self.rows.contains_key(&name) {
            return Err(NameTaken(account.name));
        }
        self.rows.insert(
            name,
            Row { account: Arc::new(account), secret, acct: None, certificates: None },
        );
        self.dummy = self.most_common_cost().and_then(PasswordHash::dummy);
        Ok(())
    }

    /// What the account of this name must say in ACCT, if [`Account::acct`] wants it to.
    pub fn expect_acct(&mut self, name: &[u8], secret: Secret) {
        if let Some(row) = self.rows.get_mut(name) {
            row.acct = Some(secret);
        }
    }

    /// Whether `info` is what the account of this name must say in ACCT. Costs as much as
    /// [`verify`](Self::verify).
    #[must_use]
    pub fn verify_acct(&self, name: &[u8], info: &[u8]) -> bool {
        match self.rows.get(name).and_then(|row| row.acct.as_ref()) {
            Some(Secret::Hash(hash)) => hash.verify(info),
            Some(Secret::OneTime(kept)) => kept.verify(info),
            Some(Secret::None) | None => false,
        }
    }

    /// Which certificates are those of the account of this name.
    pub fn expect_certificates(&mut self, name: &[u8], certificates: Certificates) {
        if let Some(row) = self.rows.get_mut(name) {
            row.certificates = Some(certificates);
        }
    }

    /// The account of this name, if this certificate alone proves to be it.
    #[must_use]
    pub fn recognise(&self, user: &[u8], shown: &Fingerprint) -> Option<Arc<Account>> {
        let row = self.rows.get(user)?;
        (row.knows(Some(shown)) && !row.needs_both()).then(|| Arc::clone(&row.account))
    }

    /// Lets anyone in as `account` under the names `anonymous` and `ftp` (RFC 1635), with any
    /// password. An account added under one of these names keeps it.
    pub fn welcome_anonymous(&mut self, account: Account) {
        self.anonymous = Some(Arc::new(account));
    }

    /// The account of this name and password, or `None`. May take tens of milliseconds and tens
    /// of megabytes: call it where that blocks nobody.
    #[must_use]
    pub fn verify(&self, user: &[u8], password: &[u8]) -> Option<Arc<Account>> {
        self.verify_certified(user, password, None)
    }

    /// The same for someone who showed a certificate, which some accounts need besides.
    #[must_use]
    pub fn verify_certified(
        &self,
        user: &[u8],
        password: &[u8],
        shown: Option<&Fingerprint>,
    ) -> Option<Arc<Account>> {
        let row = self.rows.get(user);
        if row.is_none() && is_anonymous(user) && self.anonymous.is_some() {
            return self.anonymous.clone();
        }
        let hash = match row.map(|row| &row.secret) {
            Some(Secret::Hash(hash)) => Some(hash),
            _ => self.dummy.as_ref(),
        };
        let hash_fits = hash.is_some_and(|hash| hash.verify(password));
        let row = row?;
        let fits = match &row.secret {
            Secret::Hash(_) => hash_fits,
            Secret::OneTime(kept) => kept.verify(password),
            Secret::None => false,
        };
        (fits && (!row.needs_both() || row.knows(shown))).then(|| Arc::clone(&row.account))
    }

    /// The account of this name for someone whose password was verified before and is the same,
    /// see [`Remembered`](crate::Remembered); `None` where a certificate is missing besides.
    #[must_use]
    pub fn verified_before(
        &self,
        user: &[u8],
        shown: Option<&Fingerprint>,
    ) -> Option<Arc<Account>> {
        let row = self.rows.get(user)?;
        (!row.needs_both() || row.knows(shown)).then(|| Arc::clone(&row.account))
    }

    /// Whether this account's password costs a slow hash, which is worth being remembered.
    #[must_use]
    pub fn is_hashed(&self, user: &[u8]) -> bool {
        self.rows.get(user).is_some_and(|row| matches!(row.secret, Secret::Hash(_)))
    }

    /// Whether anonymous log-ins are accepted.
    #[must_use]
    pub fn welcomes_anonymous(&self) -> bool {
        self.anonymous.is_some()
    }

    /// Every account, the anonymous one last, the others in no particular order.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.rows.values().map(|row| &row.account).chain(self.anonymous.as_ref())
    }

    /// The cost most rows share; the higher one of two that are equally common.
    fn most_common_cost(&self) -> Option<Cost> {
        let mut counts: BTreeMap<Cost, usize> = BTreeMap::new();
        for row in self.rows.values() {
            if let Secret::Hash(hash) = &row.secret {
                *counts.entry(hash.cost()).or_default() += 1;
            }
        }
        counts.into_iter().max_by_key(|&(cost, count)| (count, cost)).map(|(cost, _)| cost)
    }
}

/// The names of RFC 1635, which people type in any case.
fn is_anonymous(user: &[u8]) -> bool {
    user.eq_ignore_ascii_case(b"anonymous") || user.eq_ignore_ascii_case(b"ftp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password;
    use proptest::prelude::*;

    use crate::Access;

    fn account(name: &str) -> Account {
        Account::new(name, Access::ReadWrite)
    }

    fn sesame() -> Secret {
        Secret::Hash(password::cheap(64, b"open sesame"))
    }

    fn swordfish() -> Secret {
        Secret::Hash(password::cheap(128, b"swordfish"))
    }

    fn one_time(password: &str) -> Secret {
        Secret::OneTime(OneTimePassword::new(password.as_bytes()).unwrap())
    }

    fn table() -> UserTable {
        let mut table = UserTable::new();
        table.add(account("alice"), sesame()).unwrap();
        table.add(account("bob"), swordfish()).unwrap();
        table.add(account("carol"), one_time("abcd-efgh")).unwrap();
        table
    }

    fn who(table: &UserTable, user: &str, password: &str) -> Option<String> {
        table.verify(user.as_bytes(), password.as_bytes()).map(|a| a.name.clone())
    }

    #[test]
    fn only_the_right_name_with_its_own_password_is_let_in() {
        let table = table();
        let cases = [
            ("alice", "open sesame", Some("alice")),
            ("bob", "swordfish", Some("bob")),
            ("carol", "abcd-efgh", Some("carol")),
            ("alice", "swordfish", None),
            ("bob", "open sesame", None),
            ("carol", "open sesame", None),
            ("alice", "abcd-efgh", None),
            ("Alice", "open sesame", None),
            ("alice ", "open sesame", None),
            ("alice", "", None),
            ("", "", None),
            ("nobody", "open sesame", None),
            ("anonymous", "guest@", None),
            ("ftp", "guest@", None),
        ];
        for (user, password, want) in cases {
            assert_eq!(who(&table, user, password).as_deref(), want, "{user}/{password}");
        }
    }

    #[test]
    fn a_certificate_lets_in_alone_or_with_the_password_as_the_account_says() {
        let mut table = table();
        table.add(account("dave"), Secret::None).unwrap();
        let (known, other) = ([1; 32], [2; 32]);
        let certificates = |with_password| Certificates { known: vec![known], with_password };
        table.expect_certificates(b"alice", certificates(false));
        table.expect_certificates(b"bob", certificates(true));
        table.expect_certificates(b"dave", certificates(false));
        let alone = |user: &str, shown| table.recognise(user.as_bytes(), &shown).is_some();
        assert!(alone("alice", known) && alone("dave", known));
        for (user, shown) in [("alice", other), ("bob", known), ("carol", known), ("x", known)] {
            assert!(!alone(user, shown), "{user}");
        }
        let both = |user: &str, password: &str, shown: Option<&Fingerprint>| {
            table.verify_certified(user.as_bytes(), password.as_bytes(), shown).is_some()
        };
        assert!(both("bob", "swordfish", Some(&known)));
        assert!(!both("bob", "swordfish", Some(&other)) && !both("bob", "swordfish", None));
        assert!(!both("bob", "wrong", Some(&known)));
        assert!(both("alice", "open sesame", None), "either is enough");
        assert!(!both("dave", "", Some(&known)) && !both("dave", "", None), "no password at all");
    }

    #[test]
    fn anonymous_is_welcome_only_when_enabled_under_two_names_in_any_case() {
        let mut table = table();
        assert!(!table.welcomes_anonymous());
        table.welcome_anonymous(Account { anonymous: true, ..account("anonymous") });
        assert!(table.welcomes_anonymous());
        for name in ["anonymous", "ftp", "ANONYMOUS", "Ftp"] {
            assert_eq!(who(&table, name, "").as_deref(), Some("anonymous"), "{name}");
            assert_eq!(who(&table, name, "me@home").as_deref(), Some("anonymous"), "{name}");
        }
        assert_eq!(who(&table, "anonymous2", ""), None);
    }

    #[test]
    fn a_user_who_is_really_named_ftp_keeps_name_and_password() {
        let mut table = table();
        table.add(account("ftp"), one_time("mine")).unwrap();
        table.welcome_anonymous(Account { anonymous: true, ..account("anonymous") });
        assert_eq!(who(&table, "ftp", "mine").as_deref(), Some("ftp"));
        assert_eq!(who(&table, "ftp", "guest@"), None);
        assert_eq!(who(&table, "FTP", "guest@").as_deref(), Some("anonymous"));
    }

    #[test]
    fn acct_is_right_only_for_the_account_that_must_say_it() {
        let mut table = table();
        assert!(!table.verify_acct(b"alice", b"sales"), "nothing is expected yet");
        table.expect_acct(b"alice", one_time("sales"));
        table.expect_acct(b"bob", Secret::Hash(password::cheap(64, b"billing")));
        table.expect_acct(b"nobody", one_time("sales"));
        assert!(table.verify_acct(b"alice", b"sales"));
        assert!(table.verify_acct(b"bob", b"billing"));
        assert!(!table.verify_acct(b"alice", b"billing"));
        assert!(!table.verify_acct(b"bob", b""));
        assert!(!table.verify_acct(b"nobody", b"sales"));
    }

    #[test]
    fn a_name_can_be_given_only_once() {
        let mut table = table();
        let again = table.add(account("alice"), one_time("other"));
        assert_eq!(again, Err(NameTaken("alice".to_owned())));
        assert_eq!(who(&table, "alice", "other"), None);
        assert_eq!(who(&table, "alice", "open sesame").as_deref(), Some("alice"));
    }

    #[test]
    fn unknown_names_cost_what_most_known_ones_cost() {
        let (cheap, dear) = (password::cheap(64, b"").cost(), password::cheap(128, b"").cost());
        let mut table = UserTable::new();
        assert!(table.dummy.is_none());
        table.add(account("carol"), one_time("abcd-efgh")).unwrap();
        assert!(table.dummy.is_none(), "nobody pays for hashes nobody has");
        table.add(account("alice"), sesame()).unwrap();
        assert_eq!(table.dummy.as_ref().unwrap().cost(), cheap);
        table.add(account("bob"), swordfish()).unwrap();
        assert_eq!(table.dummy.as_ref().unwrap().cost(), dear, "the dearer of two");
        table.add(account("dave"), sesame()).unwrap();
        assert_eq!(table.dummy.as_ref().unwrap().cost(), cheap);
    }

    #[test]
    fn every_log_in_costs_one_verification_whether_or_not_the_name_exists() {
        let mut table = table();
        table.add(account("dave"), sesame()).unwrap();
        let cheap = password::cheap(64, b"").cost();
        let cases = [
            ("alice", "open sesame"),
            ("alice", "wrong"),
            ("carol", "abcd-efgh"),
            ("carol", "wrong"),
            ("nobody", "open sesame"),
            ("anonymous", "guest@"),
            ("", ""),
        ];
        for (user, given) in cases {
            password::VERIFIED.take();
            let _ = who(&table, user, given);
            assert_eq!(password::VERIFIED.take(), [cheap], "{user}/{given}");
        }
    }

    #[test]
    fn every_account_is_listed_once() {
        let mut table = table();
        table.welcome_anonymous(Account { anonymous: true, ..account("anonymous") });
        let mut names: Vec<_> = table.accounts().map(|a| a.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["alice", "anonymous", "bob", "carol"]);
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let shown = format!("{:?}", table());
        assert!(shown.contains("alice"));
        assert!(!shown.contains("abcd-efgh") && !shown.contains("salt"), "{shown}");
    }

    proptest! {
        #[test]
        fn no_name_and_password_made_up_gets_in(
            user in proptest::collection::vec(any::<u8>(), 0..20),
            password in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            prop_assert!(table().verify(&user, &password).is_none());
        }
    }

    #[test]
    fn a_hash_made_here_can_be_put_into_the_table() {
        let hash = PasswordHash::parse(&password::hash(b"pa ss").unwrap()).unwrap();
        let mut table = UserTable::new();
        table.add(account("erin"), Secret::Hash(hash)).unwrap();
        assert_eq!(who(&table, "erin", "pa ss").as_deref(), Some("erin"));
    }
}
