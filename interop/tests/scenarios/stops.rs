//! Transfers that are given up, and a session that goes on.

use std::fs;

use ferry_client::session::UploadHow;

use super::at::At;
use super::bulk::Content;

/// By ABOR, in both directions.
pub(super) async fn abort(at: &At<'_>) -> Result<(), String> {
    begin(at, "abort")?;
    let failed = |e| at.failed("download", e);
    let mut download = at.session.download(b"/abort/large", 0).await.map_err(failed)?;
    let mut buf = vec![0; 64 << 10];
    download.read(&mut buf).await.map_err(failed)?;
    download.abort().await.map_err(|e| at.failed("aborting a download", e))?;
    at.still_works().await?;

    let failed = |e| at.failed("upload", e);
    let mut upload = at.session.upload(b"/abort/up", UploadHow::Create).await.map_err(failed)?;
    upload.write(&vec![7; 500_000]).await.map_err(failed)?;
    upload.abort().await.map_err(|e| at.failed("aborting an upload", e))?;
    at.still_works().await
}

/// Without a word.
pub(super) async fn dropped(at: &At<'_>) -> Result<(), String> {
    begin(at, "drop")?;
    let failed = |e| at.failed("download", e);
    for _ in 0..3 {
        let mut download = at.session.download(b"/drop/large", 0).await.map_err(failed)?;
        let mut buf = vec![0; 64 << 10];
        download.read(&mut buf).await.map_err(failed)?;
        drop(download);
        at.still_works().await?;
    }
    let failed = |e| at.failed("upload", e);
    let mut upload = at.session.upload(b"/drop/up", UploadHow::Create).await.map_err(failed)?;
    upload.write(&vec![7; 500_000]).await.map_err(failed)?;
    drop(upload);
    at.still_works().await
}

fn begin(at: &At<'_>, dir: &str) -> Result<(), String> {
    at.dir(dir)?;
    let content: &Content = at.content;
    let there = at.peer.root.join(dir).join("large");
    fs::hard_link(content.file(), there).map_err(|e| e.to_string())
}
