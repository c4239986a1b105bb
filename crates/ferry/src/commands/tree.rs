//! `tree`: a directory and all below it, drawn.

use ferry_proto::path::{ForPeople, FtpPath};
use ferry_storage::{Entry, Kind};

use crate::cli::{SortBy, Tree};
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::Listed;
use crate::{say, show, walk};

/// How deep it goes; deeper is a loop that a server tells us.
const DEPTH_MAX: usize = 256;

pub(crate) async fn run(cx: &Cx, args: &Tree) -> Outcome<Exit> {
    cx.each(&args.places, Role::Read, async |place| one(cx, args, place).await).await
}

/// A directory that is being drawn: what is still to come of it.
struct Level {
    path: FtpPath,
    entries: std::vec::IntoIter<Entry>,
}

async fn one(cx: &Cx, args: &Tree, place: &Place) -> Outcome<()> {
    let depth_max = args.depth.unwrap_or(DEPTH_MAX).min(DEPTH_MAX);
    let (mut dirs, mut files) = (0_u64, 0_u64);
    let mut levels = vec![open(cx, args, place, place.path.clone()).await?];
    if !cx.json() {
        say::out(&place.shown())?;
    }
    while let Some(level) = levels.last_mut() {
        let Some(entry) = level.entries.next() else {
            levels.pop();
            continue;
        };
        let path = level.path.child(&entry.name);
        let path = path.map_err(|e| Failure::path(place.show(&level.path), e))?;
        let is_dir = entry.meta.kind == Kind::Dir;
        *(if is_dir { &mut dirs } else { &mut files }) += 1;
        draw(cx, place, &path, &entry, &levels)?;
        if is_dir && levels.len() < depth_max {
            match open(cx, args, place, path).await {
                Ok(below) => levels.push(below),
                Err(failure) => cx.report(&failure),
            }
        }
    }
    match cx.json() {
        true => Ok(()),
        false => say::out(&format!("\n{dirs} directories, {files} files")),
    }
}

async fn open(cx: &Cx, args: &Tree, place: &Place, path: FtpPath) -> Outcome<Level> {
    let listed = walk::list(&*place.storage, &path).await;
    let (mut entries, unread) = listed.map_err(|e| Failure::storage(place.show(&path), &e))?;
    super::ls::unread_warning(cx, &place.at(path.clone()), unread);
    entries.retain(|entry| {
        (args.all || !entry.name.starts_with(b"."))
            && (!args.directories || entry.meta.kind == Kind::Dir)
    });
    show::sort(&mut entries, SortBy::Name, false);
    Ok(Level { path, entries: entries.into_iter() })
}

fn draw(cx: &Cx, place: &Place, path: &FtpPath, entry: &Entry, levels: &[Level]) -> Outcome<()> {
    let link = entry.link.as_deref();
    if cx.json() {
        let plain = place.plain(path);
        let (name, meta) = (entry.name.as_slice(), &entry.meta);
        return cx
            .put(|| Listed { base: &place.base, path: &plain, name, meta, link }, String::new);
    }
    let mut line = String::new();
    for (at, level) in levels.iter().enumerate() {
        let more = level.entries.len() > 0;
        line.push_str(match (at + 1 == levels.len(), more) {
            (true, true) => "├── ",
            (true, false) => "└── ",
            (false, true) => "│   ",
            (false, false) => "    ",
        });
    }
    line.push_str(&ForPeople(&entry.name).to_string());
    if let Some(link) = link {
        line.push_str(&format!(" -> {}", ForPeople(link)));
    }
    say::out(&line)
}
