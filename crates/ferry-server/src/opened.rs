//! What a transfer needs from storage, opened before 150 (docs/protocol.md: rights and existence
//! come before the data connection).

use ferry_proto::command::TypeCode;
use ferry_proto::path::FtpPath;
use ferry_proto::repr::RestartPoint;
use ferry_proto::repr::pipeline::{Encoder, Form, Mode, Receiver};
use ferry_proto::server::listing::Target;
use ferry_proto::server::{Plan, Transfer};
use ferry_storage::{Entry, FsError, Kind, Meta, Sink, Source, Storage as _, WriteMode};

use crate::coding::len;
use crate::listing::{Format, Listing};
use crate::ops::{Refused, Session};
use crate::ranged;

/// What was opened.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A file to send, and the encoder its octets go through, if they go through one.
    File(Source, Option<Box<Encoder>>),
    /// A file to receive.
    Upload(Upload),
    /// A listing to send, and its encoder.
    Listing(Box<Listing>, Option<Box<Encoder>>),
}

/// A file to receive.
pub(crate) struct Upload {
    pub(crate) sink: Box<dyn Sink>,
    /// What its octets go through; `None` where they are stored as they come.
    pub(crate) decoder: Option<Box<Receiver>>,
    /// Whether restart markers are answered: only where what has arrived outlives a transfer that
    /// breaks off, for that is what the answer promises.
    pub(crate) marks: bool,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Upload")
    }
}

/// A transfer that is ready for its data connection.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) opened: Opened,
    /// What it is about, for logs.
    pub(crate) path: FtpPath,
    /// Octets that will cross the data connection, where that is known.
    pub(crate) wire_len: Option<u64>,
    /// The name STOU chose.
    pub(crate) stored_as: Option<FtpPath>,
}

/// Opens what `plan` needs.
pub(crate) async fn open(session: &Session, plan: Plan) -> Result<Ready, Refused> {
    let Plan { form, level, .. } = plan;
    let perm = 0o666 & !u32::from(plan.umask);
    match plan.what {
        Transfer::Retrieve { path, from } => {
            let ready = retrieve(session, path, form, level, from).await?;
            Ok(match plan.until {
                Some(until) => ranged::reading(ready, from.offset, until),
                None => ready,
            })
        }
        Transfer::Store { path, from } => {
            let Some(start) = form.start_receiving(from) else {
                return Err(bad_start(session, &path).await);
            };
            if let Some(until) = plan.until {
                // RANG is for octets that nothing changes.
                let sink = ranged::over(session, &path, start.offset, until, perm).await?;
                let opened = Opened::Upload(Upload { sink, decoder: None, marks: false });
                return Ok(Ready { opened, path, wire_len: None, stored_as: None });
            }
            let mode = match start == RestartPoint::default() {
                true => WriteMode::Create(session.uploads),
                false => WriteMode::At(start.offset),
            };
            upload(session, path, mode, perm, form, start).await
        }
        Transfer::Append { path, from } => {
            let mut start = from;
            if from != RestartPoint::default() || form.mode.has_markers() {
                let size = match session.guard.stat(&path, true).await {
                    Ok(meta) if meta.kind != Kind::File => return Err(FsError::NotFile.into()),
                    Ok(meta) => meta.size,
                    Err(FsError::NotFound) => 0,
                    Err(error) => return Err(error.into()),
                };
                let restarted = from != RestartPoint::default();
                if restarted && (from.offset != size || form.start_receiving(from).is_none()) {
                    return Err(FsError::BadOffset.into());
                }
                start.offset = size;
            }
            upload(session, path, WriteMode::Append, perm, form, start).await
        }
        Transfer::StoreUnique { dir, hint } => store_unique(session, &dir, hint, perm, form).await,
        Transfer::List { targets, names_only } => {
            let ready = list(session, targets, names_only).await?;
            Ok(encoded(session, form, level, ready))
        }
        Transfer::Facts { path, facts } => {
            let current = session.guard.stat(&path, true).await?;
            let entries = session.guard.list(&path).await?;
            let parent = match path.parent() {
                Some(parent) => session.guard.stat(&parent, true).await.ok().map(|m| (parent, m)),
                None => None,
            };
            let teller = session.teller();
            let listing =
                Listing::new(entries, Format::Facts(facts), path.clone(), teller, session.now);
            let ready = ready_listing(listing.with_dots(&current, parent), path);
            Ok(encoded(session, form, level, ready))
        }
    }
}

fn ready_listing(listing: Listing, path: FtpPath) -> Ready {
    let listing = Box::new(listing);
    Ready { opened: Opened::Listing(listing, None), path, wire_len: None, stored_as: None }
}

/// Why an upload cannot start where it was to; what is no file is told first.
async fn bad_start(session: &Session, path: &FtpPath) -> Refused {
    match session.guard.stat(path, true).await {
        Ok(meta) if meta.kind != Kind::File => FsError::NotFile.into(),
        _ => FsError::BadOffset.into(),
    }
}

/// The listing as TYPE and MODE have it.
fn encoded(session: &Session, form: Form, level: u8, mut ready: Ready) -> Ready {
    if let Opened::Listing(mut listing, _) = ready.opened {
        if form.is_text() {
            *listing = listing.with_bare_lines();
        }
        // TYPE E is a charset of its own, and made from UTF-8.
        if form.type_code != TypeCode::Ebcdic {
            *listing = listing.with_names(session.names);
        }
        ready.opened = Opened::Listing(listing, session.listing_encoder(form, level));
    }
    ready
}

async fn upload(
    session: &Session,
    path: FtpPath,
    mode: WriteMode,
    perm: u32,
    form: Form,
    start: RestartPoint,
) -> Result<Ready, Refused> {
    let decoder = session.decoder(form, start)?;
    let sink = session.guard.write(&path, mode, perm).await?;
    let marks = form.mode.has_markers() && sink.outlasts();
    let opened = Opened::Upload(Upload { sink, decoder, marks });
    Ok(Ready { opened, path, wire_len: None, stored_as: None })
}

async fn retrieve(
    session: &Session,
    path: FtpPath,
    form: Form,
    level: u8,
    from: RestartPoint,
) -> Result<Ready, Refused> {
    let (source, encoder) = session.sending(&path, form, level, from).await?;
    let whole = if form.mode == Mode::Stream { form.wire_len(len(&source)) } else { None };
    let wire_len = whole.map(|n| n.saturating_sub(from.offset));
    Ok(Ready { opened: Opened::File(source, encoder), path, wire_len, stored_as: None })
}

/// RFC 959 STOU: never an existing name, never a hidden one; the hint's last component is tried
/// first (docs/protocol.md).
async fn store_unique(
    session: &Session,
    dir: &FtpPath,
    hint: Option<Vec<u8>>,
    perm: u32,
    form: Form,
) -> Result<Ready, Refused> {
    let hint = hint.as_deref().and_then(|h| h.rsplit(|&b| b == b'/').next());
    let hint = hint.filter(|h| !h.starts_with(b".") && !ferry_proto::path::has_control(h));
    let hinted = hint.and_then(|h| dir.child(h).ok());
    let stem = hinted.as_ref().map_or(&b"upload"[..], |p| p.name());
    for attempt in 0..32 {
        let path = match &hinted {
            Some(path) if attempt == 0 => path.clone(),
            _ => {
                let tail = format!("-{:08x}", session.entropy.next() & 0xffff_ffff);
                let keep = stem.len().min(240);
                let stem = stem.get(..keep).unwrap_or(stem);
                dir.child(&[stem, tail.as_bytes()].concat()).map_err(|_| FsError::BadName)?
            }
        };
        match session.guard.write(&path, WriteMode::CreateNew(session.uploads), perm).await {
            Ok(sink) => {
                let decoder = session.decoder(form, RestartPoint::default())?;
                let marks = form.mode.has_markers() && sink.outlasts();
                let opened = Opened::Upload(Upload { sink, decoder, marks });
                let stored_as = Some(path.clone());
                return Ok(Ready { opened, path, wire_len: None, stored_as });
            }
            Err(FsError::Exists | FsError::NotFile) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(FsError::Busy.into())
}

/// LIST and NLST: the first reading of the argument whose path exists.
async fn list(session: &Session, targets: Vec<Target>, names_only: bool) -> Result<Ready, Refused> {
    let mut failed = FsError::NotFound;
    for target in targets {
        match session.guard.stat(&target.path, true).await {
            Ok(meta) => return list_target(session, target, meta, names_only).await,
            // A link that leads nowhere can still be shown by itself.
            Err(FsError::NotFound) => match session.guard.stat(&target.path, false).await {
                Ok(meta) => return list_target(session, target, meta, names_only).await,
                Err(error) => failed = error,
            },
            Err(error) => failed = error,
        }
    }
    Err(failed.into())
}

pub(crate) async fn list_target(
    session: &Session,
    target: Target,
    meta: Meta,
    names_only: bool,
) -> Result<Ready, Refused> {
    let Target { path, prefix, options, pattern } = target;
    let alone = meta.kind != Kind::Dir || (options.directory_itself && !names_only);
    if alone && pattern.is_some() {
        return Err(FsError::NotDir.into());
    }
    let show_hidden = session.show_hidden || alone;
    let format = |prefix| {
        if names_only {
            Format::Names { options, pattern: pattern.clone(), show_hidden, prefix }
        } else {
            Format::Unix { options, pattern: pattern.clone(), show_hidden }
        }
    };
    let teller = session.teller();
    if alone {
        // Shown as the client named it, so that the line can be used as an argument again.
        let name = if prefix.is_empty() { b".".to_vec() } else { prefix };
        let entry = Entry { name, meta, link: None, target: None };
        let listing =
            Listing::of(vec![entry], format(Vec::new()), path.clone(), teller, session.now);
        return Ok(ready_listing(listing, path));
    }
    let entries = session.guard.list(&path).await?;
    let format = format(prefix.clone());
    let mut listing = Listing::new(entries, format, path.clone(), teller, session.now);
    if options.recursive && session.recursive_listings {
        let pattern = pattern.is_some();
        let here = prefix.is_empty() && !names_only && !pattern;
        listing = listing.with_descent(if here { b".".to_vec() } else { prefix });
    }
    if options.all && !names_only && pattern.is_none() {
        let parent = path.parent().unwrap_or_else(FtpPath::root);
        let above = session.guard.stat(&parent, true).await.unwrap_or_else(|_| meta.clone());
        listing = listing.with_unix_dots(meta, above);
    }
    Ok(ready_listing(listing, path))
}
