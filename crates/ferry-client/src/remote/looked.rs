//! What was asked of a directory together with the log-in, until somebody wants to know it.

use std::sync::{Mutex, PoisonError};

use ferry_proto::path::FtpPath;

use crate::session::{Look, Stat};

/// The directory, and what is not yet told of it.
#[derive(Debug, Default)]
pub(super) struct Looked(Mutex<Option<(FtpPath, Told)>>);

#[derive(Debug)]
struct Told {
    stat: Option<Stat>,
    listing: Option<Look>,
}

impl Looked {
    pub(super) fn new(look: Option<(FtpPath, Look)>) -> Self {
        let told = look.map(|(path, mut look)| {
            let stat = look.stat.take();
            (path, Told { stat, listing: Some(look) })
        });
        Self(Mutex::new(told))
    }

    fn told<T>(&self, path: &FtpPath, take: impl FnOnce(&mut Told) -> Option<T>) -> Option<T> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.as_mut().filter(|(at, _)| at == path).and_then(|(_, told)| take(told))
    }

    /// What it is, once, if it is a directory.
    pub(super) fn stat(&self, path: &FtpPath) -> Option<Stat> {
        self.told(path, |told| told.stat.take()).filter(|stat| stat.is_dir == Some(true))
    }

    /// The octets of its listing, once. Whatever went wrong may go well the usual way.
    pub(super) async fn listing(&self, path: &FtpPath) -> Option<Vec<u8>> {
        let look = self.told(path, |told| told.listing.take())?;
        look.listing.await.ok()?.ok()
    }
}
