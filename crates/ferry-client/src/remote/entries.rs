//! Listings of a server as the entries of a storage.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use ferry_proto::date::UnixTime;
use ferry_proto::listing::{
    ListedEntry, ListedKind, ListedTime, Precision as ListedPrecision, Zone, zone_offset,
};
use ferry_proto::path::FtpPath;
use ferry_storage::{BATCH_MAX, BoxFut, Entries, Entry, FsError, Kind, Meta, Precision};

use super::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Lease, Use};
use crate::session::{LISTING_MAX, Listed};

/// How many entries are held back while the zone of their times is not known: it is asked for when
/// the listing is done, on the same session.
const HELD_FOR_ZONE: usize = 4096;

/// A directory of the server being read.
struct Lines {
    remote: Remote,
    dir: FtpPath,
    listed: Listed,
    /// Given back with the end of the listing.
    lease: Option<Lease>,
    ready: std::collections::VecDeque<ListedEntry>,
    ended: bool,
    /// Lines that the listing's reader gave up.
    unread: u64,
    /// Entries that could not be made of what it read.
    lost: u64,
}

pub(super) async fn open(remote: &Remote, path: &FtpPath) -> Result<Box<dyn Entries>> {
    let (keeps, system) = remote.0.pool.known().read(|known| (known.keeps_data(), known.system));
    // Nobody knows beforehand how long a listing is; most shrink to a tenth.
    if keeps && !remote.compresses() && !remote.0.long_dirs.has(path) {
        let fetched = match remote.0.looked.listing(path).await {
            Some(octets) => Ok(octets),
            None => {
                let fetch = |lease: Lease| async move {
                    lease.fetch_listing(path.as_bytes(), LISTING_MAX).await
                };
                remote.with(Use::SmallDown, fetch).await
            }
        };
        match fetched {
            Ok(octets) => {
                let (entries, listed) = Listed::of_facts(&octets, system);
                return Ok(Box::new(Lines {
                    remote: remote.clone(),
                    dir: path.clone(),
                    listed,
                    lease: None,
                    ready: entries.into(),
                    ended: false,
                    unread: 0,
                    lost: 0,
                }));
            }
            Err(error) if error.reply().is_some_and(|reply| reply.code == 501) => {
                return Err(Error::new(ErrorKind::NotDir, "it is no directory"));
            }
            // Too long for this.
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                remote.0.long_dirs.tell(path.clone());
            }
            Err(error) => return Err(error),
        }
    }
    let listed = remote
        .with(Use::Alone, |lease| async move {
            let mut listed = Box::pin(lease.listed(path.as_bytes())).await?;
            // What goes wrong goes wrong at the first octet, where all can still be done again.
            let mut first = Vec::new();
            let ended = !Box::pin(listed.read(&mut first)).await?;
            Ok((lease, listed, first, ended))
        })
        .await;
    let (lease, listed, first, ended) = listed?;
    Ok(Box::new(Lines {
        remote: remote.clone(),
        dir: path.clone(),
        listed,
        lease: Some(lease),
        ready: first.into(),
        ended,
        unread: 0,
        lost: 0,
    }))
}

/// An identity that is equal for equal objects only.
pub(super) fn identity(path: &FtpPath, unique: Option<&[u8]>) -> (u64, u64) {
    let mut hasher = DefaultHasher::new();
    match unique {
        Some(unique) => unique.hash(&mut hasher),
        None => path.as_bytes().hash(&mut hasher),
    }
    (u64::from(unique.is_some()), hasher.finish())
}

impl Lines {
    async fn fill(&mut self) -> Result<()> {
        let zone_unknown = self
            .remote
            .0
            .pool
            .known()
            .read(|known| known.zone.is_none() && !known.zone_tried && known.mdtm.may());
        let enough = if zone_unknown { HELD_FOR_ZONE } else { 1 };
        while !self.ended && self.ready.len() < enough {
            let mut entries = Vec::new();
            self.ended = !self.listed.read(&mut entries).await?;
            self.ready.extend(entries);
        }
        if self.ended {
            if zone_unknown {
                self.learn_zone().await;
            }
            self.lease = None;
            self.unread = self.listed.report().map_or(0, |report| {
                let lost = report.refused + report.unparsed;
                if report.complete() { lost } else { lost.max(1) }
            });
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<Entry>> {
        let mut batch = Vec::new();
        while batch.is_empty() {
            self.fill().await?;
            if self.ready.is_empty() {
                break;
            }
            let count = self.ready.len().min(BATCH_MAX);
            let listed: Vec<ListedEntry> = self.ready.drain(..count).collect();
            for entry in listed {
                batch.extend(self.entry(entry).await);
            }
        }
        Ok(batch)
    }

    /// Times in LIST are the server's own; MDTM of one file tells how far they are from UTC. Tried
    /// once per server.
    async fn learn_zone(&self) {
        let shows_hours = |entry: &&ListedEntry| {
            entry.kind == ListedKind::File
                && entry.modified.as_ref().is_some_and(|time| {
                    time.zone != Zone::Utc && time.precision != ListedPrecision::Day
                })
        };
        let found = self.ready.iter().find(shows_hours);
        let Some((entry, time)) = found.and_then(|entry| Some((entry, entry.modified.as_ref()?)))
        else {
            return;
        };
        let (Ok(path), Some(lease)) = (self.dir.child(&entry.name), &self.lease) else {
            return;
        };
        let known = self.remote.0.pool.known();
        known.lock().zone_tried = true;
        if let Ok(Some(mdtm)) = lease.modified(path.as_bytes()).await
            && let Some(offset) = zone_offset(mdtm, time)
        {
            known.lock().zone = Some(offset);
        }
    }

    async fn entry(&mut self, listed: ListedEntry) -> Option<Entry> {
        let Ok(path) = self.dir.child(&listed.name) else {
            self.lost += 1;
            return None;
        };
        let mut meta = self.meta(&path, &listed);
        let mut link = None;
        let mut target = None;
        match &listed.kind {
            // Bare names and the like: the server is asked.
            ListedKind::Unknown => {
                use ferry_storage::Storage as _;
                let Ok(found) = self.remote.stat(&path, true).await else {
                    // It is there, and nobody can say what it is.
                    self.lost += 1;
                    return None;
                };
                meta = found;
            }
            ListedKind::Symlink { target: to } => {
                use ferry_storage::Storage as _;
                link = Some(to.clone().unwrap_or_default());
                target = self.remote.stat(&path, true).await.ok();
                if let Some(target) = &mut target
                    && target.kind == Kind::Symlink
                {
                    target.kind = Kind::File;
                }
            }
            _ => {}
        }
        if meta.kind == Kind::File && meta.size_known {
            self.remote.0.sizes.tell(path, meta.size);
        }
        Some(Entry { name: listed.name, meta, link, target })
    }

    fn meta(&self, path: &FtpPath, listed: &ListedEntry) -> Meta {
        let zone = self.remote.0.pool.known().read(|known| known.zone);
        let (modified, precision) = listed
            .modified
            .as_ref()
            .map_or_else(|| (UnixTime::default(), Precision::Unknown), |time| time_of(time, zone));
        Meta {
            kind: match &listed.kind {
                ListedKind::Dir => Kind::Dir,
                ListedKind::Symlink { .. } => Kind::Symlink,
                ListedKind::File | ListedKind::Unknown => Kind::File,
                _ => Kind::Other,
            },
            size: listed.size.unwrap_or(0),
            size_known: listed.size.is_some(),
            modified,
            precision,
            created: None,
            mode: listed.mode,
            links: listed.links.unwrap_or(1),
            owner: None,
            group: None,
            unique: identity(path, listed.unique.as_deref()),
        }
    }
}

fn time_of(time: &ListedTime, zone: Option<i32>) -> (UnixTime, Precision) {
    let precision = match time.precision {
        ListedPrecision::Day => Precision::Day,
        ListedPrecision::Minute => Precision::Minute,
        ListedPrecision::Second => Precision::Second,
        _ => Precision::Fraction,
    };
    (time.in_zone(zone.unwrap_or(0)), precision)
}

impl Entries for Lines {
    fn next_batch(&mut self) -> BoxFut<'_, Result<Vec<Entry>, FsError>> {
        Box::pin(async move { self.next().await.map_err(FsError::from) })
    }

    fn unread(&self) -> u64 {
        self.unread + self.lost
    }
}
