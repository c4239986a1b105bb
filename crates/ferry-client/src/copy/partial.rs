//! The name a file has while it is not whole yet.
//!
//! The name tells which state of the source it is made from: a digest of name, size and time is
//! part of it. So nothing beside the file has to be remembered, on any storage, and what was begun
//! from an older state is never continued, because it has another name.

use std::fmt::Write as _;

use ferry_proto::path::{COMPONENT_LEN_MAX, FtpPath};
use ferry_storage::{Entry, FsError, Kind, Meta, Precision, Storage};

const SUFFIX: &[u8] = b".ferry-part";

/// Hexadecimal digits of the digest.
const DIGITS: usize = 16;

/// What a partial name adds to the file's own: a dot before it, a dot and digits, the suffix.
const ADDED: usize = 1 + 1 + DIGITS + SUFFIX.len();

/// The partial name of `path` made from a source in the state `meta`.
pub(crate) fn path_of(path: &FtpPath, meta: &Meta) -> Result<FtpPath, FsError> {
    path_for(path, meta, b"")
}

/// As [`path_of`], another name for each purpose, so that none is taken for the other.
pub(crate) fn path_for(path: &FtpPath, meta: &Meta, purpose: &[u8]) -> Result<FtpPath, FsError> {
    let name = path.name();
    let mut state = name.to_vec();
    state.push(0);
    state.extend_from_slice(&meta.size.to_be_bytes());
    // A time that is known to the minute today may be known to the second tomorrow; but a day is
    // enough to tell most changes, and content is compared before anything is continued.
    if meta.precision <= Precision::Minute {
        state.extend_from_slice(&meta.modified.secs.div_euclid(60).to_be_bytes());
    }
    if meta.precision <= Precision::Second {
        state.extend_from_slice(&meta.modified.secs.to_be_bytes());
    }
    state.extend_from_slice(purpose);
    let mut out = vec![b'.'];
    out.extend_from_slice(stem(name));
    out.push(b'.');
    let mut digits = String::with_capacity(DIGITS);
    for octet in blake3::hash(&state).as_bytes().iter().take(DIGITS / 2) {
        // Writing into a string cannot fail.
        let _ = write!(digits, "{octet:02x}");
    }
    out.extend_from_slice(digits.as_bytes());
    out.extend_from_slice(SUFFIX);
    let parent = path.parent().ok_or(FsError::NotFile)?;
    parent.child(&out).map_err(|_| FsError::BadName)
}

/// As much of a name as leaves room for what is added, not cut within a UTF-8 character.
pub(crate) fn stem(name: &[u8]) -> &[u8] {
    let mut end = name.len().min(COMPONENT_LEN_MAX - ADDED);
    while end > 0 && end < name.len() && name.get(end).is_some_and(|b| b & 0xc0 == 0x80) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default()
}

/// The file's own name, or its beginning, if this is a partial name.
#[must_use]
pub fn partial_of(name: &[u8]) -> Option<&[u8]> {
    let inner = name.strip_prefix(b".")?.strip_suffix(SUFFIX)?;
    let cut = inner.len().checked_sub(DIGITS + 1)?;
    let (stem, digits) = inner.split_at(cut);
    let digits = digits.strip_prefix(b".")?;
    let hex = digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (hex && !stem.is_empty()).then_some(stem)
}

/// Whether `name` is a partial name of the file `of`, in whatever state.
pub(crate) fn belongs(name: &[u8], of: &[u8]) -> bool {
    partial_of(name).is_some_and(|part| part == stem(of))
}

/// Removes what earlier attempts at `path` have left, from other states of its source.
pub(crate) async fn sweep(storage: &dyn Storage, path: &FtpPath) -> Result<(), FsError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let mut entries = storage.list(&parent).await?;
    loop {
        let batch = entries.next_batch().await?;
        if batch.is_empty() {
            return Ok(());
        }
        let ours = |e: &&Entry| e.meta.kind == Kind::File && belongs(&e.name, path.name());
        for entry in batch.iter().filter(ours) {
            if let Ok(stale) = parent.child(&entry.name) {
                storage.remove_file(&stale).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_proto::date::UnixTime;
    use ferry_storage::memory::Memory;

    async fn meta(size: usize, secs: i64) -> Meta {
        let files = Memory::new();
        files.set_now(UnixTime { secs, nanos: 5 });
        files.put("/f", &vec![0; size]).unwrap();
        files.stat(&FtpPath::new(b"/f").unwrap(), true).await.unwrap()
    }

    #[tokio::test]
    async fn a_partial_name_tells_name_and_state_and_fits() {
        let path = FtpPath::new(b"/d/movie.mkv").unwrap();
        let one = path_of(&path, &meta(1, 7).await).unwrap();
        assert_eq!(one.parent(), path.parent());
        assert_eq!(partial_of(one.name()), Some(&b"movie.mkv"[..]));
        assert_eq!(path_of(&path, &meta(1, 7).await).unwrap(), one);
        for other in [meta(2, 7).await, meta(1, 8).await] {
            assert_ne!(path_of(&path, &other).unwrap(), one);
        }
        let long = "\u{e4}".repeat(127);
        let long = FtpPath::new(format!("/{long}").as_bytes()).unwrap();
        let part = path_of(&long, &meta(1, 7).await).unwrap();
        assert!(part.name().len() <= COMPONENT_LEN_MAX);
        assert!(std::str::from_utf8(part.name()).is_ok());
        assert!(belongs(part.name(), long.name()));
    }

    #[test]
    fn other_names_are_no_partial_names() {
        for name in [
            "a",
            ".a.ferry-part",
            ".a.0123.ferry-part",
            "a.0123456789abcdef.ferry-part",
            "..0123456789abcdef.ferry-part",
            ".a.0123456789abcdeX.ferry-part",
        ] {
            assert_eq!(partial_of(name.as_bytes()), None, "{name}");
        }
    }
}
