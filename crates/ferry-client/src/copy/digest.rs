//! Digests of files: asked of the storage where it knows them, computed by reading where not.

use ferry_proto::hash::Algorithm;
use ferry_proto::path::FtpPath;
use ferry_storage::digest::Hasher;
use ferry_storage::{FsError, Storage};

use super::reader::Reader;

/// Which algorithm to try first: the fastest and strongest that some server computes.
const ORDER: [Algorithm; 6] = [
    Algorithm::Blake3,
    Algorithm::Sha256,
    Algorithm::Sha512,
    Algorithm::Sha1,
    Algorithm::Md5,
    Algorithm::Crc32,
];

/// Octets read at a time for a digest.
const CHUNK: usize = 256 << 10;

/// The digest of the first `len` octets of a file (all of them for [`None`]): what the storage
/// says, else what reading it gives.
///
/// # Errors
/// What the storage says; [`FsError::BadOffset`] when the file is shorter than `len`.
pub async fn digest(
    storage: &dyn Storage,
    path: &FtpPath,
    algorithm: Algorithm,
    len: Option<u64>,
) -> Result<Vec<u8>, FsError> {
    match known(storage, path, algorithm, len).await? {
        Some(digest) => Ok(digest),
        None => computed(Reader::new(storage.read(path, 0).await?)?, algorithm, len).await,
    }
}

/// What the storage says without reading; a refusal is as good as not knowing.
async fn known(
    storage: &dyn Storage,
    path: &FtpPath,
    algorithm: Algorithm,
    len: Option<u64>,
) -> Result<Option<Vec<u8>>, FsError> {
    match storage.hash(path, algorithm, 0, len).await {
        Err(FsError::Unsupported | FsError::Denied) => Ok(None),
        done => done,
    }
}

/// A digest that one of the two storages knows by itself, the algorithm, and whether it is the
/// first one that knows.
async fn known_by_either(
    one: (&dyn Storage, &FtpPath),
    other: (&dyn Storage, &FtpPath),
    len: Option<u64>,
) -> Result<Option<(Algorithm, Vec<u8>, bool)>, FsError> {
    for algorithm in ORDER {
        if let Some(digest) = known(one.0, one.1, algorithm, len).await? {
            return Ok(Some((algorithm, digest, true)));
        }
        if let Some(digest) = known(other.0, other.1, algorithm, len).await? {
            return Ok(Some((algorithm, digest, false)));
        }
    }
    Ok(None)
}

/// Whether the first `len` octets of two files are the same, if that can be told without moving
/// them over a network: one side knows the digest, the other too or is a file of this machine.
pub(crate) async fn same_cheaply(
    one: (&dyn Storage, &FtpPath),
    other: (&dyn Storage, &FtpPath),
    len: u64,
) -> Result<Option<bool>, FsError> {
    // A digest that does not come (servers fall silent over long files) is no reason to fail: an
    // overlap is compared instead, which fails by itself if there is no connection.
    let either = known_by_either(one, other, Some(len)).await.unwrap_or(None);
    let Some((algorithm, digest, first)) = either else { return Ok(None) };
    let rest = if first { other } else { one };
    let other = match known(rest.0, rest.1, algorithm, Some(len)).await.unwrap_or(None) {
        Some(digest) => digest,
        None => {
            let reader = Reader::new(rest.0.read(rest.1, 0).await?)?;
            if !reader.is_local() {
                return Ok(None);
            }
            computed(reader, algorithm, Some(len)).await?
        }
    };
    Ok(Some(digest == other))
}

/// Whether two whole files are the same, if both storages know a digest of the same kind.
pub(crate) async fn same_where_known(
    one: (&dyn Storage, &FtpPath),
    other: (&dyn Storage, &FtpPath),
) -> Option<bool> {
    for algorithm in ORDER {
        // One after the other: who does not know says so at once, and costs no reading then.
        let Ok(Some(first)) = known(one.0, one.1, algorithm, None).await else { continue };
        if let Ok(Some(second)) = known(other.0, other.1, algorithm, None).await {
            return Some(first == second);
        }
    }
    None
}

/// Whether two whole files have the same content, by the digests of both: those that the storages
/// know where that is so, else by reading them.
///
/// # Errors
/// What the storages say.
pub async fn same_content(
    one: (&dyn Storage, &FtpPath),
    other: (&dyn Storage, &FtpPath),
) -> Result<bool, FsError> {
    let Some((algorithm, known, first)) = known_by_either(one, other, None).await? else {
        let (one, other) = tokio::join!(
            digest(one.0, one.1, Algorithm::Blake3, None),
            digest(other.0, other.1, Algorithm::Blake3, None)
        );
        return Ok(one? == other?);
    };
    let rest = if first { other } else { one };
    Ok(digest(rest.0, rest.1, algorithm, None).await? == known)
}

async fn computed(
    mut reader: Reader,
    algorithm: Algorithm,
    len: Option<u64>,
) -> Result<Vec<u8>, FsError> {
    let mut hasher = Hasher::new(algorithm);
    let (mut buf, mut left) = (Vec::new(), len);
    loop {
        let want = left.map_or(CHUNK, |left| CHUNK.min(usize::try_from(left).unwrap_or(CHUNK)));
        if want == 0 {
            break;
        }
        buf = reader.next(buf, want).await?;
        if buf.is_empty() {
            if left.is_some() {
                return Err(FsError::BadOffset);
            }
            break;
        }
        left = left.map(|left| left.saturating_sub(buf.len() as u64));
        // Hashing a quarter of a megabyte takes as long as a system call or two; but it would
        // hold up everything else on this thread if it were done again and again.
        let job = move || {
            hasher.update(&buf);
            (hasher, buf)
        };
        (hasher, buf) = tokio::task::spawn_blocking(job)
            .await
            .map_err(|e| FsError::Io(std::io::Error::other(e)))?;
    }
    Ok(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_proto::hash::hex;
    use ferry_storage::memory::Memory;

    #[tokio::test]
    async fn digests_are_those_of_the_standards() {
        let files = Memory::new();
        files.put("/f", b"123456789").unwrap();
        let path = FtpPath::new(b"/f").unwrap();
        let cases = [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ];
        for (algorithm, want) in cases {
            let digest = digest(&files, &path, algorithm, None).await.unwrap();
            assert_eq!(hex(&digest), want);
        }
        let part = digest(&files, &path, Algorithm::Md5, Some(0)).await.unwrap();
        assert_eq!(hex(&part), "d41d8cd98f00b204e9800998ecf8427e");
        let beyond = digest(&files, &path, Algorithm::Md5, Some(10)).await;
        assert!(matches!(beyond, Err(FsError::BadOffset)));
    }
}
