//! The client's part of a scene: its steps. Those that move octets are in `transfers.rs`, those of
//! two sessions or of a pool in `fxp.rs` and `remote.rs`; the settings are in `settings.rs`.
//!
//! ```text
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
#[path = "line.rs"]
mod line;
#[path = "outcome.rs"]
mod outcome;
#[path = "remote.rs"]
mod remote;
#[path = "settings.rs"]
mod settings;
#[path = "transfers.rs"]
mod transfers;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use ferry_client::session::Session;
use ferry_client::settings::{Settings, Trust, Watcher, WireEvent};
use ferry_client::{Secret, Security, Site};
use ferry_proto::date::UnixTime;
use testkit::scene::{Line, Playing, Scene};

use line::{halves, repeated, word};
use outcome::{Came, Outcome, held, listed, shown, told_time, words};
use transfers::{cancel, cut, get, put, unput};

/// Far above what a sound server takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

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

async fn usable(session: &Session) -> &'static str {
    match session.command(b"NOOP").await {
        Ok(reply) if reply.code == 200 => "yes",
        Ok(_) => "another reply came",
        Err(_) => "no",
    }
}
