//! The client's part of a scene: its settings, its steps, and what is held against what came.
//!
//! ```text
//! with timeout 400ms | with tls | with tls 1.2 | with implicit | with opportunistic
//! with user NAME PASSWORD | with anonymous | with account ACCOUNT
//! with trust any|system|certificate|another     (any; certificate: the server's own as a root;
//!                                               another: pinned to one that is not it)
//! with listing N                      (entries at most, and 64 N octets)
//! with compress [LEVEL] | with keep alive 200ms
//! with active | with auto | with passive address trust|public
//!
//! connect -> ok                       done without a step, too, if the first is another
//! get PATH [from N] [knowing N] -> "content" | whole [from N]
//! put PATH "content"|N octets [at N|append] -> ok
//! list PATH -> NAME… | nothing        a directory's name ends in /, a symbolic link's in @;
//!                                     then, if not 0: ; unparsed N ; refused N ; unterminated
//! names PATH -> NAME… | nothing
//! abort PATH after N -> ok            RETR, N octets of it, ABOR
//! leave PATH after N -> ok            RETR, N octets of it, and dropped
//! unput PATH "octets" -> ok           STOR, these octets, ABOR
//! cancel get|put|list|names|mv PATH … -> ok    begun, and dropped 200 ms later
//! fxp PATH PATH [at N] -> ok          from this session to a second one with the same server;
//!                                     not directly, KIND where that was refused
//! pwd -> PATH | command LINE -> CODE
//! size PATH -> N|unknown | modified PATH -> TIME|unknown
//! mkdir PATH | rmdir PATH | rm PATH | mv PATH PATH | touch PATH -> ok
//! usable -> yes|no                    whether NOOP is answered with 200
//! resumed -> N of N                   data connections that resumed the TLS session
//! quit -> ok
//! remote connect | remote read PATH | remote list PATH | remote write PATH "content" |
//! remote append PATH "content" | remote stat PATH | remote rm PATH -> …
//! remote segments PATH N octets -> N   a file of this machine, in two segments, or one
//! remote copy PATH N octets -> time kept | time not kept
//! remote mkdir PATH | remote rmdir PATH -> …
//!                                     the same through the storage over a pool of sessions
//! N times STEP -> …
//! … -> error KIND[|KIND…] [saying "part of the message"]
//! ```

#[path = "fxp.rs"]
mod fxp;
#[path = "remote.rs"]
mod remote;

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ferry_client::session::{Download, Session, UploadHow};
use ferry_client::settings::{
    Compress, DataMode, PassiveAddress, Settings, TlsVersion, Trust, Watcher, WireEvent,
};
use ferry_client::{Error, ErrorKind, Secret, Security, Site};
use ferry_proto::date::UnixTime;
use ferry_proto::listing::{ListedEntry, ListedKind, Report};
use ferry_proto::repr::deflate::Level;
use testkit::scene::{Line, Playing, Scene, duration, filler, quoted};

/// Far above what a sound server takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of a step.
enum Came {
    Done,
    Octets(Vec<u8>),
    Words(String),
}

type Outcome = Result<Came, Error>;

/// Puts what the client sees into the transcript.
#[derive(Debug)]
struct Seen {
    playing: Weak<Playing>,
    resumed: AtomicUsize,
    data: AtomicUsize,
}

impl Watcher for Seen {
    fn on(&self, _: u64, event: &WireEvent<'_>) {
        if let WireEvent::Data { resumed, .. } = event {
            self.data.fetch_add(1, Ordering::Relaxed);
            self.resumed.fetch_add(usize::from(*resumed == Some(true)), Ordering::Relaxed);
        }
        let (Some(playing), WireEvent::Status(what)) = (self.playing.upgrade(), event) else {
            return;
        };
        playing.note(what);
    }
}

struct Client {
    site: Site,
    settings: Settings,
    seen: Arc<Seen>,
    session: Option<Session>,
    /// Where `fxp` moves files to.
    other: Option<Session>,
    remote: Option<ferry_client::remote::Remote>,
    playing: Arc<Playing>,
    /// Holds the certificate that is trusted.
    _root: tempfile::TempDir,
}

/// Performs all steps of a scene.
pub(crate) async fn perform(scene: &Scene, playing: Arc<Playing>) -> Result<(), String> {
    let mut client = Client::new(scene, playing)?;
    let connects = |line: &Line| ["connect ", "remote "].iter().any(|w| line.text.starts_with(w));
    if !scene.steps().first().is_some_and(connects) {
        let connected = client.connect().await;
        held("ok", connected, &client.playing, b"").map_err(|why| format!("connecting: {why}"))?;
    }
    for line in scene.steps() {
        client.playing.note(&line.text);
        let (times, line) = repeated(line);
        for _ in 1..times {
            let again = Box::pin(client.step(&line)).await;
            again.map_err(|why| format!("line {}: {}: {why}", line.number, line.text))?;
        }
        Box::pin(client.step(&line))
            .await
            .map_err(|why| format!("line {}: {}: {why}", line.number, line.text))?;
    }
    Ok(())
}

impl Client {
    fn new(scene: &Scene, playing: Arc<Playing>) -> Result<Self, String> {
        let root = tempfile::tempdir().map_err(|e| e.to_string())?;
        let seen = Arc::new(Seen {
            playing: Arc::downgrade(&playing),
            resumed: AtomicUsize::new(0),
            data: AtomicUsize::new(0),
        });
        let mut site = Site::new(playing.addr().ip().to_string());
        site.port = Some(playing.addr().port());
        site.security = Security::Plain;
        site.user = Some(b"pat".to_vec());
        site.password = Some(Secret::new("secret"));
        let watcher: Arc<dyn Watcher> = Arc::<Seen>::clone(&seen);
        let settings = Settings {
            timeout: PATIENCE,
            trust: Trust::Any,
            watcher: Some(watcher),
            ..Settings::default()
        };
        let mut client = Self {
            site,
            settings,
            seen,
            session: None,
            other: None,
            remote: None,
            playing,
            _root: root,
        };
        for line in scene.settings() {
            client.with(&line.text).map_err(|why| format!("line {}: {why}", line.number))?;
        }
        Ok(client)
    }

    fn with(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["timeout", time] => self.settings.timeout = duration(time)?,
            ["tls"] => self.site.security = Security::Explicit,
            ["tls", "1.2"] => self.settings.tls_max = TlsVersion::V12,
            ["implicit"] => self.site.security = Security::Implicit,
            ["opportunistic"] => self.site.security = Security::Opportunistic,
            ["anonymous"] => (self.site.user, self.site.password) = (None, None),
            ["user", name, ..] => {
                self.site.user = Some(name.as_bytes().to_vec());
                let rest = text.splitn(3, ' ').nth(2).unwrap_or_default();
                self.site.password = Some(Secret::new(word(rest)?.0));
            }
            ["account", account] => self.site.account = Some(Secret::new(*account)),
            ["listing", entries] => {
                self.settings.listing_entries = number(entries)?;
                self.settings.listing_octets = self.settings.listing_entries * 64;
            }
            ["keep", "alive", time] => self.settings.keep_alive = Some(duration(time)?),
            ["compress"] => self.settings.compress = Compress::On,
            ["compress", level] => {
                let level = Level::new(number(level)?).ok_or("no such level")?;
                self.settings.compress = Compress::At(level);
            }
            ["active"] => self.settings.data = DataMode::Active,
            ["auto"] => self.settings.data = DataMode::Auto,
            ["passive", "address", "trust"] => {
                self.settings.passive_address = PassiveAddress::Trust;
            }
            ["passive", "address", "public"] => {
                self.settings.passive_address = PassiveAddress::PublicOnly;
            }
            ["trust", "any"] => self.settings.trust = Trust::Any,
            ["trust", "system"] => self.settings.trust = Trust::KnownHosts(self.path("known")),
            ["trust", "another"] => self.settings.trust = Trust::Pinned(vec![[0; 32]]),
            ["trust", "certificate"] => {
                let path = self.path("root.pem");
                let pem = pem(&self.playing.certificate()?);
                std::fs::File::create(&path)
                    .and_then(|mut file| file.write_all(pem.as_bytes()))
                    .map_err(|e| e.to_string())?;
                self.settings.trust = Trust::Roots(vec![path]);
            }
            _ => return Err(format!("no such setting: {text}")),
        }
        Ok(())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self._root.path().join(name)
    }

    async fn connect(&mut self) -> Outcome {
        self.session = None;
        let session = Box::pin(Session::connect(&self.site, &self.settings)).await?;
        self.session = Some(session);
        Ok(Came::Done)
    }

    async fn step(&mut self, line: &Line) -> Result<(), String> {
        let (what, want) = halves(&line.text).ok_or("a step has an outcome")?;
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        if verb == "connect" {
            let came = self.connect().await;
            return held(want, came, &self.playing, b"");
        }
        if verb == "remote" {
            let (site, settings) = (&self.site, &self.settings);
            let came = remote::perform(&mut self.remote, site, settings, rest);
            let came = Box::pin(came).await?;
            let path = word(rest.split_once(' ').unwrap_or_default().1)?.0;
            return held(want, came, &self.playing, &path);
        }
        let (path, rest) = word(rest)?;
        let session = self.session.clone().ok_or("there is no session")?;
        let came = match verb {
            "get" => get(&session, &path, rest).await?,
            "put" => Box::pin(put(&session, &path, rest)).await?,
            "list" => {
                Box::pin(session.list(&path)).await.map(|list| listed(&list.entries, &list.report))
            }
            "names" => session.names(&path).await.map(|names| {
                let names: Vec<String> = names.iter().map(|name| shown(name)).collect();
                words(&names)
            }),
            "abort" | "leave" => cut(&session, &path, rest, verb == "abort").await?,
            "fxp" => {
                let (site, settings) = (&self.site, &self.settings);
                let ends = (&session, path.as_slice());
                Box::pin(fxp::perform(&mut self.other, site, settings, ends, rest)).await?
            }
            "unput" => unput(&session, &path, rest).await?,
            "cancel" => cancel(&session, &path, rest).await?,
            "pwd" => session.working_dir().await.map(|path| Came::Words(shown(&path))),
            "command" => {
                let line = what.trim_start_matches("command ");
                let reply = session.command(line.as_bytes()).await;
                reply.map(|reply| Came::Words(reply.code.to_string()))
            }
            "size" => session.size(&path).await.map(|size| {
                Came::Words(size.map_or_else(|| "unknown".to_owned(), |size| size.to_string()))
            }),
            "modified" => session
                .modified(&path)
                .await
                .map(|time| Came::Words(time.map_or_else(|| "unknown".to_owned(), told_time))),
            "mkdir" => session.make_dir(&path).await.map(|_| Came::Done),
            "rmdir" => session.remove_dir(&path).await.map(|_| Came::Done),
            "rm" => session.remove_file(&path).await.map(|_| Came::Done),
            "mv" => session.rename(&path, &word(rest)?.0).await.map(|_| Came::Done),
            "touch" => {
                let time = UnixTime::from_secs(testkit::scene::usual::MODIFIED_SECS);
                session.set_modified(&path, time).await.map(|_| Came::Done)
            }
            "usable" => Ok(Came::Words(usable(&session).await.to_owned())),
            "resumed" => {
                let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
                let (resumed, all) = (count(&self.seen.resumed), count(&self.seen.data));
                Ok(Came::Words(format!("{resumed} of {all}")))
            }
            "quit" => {
                session.quit().await;
                Ok(Came::Done)
            }
            _ => return Err("no such step".to_owned()),
        };
        held(want, came, &self.playing, &path)
    }
}

/// How often a step is done, and the step.
fn repeated(line: &Line) -> (usize, Line) {
    let split = line.text.split_once(" times ");
    match split.and_then(|(n, step)| Some((n.parse().ok()?, step))) {
        Some((times, step)) => (times, line.saying(step)),
        None => (1, line.clone()),
    }
}

/// A word, quoted or up to the next space, and what follows it; empty at the end.
fn word(text: &str) -> Result<(Vec<u8>, &str), String> {
    if text.starts_with('"') {
        return quoted(text).map(|(word, rest)| (word, rest.trim()));
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    Ok((word.as_bytes().to_vec(), rest.trim()))
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

async fn get(session: &Session, path: &[u8], how: &str) -> Result<Outcome, String> {
    let words: Vec<&str> = how.split_whitespace().collect();
    let (mut from, mut size) = (0, None);
    for pair in words.chunks(2) {
        match pair {
            ["from", n] => from = number(n)?,
            ["knowing", n] => size = Some(number(n)?),
            _ => return Err("get it how?".to_owned()),
        }
    }
    let whole = async {
        let mut download = session.download(path, from).await?;
        if let Some(size) = size {
            download.expect(size);
        }
        let mut content = Vec::new();
        while read(&mut download, &mut content).await? > 0 {}
        Ok(Came::Octets(content))
    };
    Ok(Box::pin(whole).await)
}

async fn read(download: &mut Download, content: &mut Vec<u8>) -> Result<usize, Error> {
    let mut buf = vec![0; 16 * 1024];
    let n = download.read(&mut buf).await?;
    content.extend_from_slice(buf.get(..n).unwrap_or_default());
    Ok(n)
}

async fn put(session: &Session, path: &[u8], rest: &str) -> Result<Outcome, String> {
    let (content, how) = match quoted(rest) {
        Ok((content, how)) => (content, how.trim()),
        Err(_) => {
            let (n, how) = rest.split_once(" octets").ok_or("what is put?")?;
            (filler(number(n)?), how.trim())
        }
    };
    let how = match how.split_once(' ') {
        Some(("at", n)) => UploadHow::At(number(n)?),
        None if how == "append" => UploadHow::Append,
        None if how.is_empty() => UploadHow::Create,
        _ => return Err("put it how?".to_owned()),
    };
    let whole = async {
        let mut upload = session.upload(path, how).await?;
        for piece in content.chunks(64 * 1024) {
            upload.write(piece).await?;
        }
        Box::pin(upload.finish()).await.map(|_| Came::Done)
    };
    Ok(Box::pin(whole).await)
}

async fn unput(session: &Session, path: &[u8], rest: &str) -> Result<Outcome, String> {
    let (content, _) = quoted(rest)?;
    let work = async {
        let mut upload = session.upload(path, UploadHow::Create).await?;
        upload.write(&content).await?;
        upload.abort().await.map(|()| Came::Done)
    };
    Ok(Box::pin(work).await)
}

async fn cut(session: &Session, path: &[u8], rest: &str, abort: bool) -> Result<Outcome, String> {
    let after: usize = number(rest.trim_start_matches("after "))?;
    let work = async {
        let mut download = session.download(path, 0).await?;
        let mut content = Vec::new();
        while content.len() < after && read(&mut download, &mut content).await? > 0 {}
        if abort {
            download.abort().await?;
        }
        Ok(Came::Done)
    };
    Ok(Box::pin(work).await)
}

/// Begins something and drops it. A server that answers later than that makes the scene; one that
/// does not is played as well, to no harm.
async fn cancel(session: &Session, verb: &[u8], rest: &str) -> Result<Outcome, String> {
    let (path, rest) = word(rest)?;
    let new = word(rest)?.0;
    let begun = async {
        match verb {
            b"get" => Box::pin(get(session, &path, rest)).await.map(drop),
            b"put" => Box::pin(put(session, &path, rest)).await.map(drop),
            b"list" => Box::pin(session.list(&path)).await.map_or(Ok(()), |_| Ok(())),
            b"names" => Box::pin(session.names(&path)).await.map_or(Ok(()), |_| Ok(())),
            b"mv" => session.rename(&path, &new).await.map_or(Ok(()), |()| Ok(())),
            _ => Err("nothing to cancel".to_owned()),
        }
    };
    match tokio::time::timeout(Duration::from_millis(200), begun).await {
        Ok(Err(why)) => Err(why),
        Ok(Ok(())) | Err(_) => Ok(Ok(Came::Done)),
    }
}

async fn usable(session: &Session) -> &'static str {
    match session.command(b"NOOP").await {
        Ok(reply) if reply.code == 200 => "yes",
        Ok(_) => "another reply came",
        Err(_) => "no",
    }
}

fn listed(entries: &[ListedEntry], report: &Report) -> Came {
    let mut names = Vec::new();
    for entry in entries {
        let mut name = shown(&entry.name);
        match entry.kind {
            ListedKind::Dir => name.push('/'),
            ListedKind::Symlink { .. } => name.push('@'),
            _ => {}
        }
        names.push(name);
    }
    let Came::Words(mut text) = words(&names) else {
        return Came::Done;
    };
    for (count, what) in [(report.unparsed, "unparsed"), (report.refused, "refused")] {
        if count > 0 {
            text.push_str(&format!(" ; {what} {count}"));
        }
    }
    if report.unterminated {
        text.push_str(" ; unterminated");
    }
    Came::Words(text)
}

fn words(names: &[String]) -> Came {
    Came::Words(if names.is_empty() { "nothing".to_owned() } else { names.join(" ") })
}

/// Octets as a scene writes them: in quotes if they need any.
fn shown(octets: &[u8]) -> String {
    let plain = |octet: &u8| octet.is_ascii_graphic() && !b"\"\\".contains(octet);
    if !octets.is_empty() && octets.iter().all(plain) {
        return octets.escape_ascii().to_string();
    }
    format!("\"{}\"", octets.escape_ascii().to_string().replace("\\'", "'"))
}

/// Whether that is what was wanted.
fn held(want: &str, came: Outcome, playing: &Playing, path: &[u8]) -> Result<(), String> {
    if let Some(error) = want.strip_prefix("error ") {
        let (kinds, part) = error.split_once(" saying ").unwrap_or((error, ""));
        let wrong = match came {
            Err(error) => {
                let kind = format!("{:?}", error.kind());
                let part = if part.is_empty() { Vec::new() } else { quoted(part)?.0 };
                let part = String::from_utf8_lossy(&part).into_owned();
                if kinds.split('|').any(|known| known == kind) && error.to_string().contains(&part)
                {
                    return Ok(());
                }
                told(&error)
            }
            Ok(came) => told_came(&came),
        };
        return Err(format!("came: {wrong}"));
    }
    let right = match &came {
        Err(error) => return Err(format!("came: {}", told(error))),
        Ok(Came::Done) => want == "ok",
        Ok(Came::Octets(octets)) => match want.strip_prefix("whole") {
            Some(from) => {
                let from: usize = match from.trim().strip_prefix("from ") {
                    Some(from) => number(from)?,
                    None => 0,
                };
                let file = playing.file(path).unwrap_or_default();
                file.get(from..) == Some(octets)
            }
            None => quoted(want)?.0 == *octets,
        },
        Ok(Came::Words(text)) => want == text,
    };
    match came {
        Ok(came) if !right => Err(format!("came: {}", told_came(&came))),
        _ => Ok(()),
    }
}

fn told(error: &Error) -> String {
    let kind: ErrorKind = error.kind();
    format!("error {kind:?}: {error}")
}

fn told_came(came: &Came) -> String {
    match came {
        Came::Done => "ok".to_owned(),
        Came::Octets(octets) => match octets.get(..100) {
            Some(head) => format!("{}… ({} octets)", shown(head), octets.len()),
            None => shown(octets),
        },
        Came::Words(words) => words.clone(),
    }
}

fn told_time(time: UnixTime) -> String {
    time.format_timeval(time.nanos > 0)
}

/// A step and its outcome: what stands on either side of the first arrow outside quotes.
fn halves(line: &str) -> Option<(&str, &str)> {
    let mut inside = false;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        let arrow = !inside && line.get(at..).is_some_and(|rest| rest.starts_with(" -> "));
        match c {
            _ if arrow => return Some((line.get(..at)?, line.get(at + 4..)?)),
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            _ => {}
        }
    }
    None
}

fn pem(der: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut column = 0;
    for three in der.chunks(3) {
        let octet = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for i in 0..4_usize {
            let digit = (bits >> (18 - 6 * i)) & 63;
            let digit = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
        column += 4;
        if column == 64 {
            text.push('\n');
            column = 0;
        }
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}
