//! Listings: MLSD where it works, else LIST, which everybody has and nobody has alike.

use ferry_proto::client::fault;
use ferry_proto::date::UnixTime;
use ferry_proto::listing::{Asked, Hint, ListedEntry, ListedKind, ListingReader, Report, System};

use ferry_proto::path::ForPeople;

use super::capabilities::Known;
use super::data::Main;
use super::{Download, Session, TypeCode};
use crate::error::{Error, ErrorKind, Result};

/// How much is read at a time.
const READ_LEN: usize = 64 * 1024;

/// A whole directory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listing {
    /// What is in it, in the server's order.
    pub entries: Vec<ListedEntry>,
    /// What became of each line; [`Report::complete`] says whether nothing is missing.
    pub report: Report,
}

/// A directory being read.
#[derive(Debug)]
pub(crate) struct Listed {
    download: Option<Download>,
    reader: Option<ListingReader>,
    /// Entries that were read to see whether they make sense.
    first: Vec<ListedEntry>,
    buf: Vec<u8>,
    entries: u64,
    report: Option<Report>,
    /// The directory, where nothing at all may also mean that there is none: vsftpd lists what is
    /// not there as nothing.
    doubtful: Option<Vec<u8>>,
}

impl Session {
    /// The entries of a directory.
    ///
    /// # Errors
    /// What the server says; [`ErrorKind::Listing`] when it does not end.
    pub async fn list(&self, path: &[u8]) -> Result<Listing> {
        let mut listed = Box::pin(self.listed(path)).await?;
        let mut entries = Vec::new();
        while listed.read(&mut entries).await? {}
        let report = listed.report.take().unwrap_or_default();
        Ok(Listing { entries, report })
    }

    /// Starts to list a directory. The way that works is found out here once per server.
    pub(crate) async fn listed(&self, path: &[u8]) -> Result<Listed> {
        if self.0.known.read(|known| known.mlsd.may()) {
            match self.listed_by("MLSD", path).await {
                Ok(mut listed) => {
                    if self.0.known.read(|known| known.mlsd == Known::Yes) {
                        return Ok(listed);
                    }
                    // Some list MLSD in FEAT and answer with lines of LIST.
                    let mut first = Vec::new();
                    while listed.read(&mut first).await? && first.is_empty() {}
                    let sane = match (&listed.report, first.first()) {
                        (Some(report), None) => report.unparsed == 0,
                        (_, Some(entry)) => entry.kind != ListedKind::Unknown,
                        (None, None) => true,
                    };
                    if sane {
                        self.0.known.lock().mlsd = Known::Yes;
                        return Ok(listed.with_first(first));
                    }
                    self.0.known.lock().mlsd = Known::No;
                }
                Err(error) if error.reply().is_some_and(|reply| reply.code == 501) => {
                    // What is no directory (RFC 3659 §7.2.1), where MLSD is known at all.
                    if self.0.known.read(|known| known.has("MLST")) {
                        let what = format!("{} is no directory", ForPeople(path));
                        return Err(match error.reply() {
                            Some(reply) => {
                                Error::new(ErrorKind::NotDir, what).with_reply(reply.clone())
                            }
                            None => error,
                        });
                    }
                    self.0.known.lock().mlsd = Known::No;
                }
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    self.0.known.lock().mlsd = Known::No;
                }
                Err(error) => return Err(error),
            }
        }
        self.listed_by_list(path).await
    }

    /// LIST, with `-a` where that shows more and is not taken for a name.
    async fn listed_by_list(&self, path: &[u8]) -> Result<Listed> {
        let all = self.0.known.read(|known| {
            if known.system.takes_list_options() { known.list_all } else { Known::No }
        });
        let plain_name = is_plain(path);
        let argument = |option: &[u8]| -> Vec<u8> {
            let path = if plain_name { path } else { b"" };
            match (option, path) {
                (b"", path) => path.to_vec(),
                (option, b"") => option.to_vec(),
                (option, path) => [option, b" ", path].concat(),
            }
        };
        if !plain_name {
            self.demand("CWD", path).await?;
        }
        let mut result = match all {
            Known::No => self.listed_by("LIST", &argument(b"")).await,
            Known::Yes => self.listed_by("LIST", &argument(b"-a")).await,
            Known::Untried => self.probe_all(&argument(b"-a"), &argument(b"")).await,
        };
        if let Ok(listed) = &mut result
            && plain_name
            && !path.is_empty()
            && !listed.is_over()
        {
            listed.doubtful = Some(path.to_vec());
        }
        if !plain_name && !self.0.home.is_empty() {
            // The listing's command has its turn first; where it fails, nothing depends on it.
            let back = self.0.home.clone();
            if let Ok((outgoing, _)) = self.outgoing("CWD", &back) {
                self.0.control.send(vec![outgoing]);
            }
        }
        result
    }

    /// Tries `-a` once. What is learned has to be sure: where `-a` is given up by mistake, hidden
    /// files are not seen any more, and a mirror that deletes would take them for missing.
    async fn probe_all(&self, with: &[u8], without: &[u8]) -> Result<Listed> {
        let mut listed = self.listed_by("LIST", with).await;
        let mut first = Vec::new();
        if let Ok(listed) = &mut listed {
            while listed.read(&mut first).await? {}
        }
        // Only a listing of everything holds `.` and `..`, whatever else it holds.
        let (works, is_empty) = match &listed {
            Ok(listed) => {
                let report = listed.report.as_ref();
                let is = |what: fn(&Report) -> bool| report.is_some_and(what);
                (is(|report| report.dots > 0), is(|report| report.lines == 0))
            }
            Err(error) if error.may_pass() => return listed,
            Err(_) => (false, false),
        };
        match listed {
            Ok(listed) if works => {
                self.0.known.lock().list_all = Known::Yes;
                Ok(listed.with_first(first))
            }
            _ => {
                let mut plain = self.listed_by("LIST", without).await?;
                plain.doubtful = (!without.is_empty()).then(|| without.to_vec());
                let mut first = Vec::new();
                while plain.read(&mut first).await? {}
                // Nothing either way is a directory that is not there, or one that shows nothing.
                if !is_empty || plain.report.as_ref().is_some_and(|report| report.lines > 0) {
                    self.0.known.lock().list_all = Known::No;
                }
                Ok(plain.with_first(first))
            }
        }
    }

    async fn listed_by(&self, verb: &'static str, argument: &[u8]) -> Result<Listed> {
        let (system, text) =
            self.0.known.read(|known| (known.system, !known.system.lists_in_image()));
        let code = if verb == "LIST" && text { TypeCode::Ascii } else { TypeCode::Image };
        let main = Main {
            verb,
            argument,
            code: code.letter(),
            from: 0,
            ranged: false,
            upload: false,
            may_be_empty: true,
            deflate: self.compresses(b""),
        };
        let asked = if verb == "MLSD" { Asked::Facts } else { Asked::List };
        let hint = Hint { asked, system };
        let now = now();
        let reader = ListingReader::new(hint, now);
        match self.open(&main).await {
            Ok(running) => Ok(Listed {
                download: Some(Download::new(self.clone(), &main, running)),
                reader: Some(reader),
                first: Vec::new(),
                buf: vec![0; READ_LEN],
                entries: 0,
                report: None,
                doubtful: None,
            }),
            Err(error) => match error.reply() {
                Some(reply) if fault::is_empty_listing(reply) => {
                    let path = argument.strip_prefix(b"-a ").unwrap_or(argument);
                    Box::pin(self.empty(path, reader, error)).await
                }
                _ => Err(error),
            },
        }
    }

    /// Fails unless there is a directory of that name.
    async fn must_be_dir(&self, path: &[u8]) -> Result<()> {
        if self.stat(path).await?.is_dir == Some(false) {
            let what = format!("{} is no directory", ForPeople(path));
            return Err(Error::new(ErrorKind::NotDir, what));
        }
        Ok(())
    }

    /// "No files found" is an empty directory only if there is a directory.
    async fn empty(&self, path: &[u8], reader: ListingReader, error: Error) -> Result<Listed> {
        if !path.is_empty() && self.stat(path).await?.is_dir == Some(false) {
            return Err(error);
        }
        let mut listed = Listed {
            download: None,
            reader: Some(reader),
            first: Vec::new(),
            buf: Vec::new(),
            entries: 0,
            report: None,
            doubtful: None,
        };
        listed.end(&mut Vec::new());
        Ok(listed)
    }

    /// The names of a directory (NLST). Lines that hold no name of an entry in it are left out:
    /// a server must not lead us elsewhere.
    ///
    /// # Errors
    /// What the server says.
    pub async fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>> {
        let main = Main {
            verb: "NLST",
            argument: path,
            code: b'A',
            from: 0,
            ranged: false,
            upload: false,
            may_be_empty: true,
            deflate: self.compresses(b""),
        };
        let running = match self.open(&main).await {
            Ok(running) => running,
            Err(error) if error.reply().is_some_and(fault::is_empty_listing) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let mut download = Download::new(self.clone(), &main, running);
        let (mut octets, mut buf) = (Vec::new(), vec![0; READ_LEN]);
        loop {
            let n = download.read(&mut buf).await?;
            if n == 0 {
                break;
            }
            octets.extend_from_slice(buf.get(..n).unwrap_or_default());
            if octets.len() as u64 > self.0.settings.listing_octets / 8 {
                return Err(endless());
            }
        }
        let lines = octets.split(|octet| *octet == b'\n');
        let names = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        Ok(names.filter_map(|name| own_name(path, name)).map(<[u8]>::to_vec).collect())
    }
}

/// The name in a line of NLST, where it is one in the directory that was asked for.
fn own_name<'a>(dir: &[u8], line: &'a [u8]) -> Option<&'a [u8]> {
    // Some put the directory before it.
    let below = line.strip_prefix(dir).filter(|_| !dir.is_empty());
    let below = match dir.last() {
        Some(b'/') => below,
        _ => below.and_then(|name| name.strip_prefix(b"/")),
    };
    let name = below.unwrap_or(line);
    let leads_elsewhere = name.iter().any(|octet| matches!(octet, 0 | b'\r' | b'/'));
    (!leads_elsewhere && !matches!(name, b"" | b"." | b"..")).then_some(name)
}

/// Whether a path cannot be taken for options or patterns by LIST.
fn is_plain(path: &[u8]) -> bool {
    let odd = |octet: &u8| b" *?[]{}~\\\"'".contains(octet);
    !path.starts_with(b"-") && !path.iter().any(odd)
}

fn endless() -> Error {
    Error::new(ErrorKind::Listing, "the listing does not end")
}

#[allow(clippy::disallowed_methods, reason = "the driver's edge: dates without a year need today")]
fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0)))
}

impl Listed {
    /// The entries of an MLSD listing that is here already.
    pub(crate) fn of_facts(octets: &[u8], system: System) -> (Vec<ListedEntry>, Self) {
        let hint = Hint { asked: Asked::Facts, system };
        let mut reader = ListingReader::new(hint, now());
        let mut entries = Vec::new();
        reader.feed(octets, &mut entries);
        let report = reader.finish(&mut entries);
        let listed = Self {
            download: None,
            reader: None,
            first: Vec::new(),
            buf: Vec::new(),
            entries: 0,
            report: Some(report),
            doubtful: None,
        };
        (entries, listed)
    }

    /// Whether it was read to its end.
    fn is_over(&self) -> bool {
        self.download.is_none()
    }

    fn with_first(mut self, first: Vec<ListedEntry>) -> Self {
        self.first = first;
        self
    }

    /// Appends further entries; `false` at the end.
    pub(crate) async fn read(&mut self, out: &mut Vec<ListedEntry>) -> Result<bool> {
        let before = out.len();
        if !self.first.is_empty() {
            out.append(&mut self.first);
            return Ok(true);
        }
        let Some(download) = &mut self.download else {
            return Ok(false);
        };
        let n = download.read(&mut self.buf).await?;
        let settings = &download.session().0.settings;
        let (entries_max, octets_max) = (settings.listing_entries, settings.listing_octets);
        let octets = download.received();
        if n == 0 {
            let session = download.session().clone();
            self.download = None;
            self.end(out);
            let is_empty = self.report.as_ref().is_some_and(|report| report.lines == 0);
            if is_empty && let Some(path) = self.doubtful.take() {
                Box::pin(session.must_be_dir(&path)).await?;
            }
        } else if let Some(reader) = &mut self.reader {
            reader.feed(self.buf.get(..n).unwrap_or_default(), out);
        }
        // The reader holds the first lines back until it knows what they are.
        self.entries += (out.len() - before) as u64;
        if self.entries > entries_max || octets > octets_max {
            return Err(endless());
        }
        Ok(n > 0 || out.len() > before)
    }

    fn end(&mut self, out: &mut Vec<ListedEntry>) {
        if let Some(reader) = self.reader.take() {
            self.report = Some(reader.finish(out));
        }
    }

    /// What became of each line; after the end only.
    pub(crate) fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }
}
