//! `find`: names in a tree, by what they are called, what they are, how large and how old.

use ferry_proto::date::UnixTime;
use ferry_proto::glob::matches;
use ferry_storage::{Entry, Kind, Precision};

use crate::cli::{Choice, Find, FindKind};
use crate::cx::{self, Cx};
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::Listed;
use crate::walk::Walk;
use crate::{say, show};

pub(crate) async fn run(cx: &Cx, args: &Find) -> Outcome<Exit> {
    let wanted = Wanted::new(args, &cx.flags.choice, cx::now());
    cx.each(&args.places, Role::Read, async |place| one(cx, args, &wanted, place).await).await
}

/// What is looked for.
struct Wanted<'a> {
    name: Option<&'a [u8]>,
    kind: Option<Kind>,
    min_size: Option<u64>,
    max_size: Option<u64>,
    newer: Option<UnixTime>,
    older: Option<UnixTime>,
}

impl<'a> Wanted<'a> {
    fn new(args: &'a Find, choice: &Choice, now: UnixTime) -> Self {
        let kind = args.kind.map(|kind| match kind {
            FindKind::File => Kind::File,
            FindKind::Dir => Kind::Dir,
            FindKind::Link => Kind::Symlink,
        });
        Self {
            name: args.name.as_deref().map(str::as_bytes),
            kind,
            min_size: choice.min_size,
            max_size: choice.max_size,
            newer: choice.newer_than.map(|since| since.from(now)),
            older: args.older_than.map(|since| since.from(now)),
        }
    }

    fn fits(&self, entry: &Entry) -> bool {
        let meta = &entry.meta;
        let sized = meta.size_known && meta.kind == Kind::File;
        let timed = meta.precision < Precision::Unknown;
        // A dot in front hides a name from `ls`, not from who looks for it: behind another letter
        // it is no dot in front.
        let named =
            |pattern: &'a [u8]| matches(&[b"_", pattern].concat(), &[b"_", &*entry.name].concat());
        self.name.is_none_or(named)
            && self.kind.is_none_or(|kind| kind == meta.kind)
            && self.min_size.is_none_or(|min| sized && meta.size >= min)
            && self.max_size.is_none_or(|max| sized && meta.size <= max)
            && self.newer.is_none_or(|then| timed && meta.modified >= then)
            && self.older.is_none_or(|then| timed && meta.modified < then)
    }
}

async fn one(cx: &Cx, args: &Find, wanted: &Wanted<'_>, place: &Place) -> Outcome<()> {
    let depth = args.depth.map(|depth| depth.saturating_sub(1));
    let mut walk = Walk::new(&place.storage, place.path.clone(), depth);
    let mut failed = None;
    while let Some(listed) = walk.next().await {
        let mut listed = match listed {
            Ok(listed) => listed,
            Err((path, e)) => {
                let failure = Failure::storage(place.show(&path), &e);
                if path == place.path {
                    return Err(failure);
                }
                cx.report(&failure);
                failed = Some(failure.exit);
                continue;
            }
        };
        super::ls::unread_warning(cx, &place.at(listed.path.clone()), listed.unread);
        show::sort(&mut listed.entries, crate::cli::SortBy::Name, false);
        for entry in listed.entries.iter().filter(|entry| wanted.fits(entry)) {
            let child = listed.path.child(&entry.name);
            let path = child.map_err(|e| Failure::path(place.show(&listed.path), e))?;
            tell(cx, args, place, &path, entry)?;
        }
    }
    match failed {
        None => Ok(()),
        Some(exit) => Err(Failure::new(exit, format!("{}: not all was seen", place.shown()))),
    }
}

fn tell(
    cx: &Cx,
    args: &Find,
    place: &Place,
    path: &ferry_proto::path::FtpPath,
    entry: &Entry,
) -> Outcome<()> {
    let (plain, shown) = (place.plain(path), place.show(path));
    let (name, meta, link) = (entry.name.as_slice(), &entry.meta, entry.link.as_deref());
    if args.print0 && !cx.json() {
        say::raw(&place.argument(path))?;
        return say::raw(b"\0");
    }
    cx.put(
        || Listed { base: &place.base, path: &plain, name, meta, link },
        || match args.long {
            true => show::long(&shown, meta, link, false),
            false => shown.clone(),
        },
    )
}
