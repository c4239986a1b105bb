//! What a transfer needs from storage, opened before 150 (docs/protocol.md: rights and existence
//! come before the data connection).

use ferry_proto::path::FtpPath;
use ferry_proto::repr::{Representation, ascii};
use ferry_proto::server::listing::Target;
use ferry_proto::server::{Plan, Transfer};
use ferry_storage::{Entry, FsError, Kind, Meta, Sink, Source, Storage as _, WriteMode};

use crate::listing::{Format, Listing};
use crate::ops::{Refused, Session};
use crate::ranged;

/// What was opened.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A file to send; `after_cr` says that in TYPE A the octet before the first was a CR.
    File { source: Source, after_cr: bool },
    /// A file to receive.
    Upload(UploadSink),
    /// A listing to send.
    Listing(Listing),
}

/// A [`Sink`] that can be shown.
pub(crate) struct UploadSink(pub(crate) Box<dyn Sink>);

impl std::fmt::Debug for UploadSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UploadSink")
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
    let representation = plan.representation;
    let perm = 0o666 & !u32::from(plan.umask);
    match plan.what {
        Transfer::Retrieve { path, from } => {
            let ready = retrieve(session, path, from, representation).await?;
            Ok(match plan.until {
                Some(until) => ranged::reading(ready, from, until),
                None => ready,
            })
        }
        Transfer::Store { path, from } => {
            if from != 0 && !representation.is_identity() {
                return Err(FsError::BadOffset.into());
            }
            let mode = match plan.until {
                Some(_) => WriteMode::Over(from),
                None if from == 0 => WriteMode::Create(session.uploads),
                None => WriteMode::At(from),
            };
            let ready = upload(session, path, mode, perm).await?;
            Ok(match plan.until {
                Some(until) => ranged::writing(ready, until.saturating_sub(from)),
                None => ready,
            })
        }
        Transfer::Append { path, from } => {
            if from != 0 {
                let size = session.guard.stat(&path, true).await?.size;
                if from != size || !representation.is_identity() {
                    return Err(FsError::BadOffset.into());
                }
            }
            upload(session, path, WriteMode::Append, perm).await
        }
        Transfer::StoreUnique { dir, hint } => store_unique(session, &dir, hint, perm).await,
        Transfer::List { targets, names_only } => list(session, targets, names_only).await,
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
            Ok(ready_listing(listing.with_dots(&current, parent), path))
        }
    }
}

fn ready_listing(listing: Listing, path: FtpPath) -> Ready {
    Ready { opened: Opened::Listing(listing), path, wire_len: None, stored_as: None }
}

async fn upload(
    session: &Session,
    path: FtpPath,
    mode: WriteMode,
    perm: u32,
) -> Result<Ready, Refused> {
    let sink = session.guard.write(&path, mode, perm).await?;
    Ok(Ready { opened: Opened::Upload(UploadSink(sink)), path, wire_len: None, stored_as: None })
}

async fn retrieve(
    session: &Session,
    path: FtpPath,
    from: u64,
    representation: Representation,
) -> Result<Ready, Refused> {
    if representation.is_identity() {
        let source = session.guard.read(&path, from).await?;
        let (Source::File { len, .. } | Source::Stream { len, .. }) = &source else {
            return Err(FsError::Unsupported.into());
        };
        let wire_len = Some(len.saturating_sub(from));
        let opened = Opened::File { source, after_cr: false };
        return Ok(Ready { opened, path, wire_len, stored_as: None });
    }
    let (mut at, mut after_cr) = (0, false);
    if from != 0 {
        if session.guard.stat(&path, true).await?.size > session.ascii_restart_scan {
            return Err(Refused::TooCostly);
        }
        (at, after_cr) = ascii_offset(session, &path, from).await?;
    }
    let source = session.guard.read(&path, at).await?;
    Ok(Ready { opened: Opened::File { source, after_cr }, path, wire_len: None, stored_as: None })
}

/// The place in the file where the wire offset `from` of TYPE A lies, and whether a CR comes right
/// before it on the wire (an offset may fall between the CR and the LF of a line end).
async fn ascii_offset(
    session: &Session,
    path: &FtpPath,
    from: u64,
) -> Result<(u64, bool), Refused> {
    let mut reader = session.reader(path).await?;
    let (mut at, mut wire, mut after_cr) = (0_u64, 0_u64, false);
    loop {
        let chunk = reader.next().await?;
        if chunk.is_empty() {
            return if wire == from { Ok((at, after_cr)) } else { Err(FsError::BadOffset.into()) };
        }
        for &octet in chunk {
            if wire == from {
                return Ok((at, after_cr));
            }
            if octet == b'\n' && !after_cr {
                wire += 1;
                if wire == from {
                    return Ok((at, true));
                }
            }
            wire += 1;
            at += 1;
            after_cr = octet == b'\r';
        }
    }
}

/// Octets a file has on the wire in TYPE A.
pub(crate) async fn ascii_size(session: &Session, path: &FtpPath) -> Result<u64, Refused> {
    let mut reader = session.reader(path).await?;
    let mut count = ascii::WireLen::default();
    loop {
        let chunk = reader.next().await?;
        if chunk.is_empty() {
            return Ok(count.total());
        }
        count.push(chunk);
    }
}

/// RFC 959 STOU: never an existing name, never a hidden one; the hint's last component is tried
/// first (docs/protocol.md).
async fn store_unique(
    session: &Session,
    dir: &FtpPath,
    hint: Option<Vec<u8>>,
    perm: u32,
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
                let opened = Opened::Upload(UploadSink(sink));
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
    let mut listing = Listing::new(entries, format(prefix), path.clone(), teller, session.now);
    if options.all && !names_only && pattern.is_none() {
        let parent = path.parent().unwrap_or_else(FtpPath::root);
        let above = session.guard.stat(&parent, true).await.unwrap_or_else(|_| meta.clone());
        listing = listing.with_unix_dots(meta, above);
    }
    Ok(ready_listing(listing, path))
}
