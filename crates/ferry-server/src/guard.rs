//! The one door in front of storage: every operation of a session passes [`Guarded`], which asks
//! [`policy::decide`] about (account, operation, canonical path) and forwards only what is
//! allowed. No command checks rights by itself.

use std::sync::Arc;

use ferry_accounts::Account;
use ferry_accounts::policy::{self, Op, Refusal};
use ferry_proto::hash::Algorithm;
use ferry_proto::path::{FtpPath, has_control};
use ferry_storage::{
    BoxFut, Caps, Entries, Entry, FsError, Meta, SetMeta, Sink, Source, Storage, WriteMode,
};

use crate::auth::{Login, Volume};

/// An account's storage behind the permission decision.
#[derive(Debug)]
pub(crate) struct Guarded {
    account: Arc<Account>,
    inner: Arc<dyn Storage>,
    /// `None` for most accounts: it is part of what an idle session costs.
    more: Option<Box<More>>,
}

/// What only accounts with volumes or ACCT have.
#[derive(Debug, Clone)]
struct More {
    volumes: Arc<[Volume]>,
    acct_given: bool,
}

impl Guarded {
    pub(crate) fn new(login: Login) -> Self {
        let Login { account, storage, volumes } = login;
        let plain = volumes.is_empty() && account.acct.is_none();
        let more = (!plain).then(|| Box::new(More { volumes, acct_given: false }));
        Self { account, inner: storage, more }
    }

    /// Whose storage it is.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// The same after ACCT.
    pub(crate) fn with_acct(&self) -> Self {
        let mut more = self.more.clone();
        if let Some(more) = &mut more {
            more.acct_given = true;
        }
        Self { account: Arc::clone(&self.account), inner: Arc::clone(&self.inner), more }
    }

    /// The account's volume of this name behind the same door.
    pub(crate) fn mounted(&self, name: &[u8]) -> Option<Self> {
        let more = self.more.as_ref()?;
        let volume = more.volumes.iter().find(|v| v.name.as_bytes() == name)?;
        Some(Self {
            account: Arc::clone(&self.account),
            inner: Arc::clone(&volume.storage),
            more: self.more.clone(),
        })
    }

    /// Whether `op` on `path` would be let through, for the `perm` fact.
    pub(crate) fn allows(&self, op: Op, path: &FtpPath) -> bool {
        self.check(op, path).is_ok()
    }

    /// Whether `op` on `path` is let through, or why not.
    pub(crate) fn check(&self, op: Op, path: &FtpPath) -> Result<(), FsError> {
        policy::decide(&self.account, op, path).map_err(|refusal| match refusal {
            Refusal::BadName => FsError::BadName,
            Refusal::Hidden => FsError::NotFound,
            _ => FsError::Denied,
        })?;
        let acct_given = self.more.as_ref().is_some_and(|more| more.acct_given);
        if policy::awaits_acct(&self.account, op, acct_given) {
            return Err(FsError::NeedsAccount);
        }
        Ok(())
    }

    fn guarded<'a, T: Send + 'a>(
        &'a self,
        checks: &[(Op, &FtpPath)],
        then: impl FnOnce() -> BoxFut<'a, Result<T, FsError>>,
    ) -> BoxFut<'a, Result<T, FsError>> {
        let refused = checks.iter().find_map(|(op, path)| self.check(*op, path).err());
        match refused {
            Some(error) => Box::pin(std::future::ready(Err(error))),
            None => then(),
        }
    }
}

impl Storage for Guarded {
    fn caps(&self) -> Caps {
        self.inner.caps()
    }

    fn stat<'a>(&'a self, path: &'a FtpPath, follow: bool) -> BoxFut<'a, Result<Meta, FsError>> {
        self.guarded(&[(Op::Stat, path)], || self.inner.stat(path, follow))
    }

    fn list<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Box<dyn Entries>, FsError>> {
        self.guarded(&[(Op::List, path)], || {
            Box::pin(async move {
                let entries = self.inner.list(path).await?;
                Ok(Box::new(Presentable(entries)) as Box<dyn Entries>)
            })
        })
    }

    fn read<'a>(&'a self, path: &'a FtpPath, from: u64) -> BoxFut<'a, Result<Source, FsError>> {
        self.guarded(&[(Op::Read, path)], || self.inner.read(path, from))
    }

    fn load<'a>(
        &'a self,
        path: &'a FtpPath,
        most: usize,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        self.guarded(&[(Op::Read, path)], || self.inner.load(path, most))
    }

    fn write<'a>(
        &'a self,
        path: &'a FtpPath,
        mode: WriteMode,
        perm: u32,
    ) -> BoxFut<'a, Result<Box<dyn Sink>, FsError>> {
        self.guarded(&[(Op::Write, path)], || self.inner.write(path, mode, perm))
    }

    fn make_dir<'a>(&'a self, path: &'a FtpPath, perm: u32) -> BoxFut<'a, Result<(), FsError>> {
        self.guarded(&[(Op::MakeDir, path)], || self.inner.make_dir(path, perm))
    }

    fn make_link<'a>(
        &'a self,
        path: &'a FtpPath,
        target: &'a FtpPath,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.guarded(&[(Op::MakeLink, path), (Op::Stat, target)], || {
            self.inner.make_link(path, target)
        })
    }

    fn remove_dir<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.guarded(&[(Op::RemoveDir, path)], || self.inner.remove_dir(path))
    }

    fn remove_file<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<(), FsError>> {
        self.guarded(&[(Op::RemoveFile, path)], || self.inner.remove_file(path))
    }

    fn rename<'a>(
        &'a self,
        from: &'a FtpPath,
        to: &'a FtpPath,
        replace: bool,
    ) -> BoxFut<'a, Result<(), FsError>> {
        self.guarded(&[(Op::RenameFrom, from), (Op::RenameTo, to)], || {
            self.inner.rename(from, to, replace)
        })
    }

    fn set_meta<'a>(&'a self, path: &'a FtpPath, set: SetMeta) -> BoxFut<'a, Result<(), FsError>> {
        let owner = set.owner.is_some() || set.group.is_some();
        let op = if owner { Op::SetOwner } else { Op::SetMeta };
        self.guarded(&[(Op::SetMeta, path), (op, path)], || self.inner.set_meta(path, set))
    }

    fn free_space<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<Option<u64>, FsError>> {
        self.guarded(&[(Op::Stat, path)], || self.inner.free_space(path))
    }

    fn hash<'a>(
        &'a self,
        path: &'a FtpPath,
        algorithm: Algorithm,
        from: u64,
        len: Option<u64>,
    ) -> BoxFut<'a, Result<Option<Vec<u8>>, FsError>> {
        self.guarded(&[(Op::Read, path)], || self.inner.hash(path, algorithm, from, len))
    }

    fn writers<'a>(&'a self, path: &'a FtpPath) -> BoxFut<'a, Result<usize, FsError>> {
        self.guarded(&[(Op::Write, path)], || self.inner.writers(path))
    }

    fn width(&self) -> usize {
        self.inner.width()
    }

    fn ready(&self, at_a_time: usize) -> BoxFut<'_, ()> {
        self.inner.ready(at_a_time)
    }

    fn expect_small(&self, stored: bool) {
        self.inner.expect_small(stored);
    }
}

/// Leaves out entries whose names hold control octets: they could break a listing's lines, and no
/// command could name them.
struct Presentable(Box<dyn Entries>);

impl Entries for Presentable {
    fn unread(&self) -> u64 {
        self.0.unread()
    }

    fn by_name(&mut self, most: usize) -> BoxFut<'_, Result<bool, FsError>> {
        self.0.by_name(most)
    }

    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        Box::pin(async move {
            loop {
                let mut batch = self.0.next_batch().await?;
                let was_last = batch.is_empty();
                batch.retain(|entry| !has_control(&entry.name));
                if was_last || !batch.is_empty() {
                    return Ok(batch);
                }
            }
        })
    }
}
