//! `ls`: directories and files.

use ferry_proto::path::{ForPeople, FtpPath};
use ferry_storage::{Kind, Meta};

use crate::cli::Ls;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::Listed;
use crate::{say, show, walk};

pub(crate) async fn run(cx: &Cx, args: &Ls) -> Outcome<Exit> {
    let mut first = true;
    let several = args.places.len() > 1;
    cx.each(&args.places, Role::Read, async |place| {
        let headed = several || args.recursive;
        one(cx, args, place, headed, &mut first).await
    })
    .await
}

async fn one(cx: &Cx, args: &Ls, place: &Place, headed: bool, first: &mut bool) -> Outcome<()> {
    let storage = &*place.storage;
    let fail = |path: &FtpPath, e| Failure::storage(place.show(path), &e);
    if args.directory {
        let meta = storage.stat(&place.path, false).await.map_err(|e| fail(&place.path, e))?;
        return file(cx, args, place, &meta);
    }
    if let Some(meta) = place.seen.as_ref().filter(|meta| meta.kind == Kind::File) {
        return file(cx, args, place, meta);
    }
    // One question for the usual case; only a file needs a second one.
    let (entries, unread) = match walk::list(storage, &place.path).await {
        Ok(listed) => listed,
        Err(ferry_storage::FsError::NotDir) => {
            let meta = storage.stat(&place.path, true).await.map_err(|e| fail(&place.path, e))?;
            return file(cx, args, place, &meta);
        }
        Err(e) => return Err(fail(&place.path, e)),
    };
    let mut waiting = Vec::new();
    listing(cx, args, place, (entries, unread), headed, first, &mut waiting)?;
    if args.recursive {
        waiting.reverse();
        // As `ls -R`: a directory, then those in it, each with all that is below.
        while let Some(path) = waiting.pop() {
            let below = place.at(path);
            match walk::list(storage, &below.path).await {
                Ok(listed) => {
                    let mut next = Vec::new();
                    listing(cx, args, &below, listed, headed, first, &mut next)?;
                    next.reverse();
                    waiting.append(&mut next);
                }
                Err(e) => cx.report(&fail(&below.path, e)),
            }
        }
    }
    Ok(())
}

fn file(cx: &Cx, args: &Ls, place: &Place, meta: &Meta) -> Outcome<()> {
    let plain = place.plain(&place.path);
    let name = place.path.name();
    let record = || Listed { base: &place.base, path: &plain, name, meta, link: None };
    cx.put(record, || match args.long {
        true => show::long(&place.shown(), meta, None, args.human),
        false => place.shown(),
    })
}

/// Shows one directory, and adds those in it to `below`.
fn listing(
    cx: &Cx,
    args: &Ls,
    place: &Place,
    (mut entries, unread): walk::Whole,
    headed: bool,
    first: &mut bool,
    below: &mut Vec<FtpPath>,
) -> Outcome<()> {
    show::sort(&mut entries, args.sort, args.reverse);
    if headed && !cx.json() {
        let gap = if *first { "" } else { "\n" };
        say::out(&format!("{gap}{}:", place.shown()))?;
    }
    *first = false;
    for entry in &entries {
        if !args.all && entry.name.starts_with(b".") {
            continue;
        }
        let Ok(path) = place.path.child(&entry.name) else { continue };
        let link = entry.link.as_deref();
        let plain = || place.plain(&path);
        if cx.json() {
            let plain = plain();
            let (name, meta) = (entry.name.as_slice(), &entry.meta);
            cx.put(|| Listed { base: &place.base, path: &plain, name, meta, link }, String::new)?;
        } else if args.long {
            say::out(&show::long(
                &ForPeople(&entry.name).to_string(),
                &entry.meta,
                link,
                args.human,
            ))?;
        } else {
            let slash = if entry.meta.kind == Kind::Dir { "/" } else { "" };
            say::out(&format!("{}{slash}", ForPeople(&entry.name)))?;
        }
        if entry.meta.kind == Kind::Dir {
            below.push(path);
        }
    }
    unread_warning(cx, place, unread);
    Ok(())
}

/// Tells that part of a listing was not understood.
pub(crate) fn unread_warning(cx: &Cx, place: &Place, unread: u64) {
    if unread > 0 {
        let what = format!("{}: {unread} lines of the listing were not understood", place.shown());
        cx.report(&Failure::new(Exit::Protocol, what));
    }
}
