//! Several files from anywhere into one place: what `get`, `put` and `fxp` have in common.

use std::ffi::{OsStr, OsString};

use ferry_client::copy::{self, Copied, CopyOptions, Known, Resume};
use ferry_proto::path::FtpPath;
use ferry_storage::{FsError, Kind, Meta};
use tokio::task::JoinSet;

use crate::cx::{self, Cx};
use crate::engine::{self, Engine};
use crate::exit::{Exit, Failure, Outcome, Tally};
use crate::place::{Place, Role};
use crate::progress::Board;
use crate::show::human;
use crate::{glob, records, say};

/// Where files go to.
pub(crate) struct Target {
    pub(crate) place: Place,
    /// What has the name, as far as known: `Some(None)` for nothing.
    pub(crate) there: Option<Option<Meta>>,
    /// Files go into it, under their own names.
    pub(crate) is_dir: bool,
}

impl Target {
    /// Opens the place and looks whether it is a directory. One that is written with a slash at
    /// its end is made if it is not there.
    pub(crate) async fn open(cx: &Cx, argument: &OsStr) -> Outcome<Self> {
        use std::os::unix::ffi::OsStrExt as _;
        let slash = argument.as_bytes().ends_with(b"/");
        if let (true, false, crate::url::Spec::Local(path)) =
            (slash, cx.dry_run(), cx.places.parse(argument)?)
        {
            std::fs::create_dir_all(&path).map_err(|e| Failure::local(path.display(), &e))?;
        }
        let place = cx.places.open(argument, Role::Write).await?;
        if place.path == place.home {
            return Ok(Self { place, there: None, is_dir: true });
        }
        match place.storage.stat(&place.path, true).await {
            Ok(meta) if meta.kind == Kind::Dir => Ok(Self { place, there: None, is_dir: true }),
            // Whether a link has the name, the copier finds out by itself.
            Ok(_) if !slash && place.is_local() => Ok(Self { place, there: None, is_dir: false }),
            Ok(meta) if !slash => Ok(Self { place, there: Some(Some(meta)), is_dir: false }),
            Ok(_) => Err(Failure::new(Exit::Exists, format!("{}: is a file", place.shown()))),
            Err(FsError::NotFound) if slash => {
                if !cx.dry_run() {
                    let made = super::mkdir::make_all(&*place.storage, &place.path).await;
                    made.map_err(|e| Failure::storage(place.shown(), &e))?;
                }
                Ok(Self { place, there: None, is_dir: true })
            }
            Err(FsError::NotFound) => Ok(Self { place, there: Some(None), is_dir: false }),
            // A server that does not tell may still store.
            Err(FsError::Denied | FsError::Unsupported) if !slash => {
                Ok(Self { place, there: None, is_dir: false })
            }
            Err(e) => Err(Failure::storage(place.shown(), &e)),
        }
    }
}

/// A file to copy.
struct Found {
    place: Place,
    meta: Meta,
    /// It was asked for by itself; otherwise a listing told.
    asked: bool,
}

/// One copy to make.
struct Job {
    from: Place,
    to: Place,
    known: Known,
}

/// Copies every source into or onto the target.
pub(crate) async fn run(
    cx: &Cx,
    sources: &[OsString],
    target: &OsStr,
    recursive: bool,
) -> Outcome<Exit> {
    let engine = Engine::new(&cx.flags)?;
    Box::pin(run_by(cx, &engine, sources, target, recursive)).await
}

/// The same, by a certain engine.
pub(crate) async fn run_by(
    cx: &Cx,
    engine: &Engine,
    sources: &[OsString],
    target: &OsStr,
    recursive: bool,
) -> Outcome<Exit> {
    let target = Target::open(cx, target).await?;
    let mut tally = Tally::default();
    let (mut jobs, mut dirs) = (Vec::new(), Vec::new());
    for argument in sources {
        match find(cx, argument, recursive, &mut jobs, &mut dirs).await {
            Ok(()) => {}
            Err(failure) => cx.fail(&mut tally, &failure),
        }
    }
    if jobs.len() + dirs.len() > 1 && !target.is_dir {
        let what =
            format!("{}: several files want a directory; end it with /", target.place.shown());
        return Err(Failure::new(Exit::Exists, what));
    }
    // Only a choice made by a pattern or a flag leaves something out; a name says what is wanted.
    let chosen = |found: &Found| {
        let name = FtpPath::root().child(found.place.path.name());
        name.is_ok_and(|name| engine.filter.admits(&name, &found.meta))
    };
    let mut copies = Vec::new();
    // Of several, the last are copied long after they were asked for.
    let alone = jobs.len() == 1;
    for found in jobs.into_iter().filter(chosen) {
        match job(&target, found, alone) {
            Ok(job) => copies.push(job),
            Err(failure) => cx.fail(&mut tally, &failure),
        }
    }
    if !copies.is_empty() {
        Box::pin(copy_all(cx, engine, copies, &mut tally)).await?;
    }
    for from in dirs {
        match Box::pin(super::mirror::into(cx, engine, &from, &target)).await {
            Ok(Exit::Done) => tally.done(),
            Ok(exit) => tally.failed(exit),
            Err(failure) => cx.fail(&mut tally, &failure),
        }
    }
    Ok(tally.exit())
}

/// What an argument stands for: files, and directories if they are wanted.
async fn find(
    cx: &Cx,
    argument: &OsStr,
    recursive: bool,
    files: &mut Vec<Found>,
    dirs: &mut Vec<Place>,
) -> Outcome<()> {
    let place = cx.places.open(argument, Role::Read).await?;
    let mut failed = None;
    let by_pattern = place.spec.pattern.is_some();
    for mut from in glob::expand(&place).await? {
        let listed = from.seen.take();
        let asked = listed.is_none();
        let meta = match listed {
            Some(meta) => Ok(meta),
            None => from.storage.stat(&from.path, true).await,
        };
        match meta {
            Ok(meta) if meta.kind == Kind::Dir && recursive => dirs.push(from),
            Ok(meta) if meta.kind == Kind::Dir && by_pattern => {}
            Ok(meta) if meta.kind == Kind::Dir => {
                let what = format!("{} is a directory; -r copies it", from.shown());
                failed = Some(Failure::new(Exit::Exists, what));
            }
            Ok(meta) => files.push(Found { place: from, meta, asked }),
            // What a pattern found may be a link that leads nowhere.
            Err(FsError::NotFound) if by_pattern => {}
            Err(e) => failed = Some(Failure::storage(from.shown(), &e)),
        }
    }
    failed.map_or(Ok(()), Err)
}

fn job(target: &Target, found: Found, alone: bool) -> Outcome<Job> {
    let Found { place: from, meta, asked } = found;
    let to = match target.is_dir {
        false => target.place.clone(),
        true => {
            let name = from.path.name();
            if ferry_proto::path::has_control(name) && !from.is_local() {
                let what = format!("{}: control characters in the name", from.shown());
                return Err(Failure::new(Exit::Refused, what));
            }
            let path = target.place.path.child(name);
            target.place.at(path.map_err(|e| Failure::path(from.shown(), e))?)
        }
    };
    let there = target.there.clone().filter(|_| !target.is_dir);
    let known = Known { from: Some(meta), just_asked: asked && alone, to: there };
    Ok(Job { from, to, known })
}

/// Copies, as many at a time as both storages like.
async fn copy_all(cx: &Cx, engine: &Engine, jobs: Vec<Job>, tally: &mut Tally) -> Outcome<()> {
    let sizes = jobs.iter().filter_map(|job| job.known.from.as_ref());
    let octets = sizes.filter(|meta| meta.size_known).map(|meta| meta.size).sum();
    let board = Board::new(cx);
    board.expect(jobs.len() as u64, octets);
    let several = jobs.len() > 1;
    let mut running: JoinSet<Outcome<()>> = JoinSet::new();
    let mut jobs = jobs.into_iter();
    let mut limited = false;
    loop {
        while !limited {
            let Some(job) = jobs.next() else { break };
            let (limit, moved) = (cx.flags.transfer.max_transfer, board.moved());
            if limit.is_some_and(|limit| moved >= limit) {
                limited = true;
                break;
            }
            let width = job.from.storage.width().max(job.to.storage.width()).max(1);
            let options = engine.copy_options(&job.from, &job.to);
            let (cx, board) = (cx.clone(), board.clone());
            running.spawn(async move { Box::pin(one(&cx, job, options, &board)).await });
            if running.len() >= width {
                break;
            }
        }
        match running.join_next().await {
            None => break,
            Some(Ok(Ok(()))) => tally.done(),
            Some(Ok(Err(failure))) => cx.fail(tally, &failure),
            Some(Err(e)) => cx.fail(tally, &Failure::new(Exit::Local, e.to_string())),
        }
    }
    board.end();
    if limited {
        let what = "as much as --max-transfer allows was moved; the rest was left";
        cx.fail(tally, &Failure::new(Exit::Limit, what));
    }
    if several && !cx.json() && !cx.quiet() && !cx.dry_run() {
        let (moved, time) = (board.moved(), board.elapsed());
        let time = crate::progress::rate::clock(time);
        say::err(&format!("{} octets moved in {time}", human(moved)));
    }
    Ok(())
}

async fn one(cx: &Cx, job: Job, options: CopyOptions, board: &Board) -> Outcome<()> {
    let Job { from, to, known } = job;
    let start = cx::instant();
    let (shown_from, shown_to) = (from.shown(), to.shown());
    if cx.dry_run() {
        let size = known.from.as_ref().map_or(0, |meta| meta.size);
        let copied = Sizes { size, ..Sizes::default() };
        return tell(cx, Some(&from), &to, copied, 0);
    }
    let file = board.file(shown_from.clone());
    let (options, known) = resuming(options, &to, known).await;
    let copied = copy::copy_known(
        (&*from.storage, &from.path),
        (&*to.storage, &to.path),
        known,
        &options,
        &file,
    )
    .await
    .map_err(|e| Failure::client(format!("{shown_from} -> {shown_to}"), &e))?;
    file.done();
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    tell(cx, Some(&from), &to, Sizes::from(&copied), millis)
}

/// An upload that broke off in an earlier run is continued, if it proves to be one.
async fn resuming(options: CopyOptions, to: &Place, known: Known) -> (CopyOptions, Known) {
    if to.is_local() || options.resume != Resume::Partial {
        return (options, known);
    }
    let there = match known.to {
        Some(there) => Some(there),
        None => match to.storage.stat(&to.path, false).await {
            Ok(meta) => Some(Some(meta)),
            Err(FsError::NotFound) => Some(None),
            // The copier asks again, and tells.
            Err(_) => None,
        },
    };
    let unfinished = there.as_ref().and_then(Option::as_ref).zip(known.from.as_ref());
    let options = match unfinished {
        Some((there, source)) if engine::is_unfinished(there, source) => {
            CopyOptions { resume: Resume::Existing, ..options }
        }
        _ => options,
    };
    (options, Known { to: there, ..known })
}

#[derive(Default)]
struct Sizes {
    size: u64,
    resumed: u64,
    moved: u64,
    retried: u32,
    verified: bool,
    direct: bool,
}

impl From<&Copied> for Sizes {
    fn from(copied: &Copied) -> Self {
        Self {
            size: copied.size,
            resumed: copied.resumed,
            moved: copied.moved,
            retried: copied.retried,
            verified: copied.verified,
            direct: copied.direct,
        }
    }
}

/// Tells of one copy; [`None`] stands for standard input.
fn tell(cx: &Cx, from: Option<&Place>, to: &Place, sizes: Sizes, millis: u64) -> Outcome<()> {
    let Sizes { size, resumed, moved, retried, verified, direct } = sizes;
    let dry_run = cx.dry_run();
    let source = from.map_or_else(|| b"-".to_vec(), |from| from.argument(&from.path));
    let copy = to.argument(&to.path);
    cx.tell(
        || records::Copied {
            from: &source,
            to: &copy,
            size,
            resumed,
            moved,
            retried,
            verified,
            direct,
            milliseconds: millis,
            dry_run,
        },
        || {
            let resumed = match resumed {
                0 => String::new(),
                resumed => format!(", {} of it were there", human(resumed)),
            };
            let from = from.map_or_else(|| "-".to_owned(), Place::shown);
            format!("{from} -> {} ({}{resumed})", to.shown(), human(size))
        },
    )
}

/// Standard input into a file.
pub(crate) async fn from_standard_input(cx: &Cx, target: &OsStr, append: bool) -> Outcome<Exit> {
    let target = Target::open(cx, target).await?;
    if target.is_dir {
        return Err(Failure::usage("standard input has no name; name the file it is to become"));
    }
    let (engine, place) = (Engine::new(&cx.flags)?, target.place);
    if cx.dry_run() {
        tell(cx, None, &place, Sizes::default(), 0)?;
        return Ok(Exit::Done);
    }
    let (mode, perm) = (super::put::write_mode(append), engine.file_perm());
    let (board, start) = (Board::new(cx), cx::instant());
    let file = board.file("standard input");
    let fail = |e| Failure::storage(place.shown(), &e);
    let sink = place.storage.write(&place.path, mode, perm).await.map_err(fail)?;
    let limits = engine.limits(true, &place);
    let done = crate::stream::standard_input_to(sink, &limits, &file).await;
    board.end();
    let size = done.map_err(fail)?;
    file.done();
    let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    tell(cx, None, &place, Sizes { size, moved: size, ..Sizes::default() }, millis)?;
    Ok(Exit::Done)
}
