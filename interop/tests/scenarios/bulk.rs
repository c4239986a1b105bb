//! Much: one large file, and many small ones over one session.

use std::fs;
use std::path::PathBuf;

use ferry_client::session::UploadHow;
use interop::content::noise;
use interop::servers::{Kind, Tls};
use tempfile::TempDir;

use super::at::At;
use super::sample::Sample;

const LARGE: usize = 64 << 20;
const MANY: usize = 120;

/// A large file, in memory and on the disk, and trees of small ones: once for all servers.
pub(crate) struct Content {
    pub(super) octets: Vec<u8>,
    dir: TempDir,
    tree: Sample,
    /// Of names that Pure-FTPd has.
    tree_pure: Sample,
}

impl Content {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let octets = noise(7, LARGE);
        fs::write(dir.path().join("large"), &octets).unwrap();
        let [tree, tree_pure] = [Kind::Ferryd, Kind::PureFtpd].map(|k| Sample::new(k).unwrap());
        Self { octets, dir, tree, tree_pure }
    }

    /// The tree of small files for that server.
    pub(crate) fn sample(&self, kind: Kind) -> &Sample {
        if kind == Kind::PureFtpd { &self.tree_pure } else { &self.tree }
    }

    /// Where it is on the disk.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("large")
    }
}

/// 64 MiB there and back.
pub(super) async fn large(at: &At<'_>) -> Result<(), String> {
    at.dir("large")?;
    let (down, up) = (at.peer.root.join("large/down"), at.peer.root.join("large/up"));
    fs::hard_link(at.content.file(), &down).map_err(|e| e.to_string())?;
    let octets = &at.content.octets;

    let failed = |e| at.failed("down", e);
    let mut download = at.session.download(b"/large/down", 0).await.map_err(failed)?;
    let mut buf = vec![0; 256 << 10];
    let mut came = 0;
    loop {
        let len = download.read(&mut buf).await.map_err(failed)?;
        if len == 0 {
            break;
        }
        let same = octets.get(came..came + len) == buf.get(..len);
        at.check(same, &format!("other octets came behind {came}"))?;
        came += len;
    }
    at.check(came == LARGE, &format!("{came} octets came"))?;

    let failed = |e| at.failed("up", e);
    let mut upload = at.session.upload(b"/large/up", UploadHow::Create).await.map_err(failed)?;
    for part in octets.chunks(300_000) {
        upload.write(part).await.map_err(failed)?;
    }
    upload.finish().await.map_err(failed)?;
    let there = fs::read(up).map_err(|e| e.to_string())?;
    at.check(there == *octets, "other octets arrived")?;
    drop(fs::remove_dir_all(at.peer.root.join("large")));
    Ok(())
}

/// Many transfers of one session, both ways by turns. Under TLS each data connection resumes the
/// session of the control connection, the last one like the first.
pub(super) async fn many(at: &At<'_>) -> Result<(), String> {
    at.dir("many")?;
    for i in 0..MANY / 2 {
        let (name, content) = (format!("/many/{i}"), noise(100 + i as u64, 2_000 + i));
        at.stored(name.as_bytes(), UploadHow::Create, &content).await?;
        let came = at.fetched(name.as_bytes(), 0).await?;
        at.check(came == content, &format!("{name} came back as something else"))?;
    }
    let resumed = at.watch.take_resumed();
    at.check(resumed.len() >= MANY, &format!("{} data connections", resumed.len()))?;
    let want = (at.tls != Tls::Plain).then_some(true);
    let first_not = resumed.iter().position(|resumed| *resumed != want);
    let told = first_not.map(|i| format!("number {i}: {:?}", resumed.get(i)));
    at.check(at.tls == Tls::Plain || told.is_none(), &format!("not resumed: {told:?}"))
}
