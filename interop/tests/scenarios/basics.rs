//! What everyone does all day: look, fetch, store, go on, rename, remove, keep times.

use std::fs;
use std::time::{Duration, SystemTime};

use ferry_client::ErrorKind;
use ferry_client::session::UploadHow;
use ferry_proto::date::UnixTime;
use ferry_storage::{FsError, Kind, Precision, SetMeta, Source, Storage as _, Upload, WriteMode};
use interop::content::noise;

use super::at::{At, path};

/// 2021-03-04 05:06:07 UTC: no daylight saving near it, and long enough ago for `ls` to show a year
/// in place of the hour.
const THEN: UnixTime = UnixTime { secs: 1_614_834_367, nanos: 0 };

/// What a file, a directory and nothing are.
pub(super) async fn stat(at: &At<'_>) -> Result<(), String> {
    at.dir("stat")?;
    at.file("stat/file", &noise(1, 12_345))?;
    at.file("stat/empty", b"")?;
    let file = fs::File::open(at.peer.root.join("stat/file")).map_err(|e| e.to_string())?;
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(THEN.secs.unsigned_abs());
    file.set_modified(then).map_err(|e| e.to_string())?;
    let failed = |e| at.failed("stat", e);
    let meta = at.remote.stat(&path("/stat/file"), true).await.map_err(failed)?;
    at.check(
        meta.kind == Kind::File && meta.size_known && meta.size == 12_345,
        &format!("{meta:?}"),
    )?;
    at.check(meta.modified.secs == THEN.secs, &format!("{meta:?}"))?;
    at.check(meta.precision <= Precision::Second, &format!("{meta:?}"))?;
    let meta = at.remote.stat(&path("/stat/empty"), true).await.map_err(failed)?;
    at.check(meta.kind == Kind::File && meta.size_known && meta.size == 0, &format!("{meta:?}"))?;
    let meta = at.remote.stat(&path("/stat"), true).await.map_err(failed)?;
    at.check(meta.kind == Kind::Dir, &format!("{meta:?}"))?;
    let none = at.remote.stat(&path("/stat/none"), true).await;
    at.check(matches!(none, Err(FsError::NotFound)), &format!("none: {none:?}"))
}

/// A whole file by storage; what is not there is told as such.
pub(super) async fn get(at: &At<'_>) -> Result<(), String> {
    at.dir("get")?;
    let content = noise(2, 300_000);
    at.file("get/file", &content)?;
    let failed = |e| at.failed("get", e);
    let source = at.remote.read(&path("/get/file"), 0).await.map_err(failed)?;
    let Source::Stream { mut stream, len } = source else { return Err("a file".to_owned()) };
    at.check(len == 300_000, &format!("it is said to have {len} octets"))?;
    let mut came = Vec::new();
    loop {
        let (buf, read) = stream.read(vec![0; 100_000]).await;
        match read.map_err(failed)? {
            0 => break,
            len => came.extend_from_slice(buf.get(..len).unwrap_or_default()),
        }
    }
    at.check(came == content, "something else came")?;
    let none = at.session.download(b"/get/none", 0).await;
    let none = none.map(drop).map_err(|e| e.kind());
    at.check(none == Err(ErrorKind::NotFound), &format!("none: {none:?}"))
}

/// A new file, a shorter one over it, and one in a directory that is not there.
pub(super) async fn put(at: &At<'_>) -> Result<(), String> {
    at.dir("put")?;
    for (seed, len) in [(3, 400_000), (4, 1_000)] {
        let content = noise(seed, len);
        put_by_storage(at, "/put/file", WriteMode::Create(Upload::Atomic), &content).await?;
        at.is_on_disk("put/file", &content)?;
    }
    let nowhere = at.stored(b"/put/none/file", UploadHow::Create, b"lost").await;
    at.check(nowhere.is_err(), "a file went where there is no directory")
}

async fn put_by_storage(
    at: &At<'_>,
    name: &str,
    mode: WriteMode,
    content: &[u8],
) -> Result<(), String> {
    let failed = |e| at.failed(name, e);
    let mut sink = at.remote.write(&path(name), mode, 0o644).await.map_err(failed)?;
    sink.write(content.to_vec()).await.1.map_err(failed)?;
    sink.commit().await.map_err(failed)
}

/// A file without octets, both ways.
pub(super) async fn empty(at: &At<'_>) -> Result<(), String> {
    at.dir("empty")?;
    at.file("empty/down", b"")?;
    let came = at.fetched(b"/empty/down", 0).await?;
    at.check(came.is_empty(), "something came of an empty file")?;
    at.stored(b"/empty/up", UploadHow::Create, b"").await?;
    at.is_on_disk("empty/up", b"")
}

/// Behind what is there.
pub(super) async fn append(at: &At<'_>) -> Result<(), String> {
    at.dir("append")?;
    at.file("append/file", b"first, ")?;
    at.stored(b"/append/file", UploadHow::Append, b"then ").await?;
    put_by_storage(at, "/append/file", WriteMode::Append, b"last").await?;
    at.is_on_disk("append/file", b"first, then last")
}

/// From the middle, and from the very end.
pub(super) async fn resume_down(at: &At<'_>) -> Result<(), String> {
    at.dir("down")?;
    let content = noise(5, 200_000);
    at.file("down/file", &content)?;
    let came = at.fetched(b"/down/file", 123_456).await?;
    let rest = content.get(123_456..).unwrap_or_default();
    at.check(came == rest, &format!("{} octets of another place came", came.len()))?;
    let came = at.fetched(b"/down/file", 200_000).await?;
    at.check(came.is_empty(), "something came from behind the end")?;
    // The place is forgotten then.
    let came = at.fetched(b"/down/file", 0).await?;
    at.check(came == content, "the next transfer did not begin at the start")
}

/// On from where an upload broke off.
pub(super) async fn resume_up(at: &At<'_>) -> Result<(), String> {
    at.dir("up")?;
    let content = noise(6, 200_000);
    let (head, tail) = content.split_at(123_456);
    at.file("up/file", head)?;
    at.stored(b"/up/file", UploadHow::At(123_456), tail).await?;
    at.is_on_disk("up/file", &content)
}

/// To a new name, and over a file where that is wanted.
pub(super) async fn rename(at: &At<'_>) -> Result<(), String> {
    at.dir("rename")?;
    at.file("rename/a", b"a")?;
    at.file("rename/b", b"b")?;
    let failed = |e| at.failed("rename", e);
    let [a, b, c] = ["/rename/a", "/rename/b", "/rename/c"].map(path);
    at.remote.rename(&a, &c, false).await.map_err(failed)?;
    at.is_on_disk("rename/c", b"a")?;
    let over = at.remote.rename(&c, &b, false).await;
    at.check(matches!(over, Err(FsError::Exists)), &format!("over a file: {over:?}"))?;
    at.remote.rename(&c, &b, true).await.map_err(failed)?;
    at.is_on_disk("rename/b", b"a")?;
    let none = at.remote.rename(&a, &c, false).await;
    // vsftpd says only that it failed.
    at.check(none.is_err(), "what is not there was renamed")
}

/// A file goes once.
pub(super) async fn remove(at: &At<'_>) -> Result<(), String> {
    at.dir("remove")?;
    at.file("remove/file", b"gone")?;
    let file = path("/remove/file");
    at.remote.remove_file(&file).await.map_err(|e| at.failed("remove", e))?;
    at.check(!at.peer.root.join("remove/file").exists(), "it is still there")?;
    let again = at.remote.remove_file(&file).await;
    at.check(again.is_err(), "it was removed twice")
}

/// Directories come and go, but not twice, and not when there is something in them.
pub(super) async fn directories(at: &At<'_>) -> Result<(), String> {
    at.dir("dirs")?;
    let failed = |e| at.failed("directories", e);
    let new = path("/dirs/new one");
    at.remote.make_dir(&new, 0o755).await.map_err(failed)?;
    at.check(at.peer.root.join("dirs/new one").is_dir(), "it is not there")?;
    let again = at.remote.make_dir(&new, 0o755).await;
    at.check(matches!(again, Err(FsError::Exists)), &format!("again: {again:?}"))?;
    at.file("dirs/new one/file", b"in the way")?;
    let full = at.remote.remove_dir(&new).await;
    at.check(full.is_err(), "a directory that is not empty was removed")?;
    at.remote.remove_file(&path("/dirs/new one/file")).await.map_err(failed)?;
    at.remote.remove_dir(&new).await.map_err(failed)?;
    at.check(!at.peer.root.join("dirs/new one").exists(), "it is still there")
}

/// Times are set and told, to the second.
pub(super) async fn times(at: &At<'_>) -> Result<(), String> {
    at.dir("times")?;
    at.file("times/a file", b"old")?;
    let file = path("/times/a file");
    let set = SetMeta { modified: Some(THEN), ..SetMeta::default() };
    at.remote.set_meta(&file, set).await.map_err(|e| at.failed("set time", e))?;
    let meta = fs::metadata(at.peer.root.join("times/a file")).map_err(|e| e.to_string())?;
    let there = meta.modified().map_err(|e| e.to_string())?;
    let there = there.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    at.check(there == THEN.secs.unsigned_abs(), &format!("on disk it is {there}"))?;
    let told = at.session.modified(b"/times/a file").await;
    let told = told.map_err(|e| at.failed("MDTM", e))?;
    at.check(told.is_some_and(|time| time.secs == THEN.secs), &format!("{told:?}"))
}
