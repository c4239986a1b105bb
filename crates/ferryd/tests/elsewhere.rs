//! Two real daemons, one of which serves directories of the other: as a home and as a volume, over
//! TLS, whoever may do what here, and what becomes of it when the other is not there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use ferry_client::session::{Session, UploadHow};
use ferry_client::{Error, ErrorKind, Secret, Security, Settings, Site};

const PASSWORD: &str = "correct horse";
/// [`PASSWORD`] at the least cost: no hashing is tested here.
const HASH: &str = concat!(
    "$argon2id$v=19$m=64,t=1,p=1$aW50ZXJvcC1zYWx0LTE2Yg",
    "$D64U9eFAKMIktVMEXIhJin69ltKDlChnNdiAZ5PhdQU"
);

/// A running server, killed when the test ends.
struct Daemon {
    child: Child,
    at: SocketAddr,
    /// Of its certificate.
    fingerprint: String,
    log: BufReader<ChildStderr>,
    seen: String,
}

impl Daemon {
    /// Starts it with this configuration in `dir`, and waits until it listens.
    fn start(dir: &Path, config: &str) -> Self {
        Self::start_at(0, dir, config)
    }

    /// The same at a certain port.
    fn start_at(port: u16, dir: &Path, config: &str) -> Self {
        let file = dir.join("ferry.toml");
        let listen = format!("[[listen]]\naddress = \"127.0.0.1\"\nport = {port}\n");
        fs::write(&file, format!("{listen}{config}")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ferryd"))
            .arg("--config")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut daemon = Self { child, at, fingerprint: String::new(), log, seen: String::new() };
        let listening = daemon.wait_for("listening on ");
        daemon.at = listening.split(' ').next().unwrap().parse().unwrap();
        if config.contains("[tls]") {
            daemon.fingerprint = daemon.wait_for("certificate SHA-256 ");
        }
        daemon
    }

    /// What stands behind `words` in the next line of the log that has them.
    fn wait_for(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "it ended:\n{}", self.seen);
            self.seen.push_str(&line);
            if let Some((_, behind)) = line.trim_end().split_once(words) {
                return behind.to_owned();
            }
        }
    }

    async fn log_in(&self, user: &str) -> Session {
        let site = Site {
            port: Some(self.at.port()),
            user: Some(user.into()),
            password: Some(Secret::new(PASSWORD)),
            security: Security::Plain,
            ..Site::new("127.0.0.1")
        };
        Session::connect(&site, &Settings::default()).await.unwrap()
    }

    /// Ends it and returns all of its log.
    fn ended(mut self) -> String {
        self.child.kill().unwrap();
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        format!("{}{rest}", self.seen)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn user(name: &str, home: &str, more: &str) -> String {
    format!("[[user]]\nname = \"{name}\"\npassword = \"{HASH}\"\nhome = {home}\n{more}\n")
}

async fn put(session: &Session, path: &str, octets: &[u8], how: UploadHow) -> Result<(), Error> {
    let mut upload = session.upload(path.as_bytes(), how).await?;
    upload.write(octets).await?;
    upload.finish().await.map(drop)
}

async fn get(session: &Session, path: &str, from: u64) -> Vec<u8> {
    let mut download = session.download(path.as_bytes(), from).await.unwrap();
    let (mut all, mut buf) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        match download.read(&mut buf).await.unwrap() {
            0 => return all,
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

async fn names(session: &Session) -> Vec<String> {
    let listed = session.list(b"").await.unwrap();
    let mut names: Vec<_> =
        listed.entries.iter().map(|e| String::from_utf8(e.name.clone()).unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_and_a_volume_of_another_server_are_used_like_those_of_this_machine() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir_all(there.path().join("files/in")).unwrap();
    let alice = user("alice", "\"files\"", "access = \"read-write\"");
    let tls = "[server]\nrequire_tls = \"both\"\n[tls]\nself_signed = true\n";
    let behind = Daemon::start(there.path(), &format!("{tls}{alice}"));
    fs::write(here.path().join("password"), format!("{PASSWORD}\n")).unwrap();
    let elsewhere = |path: &str| {
        let (port, pin) = (behind.at.port(), &behind.fingerprint);
        format!(
            "{{ url = \"ftpes://alice@127.0.0.1:{port}{path}\", password_file = \"password\", \
             sha256 = \"{pin}\", connections = 4 }}"
        )
    };
    let volumes = format!("access = \"read-write\"\nvolumes = {{ all = {} }}", elsewhere("/"));
    let users = [
        user("pat", &elsewhere("/in"), &volumes),
        user("reader", &elsewhere("/in"), "access = \"read-only\""),
    ];
    let front = Daemon::start(here.path(), &users.concat());
    let files = there.path().join("files");
    let on_disk = |name: &str| fs::read(files.join(name)).unwrap();
    let large: Vec<u8> = (0u32..700_000).map(|i| (i ^ (i >> 8)).to_le_bytes()[0]).collect();

    let pat = front.log_in("pat").await;
    assert_eq!(names(&pat).await, [""; 0]);
    put(&pat, "/small", b"few octets", UploadHow::Create).await.unwrap();
    put(&pat, "/large", &large[..300_000], UploadHow::Create).await.unwrap();
    assert_eq!(pat.size(b"/large").await.unwrap(), Some(300_000));
    put(&pat, "/large", &large[300_000..], UploadHow::At(300_000)).await.unwrap();
    assert!(on_disk("in/large") == large, "the upload was resumed in the right place");
    assert!(
        get(&pat, "/large", 0).await == large
            && get(&pat, "large", 650_000).await[..] == large[650_000..]
    );
    put(&pat, "/small", b" and more", UploadHow::Append).await.unwrap();
    pat.make_dir(b"/d").await.unwrap();
    pat.rename(b"/small", b"/d/renamed").await.unwrap();
    assert_eq!(on_disk("in/d/renamed"), b"few octets and more");
    assert_eq!(names(&pat).await, ["d", "large"]);

    let reader = front.log_in("reader").await;
    assert_eq!(get(&reader, "/d/renamed", 4).await, b"octets and more");
    let refused = put(&reader, "/new", b"x", UploadHow::Create).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied, "{refused}");

    let mounted = pat.command(b"SMNT all").await.unwrap();
    assert_eq!(mounted.code, 250);
    assert_eq!(names(&pat).await, ["in"]);
    assert_eq!(get(&pat, "/in/d/renamed", 0).await, b"few octets and more");
    pat.remove_file(b"/in/d/renamed").await.unwrap();
    pat.remove_dir(b"/in/d").await.unwrap();
    assert!(!files.join("in/d").exists());
    assert_eq!(names(&reader).await, ["large"]);
    let log = front.ended();
    assert!(log.contains("serving ftpes://alice@127.0.0.1:"), "{log}");
    assert!(!log.contains(PASSWORD), "{log}");
    let log = behind.ended();
    assert!(log.contains("alice 127.0.0.1 logged in (TLS"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_or_refuses_is_a_failure_that_passes_and_no_reason_not_to_log_in() {
    let (here, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(far.path().join("files")).unwrap();
    let tls = "[tls]\nself_signed = true\n";
    let behind = Daemon::start(far.path(), &format!("{tls}{}", user("alice", "\"files\"", "")));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    fs::write(here.path().join("wrong"), "hunter2\n").unwrap();
    let there = |scheme: &str, at: SocketAddr, more: &str| {
        format!("{{ url = \"{scheme}://alice@{at}/\", password_file = \"wrong\"{more} }}")
    };
    let local = "access = \"read-write\"\nvolumes = { local = \".\" }";
    let other = format!(", sha256 = \"{}\"", "00".repeat(32));
    let users = [
        user("pat", &there("ftpes", closed, ""), local),
        user("kim", &there("ftp", behind.at, ", plain = true"), ""),
        user("eve", &there("ftpes", behind.at, ""), ""),
        user("max", &there("ftpes", behind.at, &other), ""),
    ];
    let mut front = Daemon::start(here.path(), &users.concat());
    for (name, code, why) in [
        ("pat", 451, "Connection refused"),
        ("kim", 451, "530"),
        ("eve", 451, "not trusted"),
        ("max", 451, "not trusted"),
    ] {
        let session = front.log_in(name).await;
        let failed = session.list(b"").await.unwrap_err();
        assert_eq!(failed.reply().map(|reply| reply.code), Some(code), "{name}: {failed}");
        let told = front.wait_for(" cannot be reached: ");
        assert!(told.contains(why), "{name}: {told}");
        if name == "pat" {
            assert_eq!(session.command(b"MKD d").await.unwrap().code, 450);
            assert_eq!(session.command(b"SMNT local").await.unwrap().code, 250);
            assert!(names(&session).await.contains(&"ferry.toml".to_owned()));
        }
    }
    let log = front.ended();
    assert!(!log.contains("hunter2") && !log.contains(PASSWORD), "{log}");
    let log = behind.ended();
    let tried = log.lines().filter(|line| line.contains("login failed for")).count();
    assert_eq!(tried, 1, "no password goes to a server that is not known:\n{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_there_before_is_found_again() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(there.path().join("files")).unwrap();
    fs::write(there.path().join("files/f"), "content").unwrap();
    let alice = user("alice", "\"files\"", "");
    let behind = Daemon::start(there.path(), &alice);
    let port = behind.at.port();
    fs::write(here.path().join("password"), PASSWORD).unwrap();
    let home = format!(
        "{{ url = \"ftp://alice@127.0.0.1:{port}/\", password_file = \"password\", plain = true }}"
    );
    let front = Daemon::start(here.path(), &user("pat", &home, ""));
    let pat = front.log_in("pat").await;
    assert_eq!(get(&pat, "/f", 0).await, b"content");
    drop(behind);
    for _ in 0..2 {
        let failed = pat.list(b"").await.unwrap_err();
        let code = failed.reply().map(|reply| reply.code);
        assert!(code.is_some_and(|code| (400..500).contains(&code)), "{failed}");
    }
    let _behind = Daemon::start_at(port, there.path(), &alice);
    assert_eq!(names(&pat).await, ["f"]);
    assert_eq!(get(&pat, "/f", 0).await, b"content");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_slowly_keeps_nobody_else_waiting() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::create_dir(there.path().join("files")).unwrap();
    // More than all buffers on the way hold.
    let large = fs::File::create(there.path().join("files/large")).unwrap();
    large.set_len(256 << 20).unwrap();
    let alice = user("alice", "\"files\"", "access = \"read-write\"");
    let behind = Daemon::start(there.path(), &alice);
    let port = behind.at.port();
    fs::write(here.path().join("password"), PASSWORD).unwrap();
    let home = format!(
        "{{ url = \"ftp://alice@127.0.0.1:{port}/\", password_file = \"password\", plain = true }}"
    );
    let front = Daemon::start(here.path(), &user("pat", &home, "access = \"read-write\""));
    let (slow, other) = (front.log_in("pat").await, front.log_in("pat").await);
    let mut download = slow.download(b"/large", 0).await.unwrap();
    let mut buf = vec![0; 64 * 1024];
    assert!(download.read(&mut buf).await.unwrap() > 0);
    for name in ["a", "b", "c"] {
        other.make_dir(name.as_bytes()).await.unwrap();
        put(&other, &format!("{name}/f"), b"content", UploadHow::Create).await.unwrap();
        assert_eq!(other.size(format!("{name}/f").as_bytes()).await.unwrap(), Some(7));
    }
    assert_eq!(names(&other).await, ["a", "b", "c", "large"]);
    let mut left = (256 << 20) - download.received();
    while left > 0 {
        left -= download.read(&mut buf).await.unwrap() as u64;
    }
    assert_eq!(download.read(&mut buf).await.unwrap(), 0);
}
