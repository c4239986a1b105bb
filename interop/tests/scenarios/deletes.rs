//! What a mirror deletes: exactly what the source has not, and nothing that it only seems not to
//! have.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ferry_client::Settings;
use ferry_client::mirror::{Delete, Event, MirrorOptions, Observer, Stop, Summary, Tree, mirror};
use ferry_client::remote::Remote;
use ferry_storage::{Kind as What, Storage as _};
use interop::servers::Kind;

use super::at::{At, path};
use super::trees::{local, served, upward};

/// What was deleted.
#[derive(Debug, Default)]
struct Gone(Mutex<BTreeSet<String>>);

impl Observer for Gone {
    fn on(&self, event: &Event<'_>) {
        if let Event::Deleted(path, _) = event {
            let path = String::from_utf8_lossy(path.as_bytes()).into_owned();
            self.0.lock().unwrap().insert(path);
        }
    }
}

async fn run(from: &Tree, to: &Tree, options: &MirrorOptions) -> (Summary, BTreeSet<String>) {
    let gone = Arc::new(Gone::default());
    let done = mirror(from, to, options, Arc::clone(&gone) as Arc<dyn Observer>).await;
    let gone = std::mem::take(&mut *gone.0.lock().unwrap());
    (done, gone)
}

fn put(root: &Path, paths: &[&str]) -> Result<(), String> {
    for name in paths {
        let file = root.join(name);
        let parent = file.parent().unwrap_or(root);
        fs::create_dir_all(parent).map_err(|e| e.to_string())?;
        fs::write(&file, name.as_bytes()).map_err(|e| e.to_string())?;
    }
    Ok(())
}

const KEPT: [&str; 4] = ["kept", "dir/kept -> too", "dir/deep/kept;3", "-kept"];
const EXTRA: [&str; 5] =
    ["extra", "dir/ extra -> x", "gone/[a]*", "gone/-rf/deep/b; c", "gone/.dot"];
const EXCLUDED: [&str; 2] = ["my.keep", "half/my.keep"];
/// What has to go with [`EXTRA`] where [`EXCLUDED`] is left alone.
const DIRS: [&str; 3] = ["/gone", "/gone/-rf", "/gone/-rf/deep"];

fn options(base: MirrorOptions, when: Delete) -> MirrorOptions {
    let mut options = MirrorOptions { delete: when, ..base };
    options.filter.rules.exclude("*.keep").unwrap();
    options
}

/// Too many are none at all, nothing is no source, and else it is exactly what is not there.
async fn safely(
    at: &At<'_>,
    (from, to): (&Tree, &Tree),
    (here, there): (&Path, &Path),
    base: MirrorOptions,
) -> Result<(), String> {
    put(here, &KEPT)?;
    put(there, &KEPT)?;
    put(there, &EXTRA)?;
    put(there, &EXCLUDED)?;
    at.peer.settle().map_err(|e| e.to_string())?;

    let few = MirrorOptions { max_delete: Some(2), ..options(base.clone(), Delete::After) };
    let (done, gone) = run(from, to, &few).await;
    at.check(gone.is_empty() && done.stopped == Some(Stop::MaxDelete), &format!("{gone:?}"))?;

    let empty = Tree::new(Arc::clone(&from.storage), from.at(&path("/nothing")).unwrap());
    fs::create_dir(here.join("nothing")).map_err(|e| e.to_string())?;
    at.peer.settle().map_err(|e| e.to_string())?;
    let (done, gone) = run(&empty, to, &options(base.clone(), Delete::After)).await;
    at.check(gone.is_empty() && done.stopped == Some(Stop::EmptySource), &format!("{gone:?}"))?;
    fs::remove_dir(here.join("nothing")).map_err(|e| e.to_string())?;

    let missing = Tree::new(Arc::clone(&from.storage), from.at(&path("/none")).unwrap());
    let (done, gone) = run(&missing, to, &options(base.clone(), Delete::Before)).await;
    at.check(gone.is_empty() && done.errors > 0, &format!("without a source: {gone:?}"))?;

    let (done, gone) = run(from, to, &options(base, Delete::After)).await;
    at.check(done.errors == 0, &format!("{:?}", done.failures))?;
    let want: BTreeSet<String> = EXTRA.iter().map(|path| format!("/{path}")).collect();
    let want: BTreeSet<String> =
        want.into_iter().chain(DIRS.iter().map(|dir| (*dir).to_owned())).collect();
    at.check(gone == want, &format!("{gone:?} are deleted, not {want:?}"))?;
    for name in KEPT.iter().chain(&EXCLUDED) {
        at.check(there.join(name).is_file(), &format!("{name} is gone"))?;
    }
    at.check(!there.join("extra").exists() && !there.join("gone").exists(), "it is still there")
}

/// On the server, and from it.
pub(super) async fn delete(at: &At<'_>) -> Result<(), String> {
    let told = |way| move |why| format!("{way}: {why}");
    let here = tempfile::tempdir().map_err(|e| e.to_string())?;
    at.dir("del-up")?;
    let trees = (&local(here.path())?, &served(at, "/del-up"));
    let dirs = (here.path(), &*at.peer.root.join("del-up"));
    // Times that nobody could set make no difference here.
    let mut up = upward();
    up.copy.times = false;
    safely(at, trees, dirs, up).await.map_err(told("up"))?;

    let here = tempfile::tempdir().map_err(|e| e.to_string())?;
    at.dir("del-down")?;
    let trees = (&served(at, "/del-down"), &local(here.path())?);
    let dirs = (&*at.peer.root.join("del-down"), here.path());
    safely(at, trees, dirs, MirrorOptions::default()).await.map_err(told("down"))
}

/// What could not be looked at, or not wholly, is not missing.
pub(super) async fn unread(at: &At<'_>) -> Result<(), String> {
    let failed = |e: std::io::Error| e.to_string();
    at.dir("unread")?;
    let there = at.peer.root.join("unread");
    let here = tempfile::tempdir().map_err(failed)?;
    let here = here.path();
    let lines = "odd/two\n-rw-r--r-- lines";
    put(&there, &["open/a", "shut/a", "shut/below/a", lines, "odd/a", "large/1"])?;
    put(&there, &["large/2", "large/3", "large/4", "large/5", "large/6", "large/7"])?;
    put(here, &["open/extra", "shut/only", "shut/below/only", "odd/only", "large/only"])?;
    at.peer.settle().map_err(failed)?;
    let shut = there.join("shut");
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o0)).map_err(failed)?;
    // Pure-FTPd's account is nobody, ProFTPD looks at the bits; others have the rights of root.
    let is_shut = matches!(at.peer.kind, Kind::PureFtpd | Kind::Proftpd);

    let settings = Settings { listing_entries: 5, ..at.settings.clone() };
    let remote = Remote::connect(at.site.clone(), settings).await;
    let remote = remote.map_err(|e| at.failed("log in", e))?;
    let from = Tree::new(Arc::new(remote.clone()), path("/unread"));
    let delete = MirrorOptions { delete: Delete::After, ..MirrorOptions::default() };
    let (done, gone) = run(&from, &local(here)?, &delete).await;
    remote.close().await;
    fs::set_permissions(&shut, fs::Permissions::from_mode(0o755)).map_err(failed)?;

    let has = |name: &str| here.join(name).exists();
    let told = format!("deleted: {gone:?}; {:?}", done.failures);
    at.check(!has("open/extra"), &format!("what is missing stays; {told}"))?;
    if is_shut {
        at.check(has("shut/only") && has("shut/below/only"), &format!("behind a lock; {told}"))?;
        at.check(!done.is_success(), "a directory that cannot be read is no failure")?;
    } else {
        at.check(!has("shut/only") && !has("shut/below/only"), &told)?;
    }
    // A name of two lines cannot come whole; where it is left out without a word, nobody knows.
    let tells = at.session.list(b"/unread/odd").await;
    let whole = tells.map_err(|e| at.failed("odd", e))?.report.complete();
    at.check(has("odd/only") != whole, &format!("listed whole: {whole}; {told}"))?;
    // Of ferryd listings come whole, over a data connection that stays.
    let ends = at.peer.kind == Kind::Ferryd;
    at.check(has("large/only") != ends, &format!("a listing given up; {told}"))?;

    // Nor is what is not there an empty directory.
    let none = at.session.list(b"/unread/none").await;
    at.check(none.is_err(), &format!("a directory that is not there: {none:?}"))?;
    let none = at.remote.list(&path("/unread/none")).await.map(drop);
    at.check(none.is_err(), "a directory that is not there is listed by storage")?;
    let kind = at.remote.stat(&path("/unread"), true).await.map(|meta| meta.kind);
    at.check(matches!(kind, Ok(What::Dir)), &format!("{kind:?}"))
}
