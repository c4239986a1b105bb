//! `mkdir`: directories, with those on the way if asked for.

use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Kind, Storage};

use crate::cli::Mkdir;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::Done;
use crate::url::Spec;

/// Permission bits of a new directory, before the umask.
pub(crate) const DIR_PERM: u32 = 0o755;

pub(crate) async fn run(cx: &Cx, args: &Mkdir) -> Outcome<Exit> {
    let mut tally = crate::exit::Tally::default();
    for argument in &args.places {
        match one(cx, args, argument).await {
            Ok(()) => tally.done(),
            Err(failure) => cx.fail(&mut tally, &failure),
        }
    }
    Ok(tally.exit())
}

async fn one(cx: &Cx, args: &Mkdir, argument: &std::ffi::OsStr) -> Outcome<()> {
    // The directories on the way to a local place have to be there to open it.
    if let (Spec::Local(path), true) = (cx.places.parse(argument)?, args.parents) {
        let missing = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let (Some(parent), false) = (missing, cx.dry_run()) {
            std::fs::create_dir_all(parent).map_err(|e| Failure::local(parent.display(), &e))?;
        }
    }
    let place = cx.places.open(argument, Role::Name).await?;
    let fail = |e| Failure::storage(place.shown(), &e);
    if !cx.dry_run() {
        match args.parents {
            true => make_all(&*place.storage, &place.path).await.map_err(fail)?,
            false => place.storage.make_dir(&place.path, DIR_PERM).await.map_err(fail)?,
        }
    }
    tell(cx, &place)
}

fn tell(cx: &Cx, place: &Place) -> Outcome<()> {
    let plain = place.plain(&place.path);
    let dry_run = cx.dry_run();
    cx.tell(
        || Done { action: "made", base: &place.base, path: &plain, to: None, dry_run },
        || format!("made {}", place.shown()),
    )
}

/// Makes a directory and all on the way to it that are missing.
pub(crate) async fn make_all(storage: &dyn Storage, path: &FtpPath) -> Result<(), FsError> {
    // From the far end, since most of the way is there in most cases.
    let mut missing = vec![path.clone()];
    loop {
        let Some(next) = missing.last() else { return Ok(()) };
        match storage.make_dir(next, DIR_PERM).await {
            Ok(()) => {
                missing.pop();
            }
            Err(FsError::Exists) if storage.stat(next, true).await?.kind == Kind::Dir => {
                missing.pop();
            }
            Err(e) => match next.parent() {
                // Servers that say no to everything alike: what is there is enough.
                Some(_) if is_dir(storage, next).await => {
                    missing.pop();
                }
                Some(parent) if !is_dir(storage, &parent).await && !parent.is_root() => {
                    missing.push(parent);
                }
                _ => return Err(e),
            },
        }
    }
}

async fn is_dir(storage: &dyn Storage, path: &FtpPath) -> bool {
    storage.stat(path, true).await.is_ok_and(|meta| meta.kind == Kind::Dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_storage::memory::Memory;

    #[tokio::test]
    async fn all_on_the_way_is_made_and_what_is_there_is_enough() {
        let files = Memory::new();
        let path = FtpPath::new(b"/a/b/c").unwrap();
        make_all(&files, &path).await.unwrap();
        make_all(&files, &path).await.unwrap();
        make_all(&files, &FtpPath::root()).await.unwrap();
        assert!(is_dir(&files, &path).await);
        files.put("/f", b"x").unwrap();
        let through = FtpPath::new(b"/f/x").unwrap();
        assert!(make_all(&files, &through).await.is_err());
    }
}
