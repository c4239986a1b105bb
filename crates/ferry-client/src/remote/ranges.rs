//! Whether several sessions can fill one file at a time, each a part of it: found out with a small
//! file, once for each server, because no server says so. Most cut a file off where REST tells them
//! to write, some let one session wait for the other, some refuse to begin beyond the end, some
//! remove a file when a transfer breaks off: each of these would spoil a file, and each spoils the
//! small one first.
//!
//! ```text
//! STOR 0 ├────┤                        makes the file
//!   at 2 ┊    ┊    ├────┤              beyond its end
//!   at 3 ┊    ┊    ┊    ├──      ──┤   stays open while
//!   at 1 ┊    ├────┤    ┊              this is sent, before what is there
//!   at 3 ┊    ┊    ┊    ├──X           breaks off
//! ```
//!
//! Then the file must be there, whole, and be renamed. What is proved, `memory.rs` keeps.

use std::time::Duration;

use ferry_proto::path::FtpPath;
use tokio::time::timeout;

use super::Remote;
use crate::error::{Error, ErrorKind, Result};
use crate::pool::{Lease, Use};
use crate::session::UploadHow;
use crate::session::capabilities::Ranges;
use crate::site::Security;

/// Octets of each of the four parts.
const PART: usize = 8 * 1024;

/// How long a second session is waited for.
const SESSION_MAX: Duration = Duration::from_secs(10);

/// How long a server may take over a part while another is open, beyond what the way there takes,
/// and well below the time-out of a session. One that lets the second wait for the first would take
/// for ever.
const PART_MAX: Duration = Duration::from_secs(5);

/// How many may write one file at a time; 1 where that is not proved. `path` is a free name.
pub(super) async fn writers(remote: &Remote, path: &FtpPath) -> usize {
    let pool = &remote.0.pool;
    let most = pool.sessions();
    if most < 2 || path.is_root() {
        return 1;
    }
    let _one_at_a_time = remote.0.proving.acquire().await;
    let (ranges, tried) = pool.known().read(|known| (known.ranges, known.ranges_tried));
    let ranges = match ranges {
        Ranges::Untried if !tried => {
            pool.known().lock().ranges_tried = true;
            // What was not found out, because something else went wrong, is not tried again today.
            let found = Box::pin(find(remote, path)).await.unwrap_or(Ranges::Untried);
            pool.known().lock().ranges = found;
            crate::memory::keep(pool.site(), pool.settings(), &pool.capabilities());
            found
        }
        known => known,
    };
    if matches!(ranges, Ranges::Rang | Ranges::Rest) { most } else { 1 }
}

async fn find(remote: &Remote, path: &FtpPath) -> Result<Ranges> {
    let pool = &remote.0.pool;
    let one = pool.lease(Use::Alone).await?;
    let other = timeout(SESSION_MAX, pool.lease(Use::Alone)).await;
    let other = other.map_err(|_| Error::new(ErrorKind::TooMany, "no second session"))??;
    let found = Box::pin(try_ways(remote, path, &one, &other)).await;
    let proved = matches!(found, Ok(Ranges::Rang | Ranges::Rest));
    if !proved || pool.site().security != Security::Plain {
        // A transfer that breaks off takes TLS tickets along, and a refusal may leave a REST: what
        // follows must not pay for the trial.
        pool.retire(&one);
        pool.retire(&other);
        // It may be waiting for the other.
        other.drop_now();
        one.quit().await;
    }
    found
}

async fn try_ways(remote: &Remote, path: &FtpPath, one: &Lease, other: &Lease) -> Result<Ranges> {
    let pool = &remote.0.pool;
    let patience = pool.settings().timeout;
    let rang = pool.known().read(|known| known.has("RANG"));
    let ways = [(Ranges::Rang, rang), (Ranges::Rest, true)];
    for (way, _) in ways.into_iter().filter(|(_, may)| *may) {
        let trial = Trial { one, other, path, way, patience };
        let proved = Box::pin(trial.run()).await;
        // Even if all went well it is of no use any more.
        let removed = one.remove_file(path.as_bytes()).await;
        if proved? {
            return Ok(if removed.is_ok() { way } else { Ranges::None });
        }
    }
    Ok(Ranges::None)
}

/// A trial of one way.
struct Trial<'a> {
    one: &'a Lease,
    other: &'a Lease,
    path: &'a FtpPath,
    way: Ranges,
    /// The time-out of a session.
    patience: Duration,
}

impl Trial<'_> {
    /// Whether it works; an error where that was not found out.
    async fn run(&self) -> Result<bool> {
        let parts = parts(self.path);
        // That no file can be made here says nothing about the server.
        self.store(self.one, UploadHow::Create, 0, &parts).await?;
        let proved = Box::pin(self.fill(&parts)).await;
        match proved {
            Ok(same) => Ok(same),
            Err(error) if is_answer(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn fill(&self, parts: &[Vec<u8>]) -> Result<bool> {
        let path = self.path.as_bytes();
        self.store(self.one, self.at(2), 2, parts).await?;
        let last = parts.get(3).map(Vec::as_slice).unwrap_or_default();
        let (half, rest) = last.split_at(last.len() / 2);
        let mut open = self.one.upload(path, self.at(3)).await?;
        self.within(open.begun()).await?;
        open.write(half).await?;
        self.within(Box::pin(self.store(self.other, self.at(1), 1, parts))).await?;
        open.write(rest).await?;
        Box::pin(open.finish()).await?;
        let mut broken = self.one.upload(path, self.at(3)).await?;
        self.within(broken.begun()).await?;
        broken.write(half).await?;
        drop(broken);
        // On the same session: answered after the server has done with what broke off.
        if self.one.size(path).await? != Some((PART * parts.len()) as u64) {
            return Ok(false);
        }
        if self.fetch().await? != parts.concat() {
            return Ok(false);
        }
        // To and fro, so that what may be left behind has a name that is known.
        let aside = [path, b"-".as_slice()].concat();
        self.one.rename(path, &aside).await?;
        self.one.rename(&aside, path).await?;
        Ok(true)
    }

    fn at(&self, part: usize) -> UploadHow {
        let at = (part * PART) as u64;
        if self.way == Ranges::Rang { UploadHow::Over(at) } else { UploadHow::At(at) }
    }

    async fn store(
        &self,
        session: &Lease,
        how: UploadHow,
        part: usize,
        parts: &[Vec<u8>],
    ) -> Result<()> {
        let mut upload = session.upload(self.path.as_bytes(), how).await?;
        // Before a word of the server, the octets might be in nobody's hands.
        upload.begun().await?;
        upload.write(parts.get(part).map(Vec::as_slice).unwrap_or_default()).await?;
        Box::pin(upload.finish()).await.map(drop)
    }

    async fn fetch(&self) -> Result<Vec<u8>> {
        let mut download = self.one.download(self.path.as_bytes(), 0).await?;
        let (mut all, mut buf) = (Vec::new(), vec![0; PART]);
        // A little more than there should be is enough to see that it is too much.
        while all.len() <= 4 * PART {
            match download.read(&mut buf).await? {
                0 => break,
                n => all.extend_from_slice(buf.get(..n).unwrap_or_default()),
            }
        }
        Ok(all)
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let rtt = self.one.capabilities().rtt.unwrap_or_default();
        let waiting = "the server lets one upload wait for another";
        let most = (PART_MAX + rtt * 20).min(self.patience / 2);
        timeout(most, work).await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Busy, waiting)))
    }
}

/// Whether a failure says what the server does, and not that something else went wrong.
fn is_answer(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unsupported | ErrorKind::Busy => true,
        ErrorKind::TooMany | ErrorKind::Login | ErrorKind::NoSpace | ErrorKind::Data => false,
        _ => error.reply().is_some_and(|reply| matches!(reply.code, 450 | 451 | 500..=559)),
    }
}

/// Four parts that look like nothing else, least of all like octets that were never written.
fn parts(path: &FtpPath) -> Vec<Vec<u8>> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"ferry ranges");
    hasher.update(path.as_bytes());
    let mut octets = hasher.finalize_xof();
    let mut part = || {
        let mut part = vec![0; PART];
        octets.fill(&mut part);
        part
    };
    vec![part(), part(), part(), part()]
}
