//! Directory entries as text: LIST, NLST and MLSD lines, batch by batch (docs/protocol.md).
//!
//! A directory up to [`SORT_MAX`] entries is sorted; a larger one is sent in the storage's own
//! order, so that no listing needs memory in proportion to its directory.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use ferry_accounts::policy::Op;
use ferry_proto::charset::Names;
use ferry_proto::date::UnixTime;
use ferry_proto::facts::{EntryKind, FactLine, FactSet, write_facts};
use ferry_proto::glob;
use ferry_proto::list::{LineKind, ListOptions, UnixLine, Who, write_unix_line};
use ferry_proto::path::FtpPath;
use ferry_storage::{Entries, Entry, FsError, Kind, Meta, Storage as _};

use crate::descent::Descent;
use crate::entropy::Entropy;
use crate::guard::Guarded;

/// Directories with more entries than this are listed unsorted.
pub(crate) const SORT_MAX: usize = 10_000;

/// How entries are to look.
#[derive(Debug, Clone)]
pub(crate) enum Format {
    /// LIST: Unix lines.
    Unix { options: ListOptions, pattern: Option<Vec<u8>>, show_hidden: bool },
    /// NLST: names behind the prefix that makes them usable as arguments.
    Names { options: ListOptions, pattern: Option<Vec<u8>>, show_hidden: bool, prefix: Vec<u8> },
    /// MLSD: facts.
    Facts(FactSet),
}

impl Format {
    fn shows(&self, entry: &Entry) -> bool {
        let (Self::Unix { options, pattern, show_hidden }
        | Self::Names { options, pattern, show_hidden, .. }) = self
        else {
            return true;
        };
        let named = |p: &Vec<u8>| p.starts_with(b".");
        let hidden = entry.name.starts_with(b".") && !pattern.as_ref().is_some_and(named);
        (!hidden || *show_hidden || options.all || options.almost_all)
            && pattern.as_ref().is_none_or(|p| glob::matches(p, &entry.name))
    }
}

/// What fact lines need to know besides the entry.
#[derive(Debug)]
pub(crate) struct Teller {
    pub(crate) guard: Arc<Guarded>,
    pub(crate) entropy: Arc<Entropy>,
}

impl Teller {
    /// Appends the fact line of `meta` at `path`, shown under `name`; no line end.
    pub(crate) fn facts(
        &self,
        set: FactSet,
        kind: EntryKind<'_>,
        path: &FtpPath,
        meta: &Meta,
        name: &[u8],
        out: &mut Vec<u8>,
    ) {
        let is_file = matches!(kind, EntryKind::File);
        let perm = self.perm(path, meta);
        let line = FactLine {
            kind,
            size: is_file.then_some(meta.size),
            modify: Some(meta.modified),
            create: meta.created,
            perm: &perm,
            unique: Some(self.entropy.unique(meta.unique)),
            unix_mode: meta.mode.map(|m| m & 0o7777),
            owner: meta.owner,
            group: meta.group,
        };
        write_facts(set, &line, name, out);
    }

    /// The `perm` fact: what the account may do, and the file's own bits do not rule out.
    fn perm(&self, path: &FtpPath, meta: &Meta) -> String {
        let may = |op| self.guard.allows(op, path);
        let mode = meta.mode.unwrap_or(0o777);
        let (readable, writable) = (mode & 0o444 != 0, mode & 0o222 != 0);
        let (taken, renamed) = (may(Op::RemoveFile) && may(Op::RemoveDir), may(Op::RenameFrom));
        let letters: &[(char, bool)] = match meta.kind {
            Kind::Dir => &[
                ('c', writable && may(Op::Write)),
                ('d', taken && !path.is_root()),
                ('e', readable && may(Op::List)),
                ('f', renamed && !path.is_root()),
                ('l', readable && may(Op::List)),
                ('m', writable && may(Op::MakeDir)),
                ('p', writable && taken),
            ],
            Kind::File => &[
                ('a', writable && may(Op::Write)),
                ('d', taken),
                ('f', renamed),
                ('r', readable && may(Op::Read)),
                ('w', writable && may(Op::Write)),
            ],
            _ => &[('d', taken), ('f', renamed)],
        };
        letters.iter().filter(|(_, on)| *on).map(|(letter, _)| *letter).collect()
    }
}

/// What an entry is, for fact lines: a link that leads inside the root counts as its target.
pub(crate) fn fact_kind(entry: &Entry) -> (EntryKind<'_>, &Meta) {
    let meta = entry.target.as_ref().unwrap_or(&entry.meta);
    let kind = match meta.kind {
        Kind::File => EntryKind::File,
        Kind::Dir => EntryKind::Dir,
        Kind::Symlink => EntryKind::DanglingLink(entry.link.as_deref().unwrap_or_default()),
        _ => EntryKind::Other,
    };
    (kind, meta)
}

/// A listing on its way out.
pub(crate) struct Listing {
    source: Option<Box<dyn Entries>>,
    sorted: std::vec::IntoIter<Entry>,
    format: Format,
    dir: FtpPath,
    teller: Teller,
    now: UnixTime,
    started: bool,
    /// Some of `source` was sent.
    begun: bool,
    /// What was read of it meanwhile.
    ahead: Option<Result<Vec<Entry>, FsError>>,
    /// Lines to send before any entry (`type=cdir` and `type=pdir`).
    head: Vec<u8>,
    /// Lines end with LF alone, of which an encoder makes what its type has.
    bare: bool,
    /// Where it stands among the directories below, if those are listed, too.
    descent: Option<Box<Descent>>,
    /// How names look to the client, where that is not as they are.
    names: Option<Names>,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl Listing {
    /// A listing of what `entries` brings from `dir`.
    pub(crate) fn new(
        entries: Box<dyn Entries>,
        format: Format,
        dir: FtpPath,
        teller: Teller,
        now: UnixTime,
    ) -> Self {
        Self::made(Some(entries), Vec::new(), format, dir, teller, now)
    }

    fn made(
        source: Option<Box<dyn Entries>>,
        entries: Vec<Entry>,
        format: Format,
        dir: FtpPath,
        teller: Teller,
        now: UnixTime,
    ) -> Self {
        Self {
            started: source.is_none(),
            source,
            sorted: entries.into_iter(),
            format,
            dir,
            teller,
            now,
            begun: false,
            ahead: None,
            head: Vec::new(),
            bare: false,
            descent: None,
            names: None,
        }
    }

    /// A listing of entries already there: one file, or none.
    pub(crate) fn of(
        entries: Vec<Entry>,
        format: Format,
        dir: FtpPath,
        teller: Teller,
        now: UnixTime,
    ) -> Self {
        Self::made(None, entries, format, dir, teller, now)
    }

    /// Ends lines as text files do.
    pub(crate) fn with_bare_lines(self) -> Self {
        Self { bare: true, ..self }
    }

    /// Shows names in the client's charset.
    pub(crate) fn with_names(self, names: Option<Names>) -> Self {
        Self { names, ..self }
    }

    /// Puts the directory itself and its parent before the entries of an MLSD.
    pub(crate) fn with_dots(mut self, current: &Meta, parent: Option<(FtpPath, Meta)>) -> Self {
        if let Format::Facts(set) = self.format
            && set.contains(FactSet::TYPE)
        {
            let (mut head, dir) = (Vec::new(), self.dir.clone());
            self.teller.facts(set, EntryKind::CurrentDir, &dir, current, b".", &mut head);
            head.extend_from_slice(b"\r\n");
            if let Some((path, meta)) = parent {
                self.teller.facts(set, EntryKind::ParentDir, &path, &meta, b"..", &mut head);
                head.extend_from_slice(b"\r\n");
            }
            self.head = head;
        }
        self
    }

    /// Goes on with the directories below (`-R`); the first heading comes before what else is to
    /// come first.
    pub(crate) fn with_descent(mut self, shown: Vec<u8>) -> Self {
        let descent = Descent::new(shown);
        // What a pattern picked is no directory's whole content, so that it has no heading.
        if let Format::Unix { pattern: None, .. } = &self.format {
            descent.write_heading(&mut self.head);
        }
        self.descent = Some(Box::new(descent));
        self
    }

    /// Puts `.` and `..` before the entries of a LIST, as `-a` asks for.
    pub(crate) fn with_unix_dots(mut self, current: Meta, parent: Meta) -> Self {
        self.unix_dots(current, parent);
        self
    }

    fn unix_dots(&mut self, current: Meta, parent: Meta) {
        for (name, meta) in [(b".".to_vec(), current), (b"..".to_vec(), parent)] {
            unix_line(&Entry { name, meta, link: None, target: None }, self.now, &mut self.head);
            self.head.extend_from_slice(b"\r\n");
        }
    }

    /// Appends the next lines; `false` when there are no more.
    ///
    /// # Errors
    /// The directory can no longer be read.
    pub(crate) async fn next_chunk(&mut self, out: &mut Vec<u8>) -> Result<bool, FsError> {
        let from = out.len();
        let more = self.next_lines(out).await?;
        if let (Some(names), Some(lines)) = (self.names, out.get(from..))
            && let Cow::Owned(shown) = names.leaving(lines)
        {
            out.truncate(from);
            out.extend_from_slice(&shown);
        }
        if self.bare {
            // No name holds a CR: those are never shown.
            out.retain(|&octet| octet != b'\r');
        }
        Ok(more)
    }

    async fn next_lines(&mut self, out: &mut Vec<u8>) -> Result<bool, FsError> {
        if !self.started {
            self.started = true;
            out.append(&mut self.head);
            self.gather().await?;
        }
        let mut any = false;
        for entry in self.sorted.by_ref().take(ferry_storage::BATCH_MAX) {
            any = true;
            write_entry(&self.format, &self.dir, &self.teller, self.now, &entry, out);
        }
        if any {
            return Ok(true);
        }
        let Some(source) = &mut self.source else {
            return Ok(self.descend(out).await);
        };
        let batch = match self.ahead.take() {
            Some(batch) => batch?,
            None => source.next_batch().await?,
        };
        if batch.is_empty() {
            self.source = None;
            return Ok(!out.is_empty());
        }
        let writing = async {
            for entry in &batch {
                write_entry(&self.format, &self.dir, &self.teller, self.now, entry, out);
            }
        };
        // The first goes out at once; while others are written, the next is read.
        if std::mem::replace(&mut self.begun, true) {
            self.ahead = Some(tokio::join!(source.next_batch(), writing).0);
        } else {
            writing.await;
        }
        Ok(true)
    }

    /// Reads up to [`SORT_MAX`] entries; if that is all of them, sorts them.
    async fn gather(&mut self) -> Result<(), FsError> {
        let options = match &self.format {
            Format::Facts(_) => return Ok(()),
            Format::Unix { options, .. } | Format::Names { options, .. } => *options,
        };
        let Some(source) = &mut self.source else {
            return Ok(());
        };
        let plain = !options.by_size && !options.by_time && !options.reverse;
        if plain && self.descent.is_none() && source.by_name(SORT_MAX).await? {
            return Ok(());
        }
        let most = self.descent.as_ref().map_or(SORT_MAX, |descent| descent.left());
        let mut entries: Vec<Entry> = Vec::new();
        let mut whole = loop {
            let batch = source.next_batch().await?;
            if batch.is_empty() {
                break true;
            }
            entries.extend(batch);
            if entries.len() > most {
                break false;
            }
        };
        if let Some(descent) = &mut self.descent {
            descent.count(&mut entries);
            whole = true;
        }
        if whole {
            self.source = None;
            entries.sort_unstable_by(|a, b| order(&options, a, b));
        }
        if let Some(descent) = &mut self.descent {
            let shown = entries.iter().filter(|entry| self.format.shows(entry));
            let below = shown.filter(|entry| entry.meta.kind == Kind::Dir);
            descent.enter(&self.dir, below.map(|entry| entry.name.clone()).collect());
        }
        self.sorted = entries.into_iter();
        Ok(())
    }

    /// Begins the next directory below; `false` when there is none.
    async fn descend(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(descent) = &mut self.descent else {
            return false;
        };
        let Some(dir) = descent.next() else {
            if descent.take_cut() && matches!(self.format, Format::Unix { .. }) {
                out.extend_from_slice(b"\r\n(truncated)\r\n");
                return true;
            }
            return false;
        };
        match &mut self.format {
            Format::Unix { options, pattern, .. } => {
                *pattern = None;
                out.extend_from_slice(b"\r\n");
                descent.write_heading(out);
                if options.all {
                    let above = dir.parent().unwrap_or_else(FtpPath::root);
                    let guard = &self.teller.guard;
                    let metas = (guard.stat(&dir, false).await, guard.stat(&above, true).await);
                    if let (Ok(current), Ok(parent)) = metas {
                        self.unix_dots(current, parent);
                    }
                }
            }
            Format::Names { pattern, prefix, .. } => {
                *pattern = None;
                *prefix = descent.shown().to_vec();
            }
            Format::Facts(_) => return false,
        }
        // What cannot be read, or is gone by now, is shown without content, as `ls` does.
        self.source = self.teller.guard.list(&dir).await.ok();
        self.dir = dir;
        out.append(&mut self.head);
        if self.gather().await.is_err() {
            self.source = None;
        }
        true
    }
}

fn order(options: &ListOptions, a: &Entry, b: &Entry) -> Ordering {
    let newest = |e: &Entry| std::cmp::Reverse(e.meta.modified);
    let largest = |e: &Entry| std::cmp::Reverse(e.meta.size);
    let by = match () {
        () if options.by_size => largest(a).cmp(&largest(b)),
        () if options.by_time => newest(a).cmp(&newest(b)),
        () => Ordering::Equal,
    };
    let by = by.then_with(|| a.name.cmp(&b.name));
    if options.reverse { by.reverse() } else { by }
}

fn write_entry(
    format: &Format,
    dir: &FtpPath,
    teller: &Teller,
    now: UnixTime,
    entry: &Entry,
    out: &mut Vec<u8>,
) {
    if !format.shows(entry) {
        return;
    }
    match format {
        Format::Unix { .. } => unix_line(entry, now, out),
        Format::Names { prefix, .. } => {
            out.extend_from_slice(prefix);
            if !prefix.is_empty() && !prefix.ends_with(b"/") && !entry.name.is_empty() {
                out.push(b'/');
            }
            out.extend_from_slice(&entry.name);
        }
        Format::Facts(set) => {
            let Ok(path) = dir.child(&entry.name) else {
                return;
            };
            let (kind, meta) = fact_kind(entry);
            teller.facts(*set, kind, &path, meta, &entry.name, out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends one LIST line without its line end.
fn unix_line(entry: &Entry, now: UnixTime, out: &mut Vec<u8>) {
    let meta = &entry.meta;
    let kind = match meta.kind {
        Kind::File => LineKind::File,
        Kind::Dir => LineKind::Dir,
        Kind::Symlink => LineKind::Link,
        _ => LineKind::Socket,
    };
    let who = |id: Option<u32>| id.map_or(Who::Name("ftp"), Who::Id);
    let line = UnixLine {
        kind,
        mode: meta.mode.unwrap_or(if meta.kind == Kind::Dir { 0o755 } else { 0o644 }),
        links: meta.links,
        owner: who(meta.owner),
        group: who(meta.group),
        size: meta.size,
        modified: meta.modified,
        name: &entry.name,
        target: entry.link.as_deref(),
    };
    write_unix_line(&line, now, out);
}
