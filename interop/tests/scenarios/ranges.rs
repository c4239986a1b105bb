//! One large file sent in several segments at a time. Whether a server can take it so is for it to
//! prove; the file is whole either way, and what the trial leaves is nothing.

use std::fs;

use ferry_client::copy::{CopyOptions, Placing, Segments, copy_file};
use ferry_client::session::capabilities::Ranges;
use ferry_storage::local::LocalDir;
use interop::servers::{Kind, Options, Tls, start_with};

use super::at::{At, path};
use super::bulk::Content;

/// Octets; three segments of it have several pieces each.
const LEN: usize = 40 << 20;

/// What a server proves, as it is set up here.
fn proves(kind: Kind) -> Ranges {
    match kind {
        Kind::Ferryd => Ranges::Rang,
        _ => Ranges::None,
    }
}

/// As the server is set up here.
pub(super) async fn segments(at: &At<'_>) -> Result<(), String> {
    forced(at, proves(at.peer.kind)).await
}

#[test]
fn vsftpd_without_locks_is_sent_several_segments_by_rest() {
    let content = Content::new();
    for tls in [Tls::Plain, Tls::V12, Tls::V13] {
        let options = Options { locks: false, ..Options::new(tls) };
        let Some(peer) = start_with(Kind::Vsftpd, options).unwrap() else { return };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let done = runtime.block_on(async {
            let at = At::connect(&peer, tls, &content).await?;
            forced(&at, Ranges::Rest).await
        });
        done.unwrap_or_else(|why| panic!("{tls:?}: {why}\n{}", peer.log_tail()));
    }
}

/// New, over another file, and with segments switched off again.
async fn forced(at: &At<'_>, expected: Ranges) -> Result<(), String> {
    at.dir("segments")?;
    let here = tempfile::tempdir().map_err(|e| e.to_string())?;
    let content = at.content.octets.get(..LEN).unwrap_or_default();
    fs::write(here.path().join("f"), content).map_err(|e| e.to_string())?;
    let local = LocalDir::open(here.path()).map_err(|e| e.to_string())?;
    let usual = CopyOptions { placing: Placing::Final, times: false, ..CopyOptions::default() };
    let mut most = 0;
    for wanted in [Segments::Count(3), Segments::Count(2), Segments::Off] {
        let options = CopyOptions { segments: wanted, ..usual.clone() };
        let (from, to) = (path("/f"), path("/segments/f"));
        let copied = copy_file(&local, &from, &at.remote, &to, &options, &()).await;
        let copied = copied.map_err(|e| at.failed(&format!("{wanted:?}"), e))?;
        at.is_on_disk("segments/f", content)?;
        let left = fs::read_dir(at.peer.root.join("segments")).map_err(|e| e.to_string())?;
        at.check(left.count() == 1, "something is left beside it")?;
        most = most.max(copied.segments);
    }
    let found = at.remote.capabilities().ranges;
    let told = format!("{found:?}, up to {most} segments");
    let many = matches!(found, Ranges::Rang | Ranges::Rest);
    at.check(found == expected && many == (most > 1), &told)
}
