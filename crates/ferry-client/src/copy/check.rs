//! Whether what is there already is the beginning of the source, and reading on behind it.

use ferry_proto::path::FtpPath;
use ferry_storage::FsError;

use super::digest::same_cheaply;
use super::options::Job;
use super::reader::{Reader, range};

/// How much is compared where no digest is to be had, in octets.
const OVERLAP: u64 = 64 << 10;

/// What may be continued.
pub(crate) enum Common {
    /// It is the beginning; the reader stands right behind it ([`None`] at the source's end).
    Same(Option<Reader>),
    /// It is not.
    Differs,
}

/// Compares the first `at` octets of `there` with the source: by digests where they come cheaply,
/// else the last 64 KiB of them. `size` is the source's length.
pub(crate) async fn common(
    job: &Job<'_>,
    there: &FtpPath,
    at: u64,
    size: u64,
) -> Result<Common, FsError> {
    let hashed = same_cheaply((job.to, there), (job.from, job.from_path), at).await?;
    if hashed == Some(false) {
        return Ok(Common::Differs);
    }
    if hashed == Some(true) {
        let reader = match at < size {
            true => Some(Reader::new(job.from.read(job.from_path, at).await?)?),
            false => None,
        };
        return Ok(Common::Same(reader));
    }
    overlap(job, there, at, size).await
}

/// Compares the octets right before `at`. The source is read on from there in one go: a server
/// is asked once for both.
pub(crate) async fn overlap(
    job: &Job<'_>,
    there: &FtpPath,
    at: u64,
    size: u64,
) -> Result<Common, FsError> {
    let len = at.min(OVERLAP);
    let short = usize::try_from(len).unwrap_or(0);
    let (tail, source) =
        tokio::join!(range(job.to, there, at - len, short), job.from.read(job.from_path, at - len));
    let mut reader = Reader::new(source?)?;
    let wanted = reader.exactly(short).await?;
    if wanted.len() < short || wanted != tail? {
        return Ok(Common::Differs);
    }
    Ok(Common::Same((at < size).then_some(reader)))
}
