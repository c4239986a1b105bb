//! Where a scenario takes place: one server, a session and a pool of them, and who watches.

use std::fmt::Write as _;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_client::remote::Remote;
use ferry_client::session::{Session, UploadHow};
use ferry_client::settings::{TlsVersion, Trust, Watcher, WireEvent};
use ferry_client::site::Security;
use ferry_client::{Secret, Settings, Site};
use ferry_proto::path::FtpPath;
use interop::servers::{Peer, Tls};
use interop::{PASSWORD, USER};

use super::bulk::Content;

/// How much of a conversation is shown in the report of a failure.
const SHOWN: usize = 2_500;

/// One server and what leads to it.
pub(crate) struct At<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) tls: Tls,
    pub(crate) session: Session,
    pub(crate) remote: Remote,
    pub(crate) site: Site,
    pub(crate) settings: Settings,
    pub(crate) watch: Arc<Watch>,
    pub(crate) content: &'a Content,
}

/// Remembers what went over the wire.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    said: Mutex<String>,
    resumed: Mutex<Vec<Option<bool>>>,
}

impl Watcher for Watch {
    fn on(&self, session: u64, event: &WireEvent<'_>) {
        let mut said = self.said.lock().unwrap();
        let _ = match event {
            WireEvent::Status(what) => writeln!(said, "{session} -- {what}"),
            WireEvent::Command(line) => {
                writeln!(said, "{session} > {}", String::from_utf8_lossy(line))
            }
            WireEvent::Response(line, _) => {
                writeln!(said, "{session} < {}", String::from_utf8_lossy(line))
            }
            WireEvent::Data { resumed, .. } => {
                self.resumed.lock().unwrap().push(*resumed);
                writeln!(said, "{session} == data, resumed: {resumed:?}")
            }
            _ => Ok(()),
        };
    }
}

impl Watch {
    /// Whether each data connection since the last call resumed the control connection's session.
    pub(crate) fn take_resumed(&self) -> Vec<Option<bool>> {
        std::mem::take(&mut self.resumed.lock().unwrap())
    }

    /// Forgets what was said.
    pub(crate) fn clear(&self) {
        self.said.lock().unwrap().clear();
        self.take_resumed();
    }

    /// What the sessions that spoke of that have said, from there on.
    pub(crate) fn about(&self, name: &str) -> String {
        let said = self.said.lock().unwrap();
        let lines: Vec<&str> = said.lines().collect();
        let mut text = String::new();
        for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(name)) {
            let id = line.split(' ').next().unwrap_or_default();
            let same = lines.iter().skip(i.saturating_sub(20));
            let same = same.filter(|line| line.split(' ').next() == Some(id));
            same.take(16).for_each(|line| _ = writeln!(text, "{line}"));
        }
        text.chars().take(2 * SHOWN).collect()
    }

    /// The end of the conversation.
    pub(crate) fn tail(&self) -> String {
        let said = self.said.lock().unwrap();
        let mut from = said.len().saturating_sub(SHOWN);
        while !said.is_char_boundary(from) {
            from += 1;
        }
        said.get(from..).unwrap_or_default().to_owned()
    }
}

impl<'a> At<'a> {
    /// Logs in.
    pub(crate) async fn connect(
        peer: &'a Peer,
        tls: Tls,
        content: &'a Content,
    ) -> Result<Self, String> {
        let watch = Arc::new(Watch::default());
        let settings = Settings {
            timeout: Duration::from_secs(5),
            trust: Trust::Roots(vec![peer.certificate.clone()]),
            tls_max: if tls == Tls::V12 { TlsVersion::V12 } else { TlsVersion::V13 },
            connections: 3,
            watcher: Some(Arc::clone(&watch) as Arc<dyn Watcher>),
            ..Settings::default()
        };
        let security = match tls {
            Tls::Plain => Security::Plain,
            Tls::V12 | Tls::V13 if peer.kind.has_auth() => Security::Explicit,
            Tls::V12 | Tls::V13 => Security::Implicit,
        };
        let addr = match security {
            Security::Implicit => peer.implicit_addr.ok_or("no port with implicit TLS")?,
            _ => peer.addr,
        };
        let site = Site {
            port: Some(addr.port()),
            security,
            user: Some(USER.into()),
            password: Some(Secret::new(PASSWORD)),
            ..Site::new(addr.ip().to_string())
        };
        let show = |e: ferry_client::Error| format!("{e} ({:?})\n{}", e.kind(), watch.tail());
        let session = Session::connect(&site, &settings).await.map_err(show)?;
        let remote = Remote::connect(site.clone(), settings.clone()).await.map_err(show)?;
        Ok(Self { peer, tls, session, remote, site, settings, watch, content })
    }

    /// An error as a report, with the conversation that led to it.
    pub(crate) fn failed(&self, what: &str, why: impl std::error::Error) -> String {
        let mut text = format!("{what}: {why}");
        let mut source = why.source();
        while let Some(inner) = source {
            let _ = write!(text, ": {inner}");
            source = inner.source();
        }
        text + "\n" + &self.watch.tail()
    }

    /// Fails unless `is`.
    pub(crate) fn check(&self, is: bool, what: &str) -> Result<(), String> {
        if is { Ok(()) } else { Err(format!("{what}\n{}", self.watch.tail())) }
    }

    /// A whole file, from octet `from` on.
    pub(crate) async fn fetched(&self, path: &[u8], from: u64) -> Result<Vec<u8>, String> {
        let name = String::from_utf8_lossy(path).into_owned();
        let mut download = self
            .session
            .download(path, from)
            .await
            .map_err(|e| self.failed(&format!("RETR {name}"), e))?;
        let mut content = Vec::new();
        let mut buf = vec![0; 64 << 10];
        loop {
            let read = download.read(&mut buf).await;
            match read.map_err(|e| self.failed(&format!("reading {name}"), e))? {
                0 => return Ok(content),
                len => content.extend_from_slice(buf.get(..len).unwrap_or_default()),
            }
        }
    }

    /// Sends a whole file.
    pub(crate) async fn stored(
        &self,
        path: &[u8],
        how: UploadHow,
        content: &[u8],
    ) -> Result<(), String> {
        let name = String::from_utf8_lossy(path).into_owned();
        let show = |e| self.failed(&format!("storing {name}"), e);
        let mut upload = self.session.upload(path, how).await.map_err(show)?;
        upload.write(content).await.map_err(show)?;
        upload.finish().await.map(drop).map_err(show)
    }

    /// Fails unless the file on disk is this.
    pub(crate) fn is_on_disk(&self, path: &str, content: &[u8]) -> Result<(), String> {
        let there = fs::read(self.peer.root.join(path));
        let there = there.map_err(|e| self.failed(path, e))?;
        let what = format!("{path} has {} octets, not {}", there.len(), content.len());
        self.check(there == content, &what)
    }

    /// A new directory of the account's.
    pub(crate) fn dir(&self, name: &str) -> Result<(), String> {
        // Again after a failure.
        drop(fs::remove_dir_all(self.peer.root.join(name)));
        let made = fs::create_dir(self.peer.root.join(name));
        made.and_then(|()| self.peer.settle()).map_err(|e| format!("{name}: {e}"))
    }

    /// A new file of the account's.
    pub(crate) fn file(&self, path: &str, content: &[u8]) -> Result<(), String> {
        let written = fs::write(self.peer.root.join(path), content);
        written.and_then(|()| self.peer.settle()).map_err(|e| format!("{path}: {e}"))
    }

    /// That the session is good for more: it lists and fetches.
    pub(crate) async fn still_works(&self) -> Result<(), String> {
        self.dir("after")?;
        self.file("after/file", b"still here")?;
        let listing = self.session.list(b"/after").await;
        let listing = listing.map_err(|e| self.failed("LIST afterwards", e))?;
        self.check(listing.entries.len() == 1, "the listing afterwards has not one entry")?;
        let came = self.fetched(b"/after/file", 0).await?;
        self.check(came == b"still here", "what was fetched afterwards is something else")
    }
}

/// A path of the server.
pub(crate) fn path(text: &str) -> FtpPath {
    FtpPath::new(text.as_bytes()).unwrap()
}
