//! Hashes of files (HASH and its kin).

use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;
use ferry_proto::server::Digest;
use ferry_storage::digest::Hasher;
use ferry_storage::{FsError, Kind, Storage as _};

use super::Budget;
use super::chunks::{Chunks, off_thread};
use crate::ops::{Refused, Session};

/// Hashes the octets of a regular file from `from` up to `until`, or as far as there are any.
pub(super) async fn file(
    session: &Session,
    path: &FtpPath,
    algorithm: Algorithm,
    from: u64,
    until: Option<u64>,
    budget: &mut Budget,
) -> Result<Digest, Refused> {
    budget.visit().await?;
    let meta = session.guard.stat(path, true).await?;
    if meta.kind != Kind::File {
        return Err(FsError::NotFile.into());
    }
    let end = until.unwrap_or(u64::MAX).min(meta.size);
    budget.affords(end.saturating_sub(from))?;
    let mut chunks = Chunks::new(session.guard.read(path, from).await?);
    let (mut hasher, mut buf, mut at) = (Hasher::new(algorithm), Vec::new(), from);
    // A file that grows meanwhile is hashed as it was.
    while at < end {
        buf = chunks.next(buf, end - at).await?;
        if buf.is_empty() {
            break;
        }
        let len = buf.len();
        (hasher, buf) = off_thread(move || {
            hasher.update(&buf);
            (hasher, buf)
        })
        .await?;
        at = at.saturating_add(u64::try_from(len).unwrap_or(0));
        budget.spend(len).await?;
    }
    Ok(Digest { octets: hasher.finish(), end: at })
}
