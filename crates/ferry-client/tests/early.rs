//! Runs that begin early, since the last one to the server had many small files to move.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferry_client::error::ErrorKind;
use ferry_client::mirror::{MirrorOptions, Tree, mirror};
use ferry_client::remote::Remote;
use ferry_client::session::Session;
use ferry_client::session::capabilities::Known;
use ferry_client::settings::{Watcher, WireEvent};
use ferry_client::{Secret, Security, Settings, Site};
use ferry_proto::path::FtpPath;
use ferry_server::options::{DataResumption, Options};
use ferry_server::tls::TlsSetup;
use ferry_storage::memory::Memory;
use rustls_pki_types::PrivatePkcs8KeyDer;

use support::{Host, settings};

/// What was said and answered on each session, in order; answers by their codes.
#[derive(Debug, Default)]
struct Heard(Mutex<HashMap<u64, Vec<String>>>);

impl Heard {
    fn sessions(&self) -> Vec<Vec<String>> {
        self.0.lock().unwrap().values().cloned().collect()
    }

    /// How many sessions have said this.
    fn saying(&self, line: &str) -> usize {
        self.sessions().iter().filter(|said| said.iter().any(|said| said == line)).count()
    }
}

impl Watcher for Heard {
    fn on(&self, session: u64, event: &WireEvent<'_>) {
        let line = match event {
            WireEvent::Command(line) => String::from_utf8_lossy(line).trim_end().to_owned(),
            WireEvent::Response(line, _) => String::from_utf8_lossy(line).chars().take(4).collect(),
            _ => return,
        };
        self.0.lock().unwrap().entry(session).or_default().push(line);
    }
}

/// Settings with a memory that says of `site` what the last run left there.
fn remembering(site: &Site, heard: &Arc<Heard>) -> (tempfile::TempDir, Settings) {
    remembering_so(site, heard, "untried")
}

/// The same, and whether data connections may come to the control port.
fn remembering_so(site: &Site, heard: &Arc<Heard>, joins: &str) -> (tempfile::TempDir, Settings) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("{}_{}", site.host, site.port()));
    let text = format!("ferry server memory 1\nbegins-early 50\njoins {joins}\n");
    std::fs::write(file, text).unwrap();
    let memory = Some(folder.path().to_owned());
    let watcher: Arc<dyn Watcher> = Arc::<Heard>::clone(heard);
    (folder, Settings { memory, watcher: Some(watcher), ..settings() })
}

fn many_files() -> Memory {
    let files = Memory::new();
    for i in 0..100 {
        files.put(format!("/tree/{i}"), format!("content {i}").as_bytes()).unwrap();
    }
    files
}

async fn quiet_mirror(from: &Tree, to: &Tree) -> ferry_client::mirror::Summary {
    #[derive(Debug)]
    struct Nobody;
    impl ferry_client::mirror::Observer for Nobody {
        fn on(&self, _: &ferry_client::mirror::Event<'_>) {}
    }
    mirror(from, to, &MirrorOptions::default(), Arc::new(Nobody)).await
}

fn tree(storage: Arc<dyn ferry_storage::Storage>, path: &str) -> Tree {
    Tree::new(storage, FtpPath::new(path.as_bytes()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_session_does_not_wait_for_the_greeting_and_the_others_are_there_in_time() {
    for up in [false, true] {
        let (there, here) =
            if up { (Memory::new(), many_files()) } else { (many_files(), Memory::new()) };
        let host = Host::serve(Arc::new(there.clone()));
        let heard = Arc::new(Heard::default());
        let (_folder, settings) = remembering(&host.site(), &heard);
        let remote = Arc::new(Remote::connect_for_many(host.site(), settings, up).await.unwrap());
        let (far, near) =
            (tree(Arc::<Remote>::clone(&remote), "/tree"), tree(Arc::new(here.clone()), "/tree"));
        let (from, to) = if up { (&near, &far) } else { (&far, &near) };
        let summary = quiet_mirror(from, to).await;
        assert_eq!((summary.copied, summary.errors), (100, 0));
        let sessions = heard.sessions();
        let is_hasty = |said: &&Vec<String>| said.first().is_some_and(|s| s == "USER pat");
        let hasty = sessions.iter().filter(is_hasty).count();
        assert!(hasty >= 1, "the first speaks before it is greeted");
        // Those that are made later, when all is well, need not wait for anything.
        assert!(sessions.len() - hasty >= 7, "those beside it wait: {hasty} of {}", sessions.len());
        assert!(sessions.len() >= 8, "{}", sessions.len());
        remote.close().await;
    }
}

/// Mirrors many files one way to or from a server that is remembered to let data connections come
/// to its control port; what was said, and whether they still may.
async fn mirrored(
    host: &Host,
    files: [&Memory; 2],
    up: bool,
    security: Security,
) -> (Arc<Heard>, Known) {
    let heard = Arc::new(Heard::default());
    let site = Site { security, ..host.site() };
    let (_folder, settings) = remembering_so(&site, &heard, "yes");
    let remote = match up {
        true => Remote::connect_for_many(site, settings, up).await.unwrap(),
        false => Remote::connect_for_tree(site, settings, b"tree").await.unwrap(),
    };
    let remote = Arc::new(remote);
    let [there, here] = files;
    let (far, near) =
        (tree(Arc::<Remote>::clone(&remote), "/tree"), tree(Arc::new(here.clone()), "/tree"));
    let (from, to) = if up { (&near, &far) } else { (&far, &near) };
    let summary = quiet_mirror(from, to).await;
    assert_eq!((summary.copied, summary.errors), (100, 0));
    let joins = remote.capabilities().joins;
    remote.close().await;
    for i in 0..100 {
        let path = format!("/tree/{i}");
        assert_eq!(here.get(&path), there.get(&path), "{path}");
    }
    (heard, joins)
}

fn tls() -> TlsSetup {
    let names = vec!["localhost".into(), "127.0.0.1".into()];
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    TlsSetup::new(vec![made.cert.der().clone()], key.into()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn data_connections_come_to_the_control_port_where_they_may() {
    for (up, security) in [
        (false, Security::Plain),
        (true, Security::Plain),
        (false, Security::Explicit),
        (true, Security::Explicit),
    ] {
        let (there, here) =
            if up { (Memory::new(), many_files()) } else { (many_files(), Memory::new()) };
        let strict = |options: &mut Options| options.data_resumption = DataResumption::Strict;
        let host = Host::serve_with(Arc::new(there.clone()), Some(tls()), strict);
        let (heard, joins) = Box::pin(mirrored(&host, [&there, &here], up, security)).await;
        assert_eq!(heard.saying("EPSV"), 0, "{up} {security:?}");
        let named = |line: &String| line.starts_with("XPSV ");
        assert!(heard.sessions().iter().all(|said| said.iter().filter(|l| named(l)).count() < 2));
        assert!(heard.sessions().iter().any(|said| said.iter().any(named)));
        assert_eq!(heard.saying("MLSD tree"), usize::from(!up), "{up} {security:?}");
        assert!(up || heard.saying("MLSD /tree") == 0, "{security:?}");
        assert_eq!(joins, Known::Yes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_they_may_not_any_more_they_come_to_ports_of_their_own() {
    let (there, here) = (many_files(), Memory::new());
    let balanced = |options: &mut Options| options.proxies = vec!["192.0.2.0/24".parse().unwrap()];
    let host = Host::serve_with(Arc::new(there.clone()), None, balanced);
    let (heard, joins) = Box::pin(mirrored(&host, [&there, &here], false, Security::Plain)).await;
    assert!(heard.saying("EPSV") > 0);
    assert_eq!(joins, Known::No);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_too_many_leave_enough_of_the_others() {
    let (there, here) = (many_files(), Memory::new());
    let few = |options: &mut Options| options.limits.per_address = 6;
    let host = Host::serve_with(Arc::new(there.clone()), None, few);
    let (_, joins) = Box::pin(mirrored(&host, [&there, &here], false, Security::Plain)).await;
    assert_eq!(joins, Known::Yes);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_not_let_in_cost_no_file() {
    let (there, here) = (many_files(), Memory::new());
    let host = Host::serve_few(Arc::new(there.clone()), 3);
    let (heard, _) = Box::pin(mirrored(&host, [&there, &here], false, Security::Plain)).await;
    let refused = heard.sessions().concat().iter().filter(|line| *line == "530 ").count();
    assert!(refused > 0, "all were let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_is_not_there_is_told_so() {
    let host = Host::serve(Arc::new(many_files()));
    let heard = Arc::new(Heard::default());
    let (_folder, settings) = remembering_so(&host.site(), &heard, "yes");
    let remote = Remote::connect_for_tree(host.site(), settings, b"nowhere").await.unwrap();
    let (far, near) =
        (tree(Arc::new(remote.clone()), "/nowhere"), tree(Arc::new(Memory::new()), "/tree"));
    let summary = quiet_mirror(&far, &near).await;
    assert_eq!((summary.copied, summary.errors), (0, 1));
    let kinds: Vec<_> = summary.failures.iter().map(|(_, error)| error.kind()).collect();
    assert_eq!(kinds, [ErrorKind::NotFound]);
    remote.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_tried_once() {
    let port = serve(|mut connection| {
        connection.write_all(b"220 Welcome.\r\n")?;
        for line in BufReader::new(connection.try_clone()?).lines() {
            let reply = match line?.split(' ').next().unwrap_or_default() {
                "USER" => "331 Password?\r\n",
                _ => "530 No.\r\n",
            };
            connection.write_all(reply.as_bytes())?;
        }
        Ok(())
    });
    let heard = Arc::new(Heard::default());
    let (_folder, settings) = remembering(&site(port), &heard);
    let error = Remote::connect_for_many(site(port), settings, true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Login);
    assert_eq!(heard.saying("PASS ****"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_up_on_who_speaks_first_is_greeted_the_slow_way() {
    /// Until somebody was hung up on, one that is slow to speak may still do so first.
    const LOOKS: u32 = 300;
    const LOOK: Duration = Duration::from_millis(100);
    let hung_up = AtomicBool::new(false);
    let port = serve(move |mut connection| {
        connection.set_read_timeout(Some(LOOK))?;
        for _ in 0..LOOKS {
            if connection.peek(&mut [0; 1]).is_ok() {
                hung_up.store(true, Ordering::Relaxed);
                return Ok(());
            }
            if hung_up.load(Ordering::Relaxed) {
                break;
            }
        }
        connection.set_read_timeout(None)?;
        connection.write_all(b"220 Welcome.\r\n")?;
        for line in BufReader::new(connection.try_clone()?).lines() {
            let reply = match line?.split(' ').next().unwrap_or_default() {
                "USER" => "230 Welcome.\r\n",
                "PWD" => "257 \"/\"\r\n",
                _ => "502 Not here.\r\n",
            };
            connection.write_all(reply.as_bytes())?;
        }
        Ok(())
    });
    let heard = Arc::new(Heard::default());
    let (folder, settings) = remembering(&site(port), &heard);
    let settings = Settings { retries: 0, ..settings };
    let remote = Remote::connect_for_many(site(port), settings, false).await.unwrap();
    remote.close().await;
    let kept = std::fs::read_to_string(folder.path().join(format!("127.0.0.1_{port}"))).unwrap();
    assert!(!kept.contains("begins-early"), "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_for_small_files_asks_for_few_facts_and_for_all_to_show_a_directory() {
    let host = Host::serve(Arc::new(many_files()));
    let heard = Arc::new(Heard::default());
    let watcher: Arc<dyn Watcher> = Arc::<Heard>::clone(&heard);
    let settings = Settings { watcher: Some(watcher), ..settings() };
    let session = Session::connect(&host.site(), &settings).await.unwrap();
    assert_eq!(session.fetch_small(b"/tree/7").await.unwrap(), b"content 7");
    assert_eq!(session.list(b"/tree").await.unwrap().entries.len(), 100);
    assert_eq!(session.list(b"/tree").await.unwrap().entries.len(), 100);
    let said = heard.sessions().concat();
    let asked: Vec<_> = said.iter().filter_map(|line| line.strip_prefix("OPTS MLST ")).collect();
    let all = "type;size;modify;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;create;";
    assert_eq!(asked, ["type;size;modify;unique;UNIX.mode;", all]);
    session.quit().await;
}

fn site(port: u16) -> Site {
    Site {
        port: Some(port),
        security: Security::Plain,
        user: Some(b"pat".to_vec()),
        password: Some(Secret::new("pw")),
        ..Site::new("127.0.0.1")
    }
}

/// A server of that conversation.
fn serve(converse: impl Fn(TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> u16 {
    let converse = Arc::new(converse);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let converse = Arc::clone(&converse);
            std::thread::spawn(move || converse(connection?));
        }
        std::io::Result::Ok(())
    });
    port
}
